//! The rate of events, and the time that they cover.

use super::objective::{BudgetingMethod, EventSource, Objective};
use super::series::Counts;
use super::track::ContributingProbe;
use crate::outcome::millis;

/// The event rate of an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Milliseconds per count in the future: at the current intervals of probes, or at the past rate of
    /// real traffic.
    pub spacing_ms: f64,
    /// Milliseconds per count in the counted time. The same as `spacing_ms` if nothing was counted.
    pub counted_spacing_ms: f64,
    /// The average number of probes that watched the same time, so that each event covers its share of it.
    pub together: f64,
}

impl Pace {
    /// `counts` are those of the time range that the rate is for, in which `together` probes watched on
    /// average.
    pub fn of(
        objective: &Objective,
        contributing: &[ContributingProbe],
        counts: Counts,
        together: f64,
    ) -> Self {
        let budgeting = objective.budgeting;
        if budgeting.is_sliced() {
            // A slice covers its whole time.
            let slice_ms = millis(BudgetingMethod::SLICE) as f64;
            return Self::steady(slice_ms / f64::from(budgeting.parts()), 1.0);
        }
        let events = counts.good + counts.bad;
        let counted_spacing = |together: f64| {
            let covered_ms = counts.covered_ms.max(1) as f64;
            (events > 0).then(|| covered_ms / together / events as f64)
        };
        if let Some(spacing_ms) = counted_spacing(1.0)
            && objective.source == EventSource::Metrics
        {
            return Self::steady(spacing_ms, 1.0);
        }
        let per_ms =
            |contributor: &ContributingProbe| 1.0 / contributor.interval.as_millis().max(1) as f64;
        let today = Self::steady(1.0 / contributing.iter().map(per_ms).sum::<f64>(), together);
        Self {
            counted_spacing_ms: counted_spacing(together).unwrap_or(today.spacing_ms),
            ..today
        }
    }

    /// A constant rate.
    pub const fn steady(spacing_ms: f64, together: f64) -> Self {
        Self {
            spacing_ms,
            counted_spacing_ms: spacing_ms,
            together,
        }
    }

    /// How much of a window the counted events cover, in milliseconds.
    pub fn covered_ms(self, counts: Counts) -> f64 {
        counts.covered_ms as f64 / self.together
    }
}
