//! Samples the system again and again, independently of the probes.

use super::collector::{COLLECTORS, Collector, CollectorKind};
use super::count;
use super::view::{CollectorView, SystemView};
use crate::config::Config;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Lines about missing parts of a collector at most.
const MISSING: usize = 100;

/// Samples by the config as it is now, until a stop.
pub async fn run(
    mut configs: watch::Receiver<Arc<Config>>,
    views: watch::Sender<Arc<SystemView>>,
    stop: CancellationToken,
) {
    let mut config = configs.borrow_and_update().clone();
    let mut tick = every(&config);
    let mut observer = Observer::default();
    observer.reload(&config);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = configs.changed() => {
                let next = configs.borrow_and_update().clone();
                if !observes_alike(&config, &next) {
                    observer.reload(&next);
                    tick = every(&next);
                }
                config = next;
                continue;
            }
            _ = tick.tick() => {}
        }
        let work = tokio::task::spawn_blocking(move || {
            let view = observer.sample();
            (observer, view)
        });
        match work.await {
            Ok((back, view)) => {
                views.send_replace(Arc::new(view));
                observer = back;
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only a runtime that ends cancels such work.
            Err(_cancelled) => return,
        }
    }
}

/// Ticks at once, and then in the config's interval.
fn every(config: &Config) -> Interval {
    let mut tick = interval(config.observe.interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

fn observes_alike(old: &Config, new: &Config) -> bool {
    old.observe == new.observe && old.processes().eq(new.processes())
}

/// The collectors that are switched on.
#[derive(Debug, Default)]
struct Observer {
    running: Vec<Running>,
}

impl Observer {
    /// Follows a config. What stays switched on continues: usage is measured since its last sample.
    fn reload(&mut self, config: &Config) {
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

    fn sample(&mut self) -> SystemView {
        let mut view = SystemView::default();
        for running in &mut self.running {
            let sampled = running.sample(&mut view);
            view.collectors.push(sampled);
        }
        view
    }
}

#[derive(Debug)]
struct Running {
    kind: &'static CollectorKind,
    /// The reason if it cannot even be set up.
    collector: Result<Box<dyn Collector>, String>,
    /// Whether the last sample failed, which is logged once.
    is_failing: bool,
    /// What samples lacked, which is logged once too.
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
            tracing::warn!("{name}: cannot be sampled: {reason}");
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

    /// Logs what was never missing before.
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
