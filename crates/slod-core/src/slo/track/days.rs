//! The history of a tracker by UTC day.

use super::Tracker;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::window::{Extent, WindowView};
use crate::units::DAY_MS;

/// One UTC day of one objective. Counts are in [`crate::slo::BudgetingMethod::parts`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DayView {
    /// Midnight at the start of the day.
    pub start: Timestamp,
    pub good: u64,
    pub bad: u64,
    /// See [`WindowView::coverage`]; `None` if no time of the day counts.
    pub coverage: Option<f64>,
    /// See [`Extent::corrected_share`].
    pub corrected: f64,
}

impl Tracker {
    /// The last days; today is last.
    pub fn days<const N: usize>(&self, now: Timestamp) -> [DayView; N] {
        let today = now.0.div_euclid(DAY_MS);
        let counts = self.series.days::<N>(now);
        std::array::from_fn(|index| {
            let day = today + 1 - (N - index) as i64;
            self.day(now, Timestamp(day * DAY_MS), counts[index])
        })
    }

    fn day(&self, now: Timestamp, start: Timestamp, mut counts: Counts) -> DayView {
        let extent = Extent {
            from: start,
            to: Timestamp(start.0 + DAY_MS),
            now,
            corrected: &self.corrected,
            watchers: &self.watchers,
            retention: self.retention,
        };
        if now < extent.to {
            self.leave_out_running(&mut counts, now);
        }
        let view = WindowView::of(&self.objective, &self.contributing, counts, extent);
        DayView {
            start,
            good: view.good,
            bad: view.bad,
            coverage: view.coverage,
            corrected: extent.corrected_share(self.objective.budgeting),
        }
    }
}
