//! One objective while its state is built.

use crate::ledger::objective::{ObjectiveState, first_tick};
use crate::ledger::probe::ProbeState;
use crate::ledger::traffic::Traffic;
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use crate::slo::{Backfill, HourCounts, Objective, Precision};
use std::sync::Arc;

pub(super) enum RestoringObjective {
    /// Continued from the old state.
    Continues(ObjectiveState),
    FromStore(CountedObjective),
}

/// An objective that is counted from the store.
pub(super) struct CountedObjective {
    pub(super) filling: Backfill,
    /// The positions of the contributing probes among those that the service watches.
    pub(super) counts: Arc<[usize]>,
    /// See [`ObjectiveState::precision`].
    pub(super) precision: Precision,
    pub(super) traffic: Option<Box<Traffic>>,
    /// The key of stored tallies that may be used.
    pub(super) tally_key: String,
    pub(super) hour: OpenHour,
    /// Its counters continue from these.
    counters: (u64, u64),
}

/// The hour that is being restored for one objective, with its counts so far.
#[derive(Debug, Default)]
pub(super) struct OpenHour {
    pub(super) start: Option<Timestamp>,
    pub(super) counts: HourCounts,
}

impl RestoringObjective {
    fn objective(&self) -> &Objective {
        match self {
            Self::Continues(state) => state.tracker.objective(),
            Self::FromStore(counted) => counted.objective(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.objective().name
    }

    pub(super) fn counted(&mut self) -> Option<&mut CountedObjective> {
        match self {
            Self::Continues(_) => None,
            Self::FromStore(counted) => Some(counted),
        }
    }

    /// Continues the counters of an old state with the same definition; also its windows if
    /// `unchanged`, and if corrections did not change what was counted.
    pub(super) fn continue_from(
        &mut self,
        mut old: ObjectiveState,
        unchanged: bool,
        now: Timestamp,
    ) {
        let Self::FromStore(counted) = self else {
            return;
        };
        let tracker = counted.filling.tracker();
        let same = tracker.objective() == old.tracker.objective()
            && tracker.contributing() == old.tracker.contributing()
            && counted.counts == old.counts;
        if !same {
            return;
        }
        let corrected = tracker.corrected().clone();
        // Corrections in the future, and those that left every window, change nothing that was
        // counted. If the clock was set back, outcomes counted so far may be in the future.
        let (oldest, newest) = (tracker.oldest(now), old.tracker.newest().max(now));
        let past = old.tracker.corrected();
        if unchanged && corrected.same_within(past, oldest, newest) {
            old.tracker.correct(corrected);
            *self = Self::Continues(old);
        } else {
            // Counters that Prometheus scrapes never decrease.
            counted.counters = old.tracker.counters();
        }
    }

    /// `known` is whether everything could be read; otherwise the state starts empty.
    pub(super) fn finish(
        self,
        probes: &[Arc<ProbeState>],
        now: Timestamp,
        known: bool,
    ) -> ObjectiveState {
        match self {
            Self::Continues(state) => state,
            Self::FromStore(counted) => {
                let since = first_tick(&counted.counts, probes).filter(|_| known);
                ObjectiveState {
                    tracker: counted.filling.go_live(now, since, counted.counters),
                    counts: counted.counts,
                    precision: counted.precision,
                    traffic: counted.traffic,
                }
            }
        }
    }
}

impl CountedObjective {
    pub(super) fn new(mut empty: ObjectiveState, corrected: Arc<Spans>, now: Timestamp) -> Self {
        empty.tracker.correct(corrected);
        Self {
            tally_key: empty.tracker.tally_key().to_string(),
            filling: Backfill::new(empty.tracker, now),
            counts: empty.counts,
            precision: empty.precision,
            traffic: empty.traffic,
            hour: OpenHour::default(),
            counters: (0, 0),
        }
    }

    pub(super) fn objective(&self) -> &Objective {
        self.filling.tracker().objective()
    }

    /// The index of a probe among the contributing ones.
    pub(super) fn place(&self, probe: usize) -> Option<usize> {
        self.counts.iter().position(|at| *at == probe)
    }
}
