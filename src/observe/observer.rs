//! Samples the system regularly, independently of the probes.

use super::collector::{COLLECTORS, Collector, CollectorKind};
use super::count;
use super::record::Recorder;
use super::view::{CollectorView, SystemView};
use crate::clock::Clock;
use crate::config::Config;
use crate::exposition::Sink;
use crate::outcome::{Timestamp, millis};
use crate::tasks::blocking;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Maximum number of log lines about missing parts per collector.
const MISSING: usize = 100;

/// Dependencies of the observer.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub views: watch::Sender<Arc<SystemView>>,
    pub recorder: Recorder,
    pub stop: CancellationToken,
}

/// Samples according to the current config until shutdown: immediately, and then at multiples of
/// the interval, which are the timestamps of the stored samples.
pub async fn run(mut deps: Deps) {
    let mut config = deps.configs.borrow_and_update().clone();
    let mut observer = Observer::default();
    observer.reload(&config);
    deps.recorder.keep_for(config.observe.retention);
    let mut due = None;
    loop {
        let interval = config.observe.interval;
        let at = tokio::select! {
            () = deps.stop.cancelled() => return,
            Ok(()) = deps.configs.changed() => {
                let next = deps.configs.borrow_and_update().clone();
                if !observes_alike(&config, &next) {
                    observer.reload(&next);
                    deps.recorder.keep_for(next.observe.retention);
                    due = None;
                }
                config = next;
                continue;
            }
            at = tick(&deps.clock, due, interval) => at,
        };
        let (recorder, is_kept) = (deps.recorder.clone(), due.is_some());
        let work = blocking(move || {
            let view = observer.sample(at);
            if is_kept {
                let new = observer.new_samples(&view);
                recorder.record(at, |sink| observer.write(sink, &new));
            }
            (observer, view)
        });
        match work.await {
            Ok((back, view)) => {
                deps.views.send_replace(Arc::new(view));
                observer = back;
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Such work is only canceled when the runtime shuts down.
            Err(_cancelled) => return,
        }
        due = Some(at.after(interval));
    }
}

/// Waits until the clock has reached `due`, and returns the latest multiple of the interval. Does
/// not wait if the clock was set back.
async fn tick(clock: &Clock, due: Option<Timestamp>, interval: Duration) -> Timestamp {
    loop {
        let now = clock.now();
        let left = due.map_or(0, |due| due.0 - now.0);
        if left <= 0 || left > millis(interval) {
            let interval = millis(interval).max(1);
            return Timestamp(now.0.div_euclid(interval) * interval);
        }
        sleep(Duration::from_millis(left.unsigned_abs())).await;
    }
}

fn observes_alike(old: &Config, new: &Config) -> bool {
    old.observe == new.observe
        && old.processes().eq(new.processes())
        && old.metrics().eq(new.metrics())
}

/// The enabled collectors.
#[derive(Debug, Default)]
pub(super) struct Observer {
    running: Vec<Running>,
    /// The time of each service's last recorded scrape.
    recorded: BTreeMap<Arc<str>, Timestamp>,
}

impl Observer {
    /// Applies a config. Collectors that stay enabled continue: usage is measured since their last
    /// sample.
    pub(super) fn reload(&mut self, config: &Config) {
        let mut old = std::mem::take(&mut self.running);
        for kind in COLLECTORS.iter().filter(|kind| (kind.is_on)(config)) {
            let known = old.iter().position(|one| one.kind.name == kind.name);
            let running = match known.map(|at| old.swap_remove(at)) {
                Some(mut running) => {
                    running.reload(config);
                    running
                }
                None => Running::start(kind, config),
            };
            self.running.push(running);
        }
    }

    pub(super) fn sample(&mut self, at: Timestamp) -> SystemView {
        let mut view = SystemView {
            at,
            ..SystemView::default()
        };
        for running in &mut self.running {
            let sampled = running.sample(&mut view);
            view.collectors.push(sampled);
        }
        view
    }

    /// The samples that were not recorded before: for a service without a new scrape, only the
    /// state of its scrapes.
    fn new_samples(&mut self, view: &SystemView) -> SystemView {
        let mut new = view.clone();
        for one in &mut new.services {
            if one.at <= self.recorded.get(&one.service).copied() {
                *one = Arc::new(one.without_values());
            }
        }
        let scraped = view.services.iter();
        self.recorded = scraped
            .filter_map(|one| Some((one.service.clone(), one.at?)))
            .collect();
        new
    }

    /// Writes the metrics that its collectors declare. Metrics about the collectors themselves are
    /// not recorded.
    pub(super) fn write(&self, sink: &mut dyn Sink, view: &SystemView) {
        for running in &self.running {
            (running.kind.write)(sink, view);
        }
    }
}

#[derive(Debug)]
struct Running {
    kind: &'static CollectorKind,
    /// The reason if it could not be created.
    collector: Result<Box<dyn Collector>, String>,
    /// Whether the last sample failed, which is logged once.
    is_failing: bool,
    /// The missing parts that were logged, each once.
    missing: BTreeSet<String>,
}

impl Running {
    fn start(kind: &'static CollectorKind, config: &Config) -> Self {
        Self {
            kind,
            collector: (kind.start)(config),
            is_failing: false,
            missing: BTreeSet::new(),
        }
    }

    fn reload(&mut self, config: &Config) {
        match &mut self.collector {
            Ok(collector) => collector.reload(config),
            Err(_) => self.collector = (self.kind.start)(config),
        }
    }

    fn sample(&mut self, view: &mut SystemView) -> CollectorView {
        let (name, started) = (self.kind.name, Instant::now());
        let result = match &mut self.collector {
            Ok(collector) => collector.collect(view),
            Err(reason) => Err(reason.clone()),
        };
        let took = started.elapsed();
        if let (Err(reason), false) = (&result, self.is_failing) {
            tracing::warn!("cannot sample {name}: {reason}");
        }
        self.is_failing = result.is_err();
        self.log_missing();
        CollectorView {
            name,
            success: result.is_ok(),
            took,
            samples: count::samples(self.kind, view),
        }
    }

    /// Logs parts that were not missing before.
    fn log_missing(&mut self) {
        let missing = match &self.collector {
            Ok(collector) => collector.missing(),
            Err(_) => Vec::new(),
        };
        for part in missing {
            if self.missing.len() < MISSING && !self.missing.contains(&part) {
                tracing::warn!("{}: {part}", self.kind.name);
                self.missing.insert(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn ticks_are_multiples_of_the_interval_on_the_wall_clock() {
        let clock = Clock::manual(Timestamp(1_795_000_003_400));
        let begun = tokio::time::Instant::now();
        let at = tick(&clock, None, INTERVAL).await;
        assert_eq!(
            (at, begun.elapsed()),
            (Timestamp(1_795_000_000_000), Duration::ZERO)
        );
        let at = tick(&clock, Some(at.after(INTERVAL)), INTERVAL).await;
        assert_eq!(
            (at, begun.elapsed()),
            (Timestamp(1_795_000_010_000), Duration::from_millis(6600))
        );
        // After a suspend, missed samples are not made up for.
        clock.jump(3_605_000);
        let at = tick(&clock, Some(at.after(INTERVAL)), INTERVAL).await;
        assert_eq!(at, Timestamp(1_795_003_610_000));
        clock.jump(-7_200_000);
        let at = tick(&clock, Some(at.after(INTERVAL)), INTERVAL).await;
        assert_eq!(at, Timestamp(1_794_996_410_000));
    }
}
