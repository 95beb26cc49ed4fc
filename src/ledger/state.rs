//! All live state: fed outcome by outcome, shown as snapshots.

use super::service::ServiceState;
use super::snapshot::Snapshot;
use crate::config::Config;
use crate::outcome::{ProbeKey, Record, Timestamp};
use crate::slo::Retention;
use crate::slo::correction::{CorrectedTime, Correction};
use crate::stats::scale::Scale;
use crate::store::Ahead;
use std::collections::HashMap;
use std::sync::Arc;

/// Where a probe stands: in its own service, and in those that borrow it; service, then probe.
pub(super) type Positions = Vec<(usize, usize)>;

/// All live state. One task owns it.
#[derive(Debug)]
pub struct Ledger {
    services: Vec<ServiceState>,
    /// All that are in force.
    corrections: Arc<[Correction]>,
    index: HashMap<ProbeKey, Positions>,
    /// Buckets of all latency quantiles.
    scale: Scale,
    /// Kept, and not counted before its time.
    ahead: Ahead,
    /// The moment that it was advanced to last.
    now: Timestamp,
}

impl Ledger {
    /// Empty state for a config, to be restored.
    pub fn new(config: &Config, corrections: &[Correction]) -> Self {
        let retention = Retention::of(config.store.retention);
        let services = config.services.iter();
        let services: Vec<_> = services
            .map(|spec| ServiceState::new(spec, retention))
            .collect();
        let mut index: HashMap<ProbeKey, Positions> = HashMap::new();
        for (at, service) in services.iter().enumerate() {
            for (position, probe) in service.probes.iter().enumerate() {
                let positions = index.entry(probe.key.clone()).or_default();
                positions.push((at, position));
            }
        }
        Self {
            services,
            corrections: corrections.into(),
            index,
            scale: Scale::new([]),
            ahead: Ahead::default(),
            now: Timestamp::default(),
        }
    }

    /// Takes one outcome. One of a probe that a reload removed meanwhile is dropped.
    pub fn record(&mut self, record: &Record) {
        for (service, probe) in self.index.get(&record.key).into_iter().flatten().copied() {
            let service = &mut self.services[service];
            service.probes[probe].record(record);
            service.probes[probe].remember(record, &self.scale);
            service.track(probe, &record.into());
        }
    }

    /// Takes note of an outcome whose time is still to come.
    pub fn set_aside(&mut self, at: Timestamp) {
        self.ahead.add(at, 1);
    }

    /// What is kept and not counted, because its time is still to come.
    pub const fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    pub(super) fn is_ahead(&mut self, ahead: Ahead) {
        self.ahead = ahead;
    }

    pub fn corrections(&self) -> Arc<[Correction]> {
        self.corrections.clone()
    }

    /// Lets the windows be restored by the next [`Ledger::reloaded`], because the clock was set.
    /// Counters go on.
    pub fn forget(&mut self) {
        for service in &mut self.services {
            service.forget();
        }
    }

    /// Counts a tick that could not run in time.
    pub fn missed(&mut self, key: &ProbeKey, ticks: u64) {
        for (service, probe) in self.index.get(key).into_iter().flatten().copied() {
            self.services[service].probes[probe].missed += ticks;
        }
    }

    /// State for a changed config or changed corrections: what did not change is taken over as it is, with its history
    /// and counters; the rest, and what could not be restored before, is marked to be restored.
    #[must_use]
    pub fn reloaded(mut self, config: &Config, corrections: &[Correction], now: Timestamp) -> Self {
        // What was of the future until now would be counted only where something changed.
        if self.ahead.first.is_some_and(|first| first <= now) {
            self.forget();
        }
        let mut next = Self::new(config, corrections);
        next.correct(now);
        for service in &mut next.services {
            let old = self
                .services
                .iter()
                .position(|old| old.name == service.name);
            if let Some(old) = old {
                service.take_over(self.services.swap_remove(old), now);
            }
        }
        next.ahead = self.ahead;
        next.now = now;
        next
    }

    /// Takes out the corrected time of what is still to be counted.
    pub(super) fn correct(&mut self, now: Timestamp) {
        let time = CorrectedTime::of(&self.corrections);
        for service in &mut self.services {
            service.correct(&time, now);
        }
    }

    /// Judges what is over by a moment, such as the minutes before it: snapshots are of then.
    pub fn advance(&mut self, now: Timestamp) -> &Self {
        for service in &mut self.services {
            service.advance(now);
        }
        self.now = now;
        self
    }

    /// What every reader reads, of the moment that the ledger was advanced to.
    pub fn snapshot(&self) -> Snapshot {
        let mut merged = Vec::new();
        let services = self
            .services
            .iter()
            .map(|service| service.view(self.now, &self.scale, &mut merged));
        Snapshot {
            at: self.now,
            corrections: self.corrections.clone(),
            ahead: self.ahead.seen_at(self.now),
            services: services.collect(),
        }
    }

    pub(super) fn services(&self) -> &[ServiceState] {
        &self.services
    }

    pub(super) fn index(&self) -> &HashMap<ProbeKey, Positions> {
        &self.index
    }

    pub(super) fn parts(&mut self) -> (&mut [ServiceState], &Scale) {
        (&mut self.services, &self.scale)
    }
}
