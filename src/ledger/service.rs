//! One service's live state: its probes, and the objectives that they count for.

use super::objective::ObjectiveState;
use super::probe::ProbeState;
use super::snapshot::ServiceView;
use crate::config::ServiceSpec;
use crate::outcome::{Event, Timestamp};
use crate::stats::scale::Scale;
use std::sync::Arc;

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
    pub(super) fn new(
        spec: &ServiceSpec,
        objectives: Vec<ObjectiveState>,
        probes: Vec<ProbeState>,
    ) -> Self {
        Self {
            name: spec.name.clone(),
            description: spec.description.clone(),
            labels: spec.labels.clone(),
            probes,
            objectives,
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
