//! All live state: updated by outcomes, shown as snapshots.

use super::index::Index;
use super::objective::ObjectiveState;
use super::service::ServiceState;
use super::snapshot::Snapshot;
use super::transitions::Failing;
use super::view::LedgerView;
use crate::alert::AlertRules;
use crate::observe::ServiceMetrics;
use crate::outcome::{ProbeKey, Record, Timestamp};
use crate::slo::correction::Correction;
use crate::stats::scale::Scale;
use crate::store::Ahead;
use std::sync::Arc;

/// All live state. Owned by one task.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Shared with the published views: a service that changes is copied if a view still holds it.
    pub(super) services: Vec<Arc<ServiceState>>,
    /// All active corrections.
    pub(super) corrections: Arc<[Correction]>,
    /// The alert rules of its config.
    pub(super) rules: Arc<AlertRules>,
    pub(super) index: Arc<Index>,
    /// The buckets of all latency quantiles.
    pub(super) scale: Scale,
    /// Stored outcomes in the future, which are not counted yet.
    pub(super) ahead: Ahead,
    /// The time to which it was last advanced.
    pub(super) now: Timestamp,
}

impl Ledger {
    /// Takes one outcome. An outcome of a probe that a reload has removed is ignored.
    pub fn record(&mut self, record: &Record) {
        for (service, probe) in self.index.positions(&record.key) {
            let service = Arc::make_mut(&mut self.services[service]);
            let state = Arc::make_mut(&mut service.probes[probe]);
            state.record(record);
            state.remember(record, &self.scale);
            service.track(probe, &record.into());
        }
    }

    /// Takes the services' own metrics.
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

    /// The consecutive failures of a probe, if its last outcome is bad.
    pub(super) fn failing(&self, key: &ProbeKey) -> Option<Failing> {
        let (service, probe) = self.index.positions(key).next()?;
        self.services[service].probes[probe].failing()
    }

    /// Records an outcome whose time is in the future.
    pub fn set_aside(&mut self, at: Timestamp) {
        self.ahead.add(at, 1);
    }

    /// The stored outcomes in the future, which are not counted yet.
    pub const fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    pub fn corrections(&self) -> Arc<[Correction]> {
        self.corrections.clone()
    }

    /// Counts ticks that could not run in time.
    pub fn missed(&mut self, key: &ProbeKey, ticks: u64) {
        for (service, probe) in self.index.positions(key) {
            let service = Arc::make_mut(&mut self.services[service]);
            Arc::make_mut(&mut service.probes[probe]).missed += ticks;
        }
    }

    /// Evaluates what is completed by `now`, such as time slices; views show the state at that
    /// time.
    pub fn advance(&mut self, now: Timestamp) -> &Self {
        for service in &mut self.services {
            if service.is_due(now) {
                Arc::make_mut(service).advance(now);
            }
        }
        self.now = now;
        self
    }

    /// The state at the time to which the ledger was advanced.
    pub fn view(&self) -> LedgerView {
        LedgerView {
            at: self.now,
            corrections: self.corrections.clone(),
            rules: self.rules.clone(),
            ahead: self.ahead.seen_at(self.now),
            services: self.services.clone(),
            index: self.index.clone(),
            scale: self.scale.clone(),
        }
    }

    /// All values at that time.
    pub fn snapshot(&self) -> Snapshot {
        self.view().snapshot()
    }
}
