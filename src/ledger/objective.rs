//! One objective's live state.

use super::probe::ProbeState;
use super::snapshot::{DAYS, DayView, ObjectiveView, WINDOWS};
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use crate::slo::{Objective, Tracker};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct ObjectiveState {
    pub(super) tracker: Tracker,
    /// Which of the service's probes count, by position.
    pub(super) counts: Vec<usize>,
    /// What a stored tally that may be used is named; `None` where none may.
    pub(super) tally_key: Option<String>,
    /// Its counters before it had to be counted anew.
    pub(super) counted_before: (u64, u64),
    /// Whether its windows were taken over or are still to be read from the store.
    pub(super) restored: bool,
}

impl ObjectiveState {
    pub(super) fn new(objective: &Objective, probes: &[ProbeState], corrected: Spans) -> Self {
        let counts: Vec<usize> = (0..probes.len())
            .filter(|at| objective.counts(&probes[*at].key.probe))
            .collect();
        let intervals: Vec<_> = counts.iter().map(|at| probes[*at].interval).collect();
        let tracker = Tracker::new(Arc::new(objective.clone()), &intervals)
            .with_corrected(Arc::new(corrected));
        Self {
            tally_key: tracker.tally_key().map(|key| key.to_string()),
            tracker,
            counts,
            counted_before: (0, 0),
            restored: false,
        }
    }

    /// Goes on with the state of an old one if that is known and counts the same things.
    pub(super) fn take_over(&mut self, old: Self, now: Timestamp) {
        if !self.same(&old) {
            return;
        }
        let corrected = self.tracker.corrected().clone();
        // Future corrections change nothing that was counted, nor do those that left every window.
        let (past, oldest) = (old.tracker.corrected(), self.tracker.oldest(now));
        if old.restored && corrected.same_within(past, oldest, now) {
            *self = old;
            self.tracker = self.tracker.clone().with_corrected(corrected);
        } else {
            // Counters that Prometheus reads never go back.
            self.counted_before = old.tracker.counters();
        }
    }

    fn same(&self, other: &Self) -> bool {
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

    pub(super) fn view(&mut self, now: Timestamp, probes: &[ProbeState]) -> ObjectiveView {
        self.tracker.close_slices(now);
        let (events, bad_events) = self.tracker.counters();
        let objective = self.tracker.objective();
        let period = self.tracker.period(now);
        ObjectiveView {
            objective: objective.clone(),
            since: self.counts.iter().filter_map(|at| probes[*at].first).min(),
            events,
            bad_events,
            windows: WINDOWS.map(|(_, window)| self.tracker.view(now, window)),
            corrected: self.tracker.corrected().contains(now),
            budget_remaining: self.tracker.remaining(&period),
            affordable: self.tracker.affordable(&period),
            recovery: self.tracker.recovery(now, &period),
            exhaustion: self.tracker.exhaustion(now, &period),
            period,
        }
    }
}
