//! All live state: fed outcome by outcome, shown as snapshots.

use super::index::Index;
use super::service::ServiceState;
use super::snapshot::Snapshot;
use super::transitions::Failing;
use crate::outcome::{ProbeKey, Record, Timestamp};
use crate::slo::correction::Correction;
use crate::stats::scale::Scale;
use crate::store::Ahead;
use std::sync::Arc;

/// All live state. One task owns it.
#[derive(Debug, Default)]
pub struct Ledger {
    pub(super) services: Vec<ServiceState>,
    /// All that are in force.
    pub(super) corrections: Arc<[Correction]>,
    pub(super) index: Index,
    /// Buckets of all latency quantiles.
    pub(super) scale: Scale,
    /// Kept, and not counted before its time.
    pub(super) ahead: Ahead,
    /// The moment that it was advanced to last.
    pub(super) now: Timestamp,
}

impl Ledger {
    /// Takes one outcome. One of a probe that a reload removed meanwhile is ignored.
    pub fn record(&mut self, record: &Record) {
        for (service, probe) in self.index.positions(&record.key) {
            let service = &mut self.services[service];
            service.probes[probe].record(record);
            service.probes[probe].remember(record, &self.scale);
            service.track(probe, &record.into());
        }
    }

    pub(super) fn has(&self, key: &ProbeKey) -> bool {
        self.index.positions(key).next().is_some()
    }

    /// The failures in a row of a probe, if its last outcome is one.
    pub(super) fn failing(&self, key: &ProbeKey) -> Option<Failing> {
        let (service, probe) = self.index.positions(key).next()?;
        self.services[service].probes[probe].failing()
    }

    /// Takes note of an outcome whose time is still to come.
    pub fn set_aside(&mut self, at: Timestamp) {
        self.ahead.add(at, 1);
    }

    /// What is kept and not counted, because its time is still to come.
    pub const fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    pub fn corrections(&self) -> Arc<[Correction]> {
        self.corrections.clone()
    }

    /// Counts a tick that could not run in time.
    pub fn missed(&mut self, key: &ProbeKey, ticks: u64) {
        for (service, probe) in self.index.positions(key) {
            self.services[service].probes[probe].missed += ticks;
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
}
