//! Samples one service and its host during a load run, with the collectors of the daemon, on a
//! separate thread so that the load engine is not delayed.

use super::observer::Observer;
use super::record::SeriesNames;
use super::scrape::{SERVICES, Scraper};
use crate::clock::Clock;
use crate::config::{Config, MetricsSpec, ServiceSpec};
use crate::outcome::Timestamp;
use crate::probe::Trace;
use crate::store::Tick;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Maximum time between two samples.
const EVERY_MAX: Duration = Duration::from_secs(5);
/// Maximum number of samples that wait for the reader: several minutes. Further ones are dropped.
const QUEUE: usize = 64;

/// Samples until it is stopped or dropped.
#[derive(Debug)]
pub struct RunSampler {
    ticks: mpsc::Receiver<Tick>,
    stop: CancellationToken,
}

/// The time between two samples of a run.
pub fn sampling_interval(config: &Config) -> Duration {
    config.observe.interval.min(EVERY_MAX)
}

impl RunSampler {
    /// Samples the host and one service immediately, then at the interval of the config (at most
    /// five seconds), and a last time when stopped.
    pub fn start(config: &Config, service: &ServiceSpec, clock: Clock) -> io::Result<Self> {
        let (sender, ticks) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let sampling = Sampling::new(config, service, clock);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let stopped = stop.clone();
        let work = move || runtime.block_on(sampling.run(sender, stopped));
        thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(work)?;
        Ok(Self { ticks, stop })
    }

    /// Returns the next sample; `None` after the last one.
    pub async fn next(&mut self) -> Option<Tick> {
        self.ticks.recv().await
    }

    /// Takes a last sample and stops.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for RunSampler {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Sampling {
    clock: Clock,
    every: Duration,
    observer: Observer,
    names: SeriesNames,
    scrape: Option<Scrape>,
}

/// The scrapes of the service's own metrics, in step with the samples.
struct Scrape {
    spec: Arc<MetricsSpec>,
    scraper: Scraper,
    is_failing: bool,
}

impl Sampling {
    fn new(config: &Config, service: &ServiceSpec, clock: Clock) -> Self {
        let every = sampling_interval(config);
        let mut own = config.clone();
        own.services.retain(|one| one.name == service.name);
        // This collector scrapes at intervals of its own.
        let scrapes = own.observe.collectors.remove(SERVICES.name);
        let spec = service.metrics.as_ref().filter(|_| scrapes);
        let scrape = spec.map(|spec| Scrape::new(spec, every));
        let mut observer = Observer::default();
        observer.reload(&own);
        Self {
            clock,
            every,
            observer,
            names: SeriesNames::default(),
            scrape,
        }
    }

    async fn run(mut self, ticks: mpsc::Sender<Tick>, stop: CancellationToken) {
        let (from, began) = (self.clock.now(), Instant::now());
        let mut due = interval(self.every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = tokio::select! {
                biased;
                () = stop.cancelled() => true,
                _ = due.tick() => false,
            };
            // The wall clock may be set meanwhile.
            let tick = Box::pin(self.sample(from.after(began.elapsed()))).await;
            match ticks.try_send(tick) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    tracing::warn!("samples of the run are dropped: too many wait to be stored");
                }
                Err(TrySendError::Closed(_)) => return,
            }
            if is_last {
                return;
            }
        }
    }

    async fn sample(&mut self, at: Timestamp) -> Tick {
        let mut view = self.observer.sample(at);
        if let Some(scrape) = &mut self.scrape {
            let metrics = scrape.scraper.scrape(&self.clock, Trace::silent()).await;
            let error = metrics.scrape.error.as_ref();
            if let (Some(error), false) = (error, scrape.is_failing) {
                let service = &scrape.spec.service;
                tracing::warn!("{service}: cannot read its metrics: {error}");
            }
            scrape.is_failing = error.is_some();
            view.services.push(Arc::new(metrics));
        }
        let observer = &self.observer;
        self.names.tick(at, |sink| {
            observer.write(sink, &view);
            (SERVICES.write)(sink, &view);
        })
    }
}

impl Scrape {
    fn new(spec: &Arc<MetricsSpec>, every: Duration) -> Self {
        let spec = Arc::new(MetricsSpec {
            interval: every,
            timeout: spec.timeout.min(every),
            ..MetricsSpec::clone(spec)
        });
        Self {
            scraper: Scraper::new(spec.clone()),
            spec,
            is_failing: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sampling_ends_without_a_reader() {
        let text =
            "services: [{ name: a, probes: [{ name: p, tcp: { address: '127.0.0.1:1' } }] }]"
                .to_owned();
        let config: Config = text.parse().expect("valid");
        let sampling = Sampling::new(&config, &config.services[0], Clock::system());
        let (sender, ticks) = mpsc::channel(QUEUE);
        drop(ticks);
        let ended = Box::pin(sampling.run(sender, CancellationToken::new()));
        let hour = Duration::from_hours(1);
        assert!(tokio::time::timeout(hour, ended).await.is_ok());
    }
}
