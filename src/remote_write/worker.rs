//! Collects the samples of one destination at its interval, and sends them in order. Neither waits for the other.

use super::Deps;
use super::queue::{Queue, Waiting};
use crate::config::RemoteWriteSpec;
use crate::exposition::{RemoteWriteSink, WrittenSeries};
use crate::metrics::{self, QUEUE_FULL, REJECTED, REMOVED};
use crate::notify::{pause, retry_after};
use crate::outcome::Timestamp;
use crate::probe::http::push::Reply;
use crate::probe::{Attempt, Trace};
use crate::tasks::{blocking, unless_panicked};
use http::StatusCode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use sysinfo::System;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// The pause between attempts doubles with each of the first failures: up to 32 s.
const GROWING: u32 = 6;

/// Sends the samples of one destination until a stop is requested.
pub(super) async fn run(spec: Arc<RemoteWriteSpec>, deps: Deps, stop: CancellationToken) {
    let (daemon_stop, worker) = (deps.stop.clone(), Worker::new(spec, deps));
    tokio::select! {
        () = stop.cancelled() => {}
        () = worker.collect() => {}
        () = worker.deliver() => {}
    }
    if !daemon_stop.is_cancelled() {
        worker.drop_all();
    }
}

struct Worker {
    spec: Arc<RemoteWriteSpec>,
    deps: Deps,
    /// Labels of all series.
    labels: Arc<[(String, String)]>,
    queue: Mutex<Queue>,
    added: Notify,
}

impl Worker {
    fn new(spec: Arc<RemoteWriteSpec>, deps: Deps) -> Self {
        let instance = spec.instance.clone().unwrap_or_else(|| {
            let host = System::host_name().unwrap_or_else(|_| "localhost".to_owned());
            format!("{host}:{}", deps.port)
        });
        let mut labels = spec.labels.clone();
        labels.push(("job".to_owned(), spec.job.clone()));
        labels.push(("instance".to_owned(), instance));
        Self {
            spec,
            deps,
            labels: labels.into(),
            queue: Mutex::default(),
            added: Notify::new(),
        }
    }

    /// Adds the current samples to the queue at each interval.
    async fn collect(&self) {
        let mut ticks = interval(self.spec.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut written = WrittenSeries::default();
        loop {
            ticks.tick().await;
            let (content, labels) = (self.deps.sources.latest(), self.labels.clone());
            let now = self.deps.clock.now();
            // A page of 10,000 services takes a second.
            let encode = move || {
                let mut sink = RemoteWriteSink::new(&labels, now.0);
                metrics::write(&mut sink, content.page());
                sink.finish(&written)
            };
            let (requests, all) = unless_panicked(blocking(encode).await);
            written = all;
            let dropped = self.queue.lock().add(requests);
            self.count_dropped(QUEUE_FULL, dropped);
            self.show_pending();
            self.added.notify_one();
        }
    }

    /// Sends the requests of the queue, one after the other: samples of a series must arrive in order.
    async fn deliver(&self) {
        let (mut failures, mut trouble) = (0, Trouble::default());
        loop {
            let first = self.queue.lock().first();
            let Some(request) = first else {
                self.added.notified().await;
                continue;
            };
            let answer = self.send(&request).await;
            trouble.log(&self.spec.name, &answer);
            let pause = match answer {
                Answer::Accepted => {
                    self.count_sent(request.samples, self.deps.clock.now());
                    None
                }
                Answer::Rejected(_) => {
                    self.count_dropped(REJECTED, request.samples);
                    None
                }
                Answer::Failed { retry_after, .. } => {
                    failures += 1;
                    let counter = &self.deps.counters.failures;
                    counter.with_label_values(&[&self.spec.name]).inc();
                    Some(pause(failures.min(GROWING), retry_after, fastrand::f64()))
                }
            };
            if let Some(pause) = pause {
                sleep(pause).await;
            } else {
                failures = 0;
                self.queue.lock().remove(&request);
                self.show_pending();
            }
        }
    }

    async fn send(&self, request: &Waiting) -> Answer {
        let (spec, destination) = (&self.spec, &self.spec.destination);
        destination.prepare(spec.timeout).await;
        let now = self.deps.clock.now();
        let mut attempt = Attempt::new(now, spec.timeout, Trace::silent());
        let sent = destination.post(&mut attempt, request.body.clone()).await;
        let clean = |text| spec.redactions.cleaned(text);
        match sent {
            Ok(reply) => Answer::of(&reply, clean),
            Err(why) => Answer::Failed {
                why: clean(why),
                retry_after: None,
            },
        }
    }

    /// The samples of a destination that a reload removed.
    fn drop_all(&self) {
        self.count_dropped(REMOVED, self.queue.lock().samples());
        let gauge = &self.deps.counters.pending;
        gauge.with_label_values(&[&self.spec.name]).set(0);
    }

    fn count_sent(&self, samples: u64, now: Timestamp) {
        let (counters, name) = (&self.deps.counters, &[&*self.spec.name]);
        counters.sent.with_label_values(name).inc_by(samples);
        let at = counters.success_at.with_label_values(name);
        at.set(now.as_secs_f64());
    }

    fn count_dropped(&self, reason: &str, samples: u64) {
        let counter = &self.deps.counters.dropped;
        let labels = [&*self.spec.name, reason];
        counter.with_label_values(&labels).inc_by(samples);
    }

    fn show_pending(&self) {
        let samples = self.queue.lock().samples();
        let gauge = &self.deps.counters.pending;
        let gauge = gauge.with_label_values(&[&*self.spec.name]);
        gauge.set(i64::try_from(samples).unwrap_or(i64::MAX));
    }
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Accepted,
    /// The destination would reject it again.
    Rejected(String),
    Failed {
        why: String,
        /// The pause that the destination asked for.
        retry_after: Option<Duration>,
    },
}

impl Answer {
    /// As the specification has it: statuses 5xx are retried and other ones of 4xx are not; 429 may be retried.
    fn of(reply: &Reply, clean: impl Fn(String) -> String) -> Self {
        let why = || {
            let text = format!("status {}: {}", reply.status.as_u16(), reply.text);
            clean(text.trim_end_matches(": ").to_owned())
        };
        match reply.status {
            status if status.is_success() => Self::Accepted,
            StatusCode::TOO_MANY_REQUESTS => Self::Failed {
                why: why(),
                retry_after: retry_after(&reply.headers),
            },
            status if status.is_client_error() => Self::Rejected(why()),
            _ => Self::Failed {
                why: why(),
                retry_after: retry_after(&reply.headers),
            },
        }
    }
}

/// The logged state of a destination: each problem is logged once, and its end.
#[derive(Debug, Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn log(&mut self, name: &str, answer: &Answer) {
        match answer {
            Answer::Accepted => {
                if self.0.take().is_some() {
                    tracing::info!(remote = name, "{name}: samples are accepted again");
                }
            }
            Answer::Rejected(why) | Answer::Failed { why, .. } => {
                if self.0.as_ref() != Some(why) {
                    let what = match answer {
                        Answer::Rejected(_) => "rejects samples, which are dropped",
                        _ => "does not accept samples, which wait",
                    };
                    tracing::warn!(remote = name, "{name} {what}: {why}");
                    self.0 = Some(why.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http::header::RETRY_AFTER;

    #[test]
    fn client_errors_are_not_retried_except_for_too_many_requests() {
        let answer = |status: u16, retry: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(retry) = retry {
                headers.insert(RETRY_AFTER, retry.parse().expect("valid"));
            }
            let reply = Reply {
                status: StatusCode::from_u16(status).expect("valid"),
                headers,
                text: "out of order".to_owned(),
            };
            Answer::of(&reply, |text| text)
        };
        let failed = |status: u16, secs: Option<u64>| Answer::Failed {
            why: format!("status {status}: out of order"),
            retry_after: secs.map(Duration::from_secs),
        };
        assert_eq!(answer(200, None), Answer::Accepted);
        assert_eq!(answer(204, None), Answer::Accepted);
        assert_eq!(
            answer(400, None),
            Answer::Rejected("status 400: out of order".to_owned())
        );
        assert_eq!(answer(429, Some("7")), failed(429, Some(7)));
        assert_eq!(answer(503, Some("9")), failed(503, Some(9)));
        assert_eq!(answer(302, None), failed(302, None));
    }
}
