//! One service's live state: its probes, and the objectives that they count for.

use super::objective::ObjectiveState;
use super::probe::ProbeState;
use super::snapshot::ServiceView;
use crate::config::ServiceSpec;
use crate::outcome::{Event, Timestamp};
use crate::slo::correction::CorrectedTime;
use crate::slo::{Objective, Retention, Sli};
use crate::stats::scale::Scale;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct ServiceState {
    pub(super) name: Arc<str>,
    description: Arc<str>,
    labels: Arc<[(String, String)]>,
    /// Its own, then those that it borrows from other services.
    pub(super) probes: Vec<ProbeState>,
    pub(super) objectives: Vec<ObjectiveState>,
}

impl ServiceState {
    pub(super) fn new(spec: &ServiceSpec, retention: Retention) -> Self {
        let thresholds: Vec<_> = spec
            .objectives
            .iter()
            .filter_map(|one| threshold(one))
            .collect();
        let probes: Vec<_> = spec
            .watched()
            .map(|probe| ProbeState::new(probe, &spec.name, &thresholds))
            .collect();
        let objectives = spec.objectives.iter().map(|objective| {
            ObjectiveState::new(objective, spec.contributing(objective), retention)
        });
        Self {
            name: spec.name.clone(),
            description: spec.description.clone(),
            labels: spec.labels.clone(),
            objectives: objectives.collect(),
            probes,
        }
    }

    /// Takes out the corrected time of what is still to be counted.
    pub(super) fn correct(&mut self, time: &CorrectedTime<'_>, now: Timestamp) {
        for objective in self.objectives.iter_mut().filter(|one| !one.restored) {
            let promise = objective.tracker.objective();
            let (from, to) = promise.horizon(now);
            let spans = time.spans(&self.name, &promise.name, from, to);
            objective.tracker.correct(spans);
        }
    }

    /// Lets the objectives that the probe counts for take an outcome.
    pub(super) fn track(&mut self, probe: usize, event: &Event) {
        for objective in &mut self.objectives {
            if let Some(place) = objective.place(probe) {
                objective.tracker.record(place, event);
            }
        }
    }

    pub(super) fn take_over(&mut self, mut old: Self, now: Timestamp) {
        for probe in &mut self.probes {
            if let Some(found) = old.probes.iter().position(|old| old.key == probe.key) {
                probe.take_over(old.probes.swap_remove(found));
            }
        }
        for objective in &mut self.objectives {
            let same_name = |old: &ObjectiveState| {
                old.tracker.objective().name == objective.tracker.objective().name
            };
            if let Some(found) = old.objectives.iter().position(same_name) {
                objective.take_over(old.objectives.swap_remove(found), now);
            }
        }
    }

    /// See [`super::Ledger::forget`].
    pub(super) fn forget(&mut self) {
        for probe in &mut self.probes {
            probe.restored = false;
        }
        for objective in &mut self.objectives {
            objective.restored = false;
        }
    }

    /// Judges what is over by then.
    pub(super) fn advance(&mut self, now: Timestamp) {
        for objective in &mut self.objectives {
            objective.tracker.close_slices(now);
        }
    }

    pub(super) fn view(&self, now: Timestamp, scale: &Scale, merged: &mut Vec<u32>) -> ServiceView {
        ServiceView {
            name: self.name.clone(),
            description: self.description.clone(),
            labels: self.labels.clone(),
            days: self
                .objectives
                .first()
                .map_or_else(Default::default, |first| first.tracker.days(now)),
            probes: self
                .probes
                .iter()
                .filter(|probe| !probe.borrowed)
                .map(|probe| probe.view(now, scale, merged))
                .collect(),
            objectives: self
                .objectives
                .iter()
                .map(|objective| objective.view(now, &self.probes))
                .collect(),
        }
    }
}

fn threshold(objective: &Objective) -> Option<Duration> {
    match objective.sli {
        Sli::Latency { below } => Some(below),
        Sli::Availability | Sli::Success | Sli::Freshness => None,
    }
}
