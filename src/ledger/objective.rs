//! The live state of one objective.

use super::probe::ProbeState;
use super::snapshot::ObjectiveView;
use super::traffic::Traffic;
use crate::alert::AlertPolicy;
use crate::outcome::Timestamp;
use crate::slo::{
    ContributingProbe, EventSource, Objective, Precision, Retention, StandardWindows, Tracker,
};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct ObjectiveState {
    pub(super) tracker: Tracker,
    /// The positions of the contributing probes among those that the service watches.
    pub(super) counts: Arc<[usize]>,
    /// The precision of the history restored from the store.
    pub(super) precision: Precision,
    /// For objectives that count real traffic.
    pub(super) traffic: Option<Box<Traffic>>,
}

impl ObjectiveState {
    /// Creates a state without counts. `contributing` are the probes that count, and `counts` their
    /// positions.
    pub(super) fn new(
        objective: &Arc<Objective>,
        (counts, contributing): (Vec<usize>, Vec<ContributingProbe>),
        retention: Retention,
    ) -> Self {
        let is_traffic = objective.source == EventSource::Metrics;
        let tracker = Tracker::new(objective.clone(), contributing).with_retention(retention);
        Self {
            tracker,
            counts: counts.into(),
            precision: Precision::default(),
            traffic: is_traffic.then(Box::default),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.tracker.objective().name
    }

    /// The index of a probe among the contributing ones.
    pub(super) fn place(&self, probe: usize) -> Option<usize> {
        self.counts.iter().position(|at| *at == probe)
    }

    /// When the first event was counted, or could have been.
    pub(super) fn since(&self, probes: &[Arc<ProbeState>]) -> Option<Timestamp> {
        match &self.traffic {
            Some(traffic) => traffic.since,
            None => first_tick(&self.counts, probes),
        }
    }

    pub(super) fn view(
        &self,
        now: Timestamp,
        probes: &[Arc<ProbeState>],
        policy: &AlertPolicy,
    ) -> ObjectiveView {
        let objective = self.tracker.objective();
        let budget = |window| self.tracker.budget(now, window);
        let additional = objective.additional_windows.iter();
        ObjectiveView {
            objective: objective.clone(),
            policy: policy.clone(),
            since: self.since(probes),
            windows: StandardWindows::of(|window| self.tracker.view(now, window.length())),
            corrected: self.tracker.corrected().contains(now),
            uncounted: self
                .traffic
                .as_ref()
                .and_then(|traffic| traffic.uncounted.clone()),
            precision: self.precision.since(self.tracker.oldest(now)),
            budget: budget(objective.window),
            additional_budgets: additional.copied().map(budget).collect(),
        }
    }
}

/// When the first of the probes at these positions started.
pub(super) fn first_tick(counts: &[usize], probes: &[Arc<ProbeState>]) -> Option<Timestamp> {
    counts.iter().filter_map(|at| probes[*at].first).min()
}
