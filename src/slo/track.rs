//! One objective's live state: outcomes in, a view of all its numbers out.

use super::budget;
use super::correction::Spans;
use super::objective::{
    Budgeting, Judgement, Objective, Tally, TallyKey, clamp_ms, judge_slice, slice_of,
};
use super::series::{Counts, Series};
use crate::outcome::{Timestamp, Verdict, millis};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The span whose burn a forecast continues.
const FORECAST_FROM: Duration = Duration::from_secs(86_400);
/// The longest window that is shown for every objective.
const LONGEST_SHOWN: Duration = Duration::from_secs(30 * 86_400);

/// Counts outcomes for one objective.
#[derive(Clone, Debug)]
pub struct Tracker {
    objective: Arc<Objective>,
    /// Intervals of the probes that count, in milliseconds.
    intervals: Vec<u32>,
    /// Outcomes of this time are not counted.
    corrected: Arc<Spans>,
    series: Series,
    slices: Slices,
    events: u64,
    bad_events: u64,
}

/// What one objective is at one moment, over one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowView {
    pub good: u64,
    pub bad: u64,
    /// Events that the whole window would hold.
    pub expected: f64,
    /// good / (good + bad)
    pub sli: Option<f64>,
    /// error ratio / (1 - target)
    pub burn_rate: Option<f64>,
    /// counted / expected, from 0 to 1.
    pub coverage: Option<f64>,
}

impl Tracker {
    /// `intervals` are those of the probes that count for the objective; at least one.
    pub fn new(objective: Arc<Objective>, intervals: &[Duration]) -> Self {
        Self {
            series: Series::new(objective.reach().max(LONGEST_SHOWN)),
            intervals: intervals
                .iter()
                .map(|interval| clamp_ms(*interval).max(1))
                .collect(),
            corrected: Arc::default(),
            slices: Slices::default(),
            events: 0,
            bad_events: 0,
            objective,
        }
    }

    /// Takes time out; what was counted already stays counted.
    #[must_use]
    pub fn with_corrected(mut self, corrected: Arc<Spans>) -> Self {
        self.corrected = corrected;
        self
    }

    pub fn corrected(&self) -> &Arc<Spans> {
        &self.corrected
    }

    /// What happened before is in no window any more.
    pub fn oldest(&self, now: Timestamp) -> Timestamp {
        self.series
            .start(now, self.objective.reach().max(LONGEST_SHOWN))
    }

    pub fn objective(&self) -> &Arc<Objective> {
        &self.objective
    }

    pub fn intervals(&self) -> impl Iterator<Item = Duration> + '_ {
        self.intervals
            .iter()
            .map(|ms| Duration::from_millis(u64::from(*ms)))
    }

    /// What stored hourly tallies must have been counted by to be usable here; `None` where one
    /// probe's tally says nothing, since a slice is judged over all probes together.
    pub fn tally_key(&self) -> Option<TallyKey> {
        let Objective { sli, budgeting, .. } = *self.objective;
        let alone = self.intervals.len() == 1 || budgeting == Budgeting::Occurrences;
        alone.then_some(TallyKey { sli, budgeting })
    }

    /// Whether an outcome counts as a failure here.
    pub fn is_bad(&self, verdict: Verdict, latency: Duration) -> bool {
        self.objective.sli.judge(verdict, latency) == Judgement::Bad
    }

    /// Takes one outcome of a probe that counts for this objective.
    pub fn record(
        &mut self,
        at: Timestamp,
        verdict: Verdict,
        latency: Duration,
        interval: Duration,
    ) {
        let judgement = self.objective.sli.judge(verdict, latency);
        if judgement == Judgement::NotCounted || self.corrected.contains(at) {
            return;
        }
        let bad = judgement == Judgement::Bad;
        match self.objective.budgeting {
            Budgeting::Occurrences => {
                self.events += 1;
                self.bad_events += u64::from(bad);
                let event = Tally {
                    good: u32::from(!bad),
                    bad: u32::from(bad),
                    covered_ms: self.share(clamp_ms(interval)),
                };
                self.series.add(at, event);
            }
            Budgeting::Timeslices { slice_target } => {
                if let Some((before, after)) = self.slices.count(at, bad, slice_target) {
                    let start = Timestamp(slice_of(at) * millis(Budgeting::SLICE));
                    self.series.take_back(start, before);
                    self.series.add(start, after);
                }
            }
        }
    }

    /// Makes ready for being filled from the past up to `now`.
    pub fn anchor(&mut self, now: Timestamp) {
        self.series.anchor(now);
    }

    /// Takes one probe's tally of an hour that is older than [`Series::replay_span`].
    pub fn restore_hour(&mut self, hour: Timestamp, mut tally: Tally) {
        if self.objective.budgeting == Budgeting::Occurrences {
            tally.covered_ms = self.share(tally.covered_ms);
        }
        self.series.add_hour(hour, tally);
    }

    /// Takes the tally of all probes together over a slot that is older than [`Series::fine_span`].
    pub fn restore_slot(&mut self, slot: i64, mut tally: Tally) {
        if self.objective.budgeting == Budgeting::Occurrences {
            tally.covered_ms = self.share(tally.covered_ms);
        }
        self.series.add_slot(slot, tally);
    }

    /// Closes the slices that ended at least one slice ago: from then on they are counted events.
    pub fn close_slices(&mut self, now: Timestamp) {
        if let Budgeting::Timeslices { slice_target } = self.objective.budgeting {
            let closed = self.slices.close(slice_of(now) - 1, slice_target);
            self.events += u64::from(closed.good + closed.bad);
            self.bad_events += u64::from(closed.bad);
        }
    }

    /// Sets the counters, and not the windows: what was replayed did not happen in this process.
    pub fn restart_counters(&mut self, now: Timestamp, (events, bad_events): (u64, u64)) {
        self.close_slices(now);
        (self.events, self.bad_events) = (events, bad_events);
    }

    /// Counted events and bad ones since the process started.
    pub fn counters(&self) -> (u64, u64) {
        (self.events, self.bad_events)
    }

    /// Over the last `window`.
    pub fn view(&self, now: Timestamp, window: Duration) -> WindowView {
        let start = self.series.start(now, window);
        let counts = self.series.sum(now, window);
        self.judge(now, counts, start, start.after(window))
    }

    /// Over the window that the budget is for: rolling, or the whole of the calendar's period, of
    /// which the part that is still to come counts as unobserved.
    pub fn period(&self, now: Timestamp) -> WindowView {
        let Some(calendar) = self.objective.calendar else {
            return self.view(now, self.objective.window);
        };
        let (start, end) = calendar.around(now);
        self.judge(now, self.series.sum_since(start, now), start, end)
    }

    fn judge(
        &self,
        now: Timestamp,
        mut counts: Counts,
        from: Timestamp,
        to: Timestamp,
    ) -> WindowView {
        self.leave_out_running(&mut counts, now);
        let span = Duration::from_millis((to.0 - from.0).unsigned_abs());
        let window = span.saturating_sub(self.corrected.overlap(from, to));
        let spacing = self.spacing_ms();
        WindowView {
            good: counts.good,
            bad: counts.bad,
            expected: budget::expected_events(counts, window, spacing),
            sli: budget::sli(counts),
            burn_rate: budget::burn_rate(counts, self.objective.target),
            coverage: budget::coverage(counts, window, spacing),
        }
    }

    /// What is not over cannot be judged: its first failure would look like a bad minute.
    fn leave_out_running(&self, counts: &mut Counts, now: Timestamp) {
        if let Budgeting::Timeslices { slice_target } = self.objective.budgeting {
            *counts -= self.slices.judged(slice_of(now), slice_target);
        }
    }

    /// Counts per UTC day, today last.
    pub fn days<const N: usize>(&self, now: Timestamp) -> [Counts; N] {
        self.series.days(now)
    }

    /// Share of the objective's budget that is left, given its window's view.
    pub fn remaining(&self, period: &WindowView) -> Option<f64> {
        budget::remaining(period.bad, period.expected, self.objective.target)
    }

    /// How long a total outage the budget still affords.
    pub fn affordable(&self, period: &WindowView) -> Option<Duration> {
        let target = self.objective.target;
        budget::affordable(period.bad, period.expected, target, self.spacing_ms())
    }

    /// When a spent budget will have something left again if nothing fails from now on.
    pub fn recovery(&self, now: Timestamp, period: &WindowView) -> Option<Timestamp> {
        let window = self.objective.window;
        let budget = (1.0 - self.objective.target) * period.expected;
        if period.bad as f64 <= budget {
            return None;
        }
        if let Some(calendar) = self.objective.calendar {
            return Some(calendar.around(now).1);
        }
        budget::recovery(budget, &self.series.bad_by_hour(now, window), now, window)
    }

    /// When the budget will be spent if the last day's burn goes on.
    pub fn exhaustion(&self, now: Timestamp, period: &WindowView) -> Option<Timestamp> {
        let mut day = self.series.sum(now, FORECAST_FROM);
        self.leave_out_running(&mut day, now);
        if day.bad == 0 || day.covered_ms == 0 {
            return None;
        }
        let window = self.objective.window;
        let burning = budget::Burning {
            budget: (1.0 - self.objective.target) * period.expected,
            // In a period of the calendar nothing ages out before it is over.
            bad_by_hour: match self.objective.calendar {
                None => self.series.bad_by_hour(now, window),
                Some(_) => vec![(now, period.bad)],
            },
            rate: day.bad as f64 / (day.covered_ms as f64 / 1000.0),
        };
        let end = self
            .objective
            .calendar
            .map(|calendar| calendar.around(now).1);
        let at = budget::exhaustion(&burning, now, window)?;
        end.is_none_or(|end| at < end).then_some(at)
    }

    /// Several probes watch the same time together, so each outcome covers its share of it.
    fn share(&self, covered_ms: u32) -> u32 {
        covered_ms / u32::try_from(self.intervals.len().max(1)).unwrap_or(u32::MAX)
    }

    /// Milliseconds per event at today's intervals.
    fn spacing_ms(&self) -> f64 {
        match self.objective.budgeting {
            Budgeting::Timeslices { .. } => millis(Budgeting::SLICE) as f64,
            Budgeting::Occurrences => {
                1.0 / self
                    .intervals
                    .iter()
                    .map(|ms| 1.0 / f64::from(*ms))
                    .sum::<f64>()
            }
        }
    }
}

/// The newest slices, still open to late outcomes.
#[derive(Clone, Debug, Default)]
struct Slices {
    /// Number of the first slice kept.
    first: i64,
    /// Good and bad outcomes per slice.
    counts: VecDeque<(u32, u32)>,
    /// Slices below this number are in the counters.
    closed: i64,
}

impl Slices {
    /// A late outcome changes its slice for this many minutes.
    const KEPT: usize = 64;

    /// Counts one outcome; returns how its slice was judged before and is now.
    fn count(&mut self, at: Timestamp, bad: bool, slice_target: f64) -> Option<(Tally, Tally)> {
        let slice = slice_of(at);
        if self.counts.is_empty() {
            self.first = slice;
        }
        self.make_room(slice);
        let index = usize::try_from(slice - self.first).ok()?;
        let (good, failed) = self.counts.get_mut(index)?;
        let before = judge_slice(*good, *failed, slice_target);
        let counted = if bad { &mut *failed } else { &mut *good };
        *counted += 1;
        Some((before, judge_slice(*good, *failed, slice_target)))
    }

    /// How a slice is judged now; nothing if it holds no outcome.
    fn judged(&self, slice: i64, slice_target: f64) -> Tally {
        let index = usize::try_from(slice - self.first).ok();
        let counts = index.and_then(|index| self.counts.get(index));
        counts.map_or_else(Tally::default, |(good, bad)| {
            judge_slice(*good, *bad, slice_target)
        })
    }

    fn make_room(&mut self, slice: i64) {
        let kept = Self::KEPT as i64;
        let end = self.first + self.counts.len() as i64;
        if slice < self.first && end - slice <= kept {
            for _ in slice..self.first {
                self.counts.push_front((0, 0));
            }
            self.first = slice;
        }
        if slice - end >= kept {
            self.counts.clear();
            self.first = slice;
        }
        while self.first + (self.counts.len() as i64) <= slice {
            self.counts.push_back((0, 0));
        }
        while self.counts.len() > Self::KEPT {
            self.counts.pop_front();
            self.first += 1;
        }
    }

    /// Sums the slices below `until` that were not summed before.
    fn close(&mut self, until: i64, slice_target: f64) -> Tally {
        let mut sum = Tally::default();
        for (index, (good, bad)) in self.counts.iter().enumerate() {
            let slice = self.first + index as i64;
            if slice >= self.closed && slice < until {
                sum.add(judge_slice(*good, *bad, slice_target));
            }
        }
        self.closed = self.closed.max(until);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;
    use crate::slo::Sli;
    use crate::slo::calendar::{Calendar, Period};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const HOUR: Duration = Duration::from_secs(3600);
    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    fn tracker(sli: Sli, budgeting: Budgeting, intervals: &[u64]) -> Tracker {
        let objective = Objective {
            name: "o".into(),
            sli,
            target: 0.999,
            window: MONTH,
            calendar: None,
            budgeting,
            probes: vec![],
        };
        let intervals: Vec<_> = intervals.iter().map(|s| Duration::from_secs(*s)).collect();
        Tracker::new(Arc::new(objective), &intervals)
    }

    const SLICES: Budgeting = Budgeting::Timeslices { slice_target: 0.9 };

    #[test]
    fn two_probes_share_the_time_they_watch() {
        let mut tracker = tracker(Sli::Success, Budgeting::Occurrences, &[10, 60]);
        for second in (0..3600).step_by(10) {
            tracker.record(
                Timestamp::from_secs(second),
                Verdict::Good,
                HOUR,
                Duration::from_secs(10),
            );
        }
        for second in (0..3600).step_by(60) {
            tracker.record(
                Timestamp::from_secs(second),
                Verdict::Good,
                HOUR,
                Duration::from_secs(60),
            );
        }
        let view = tracker.view(Timestamp::from_secs(3599), HOUR);
        assert_eq!((view.good, view.coverage), (420, Some(1.0)));
        assert!(
            (tracker.view(Timestamp::from_secs(3599), MONTH).expected - 420.0 * 720.0).abs() < 1e-6
        );
    }

    #[test]
    fn a_changed_interval_keeps_what_was_observed() {
        let mut tracker = tracker(Sli::Success, Budgeting::Occurrences, &[60]);
        for second in (0..1800).step_by(10) {
            tracker.record(
                Timestamp::from_secs(second),
                Verdict::Good,
                HOUR,
                Duration::from_secs(10),
            );
        }
        // Half an hour at 10 s was observed, the other half hour would hold 30 events at 60 s.
        let view = tracker.view(Timestamp::from_secs(3599), HOUR);
        assert!((view.expected - (180.0 + 30.0)).abs() < 1e-9);
    }

    #[test]
    fn a_failed_request_is_never_fast_and_a_void_one_never_counts() {
        let below = Duration::from_millis(500);
        let mut tracker = tracker(Sli::Latency { below }, Budgeting::Occurrences, &[10]);
        let at = Timestamp(0);
        let interval = Duration::from_secs(10);
        tracker.record(
            at,
            Verdict::Bad(Cause::Refused),
            Duration::from_millis(1),
            interval,
        );
        tracker.record(at, Verdict::Good, below, interval);
        tracker.record(
            at,
            Verdict::Good,
            below.saturating_sub(Duration::from_nanos(1)),
            interval,
        );
        tracker.record(
            at,
            Verdict::Void(crate::outcome::Why::Network),
            below,
            interval,
        );
        let view = tracker.view(at, HOUR);
        assert_eq!((view.good, view.bad), (1, 2));
        assert_eq!(tracker.counters(), (3, 2));
    }

    #[test]
    fn slices_become_counted_events_when_they_close() {
        let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
        for second in (0..120).step_by(10) {
            let verdict = if second < 60 {
                Verdict::Bad(Cause::Timeout)
            } else {
                Verdict::Good
            };
            tracker.record(
                Timestamp::from_secs(second),
                verdict,
                HOUR,
                Duration::from_secs(10),
            );
        }
        tracker.close_slices(Timestamp::from_secs(119));
        assert_eq!(tracker.counters(), (0, 0));
        tracker.close_slices(Timestamp::from_secs(120));
        tracker.close_slices(Timestamp::from_secs(125));
        assert_eq!(tracker.counters(), (1, 1));
        tracker.close_slices(Timestamp::from_secs(600));
        assert_eq!(tracker.counters(), (2, 1));
        let view = tracker.view(Timestamp::from_secs(125), HOUR);
        assert_eq!((view.good, view.bad), (1, 1));
    }

    #[test]
    fn a_calendar_month_begins_anew_and_expects_its_whole_length() {
        let mut objective = Objective {
            name: "o".into(),
            sli: Sli::Success,
            target: 0.999,
            window: MONTH,
            calendar: Some(Calendar {
                period: Period::Month,
                zone: chrono_tz::UTC,
            }),
            budgeting: Budgeting::Occurrences,
            probes: vec![],
        };
        let interval = Duration::from_secs(60);
        // 2026-10-31 12:00 UTC; October ends twelve hours later.
        let noon = 1_793_448_000;
        let midnight = noon + 12 * 3600;
        let lived = |objective: &Objective, end: i64| {
            let mut tracker = Tracker::new(Arc::new(objective.clone()), &[interval]);
            for second in (noon..end).step_by(60) {
                let verdict = if second < noon + 3600 {
                    Verdict::Bad(Cause::Status)
                } else {
                    Verdict::Good
                };
                tracker.record(Timestamp::from_secs(second), verdict, HOUR, interval);
            }
            tracker
        };
        let october = Timestamp::from_secs(midnight - 1);
        let tracker = lived(&objective, midnight);
        let period = tracker.period(october);
        assert_eq!((period.good, period.bad), (660, 60));
        // 31 days of one attempt a minute; 44.64 may fail.
        assert!(
            (period.expected - 44_640.0).abs() < 1.0,
            "{}",
            period.expected
        );
        assert!(tracker.remaining(&period).is_some_and(|left| left < 0.0));
        let next = Timestamp::from_secs(midnight);
        assert_eq!(tracker.recovery(october, &period), Some(next));

        let tracker = lived(&objective, midnight + 600);
        let november = Timestamp::from_secs(midnight + 599);
        let period = tracker.period(november);
        assert_eq!((period.good, period.bad), (10, 0));
        assert!(
            (period.expected - 43_200.0).abs() < 1.0,
            "{}",
            period.expected
        );
        assert_eq!(tracker.recovery(november, &period), None);
        // The day before burns on in the burn rate, but November's budget lasts beyond its end or
        // runs out within it.
        let end = tracker
            .exhaustion(november, &period)
            .expect("60 of 730 attempts fail");
        assert!(end > november && end < Timestamp::from_secs(midnight + 30 * 86_400));
        objective.calendar = None;
        let rolling = lived(&objective, midnight + 600);
        assert_eq!(rolling.period(november).bad, 60);
    }

    proptest! {
        #[test]
        fn slices_equal_a_brute_force_recount(
            steps in prop::collection::vec((1_i64..90_000, 0_u8..10, 0_i64..100_000), 1..300),
        ) {
            let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
            let mut slices: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
            let mut clock = 1_700_000_000_000_i64;
            for (step, kind, late) in steps {
                clock += step;
                let at = Timestamp(clock - late);
                let verdict = match kind { 0 => Verdict::Bad(Cause::Status), 1 => Verdict::Void(crate::outcome::Why::Network), _ => Verdict::Good };
                tracker.record(at, verdict, HOUR, Duration::from_secs(10));
                let slice = slices.entry(at.0.div_euclid(60_000)).or_default();
                match verdict { Verdict::Good => slice.0 += 1, Verdict::Bad(_) => slice.1 += 1, Verdict::Void(_) => {} }
            }
            for window in [Duration::from_secs(300), HOUR, MONTH] {
                let width = if window <= 2 * HOUR { 10_000 } else { 3_600_000 };
                let last = clock.div_euclid(width);
                let inside = |slice: i64| (last - millis(window) / width + 1..=last).contains(&(slice * 60_000).div_euclid(width));
                let mut expected = (0, 0);
                for (slice, (good, bad)) in &slices {
                    let over = *slice != clock.div_euclid(60_000);
                    if inside(*slice) && over && good + bad > 0 {
                        if f64::from(*good) >= 0.9 * f64::from(good + bad) { expected.0 += 1 } else { expected.1 += 1 }
                    }
                }
                let view = tracker.view(Timestamp(clock), window);
                prop_assert_eq!((view.good, view.bad), expected);
            }
        }
    }
}
