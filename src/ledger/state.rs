//! All live state: fed outcome by outcome, shown as snapshots.

use super::index::Index;
use super::objective::ObjectiveState;
use super::service::ServiceState;
use super::snapshot::Snapshot;
use super::transitions::Failing;
use super::view::LedgerView;
use crate::observe::ServiceMetrics;
use crate::outcome::{ProbeKey, Record, Timestamp};
use crate::slo::correction::Correction;
use crate::stats::scale::Scale;
use crate::store::Ahead;
use std::sync::Arc;

/// All live state. One task owns it.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Shared with the views that were published: what changes is copied where one is still read.
    pub(super) services: Vec<Arc<ServiceState>>,
    /// All that are in force.
    pub(super) corrections: Arc<[Correction]>,
    pub(super) index: Arc<Index>,
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
            let service = Arc::make_mut(&mut self.services[service]);
            let state = Arc::make_mut(&mut service.probes[probe]);
            state.record(record);
            state.remember(record, &self.scale);
            service.track(probe, &record.into());
        }
    }

    /// Takes what services report of themselves.
    pub fn take_metrics(&mut self, at: Timestamp, services: &[Arc<ServiceMetrics>]) {
        for state in &mut self.services {
            let counts = |objective: &Arc<ObjectiveState>| objective.traffic.is_some();
            let metrics = services.iter().find(|one| one.service == state.name);
            if let (Some(metrics), true) = (metrics, state.objectives.iter().any(counts)) {
                Arc::make_mut(state).take_metrics(at, metrics);
            }
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
            let service = Arc::make_mut(&mut self.services[service]);
            Arc::make_mut(&mut service.probes[probe]).missed += ticks;
        }
    }

    /// Judges what is over by a moment, such as the minutes before it: views are of then.
    pub fn advance(&mut self, now: Timestamp) -> &Self {
        for service in &mut self.services {
            if service.is_due(now) {
                Arc::make_mut(service).advance(now);
            }
        }
        self.now = now;
        self
    }

    /// The state of the moment that the ledger was advanced to.
    pub fn view(&self) -> LedgerView {
        LedgerView {
            at: self.now,
            corrections: self.corrections.clone(),
            ahead: self.ahead.seen_at(self.now),
            services: self.services.clone(),
            index: self.index.clone(),
            scale: self.scale.clone(),
        }
    }

    /// All numbers of that moment.
    pub fn snapshot(&self) -> Snapshot {
        self.view().snapshot()
    }
}
