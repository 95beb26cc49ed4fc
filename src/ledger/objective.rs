//! One objective's live state.

use super::hours::OpenHour;
use super::probe::ProbeState;
use super::snapshot::ObjectiveView;
use crate::outcome::Timestamp;
use crate::slo::absence::{Presence, Unwatched};
use crate::slo::{ContributingProbe, Objective, Retention, Sli, Standard, Tracker};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct ObjectiveState {
    pub(super) tracker: Tracker,
    /// Which of the probes that the service watches count, by position.
    pub(super) counts: Vec<usize>,
    /// What a stored tally that may be used is named.
    pub(super) tally_key: String,
    pub(super) hour: OpenHour,
    /// Its counters before it had to be counted anew.
    pub(super) counted_before: (u64, u64),
    /// Before then, latencies near the threshold may be counted on the wrong side of it.
    pub(super) approximate: Option<Timestamp>,
    /// Whether its windows were taken over or are still to be read from the store.
    pub(super) restored: bool,
}

impl ObjectiveState {
    /// `contributing` are the probes that count, with their positions.
    pub(super) fn new(
        objective: &Arc<Objective>,
        contributing: Vec<(usize, ContributingProbe)>,
        retention: Retention,
    ) -> Self {
        let (counts, contributing) = contributing.into_iter().unzip();
        let tracker = Tracker::new(objective.clone(), contributing).with_retention(retention);
        Self {
            tally_key: tracker.tally_key().to_string(),
            tracker,
            counts,
            hour: OpenHour::default(),
            counted_before: (0, 0),
            approximate: None,
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
        // What was counted may be of the future, where the clock was set back.
        let newest = old.tracker.newest().max(now);
        if old.restored && corrected.same_within(past, oldest, newest) {
            *self = old;
            self.tracker.correct(corrected);
        } else {
            // Counters that Prometheus reads never go back.
            self.counted_before = old.tracker.counters();
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.tracker.objective() == other.tracker.objective()
            && self.counts == other.counts
            && self.tracker.contributing() == other.tracker.contributing()
    }

    /// What is fast enough, where that is what is promised.
    pub(super) fn threshold(&self) -> Option<Duration> {
        match self.tracker.objective().sli {
            Sli::Latency { below } => Some(below),
            Sli::Availability | Sli::Success | Sli::Freshness => None,
        }
    }

    /// A probe's place among those that count.
    pub(super) fn place(&self, probe: usize) -> Option<usize> {
        self.counts.iter().position(|at| *at == probe)
    }

    /// When the first of its probes began.
    pub(super) fn since(&self, probes: &[ProbeState]) -> Option<Timestamp> {
        self.counts.iter().filter_map(|at| probes[*at].first).min()
    }

    /// Leaves out the time in which none of its probes was configured, where silence counts.
    pub(super) fn leave_out_unwatched(
        &mut self,
        store: &Store,
        probes: &[ProbeState],
    ) -> Result<(), StoreError> {
        if self.tracker.missing().is_none() {
            return Ok(());
        }
        let presence = |at: &usize| {
            let probe = &probes[*at];
            Ok(Presence {
                first: probe.first,
                absent: store.absences(&probe.key)?,
            })
        };
        let known: Vec<_> = self.counts.iter().map(presence).collect::<Result<_, _>>()?;
        self.tracker.leave_out(Unwatched::of(&known));
        Ok(())
    }

    pub(super) fn view(&self, now: Timestamp, probes: &[ProbeState]) -> ObjectiveView {
        let (events, bad_events) = self.tracker.counters();
        let objective = self.tracker.objective();
        let budget = |window| self.tracker.budget(now, window);
        ObjectiveView {
            objective: objective.clone(),
            since: self.since(probes),
            event_interval: self.tracker.event_interval(),
            events,
            bad_events,
            windows: Standard::of(|window| self.tracker.view(now, window.length())),
            corrected: self.tracker.corrected().contains(now),
            approximate: self
                .approximate
                .filter(|before| *before > self.tracker.oldest(now)),
            budget: budget(objective.window),
            further: objective.further.iter().copied().map(budget).collect(),
        }
    }
}
