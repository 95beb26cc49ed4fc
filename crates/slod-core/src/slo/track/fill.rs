//! A tracker whose past is filled in: when that is done, it goes live.

use super::{Counters, SLICES_PER_HOUR, Tracker};
use crate::outcome::{Event, Timestamp};
use crate::slo::absence::Presence;
use crate::slo::slice::{slice_of, slice_start};
use crate::slo::tally::Tally;

/// Takes what is known of the past: hours, slots, and outcomes in the order of time.
#[derive(Debug)]
pub struct Filling(Tracker);

impl Filling {
    /// For the past up to `now`: what no window of now contains is not taken.
    pub fn new(mut tracker: Tracker, now: Timestamp) -> Self {
        tracker.series.anchor(now);
        Self(tracker)
    }

    pub const fn tracker(&self) -> &Tracker {
        &self.0
    }

    /// See [`Tracker::watched_by`].
    pub fn watched_by(&mut self, probes: &[Presence]) {
        self.0.watched_by(probes);
    }

    /// Takes the tally of all probes together of an hour that is older than
    /// [`crate::slo::series::Series::replay_span`].
    pub fn add_hour(&mut self, hour: Timestamp, tally: Tally) {
        self.0.restore_hour(hour, tally);
    }

    /// Takes the tally of all probes together over a part of such an hour.
    pub fn add_part(&mut self, start: Timestamp, tally: Tally) {
        self.0.series.add_part(start, tally);
    }

    /// Takes the tally of all probes together over a slot that is older than
    /// [`crate::slo::series::Series::fine_span`].
    pub fn add_slot(&mut self, slot: i64, tally: Tally) {
        self.0.series.add_slot(slot, tally);
    }

    /// Takes one outcome of a probe that counts, given its position among those.
    pub fn record(&mut self, probe: usize, event: &Event) {
        self.add(probe, event.at, self.0.objective.sli.tally(event));
    }

    /// Takes what was counted up to a time, as [`Tracker::add`] does.
    pub fn add(&mut self, probe: usize, at: Timestamp, tally: Option<Tally>) {
        self.0.reach(at);
        self.0.take(probe, at, tally);
    }

    /// Ends the filling. `since` is when the first of its probes began. The counters continue from
    /// these: what was filled in did not happen in this process.
    #[must_use]
    pub fn go_live(
        self,
        now: Timestamp,
        since: Option<Timestamp>,
        counters: (u64, u64),
    ) -> Tracker {
        let mut tracker = self.0;
        tracker.close_slices(now);
        tracker.since = since;
        if let (Some(missing), Some(since)) = (tracker.missing(), since) {
            // Whole hours by what is not there, and the newest slices one by one.
            let until = tracker.closed();
            let hour = until - until.rem_euclid(SLICES_PER_HOUR);
            let known = tracker.oldest(now).max(tracker.retention.begin(now));
            let from = slice_start(slice_of(since)).max(known);
            let left_out = tracker.corrected.joined(&tracker.unwatched.spans());
            tracker
                .series
                .complete(from, slice_start(hour), missing, &left_out);
            tracker.fill(hour, until);
        }
        tracker.counters = Counters::going_on_from(counters);
        tracker
    }
}
