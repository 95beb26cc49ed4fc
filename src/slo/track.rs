//! One objective's live state: outcomes in, a view of all its numbers out.

use super::budget;
use super::correction::Spans;
use super::objective::{Budgeting, Judgement, Objective, Tally, TallyKey, clamp_ms, slice_of};
use super::series::{Counts, Series};
use super::slices::Slices;
use crate::outcome::{Timestamp, Verdict, millis};
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

#[cfg(test)]
mod tests;
