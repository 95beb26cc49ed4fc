//! Series of windows, and what of them can be tested.

use crate::stats::order::{median_of, usable};
use crate::stats::rank::theil_sen;
use std::time::Duration;

/// One value per window of equal width, oldest first; `None` where nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'a> {
    pub width: Duration,
    pub values: &'a [Option<f64>],
}

/// Known windows that a verdict takes: each half is tested too.
pub const MIN_WINDOWS: usize = 20;
/// More are merged to means of neighbors: the tests compare all pairs.
pub const MAX_WINDOWS: usize = 240;

const WARM_UP: Duration = Duration::from_secs(600);

/// Hours since the first window, and values.
pub(super) type Points = Vec<(f64, f64)>;

impl<'a> Windows<'a> {
    /// Without the warm-up after a start: the first fifth, at least 10 min.
    #[must_use]
    pub fn after_warm_up(self) -> Windows<'a> {
        let least = WARM_UP.as_millis().div_ceil(self.width.as_millis().max(1));
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        let skipped = least.max(self.values.len().div_ceil(5));
        let values = self.values.get(skipped..).unwrap_or_default();
        Windows { values, ..self }
    }

    /// What is known, at the middle of each window. Neighbors are merged if there are too many.
    pub(super) fn points(&self) -> Points {
        let hours = self.width.as_secs_f64() / 3600.0;
        let merged = self.values.len().div_ceil(MAX_WINDOWS).max(1);
        let mean = |(at, group): (usize, &[Option<f64>])| {
            let known: Vec<f64> = group
                .iter()
                .flatten()
                .copied()
                .filter(|v| usable(*v))
                .collect();
            let n = known.len() as f64;
            let middle = (at * merged) as f64 + merged as f64 / 2.0;
            (!known.is_empty()).then(|| (middle * hours, known.iter().map(|v| v / n).sum()))
        };
        self.values
            .chunks(merged)
            .enumerate()
            .filter_map(mean)
            .collect()
    }
}

/// Windows on either side of a possible restart whose medians are compared.
const SIDE: usize = 3;

/// The points since the value last fell below half of what it was, as it does when a process
/// starts anew.
pub(super) fn since_restart(points: &[(f64, f64)]) -> &[(f64, f64)] {
    let level = |side: &[(f64, f64)]| median_of(side.iter().map(|(_, value)| *value));
    let fell = |at: &usize| {
        let before = level(&points[at.saturating_sub(SIDE)..*at]);
        let after = level(&points[*at..(at + SIDE).min(points.len())]);
        before
            .zip(after)
            .is_some_and(|(before, after)| before > 0.0 && after < before / 2.0)
    };
    let restart = (1..points.len()).rev().find(fell).unwrap_or(0);
    &points[restart..]
}

/// Whether the load of a service rose by at least `least` (a share) over these windows. What its
/// resources and latencies did meanwhile follows from the load, and is no trend of their own.
pub fn load_rises(load: Windows<'_>, least: f64) -> bool {
    let points = load.points();
    let level = median_of(points.iter().map(|(_, value)| *value));
    let slope = theil_sen(&points, 0.0);
    let hours = load.width.as_secs_f64() / 3600.0 * load.values.len() as f64;
    level
        .zip(slope)
        .is_some_and(|(level, line)| line.slope * hours >= least * level.abs())
}
