//! Series of windows, and their preparation for tests.

use crate::stats::order::{median_of, usable};
use crate::stats::rank::PairSlopes;
use std::time::Duration;

/// One value per window of equal width, oldest first; `None` if unknown.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'a> {
    pub width: Duration,
    pub values: &'a [Option<f64>],
}

/// Required number of known windows: each half is tested, too.
pub const MIN_WINDOWS: usize = 20;
/// Longer series are merged to means of neighbors, since the tests compare all pairs.
pub const MAX_WINDOWS: usize = 240;

/// Number of groups whose minima are taken.
const GROUPS: usize = 24;
/// Number of windows on each side of a possible restart whose medians are compared.
const SIDE: usize = 3;
const WARM_UP: Duration = Duration::from_mins(10);

/// Hours since the first window, and values.
pub(super) type Points = Vec<(f64, f64)>;

impl<'a> Windows<'a> {
    /// Excludes the warm-up after a start: the first fifth, at least 10 min.
    #[must_use]
    pub fn after_warm_up(self) -> Windows<'a> {
        let least = WARM_UP.as_millis().div_ceil(self.width.as_millis().max(1));
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        let skipped = least.max(self.values.len().div_ceil(5));
        let values = self.values.get(skipped..).unwrap_or_default();
        Windows { values, ..self }
    }

    /// Excludes the values before the last restart: a fall below half, and by at least `least`, since small
    /// counts fall below half by chance.
    pub(super) fn since_restart(self, least: f64) -> Windows<'a> {
        let known: Vec<(usize, f64)> = self.known().collect();
        let level = |side: &[(usize, f64)]| median_of(side.iter().map(|(_, value)| *value));
        let fell = |at: &usize| {
            let before = level(&known[at.saturating_sub(SIDE)..*at]);
            let after = level(&known[*at..(at + SIDE).min(known.len())]);
            before
                .zip(after)
                .is_some_and(|(before, after)| after < before / 2.0 && before - after >= least)
        };
        let restart = (1..known.len()).rev().find(fell);
        let slot = restart.map_or(0, |restart| known[restart].0);
        let values = &self.values[slot..];
        Windows { values, ..self }
    }

    pub(super) fn known(self) -> impl Iterator<Item = (usize, f64)> {
        let slots = self.values.iter().enumerate();
        slots.filter_map(|(slot, value)| value.filter(|v| usable(*v)).map(|value| (slot, value)))
    }

    /// The known values, at the middle of each window. Neighbors are merged to their means if there are too
    /// many.
    pub(super) fn points(self) -> Points {
        let mean = |values: &[f64]| {
            let n = values.len() as f64;
            values.iter().map(|value| value / n).sum()
        };
        self.merged(self.values.len().div_ceil(MAX_WINDOWS), mean)
    }

    /// The minima of about [`GROUPS`] groups of neighbors: what a process holds after garbage collection,
    /// even if collections are less frequent than windows.
    pub(super) fn floors(self) -> Points {
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        self.merged(self.known().count() / GROUPS, least)
    }

    /// Groups are aligned to the end. An incomplete group at the start is dropped.
    fn merged(self, size: usize, merge: impl Fn(&[f64]) -> f64) -> Points {
        let size = size.max(1);
        let hours = self.width.as_secs_f64() / 3600.0;
        let first = self.values.len() % size;
        let group = |(at, group): (usize, &[Option<f64>])| {
            let values = group.iter().flatten().copied();
            let known: Vec<f64> = values.filter(|v| usable(*v)).collect();
            let middle = (first + at * size) as f64 + size as f64 / 2.0;
            (!known.is_empty()).then(|| (middle * hours, merge(&known)))
        };
        let groups = self.values[first..].chunks(size).enumerate();
        groups.filter_map(group).collect()
    }
}

/// Whether the load of a service rose by at least the share `least` over these windows. Changes of its
/// resources and latencies are then explained by the load.
pub fn load_rises(load: Windows<'_>, least: f64) -> bool {
    let points = load.points();
    let level = median_of(points.iter().map(|(_, value)| *value));
    let slopes = PairSlopes::of(&points);
    let hours = load.width.as_secs_f64() / 3600.0 * load.values.len() as f64;
    level.zip(slopes).is_some_and(|(level, slopes)| {
        let rise = slopes.median() * hours;
        // A service without requests has a level of 0.
        rise > 0.0 && rise >= least * level.abs()
    })
}
