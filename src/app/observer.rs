//! Samples the system again and again, away from the probes.

use crate::config::{Config, ObserveSpec, ProcessSpec};
use crate::observe::{
    CollectorView, HostSampler, HostView, NetworkSampler, ProcessSampler, SystemView,
};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// What is to be sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    observe: ObserveSpec,
    processes: Vec<ProcessSpec>,
}

impl Wanted {
    pub(super) fn of(config: &Config) -> Self {
        let processes = config.processes().filter(|_| config.observe.processes);
        Self {
            observe: config.observe.clone(),
            processes: processes.cloned().collect(),
        }
    }
}

/// Runs until a stop.
pub(super) async fn run(
    mut wanted: watch::Receiver<Wanted>,
    views: watch::Sender<Arc<SystemView>>,
    stop: CancellationToken,
) {
    let first = wanted.borrow_and_update().clone();
    let every = |wanted: &Wanted| {
        let mut tick = interval(wanted.observe.interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick
    };
    let mut tick = every(&first);
    let mut samplers = Samplers::new(first);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = wanted.changed() => {
                let next = wanted.borrow_and_update().clone();
                tick = every(&next);
                samplers.reload(next);
                continue;
            }
            _ = tick.tick() => {}
        }
        let work = tokio::task::spawn_blocking(move || {
            let view = samplers.sample();
            (samplers, view)
        });
        match work.await {
            Ok((back, view)) => {
                views.send_replace(Arc::new(view));
                samplers = back;
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only a runtime that ends cancels such work.
            Err(_cancelled) => return,
        }
    }
}

/// What is switched on; a collector that cannot even be set up stays `Err`.
struct Samplers {
    wanted: Wanted,
    host: Option<Result<HostSampler, String>>,
    network: Option<Result<NetworkSampler, String>>,
    processes: Option<ProcessSampler>,
    journal: Journal,
}

impl Samplers {
    fn new(wanted: Wanted) -> Self {
        let mut samplers = Self {
            host: None,
            network: None,
            processes: None,
            journal: Journal::default(),
            wanted,
        };
        samplers.set_up_host();
        samplers.set_up_network();
        samplers.set_up_processes();
        samplers
    }

    /// Unchanged processes keep their state: usage is reported over the time since the last sample.
    fn reload(&mut self, wanted: Wanted) {
        let old = std::mem::replace(&mut self.wanted, wanted);
        let (before, now) = (&old.observe, &self.wanted.observe);
        let network =
            (before.network, &before.network_exclude) != (now.network, &now.network_exclude);
        if before.host != now.host {
            self.set_up_host();
        }
        if network {
            self.set_up_network();
        }
        if old.processes != self.wanted.processes {
            self.set_up_processes();
        }
    }

    fn set_up_host(&mut self) {
        let wanted = self.wanted.observe.host;
        self.host = wanted.then(|| HostSampler::new().map_err(|error| error.to_string()));
    }

    fn set_up_network(&mut self) {
        let ObserveSpec {
            network,
            network_exclude,
            ..
        } = &self.wanted.observe;
        self.network = network.then(|| {
            NetworkSampler::new(network_exclude.clone()).map_err(|error| error.to_string())
        });
    }

    fn set_up_processes(&mut self) {
        let specs = self.wanted.processes.clone();
        match &mut self.processes {
            _ if specs.is_empty() => self.processes = None,
            Some(sampler) => sampler.reload(specs),
            none => *none = Some(ProcessSampler::new(specs)),
        }
    }

    fn sample(&mut self) -> SystemView {
        let journal = &mut self.journal;
        let host = self.host.as_mut();
        let host = host.and_then(|host| journal.note("host", || whole(sample_host(host))));
        let network = self.network.as_mut();
        let network = network.and_then(|devices| {
            journal.note("network", || {
                whole(devices.as_mut().map(NetworkSampler::sample))
            })
        });
        let processes = self.processes.as_mut();
        let processes = processes.map(|all| journal.note("processes", || all.sample()));
        SystemView {
            host,
            network: network.unwrap_or_default(),
            processes: processes.unwrap_or_default(),
            collectors: std::mem::take(&mut journal.collectors),
        }
    }
}

/// A sample that is either all there or not at all.
fn whole<T, E>(sampled: Result<T, E>) -> (Option<T>, Option<E>) {
    match sampled {
        Ok(sample) => (Some(sample), None),
        Err(error) => (None, Some(error)),
    }
}

fn sample_host(host: &mut Result<HostSampler, String>) -> Result<HostView, &str> {
    let unknown = "the system tells nothing about its memory";
    host.as_mut()
        .map_err(|error| error.as_str())?
        .sample()
        .ok_or(unknown)
}

/// How the collectors of one sample went.
#[derive(Default)]
struct Journal {
    collectors: Vec<CollectorView>,
    /// Collectors whose failure was logged already.
    reported: BTreeSet<&'static str>,
}

impl Journal {
    /// Takes a sample and what is wrong with it, if anything.
    fn note<T, E: Display>(
        &mut self,
        name: &'static str,
        sample: impl FnOnce() -> (T, Option<E>),
    ) -> T {
        let started = Instant::now();
        let (sampled, fault) = sample();
        self.collectors.push(CollectorView {
            name,
            success: fault.is_none(),
            took: started.elapsed(),
        });
        match fault {
            None => _ = self.reported.remove(name),
            Some(fault) if self.reported.insert(name) => {
                tracing::warn!("{name}: cannot be sampled: {fault}");
            }
            Some(_) => {}
        }
        sampled
    }
}
