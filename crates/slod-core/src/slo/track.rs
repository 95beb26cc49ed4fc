//! The live state of one objective: counts outcomes and computes its views.

mod budgets;
mod counters;
mod days;
mod fill;

pub use budgets::BudgetView;
pub use days::DayView;
pub use fill::Backfill;

use super::absence::{Presence, UnconfiguredSpans};
use super::correction::Spans;
use super::objective::{BudgetingMethod, Objective};
use super::retention::Retention;
use super::series::Series;
use super::slice::{SliceRule, slice_of, slice_start};
use super::slices::Slices;
use super::tally::{Tally, TallyKey};
use super::watchers::Watchers;
use crate::outcome::{Event, Timestamp};
use counters::Counters;
use std::sync::Arc;
use std::time::Duration;

/// The longest window that is evaluated for every objective.
const LONGEST_SHOWN: Duration = Duration::from_hours(30 * 24);
/// Time slices per hour.
const SLICES_PER_HOUR: i64 = 60;

/// Counts outcomes for one objective.
#[derive(Clone, Debug)]
pub struct Tracker {
    objective: Arc<Objective>,
    contributing: Arc<[ContributingProbe]>,
    /// Outcomes in this time are not counted.
    corrected: Arc<Spans>,
    series: Series,
    /// Set if time slices are counted. Boxed, as most objectives have none and there are thousands.
    slices: Option<Box<Slices>>,
    /// When the first of its probes began, if that matters: slices without outcomes are missing from then
    /// on.
    since: Option<Timestamp>,
    /// When no probe was configured since then. Slices in this time are not missing.
    unwatched: UnconfiguredSpans,
    watchers: Watchers,
    retention: Retention,
    /// After the latest outcome, whether counted or not.
    newest: Timestamp,
    counters: Counters,
}

/// A probe that counts for an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContributingProbe {
    pub interval: Duration,
    pub weight: u32,
}

impl ContributingProbe {
    pub const fn every(interval: Duration) -> Self {
        let weight = 1;
        Self { interval, weight }
    }
}

impl Tracker {
    /// `contributing` are the probes that count for the objective; at least one.
    pub fn new(objective: Arc<Objective>, contributing: Vec<ContributingProbe>) -> Self {
        let weights = contributing.iter().map(|contributor| contributor.weight);
        Self {
            series: Series::new(objective.reach().max(LONGEST_SHOWN))
                .with_calendars(objective.calendars()),
            slices: SliceRule::of(&objective, weights).map(|rule| Box::new(Slices::new(rule))),
            corrected: Arc::default(),
            since: None,
            unwatched: UnconfiguredSpans::default(),
            watchers: Watchers::always(contributing.len()),
            retention: Retention::default(),
            newest: Timestamp(i64::MIN),
            counters: Counters::default(),
            contributing: contributing.into(),
            objective,
        }
    }

    /// Sets the corrected time. Outcomes that were already counted stay counted. If slices without outcomes
    /// count, whole slices are excluded, as partly excluded ones would be missing.
    pub fn correct(&mut self, corrected: Arc<Spans>) {
        self.corrected = match self.missing() {
            Some(_) => Arc::new(corrected.widened(BudgetingMethod::SLICE)),
            None => corrected,
        };
    }

    /// See [`Tracker::correct`].
    #[must_use]
    pub fn with_corrected(mut self, corrected: Arc<Spans>) -> Self {
        self.correct(corrected);
        self
    }

    /// Sets how long outcomes are kept. Windows that reach further back are withheld.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Optimizes for windows that are read more often than outcomes arrive. Must be called before anything
    /// is recorded.
    #[must_use]
    pub fn with_sums(self) -> Self {
        let series = self.series.with_sums();
        Self { series, ..self }
    }

    /// Sets when each of the probes was configured, in their order.
    pub fn watched_by(&mut self, probes: &[Presence]) {
        self.unwatched = UnconfiguredSpans::of(probes);
        self.watchers = Watchers::of(probes);
    }

    pub fn corrected(&self) -> &Arc<Spans> {
        &self.corrected
    }

    /// The start of the longest window: earlier outcomes are in no window.
    pub fn oldest(&self, now: Timestamp) -> Timestamp {
        let longest = self.objective.reach().max(LONGEST_SHOWN);
        self.series.start(now, longest)
    }

    /// The end of the time that has been processed. In the future if the clock was set back.
    pub fn newest(&self) -> Timestamp {
        let closed = self
            .slices
            .as_ref()
            .map(|slices| slice_start(slices.closed()));
        self.newest.max(closed.unwrap_or(self.newest))
    }

    pub fn objective(&self) -> &Arc<Objective> {
        &self.objective
    }

    pub fn contributing(&self) -> &[ContributingProbe] {
        &self.contributing
    }

    /// The counting rules that stored hourly tallies must match to be usable here.
    pub fn tally_key(&self) -> TallyKey {
        TallyKey::of(&self.objective)
    }

    /// The tally of an unobserved slice; `None` if such slices do not count.
    pub fn missing(&self) -> Option<Tally> {
        self.slices.as_ref()?.rule().missing()
    }

    /// Records one outcome of a contributing probe, given the probe's position.
    pub fn record(&mut self, probe: usize, event: &Event) {
        self.add(probe, event.at, self.objective.sli.tally(event));
    }

    /// Adds the counts up to a time, of the probe at this position or of real traffic.
    pub fn add(&mut self, probe: usize, at: Timestamp, tally: Option<Tally>) {
        self.reach(at);
        self.begin(at);
        self.take(probe, at, tally);
    }

    /// Advances to the time of an outcome.
    fn reach(&mut self, at: Timestamp) {
        self.newest = self.newest.max(Timestamp(at.0 + 1));
        self.close_slices(at);
    }

    fn take(&mut self, probe: usize, at: Timestamp, tally: Option<Tally>) {
        if self.unwatched.end(at) {
            // It may be late: slices that are closed by now are missing from its time on.
            self.fill(slice_of(at), self.closed());
        }
        self.watchers.note(probe, at);
        let Some(tally) = tally.filter(|_| !self.corrected.contains(at)) else {
            return;
        };
        if self.slices.is_none() {
            self.counters.add(tally);
            self.series.add(at, tally);
        } else if tally.void > 0 {
            self.series.add(at, tally);
        } else {
            self.add_to_slice(at, probe, tally);
        }
    }

    fn add_to_slice(&mut self, at: Timestamp, probe: usize, tally: Tally) {
        let slice = slice_of(at);
        let was_missing = self.is_over(slice).then(|| self.missing()).flatten();
        let counted = self.slices.as_mut();
        let Some((mut before, after)) = counted.and_then(|slices| slices.count(at, probe, tally))
        else {
            return;
        };
        if !before.is_observed() {
            before = was_missing.unwrap_or_default();
        }
        // A closed slice was already counted, as it was judged then.
        if slice < self.closed() {
            self.counters.replace(before, after);
        }
        self.series.remove(slice_start(slice), before);
        self.series.add(slice_start(slice), after);
    }

    /// Notes the time of an outcome: its probes have been known since then at the latest.
    fn begin(&mut self, at: Timestamp) {
        if self.since.is_some_and(|since| since <= at) {
            return;
        }
        let end = self.since.map_or(i64::MAX, slice_of);
        self.since = Some(at);
        self.fill(slice_of(at), end.min(self.closed()));
    }

    fn closed(&self) -> i64 {
        self.slices.as_deref().map_or(i64::MAX, Slices::closed)
    }

    /// Whether a slice is missing unless it was observed.
    fn is_over(&self, slice: i64) -> bool {
        slice < self.closed()
            && self.since.is_some_and(|since| slice_of(since) <= slice)
            && !self.unwatched.contains(slice_start(slice))
    }

    /// Adds the tally of one probe over an hour that is older than [`Series::replay_span`]; for time
    /// slices, the tally of all probes together.
    pub fn restore_hour(&mut self, hour: Timestamp, tally: Tally) {
        self.series.add_hour(hour, tally);
    }

    /// The starts of windows within an hour that is older than [`Series::replay_span`].
    pub fn starts_within(&self, hour: Timestamp) -> Vec<Timestamp> {
        self.series.starts_within(hour)
    }

    /// Counts past outcomes, given with the position of the probe, in order of time. They must cover whole
    /// slices. Corrected ones are excluded.
    pub fn count(&self, events: impl Iterator<Item = (usize, Event)>) -> Tally {
        let sli = self.objective.sli;
        self.sum(events.filter_map(|(probe, event)| Some((probe, event.at, sli.tally(&event)?))))
    }

    /// Like [`Tracker::count`], for counts up to each time.
    pub fn sum(&self, tallies: impl Iterator<Item = (usize, Timestamp, Tally)>) -> Tally {
        let counted = tallies.filter(|(_, at, _)| !self.corrected.contains(*at));
        match &self.slices {
            Some(slices) => slices.rule().count(counted),
            None => counted.fold(Tally::default(), |mut sum, (_, _, tally)| {
                sum.add(tally);
                sum
            }),
        }
    }

    /// Whether [`Tracker::close_slices`] would change anything.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let closes = |slices: &Slices| slices.closed() < slice_of(now) - 1;
        self.series.is_due(now) || self.slices.as_deref().is_some_and(closes)
    }

    /// Closes the slices that ended at least one slice length ago. From then on they are counted events, or
    /// missing.
    pub fn close_slices(&mut self, now: Timestamp) {
        self.series.turn(now);
        let Some(slices) = &mut self.slices else {
            return;
        };
        let (from, until) = (slices.closed(), slice_of(now) - 1);
        if from >= until {
            return;
        }
        let closed = slices.close(until);
        self.counters.add(closed);
        self.fill(from, until);
    }

    /// Fills closed slices that were not observed, if missing slices count.
    fn fill(&mut self, from: i64, until: i64) {
        let (Some(missing), Some(since)) = (self.missing(), self.since) else {
            return;
        };
        let oldest = self.oldest(slice_start(until)).max(since);
        for slice in from.max(slice_of(oldest))..until {
            let start = slice_start(slice);
            let seen = self
                .slices
                .as_ref()
                .is_some_and(|slices| slices.judged(slice).is_observed());
            if !seen && !self.corrected.contains(start) && !self.unwatched.contains(start) {
                self.series.add(start, missing);
                self.counters.add(missing);
            }
        }
    }

    /// Counted events and bad ones since the process started, in [`BudgetingMethod::parts`].
    pub const fn counters(&self) -> (u64, u64) {
        self.counters.exported()
    }
}

#[cfg(test)]
mod tests;
