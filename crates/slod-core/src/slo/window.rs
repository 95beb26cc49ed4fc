//! The state of an objective over a window, for live windows and for reports.

use super::budget;
use super::correction::Spans;
use super::objective::{BudgetingMethod, Objective};
use super::pace::Pace;
use super::retention::Retention;
use super::series::Counts;
use super::slice::{next_slice_start, slice_of, slice_start};
use super::track::ContributingProbe;
use super::watchers::Watchers;
use crate::outcome::{Timestamp, millis};
use std::time::Duration;

/// The state of one objective at one moment, over one window. Counts are in [`BudgetingMethod::parts`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowView {
    pub good: u64,
    pub bad: u64,
    /// Outcomes that say nothing about the service.
    pub void: u64,
    /// Expected number of events in the whole window, excluding corrected time.
    pub expected: f64,
    /// Expected number of events, including corrected time.
    pub nominal: f64,
    /// good / (good + bad). Withheld together with all derived values if the window reaches beyond the
    /// retention.
    pub sli: Option<f64>,
    /// error ratio / (1 - target)
    pub burn_rate: Option<f64>,
    /// Observed share of the elapsed part of the window, from 0 to 1. For real traffic, that is the time
    /// with metrics, even without requests.
    pub coverage: Option<f64>,
    /// Whether outcomes of the window may have been deleted, so that the remaining ones are not conclusive.
    pub beyond_retention: bool,
}

/// A window as seen at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Extent<'a> {
    pub from: Timestamp,
    /// Exclusive; may be in the future.
    pub to: Timestamp,
    pub now: Timestamp,
    /// The excluded time.
    pub corrected: &'a Spans,
    pub watchers: &'a Watchers,
    pub retention: Retention,
}

impl Extent<'_> {
    /// The rate of the events that were counted in it.
    pub fn pace(
        &self,
        objective: &Objective,
        contributing: &[ContributingProbe],
        counts: Counts,
    ) -> Pace {
        let over = self.elapsed_to(objective.budgeting);
        let together = self.watchers.average(self.from, over, self.corrected);
        Pace::of(objective, contributing, counts, together)
    }

    /// The length up to `to`, excluding corrected time.
    fn length(&self, to: Timestamp) -> Duration {
        let to = to.max(self.from);
        self.span(to)
            .saturating_sub(self.corrected.overlap(self.from, to))
    }

    fn span(&self, to: Timestamp) -> Duration {
        to.since(self.from)
    }

    /// The end of the elapsed part.
    fn elapsed_to(&self, budgeting: BudgetingMethod) -> Timestamp {
        self.to.min(judged_to(budgeting, self.now)).max(self.from)
    }

    /// Expected number of events in the elapsed part, given the counted ones.
    pub fn due(&self, counts: Counts, budgeting: BudgetingMethod, pace: Pace) -> f64 {
        let over = self.length(self.elapsed_to(budgeting));
        budget::expected_events(counts, over, over, pace)
    }

    /// See [`WindowView::coverage`].
    fn coverage(&self, counts: Counts, budgeting: BudgetingMethod, pace: Pace) -> Option<f64> {
        let from = if budgeting.is_sliced() {
            // A slice that began before the window is not part of it.
            next_slice_start(self.from)
        } else {
            self.from
        };
        let judged = Self { from, ..*self };
        let over_ms = millis(judged.length(judged.elapsed_to(budgeting))) as f64;
        (over_ms > 0.0).then(|| (pace.covered_ms(counts) / over_ms).min(1.0))
    }

    /// Corrected share of the elapsed part, from 0 to 1; 0 if nothing has elapsed.
    pub fn corrected_share(&self, budgeting: BudgetingMethod) -> f64 {
        let over = self.elapsed_to(budgeting);
        if over <= self.from {
            return 0.0;
        }
        let corrected = self.corrected.overlap(self.from, over);
        corrected.div_duration_f64(self.span(over))
    }
}

/// The time up to which events are judged. A slice in progress is excluded, since its first failure would
/// look like a bad minute.
pub fn judged_to(budgeting: BudgetingMethod, now: Timestamp) -> Timestamp {
    if budgeting.is_sliced() {
        slice_start(slice_of(now))
    } else {
        now
    }
}

impl WindowView {
    /// `counts` are those of the window, excluding a slice in progress.
    pub fn of(
        objective: &Objective,
        contributing: &[ContributingProbe],
        counts: Counts,
        extent: Extent<'_>,
    ) -> Self {
        let (budgeting, over) = (objective.budgeting, extent.elapsed_to(objective.budgeting));
        let pace = extent.pace(objective, contributing, counts);
        let expected = |length: &dyn Fn(Timestamp) -> Duration| {
            budget::expected_events(counts, length(over), length(extent.to), pace)
        };
        let beyond_retention = extent.from < extent.retention.begin(extent.now);
        let known = (!beyond_retention).then_some(counts);
        Self {
            good: counts.good,
            bad: counts.bad,
            void: counts.void,
            expected: expected(&|to| extent.length(to)),
            nominal: expected(&|to| extent.span(to)),
            sli: known.and_then(budget::sli),
            burn_rate: known.and_then(|counts| budget::burn_rate(counts, objective.target)),
            coverage: extent.coverage(counts, budgeting, pace),
            beyond_retention,
        }
    }

    /// Remaining share of the error budget; unknown if nothing was observed.
    pub fn left(&self, target: f64) -> Option<f64> {
        self.sli
            .and(budget::remaining(self.bad, self.expected, target))
    }
}

#[cfg(test)]
mod tests;
