//! One service while its state is built.

use super::objective::{CountedObjective, RestoringObjective};
use crate::alert::AlertRules;
use crate::config::ServiceSpec;
use crate::ledger::bounds::BoundSets;
use crate::ledger::objective::ObjectiveState;
use crate::ledger::probe::ProbeState;
use crate::ledger::service::ServiceState;
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::correction::CorrectedTime;
use crate::slo::{Objective, Retention};
use std::sync::Arc;
use std::time::Duration;

/// The part of old live state that continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Unchanged objectives with their windows, and all counters.
    Unchanged,
    /// The counters only.
    Counters,
}

pub(super) struct RestoringService<'a> {
    spec: &'a ServiceSpec,
    pub(super) probes: Vec<RestoringProbe>,
    pub(super) objectives: Vec<RestoringObjective>,
}

pub(super) struct RestoringProbe {
    pub(super) state: ProbeState,
    /// Whether the state that survives a process was continued from old state; otherwise it is read
    /// from the store.
    pub(super) continues: bool,
}

impl<'a> RestoringService<'a> {
    /// Creates a service for which everything is read from the store.
    pub(super) fn new(
        spec: &'a ServiceSpec,
        retention: &impl Fn(&Objective) -> Retention,
        time: &CorrectedTime<'_>,
        bounds: &mut BoundSets,
        now: Timestamp,
    ) -> Self {
        let thresholds = spec.objectives.iter();
        let thresholds = thresholds.filter_map(|objective| objective.sli.threshold());
        // Buckets count whole attempts.
        let whole = thresholds.filter(|threshold| threshold.of.is_none());
        let bounds = bounds.of(whole.map(|threshold| threshold.below));
        let probes = spec.watched().map(|probe| {
            let mut state = ProbeState::new(probe, &spec.name, bounds.clone());
            state.anchor(now);
            RestoringProbe {
                state,
                continues: false,
            }
        });
        let objectives = spec.objectives.iter().map(|objective| {
            let (from, to) = objective.horizon(now);
            let corrected = time.spans(&spec.name, &objective.name, from, to);
            let state = ObjectiveState::new(
                objective,
                spec.contributing(objective),
                retention(objective),
            );
            RestoringObjective::FromStore(CountedObjective::new(state, corrected, now))
        });
        Self {
            spec,
            probes: probes.collect(),
            objectives: objectives.collect(),
        }
    }

    /// Continues the state of the same probes and objectives.
    pub(super) fn continue_from(&mut self, old: ServiceState, keep: Keep, now: Timestamp) {
        let (mut probes, mut objectives) = (old.probes.into_vec(), old.objectives.into_vec());
        for probe in &mut self.probes {
            let same = |old: &Arc<ProbeState>| old.key == probe.state.key;
            if let Some(at) = probes.iter().position(same) {
                let old = Arc::unwrap_or_clone(probes.swap_remove(at));
                probe.state.continue_counters(&old);
                if keep == Keep::Unchanged {
                    probe.state.continue_history(old);
                    probe.continues = true;
                }
            }
        }
        for objective in &mut self.objectives {
            let same = |old: &Arc<ObjectiveState>| old.name() == objective.name();
            if let Some(at) = objectives.iter().position(same) {
                let old = Arc::unwrap_or_clone(objectives.swap_remove(at));
                objective.continue_from(old, keep == Keep::Unchanged, now);
            }
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        self.spec.name.clone()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &ProbeKey> {
        self.probes.iter().map(|probe| &probe.state.key)
    }

    /// Whether nothing has to be read.
    pub(super) fn is_complete(&self) -> bool {
        let mut objectives = self.objectives.iter();
        self.probes.iter().all(|probe| probe.continues)
            && objectives.all(|one| matches!(one, RestoringObjective::Continues(_)))
    }

    /// The longest time that its objectives look back.
    pub(super) fn reach(&self) -> Duration {
        let reaches = self.spec.objectives.iter().map(|one| one.reach());
        reaches.max().unwrap_or_default()
    }

    /// The objectives that are counted from the store.
    pub(super) fn counted(&mut self) -> impl Iterator<Item = &mut CountedObjective> {
        let objectives = self.objectives.iter_mut();
        objectives.filter_map(RestoringObjective::counted)
    }

    /// `known` is whether everything could be read.
    pub(super) fn finish(self, rules: &AlertRules, now: Timestamp, known: bool) -> ServiceState {
        let probes = self.probes.into_iter();
        let probes = boxed(probes.map(|probe| Arc::new(probe.state)));
        let objectives = self.objectives.into_iter();
        let objectives = boxed(objectives.map(|one| Arc::new(one.finish(&probes, now, known))));
        ServiceState::new(self.spec, rules, objectives, probes)
    }
}

/// Collects into an exact allocation: collecting in place would reuse the start of the much larger
/// source allocation, and the remaining fragments between thousands of services are of little use.
fn boxed<T>(items: impl ExactSizeIterator<Item = T>) -> Box<[T]> {
    let mut all = Vec::with_capacity(items.len());
    all.extend(items);
    all.into_boxed_slice()
}
