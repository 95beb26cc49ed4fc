//! The live state of one service: its probes, and the objectives that they contribute to.

use super::objective::ObjectiveState;
use super::probe::ProbeState;
use super::snapshot::{Maintenance, ProbeView, ServiceView};
use crate::alert::{AlertPolicy, AlertRules};
use crate::config::ServiceSpec;
use crate::outcome::{Event, Timestamp};
use crate::slo::correction::Correction;
use crate::stats::scale::Scale;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct ServiceState {
    pub(super) name: Arc<str>,
    description: Arc<str>,
    pub(super) labels: Arc<[(String, String)]>,
    /// Its own, then those that it borrows from other services.
    pub(super) probes: Box<[Arc<ProbeState>]>,
    pub(super) objectives: Box<[Arc<ObjectiveState>]>,
    /// The alert policy of each objective.
    policies: Box<[AlertPolicy]>,
}

impl ServiceState {
    pub(super) fn new(
        spec: &ServiceSpec,
        rules: &AlertRules,
        objectives: Box<[Arc<ObjectiveState>]>,
        probes: Box<[Arc<ProbeState>]>,
    ) -> Self {
        let policy = |one: &Arc<ObjectiveState>| rules.policy(&spec.name, one.name()).clone();
        Self {
            policies: objectives.iter().map(policy).collect(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            labels: spec.labels.clone(),
            probes,
            objectives,
        }
    }

    /// Adds an outcome to the objectives that the probe contributes to.
    pub(super) fn track(&mut self, probe: usize, event: &Event) {
        for objective in &mut self.objectives {
            if let Some(place) = objective.place(probe) {
                let objective = Arc::make_mut(objective);
                objective.tracker.record(place, event);
            }
        }
    }

    /// Whether anything completed by `now` has not been evaluated, or has expired.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let mut objectives = self.objectives.iter();
        let mut probes = self.probes.iter();
        objectives.any(|objective| objective.tracker.is_due(now))
            || probes.any(|probe| probe.has_outdated_limits(now))
    }

    /// Evaluates what is completed by `now`, and removes what has expired.
    pub(super) fn advance(&mut self, now: Timestamp) {
        for objective in &mut self.objectives {
            if objective.tracker.is_due(now) {
                Arc::make_mut(objective).tracker.close_slices(now);
            }
        }
        for probe in &mut self.probes {
            if probe.has_outdated_limits(now) {
                Arc::make_mut(probe).forget_limits();
            }
        }
    }

    pub(super) fn view(
        &self,
        now: Timestamp,
        corrections: &[Correction],
        scale: &Scale,
        merged: &mut Vec<u32>,
    ) -> ServiceView {
        ServiceView {
            name: self.name.clone(),
            description: self.description.clone(),
            labels: self.labels.clone(),
            days: self
                .objectives
                .first()
                .map_or_else(Default::default, |first| first.tracker.days(now)),
            probes: self.probe_views(now, scale, merged),
            objectives: self
                .objectives
                .iter()
                .zip(&self.policies)
                .map(|(objective, policy)| objective.view(now, &self.probes, policy))
                .collect(),
            maintenance: self.maintenance(now, corrections),
        }
    }

    /// When one of its own probes last failed.
    pub(super) fn last_failure(&self) -> Option<Timestamp> {
        let own = self.probes.iter().filter(|probe| !probe.borrowed);
        own.filter_map(|probe| Some(probe.last_failure()?.at)).max()
    }

    pub(super) fn objective_names(&self) -> impl Iterator<Item = &str> {
        let all = self.objectives.iter();
        all.map(|one| &*one.tracker.objective().name)
    }

    /// `None` also if one of its objectives still counts.
    pub(super) fn maintenance(
        &self,
        now: Timestamp,
        corrections: &[Correction],
    ) -> Option<Maintenance> {
        let of = |slo| Maintenance::of(corrections, &self.name, slo, now);
        let slos = self.objective_names();
        let each: Option<Vec<_>> = slos.map(|slo| of(Some(slo))).collect();
        // It lasts until the first of them counts again.
        let first = each?.into_iter().min_by_key(|one| one.until);
        first.or_else(|| of(None))
    }

    /// Of its own probes.
    pub(super) fn probe_views(
        &self,
        now: Timestamp,
        scale: &Scale,
        merged: &mut Vec<u32>,
    ) -> Vec<ProbeView> {
        let own = self.probes.iter().filter(|probe| !probe.borrowed);
        let mut views = Vec::with_capacity(own.clone().count());
        views.extend(own.map(|probe| probe.view(now, scale, merged)));
        views
    }
}
