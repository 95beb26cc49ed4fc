//! What counts over a window say: the same for live windows and for reports.

use super::budget;
use super::correction::Spans;
use super::objective::{BudgetingMethod, Objective};
use super::pace::Pace;
use super::retention::Retention;
use super::series::Counts;
use super::slice::{slice_of, slice_start};
use super::track::ContributingProbe;
use super::watchers::Watchers;
use crate::outcome::{Timestamp, millis};
use std::time::Duration;

/// What one objective is at one moment, over one window. Counts are in [`BudgetingMethod::parts`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowView {
    pub good: u64,
    pub bad: u64,
    /// Outcomes that say nothing about the service.
    pub void: u64,
    /// What the whole window would hold, without the time that is corrected.
    pub expected: f64,
    /// What it would hold with that time.
    pub nominal: f64,
    /// good / (good + bad); withheld like all that follows from it where the window reaches beyond
    /// the retention.
    pub sli: Option<f64>,
    /// error ratio / (1 - target)
    pub burn_rate: Option<f64>,
    /// Share of the time that was observed, from 0 to 1, of the part of the window that is over. Of real
    /// traffic that is the time with metrics, in which there may be no request.
    pub coverage: Option<f64>,
    /// Whether outcomes of the window may be deleted already: what is left says nothing about it.
    pub beyond_retention: bool,
}

/// A window, seen at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Extent<'a> {
    pub from: Timestamp,
    /// Exclusive; it may be still to come.
    pub to: Timestamp,
    pub now: Timestamp,
    /// What is taken out of it.
    pub corrected: &'a Spans,
    pub watchers: &'a Watchers,
    pub retention: Retention,
}

impl Extent<'_> {
    /// How events came that were counted in it.
    pub fn pace(
        &self,
        objective: &Objective,
        contributing: &[ContributingProbe],
        counts: Counts,
    ) -> Pace {
        let over = self.over(objective.budgeting);
        let together = self.watchers.average(self.from, over, self.corrected);
        Pace::of(objective, contributing, counts, together)
    }

    /// Without the time that is corrected.
    fn length(&self, to: Timestamp) -> Duration {
        let to = to.max(self.from);
        self.span(to)
            .saturating_sub(self.corrected.overlap(self.from, to))
    }

    fn span(&self, to: Timestamp) -> Duration {
        Duration::from_millis((to.0 - self.from.0).unsigned_abs())
    }

    /// The end of the part that is over.
    fn over(&self, budgeting: BudgetingMethod) -> Timestamp {
        self.to.min(judged_to(budgeting, self.now)).max(self.from)
    }

    /// Events of the part that is over, given those that were counted.
    pub fn due(&self, counts: Counts, budgeting: BudgetingMethod, pace: Pace) -> f64 {
        let over = self.length(self.over(budgeting));
        budget::expected_events(counts, over, over, pace)
    }

    /// See [`WindowView::coverage`].
    fn coverage(&self, counts: Counts, budgeting: BudgetingMethod, pace: Pace) -> Option<f64> {
        let over_ms = millis(self.length(self.over(budgeting))) as f64;
        (over_ms > 0.0).then(|| (pace.covered_ms(counts) / over_ms).min(1.0))
    }

    /// Corrected share of the part that is over, from 0 to 1; 0 before anything is over.
    pub fn corrected_share(&self, budgeting: BudgetingMethod) -> f64 {
        let over = self.over(budgeting);
        if over <= self.from {
            return 0.0;
        }
        let corrected = self.corrected.overlap(self.from, over);
        corrected.div_duration_f64(self.span(over))
    }
}

/// Up to where events are judged: what is not over cannot be, its first failure would look like a
/// bad minute.
pub fn judged_to(budgeting: BudgetingMethod, now: Timestamp) -> Timestamp {
    if budgeting.is_sliced() {
        slice_start(slice_of(now))
    } else {
        now
    }
}

impl WindowView {
    /// `counts` are those of the window without a minute that is not over.
    pub fn of(
        objective: &Objective,
        contributing: &[ContributingProbe],
        counts: Counts,
        extent: Extent<'_>,
    ) -> Self {
        let (budgeting, over) = (objective.budgeting, extent.over(objective.budgeting));
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

    /// Share of the error budget that is left, unknown while nothing was observed.
    pub fn left(&self, target: f64) -> Option<f64> {
        self.sli
            .and(budget::remaining(self.bad, self.expected, target))
    }
}

#[cfg(test)]
mod tests;
