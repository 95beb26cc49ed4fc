//! A tracker whose past is being filled in before it goes live.

use super::{Counters, SLICES_PER_HOUR, Tracker};
use crate::outcome::{Event, Timestamp};
use crate::slo::absence::Presence;
use crate::slo::slice::{slice_of, slice_start};
use crate::slo::tally::Tally;

/// Accepts past data: hours, slots, and outcomes in order of time.
#[derive(Debug)]
pub struct Backfill(Tracker);

impl Backfill {
    /// Fills in the past up to `now`. Data outside of the current windows is ignored.
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

    /// Adds the tally of all probes together over an hour that is older than
    /// [`crate::slo::series::Series::replay_span`].
    pub fn add_hour(&mut self, hour: Timestamp, tally: Tally) {
        self.0.restore_hour(hour, tally);
    }

    /// Adds the tally of all probes together over a part of such an hour.
    pub fn add_part(&mut self, start: Timestamp, tally: Tally) {
        self.0.series.add_part(start, tally);
    }

    /// Adds the tally of all probes together over a slot that is older than
    /// [`crate::slo::series::Series::fine_span`].
    pub fn add_slot(&mut self, slot: i64, tally: Tally) {
        self.0.series.add_slot(slot, tally);
    }

    /// Records one outcome of a contributing probe, given the probe's position.
    pub fn record(&mut self, probe: usize, event: &Event) {
        self.add(probe, event.at, self.0.objective.sli.tally(event));
    }

    /// Adds the counts up to a time, like [`Tracker::add`].
    pub fn add(&mut self, probe: usize, at: Timestamp, tally: Option<Tally>) {
        self.0.reach(at);
        self.0.take(probe, at, tally);
    }

    /// Ends the filling. `since` is when the first of its probes began. The exported counters continue from
    /// `counters`, because past outcomes did not occur in this process.
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
            // Whole hours are completed by the number of missing slices, the newest slices one by one.
            let until = tracker.closed();
            let hour = until - until.rem_euclid(SLICES_PER_HOUR);
            let known = tracker.oldest(now).max(tracker.retention.begin(now));
            let from = slice_start(slice_of(since)).max(known);
            let left_out = tracker.corrected.union(&tracker.unwatched.spans());
            tracker
                .series
                .complete(from, slice_start(hour), missing, &left_out);
            tracker.fill(hour, until);
        }
        tracker.counters = Counters::continuing_from(counters);
        tracker
    }
}
