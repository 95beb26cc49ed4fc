//! How fast events come, and how much time they stand for together.

use super::objective::{BudgetingMethod, EventSource, Objective};
use super::series::Counts;
use super::track::ContributingProbe;
use crate::outcome::millis;

/// The rate of events of one objective: today's of probes, and that of the counted time of real
/// traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Milliseconds per count.
    pub spacing_ms: f64,
    /// How many probes watch the same time together, so that each event covers its share of it.
    pub together: u32,
}

impl Pace {
    /// `counts` are those of the time that the rate is for.
    pub fn of(objective: &Objective, contributing: &[ContributingProbe], counts: Counts) -> Self {
        let budgeting = objective.budgeting;
        if budgeting.is_sliced() {
            // A slice is all its time.
            let spacing_ms = millis(BudgetingMethod::SLICE) as f64 / f64::from(budgeting.parts());
            return Self {
                spacing_ms,
                together: 1,
            };
        }
        let events = counts.good + counts.bad;
        if objective.source == EventSource::Metrics && events > 0 {
            return Self {
                spacing_ms: counts.covered_ms.max(1) as f64 / events as f64,
                together: 1,
            };
        }
        let per_ms =
            |contributor: &ContributingProbe| 1.0 / contributor.interval.as_millis().max(1) as f64;
        Self {
            spacing_ms: 1.0 / contributing.iter().map(per_ms).sum::<f64>(),
            together: u32::try_from(contributing.len().max(1)).unwrap_or(u32::MAX),
        }
    }

    /// How much of a window the counted events stand for, in milliseconds.
    pub fn covered_ms(self, counts: Counts) -> f64 {
        counts.covered_ms as f64 / f64::from(self.together)
    }
}
