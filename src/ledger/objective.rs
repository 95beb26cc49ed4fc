//! One objective's live state.

use super::probe::ProbeState;
use super::snapshot::{DAYS, DayView, ObjectiveView, WINDOWS};
use crate::outcome::Timestamp;
use crate::slo::{Objective, Tracker};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct ObjectiveState {
    pub(super) tracker: Tracker,
    /// Which of the service's probes count, by position.
    pub(super) counts: Vec<usize>,
    /// What a stored tally that may be used is named; `None` where none may.
    pub(super) tally_key: Option<String>,
    /// Whether its windows were taken over or are still to be read from the store.
    pub(super) restored: bool,
}

impl ObjectiveState {
    pub(super) fn new(objective: &Objective, probes: &[ProbeState]) -> Self {
        let counts: Vec<usize> = (0..probes.len())
            .filter(|at| objective.counts(&probes[*at].key.probe))
            .collect();
        let intervals: Vec<_> = counts.iter().map(|at| probes[*at].interval).collect();
        let tracker = Tracker::new(Arc::new(objective.clone()), &intervals);
        Self {
            tally_key: tracker.tally_key().map(|key| key.to_string()),
            tracker,
            counts,
            restored: false,
        }
    }

    /// Whether the other one counts the same things, so that its state can go on.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.tracker.objective() == other.tracker.objective()
            && self.counts == other.counts
            && self.tracker.intervals().eq(other.tracker.intervals())
    }

    pub(super) fn days(&self, now: Timestamp) -> [DayView; DAYS] {
        const DAY_MS: i64 = 86_400_000;
        let today = now.0.div_euclid(DAY_MS);
        let counts = self.tracker.days::<DAYS>(now);
        std::array::from_fn(|index| DayView {
            start: Timestamp((today + 1 - (DAYS - index) as i64) * DAY_MS),
            good: counts[index].good,
            bad: counts[index].bad,
        })
    }

    pub(super) fn view(&mut self, now: Timestamp) -> ObjectiveView {
        self.tracker.close_slices(now);
        let (events, bad_events) = self.tracker.counters();
        let objective = self.tracker.objective();
        let period = self.tracker.view(now, objective.window);
        ObjectiveView {
            objective: objective.clone(),
            events,
            bad_events,
            windows: WINDOWS.map(|(_, window)| self.tracker.view(now, window)),
            budget_remaining: self.tracker.remaining(&period),
            exhaustion: self.tracker.exhaustion(now, &period),
            period,
        }
    }
}
