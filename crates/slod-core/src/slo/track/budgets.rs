//! Views of a tracker: windows, budgets and forecasts.

use super::Tracker;
use crate::outcome::Timestamp;
use crate::slo::budget;
use crate::slo::objective::{EventSource, Objective, Window};
use crate::slo::pace::Pace;
use crate::slo::series::Counts;
use crate::slo::slice::slice_of;
use crate::slo::window::{Extent, WindowView};
use crate::units::HOUR;
use std::time::Duration;

/// The time range that forecasts extrapolate from, unless the window is shorter.
const FORECAST_FROM: Duration = Duration::from_hours(24);

/// The budget of one window at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetView {
    pub window: Window,
    /// The view of the rolling window, or of the whole calendar period, whose future part counts as
    /// unobserved.
    pub period: WindowView,
    /// `1 - bad / budget`; may be negative.
    pub remaining: Option<f64>,
    /// How long a total outage could last before the budget is exhausted. `None` also for real traffic
    /// without recent requests, unless the budget is exhausted.
    pub affordable: Option<Duration>,
    /// When an exhausted budget becomes positive again if nothing fails from now on.
    pub recovery: Option<Timestamp>,
    /// When the budget runs out at the burn rate of the last day, or of the window if that is shorter;
    /// `None` if it does not run out.
    pub exhaustion: Option<Timestamp>,
}

impl BudgetView {
    /// Remaining share of the budget; unknown if nothing was observed.
    pub fn left(&self) -> Option<f64> {
        self.period.sli.and(self.remaining)
    }
}

impl Tracker {
    /// The view of the last `window`.
    pub fn view(&self, now: Timestamp, window: Duration) -> WindowView {
        let start = self.series.start(now, window);
        let counts = self.series.sum(now, window);
        self.judge(now, counts, start, start.after(window))
    }

    /// The counts of [`Tracker::view`].
    pub fn counts(&self, now: Timestamp, window: Duration) -> Counts {
        let mut counts = self.series.sum(now, window);
        self.leave_out_running(&mut counts, now);
        counts
    }

    /// The budget of a window.
    pub fn budget(&self, now: Timestamp, window: Window) -> BudgetView {
        let period = self.period(now, &window);
        if period.beyond_retention {
            return BudgetView {
                window,
                period,
                remaining: None,
                affordable: None,
                recovery: None,
                exhaustion: None,
            };
        }
        BudgetView {
            window,
            period,
            remaining: self.left_of(&period),
            affordable: self.affordable(now, &window, &period),
            recovery: self.recovery(now, &window, &period),
            exhaustion: self.exhaustion(now, &window, &period),
        }
    }

    /// Computes only [`BudgetView::left`], for frequent evaluation.
    pub fn remaining(&self, now: Timestamp, window: &Window) -> Option<f64> {
        let period = self.period(now, window);
        (!period.beyond_retention).then(|| period.left(self.objective.target))?
    }

    /// Computes only [`BudgetView::exhaustion`].
    pub fn runs_out(&self, now: Timestamp, window: &Window) -> Option<Timestamp> {
        let period = self.period(now, window);
        (!period.beyond_retention).then(|| self.exhaustion(now, window, &period))?
    }

    fn left_of(&self, period: &WindowView) -> Option<f64> {
        budget::remaining(period.bad, period.expected, self.objective.target)
    }

    /// The view of a window of the objective; only [`BudgetView::period`].
    pub fn period(&self, now: Timestamp, window: &Window) -> WindowView {
        let Some(calendar) = window.calendar else {
            return self.view(now, window.length);
        };
        let (start, end) = calendar.around(now);
        self.judge(now, self.series.sum_since(calendar, now), start, end)
    }

    fn judge(
        &self,
        now: Timestamp,
        mut counts: Counts,
        from: Timestamp,
        to: Timestamp,
    ) -> WindowView {
        self.leave_out_running(&mut counts, now);
        let extent = Extent {
            from,
            to,
            now,
            corrected: &self.corrected,
            watchers: &self.watchers,
            retention: self.retention,
        };
        WindowView::of(&self.objective, &self.contributing, counts, extent)
    }

    /// See [`crate::slo::window::judged_to`].
    pub(super) fn leave_out_running(&self, counts: &mut Counts, now: Timestamp) {
        if let Some(slices) = &self.slices {
            *counts -= slices.judged(slice_of(now));
        }
    }

    fn affordable(&self, now: Timestamp, window: &Window, period: &WindowView) -> Option<Duration> {
        let target = self.objective.target;
        let (recent, pace) = self.recent(now, window);
        let left = budget::affordable(period.bad, period.expected, target, pace.spacing_ms)?;
        // Otherwise it is unknown how fast an outage would spend the budget.
        let has_rate = self.event_interval().is_some() || recent.good + recent.bad > 0;
        (has_rate || left.is_zero()).then_some(left)
    }

    fn recovery(&self, now: Timestamp, window: &Window, period: &WindowView) -> Option<Timestamp> {
        let budget = (1.0 - self.objective.target) * period.expected;
        if period.bad as f64 <= budget {
            return None;
        }
        if let Some(calendar) = window.calendar {
            return Some(calendar.around(now).1);
        }
        let bad_by_hour = self.series.bad_by_hour(now, window.length);
        budget::recovery(budget, &bad_by_hour, now, window.length)
    }

    fn exhaustion(
        &self,
        now: Timestamp,
        window: &Window,
        period: &WindowView,
    ) -> Option<Timestamp> {
        let (recent, pace) = self.recent(now, window);
        if recent.bad == 0 || recent.covered_ms == 0 {
            return None;
        }
        let burning = budget::Burning {
            budget: (1.0 - self.objective.target) * period.expected,
            // In a calendar period, nothing leaves the window before its end.
            bad_by_hour: match window.calendar {
                None => self.series.bad_by_hour(now, window.length),
                Some(_) => vec![(now, period.bad)],
            },
            rate: recent.bad as f64 / (pace.covered_ms(recent) / 1000.0),
        };
        let end = window.calendar.map(|calendar| calendar.around(now).1);
        let at = budget::exhaustion(&burning, now, window.length)?;
        end.is_none_or(|end| at < end).then_some(at)
    }

    /// The time that one event stands for at the current intervals. `None` for requests of real traffic,
    /// which have no interval.
    pub fn event_interval(&self) -> Option<Duration> {
        let Objective {
            source, budgeting, ..
        } = *self.objective;
        if source == EventSource::Metrics && !budgeting.is_sliced() {
            return None;
        }
        let spacing_ms =
            self.pace(Counts::default(), 1.0).spacing_ms * f64::from(budgeting.parts());
        Some(Duration::try_from_secs_f64(spacing_ms / 1000.0).unwrap_or(Duration::MAX))
    }

    /// Whether an event was bad within a span, or within the time of two events if they are less frequent.
    pub fn was_bad(&self, now: Timestamp, within: Duration) -> bool {
        let two = self.event_interval().unwrap_or_default();
        let two = two.saturating_mul(2).min(HOUR);
        self.counts(now, within.max(two)).bad > 0
    }

    /// The counts and the rate that forecasts extrapolate from. Failures that have left the window say
    /// nothing about its budget.
    fn recent(&self, now: Timestamp, window: &Window) -> (Counts, Pace) {
        let span = FORECAST_FROM.min(window.length);
        let counts = self.counts(now, span);
        let from = self.series.start(now, span);
        let together = self.watchers.average(from, now, &self.corrected);
        (counts, self.pace(counts, together))
    }

    fn pace(&self, counts: Counts, together: f64) -> Pace {
        Pace::of(&self.objective, &self.contributing, counts, together)
    }
}
