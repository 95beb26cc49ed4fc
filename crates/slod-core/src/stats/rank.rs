//! Rank-based trend tests, which assume no distribution and are robust against outliers.

use super::order::{median, ties, usable};
use std::cmp::Ordering;

/// Maximum number of values. All pairs are compared, so this means two million pairs and 16 MB. Longer
/// series are thinned beforehand.
pub const MAX_POINTS: usize = 2000;

/// The trend test of Mann (1945), Econometrica 13, and Kendall (1975), Rank Correlation Methods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Number of rising pairs minus number of falling pairs.
    pub s: i64,
    /// `[n(n-1)(2n+5) - sum t(t-1)(2t+5)] / 18`, where `t` are the sizes of the groups of equal values.
    pub variance: f64,
    /// Kendall's tau-b between the values and their order.
    pub tau: f64,
}

impl MannKendall {
    /// `None` for fewer than two values, for more than [`MAX_POINTS`], and if a value is not usable.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if !(2..=MAX_POINTS).contains(&n) || !values.iter().copied().all(usable) {
            return None;
        }
        let sign = |(a, b): (f64, f64)| match b.partial_cmp(&a) {
            Some(Ordering::Greater) => 1,
            Some(Ordering::Less) => -1,
            _ => 0,
        };
        let s: i64 = pairs(values).map(sign).sum();
        let groups = ties(&mut values.to_vec());
        let tied =
            |weight: fn(f64) -> f64| -> f64 { groups.iter().map(|t| weight(*t as f64)).sum() };
        let spread = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
        let all = (n * (n - 1) / 2) as f64;
        let untied = all - tied(|t| t * (t - 1.0) / 2.0);
        Some(Self {
            s,
            variance: (spread(n as f64) - tied(|t| t * (t - 1.0) * (2.0 * t + 5.0))) / 18.0,
            tau: if untied > 0.0 {
                s as f64 / (all * untied).sqrt()
            } else {
                0.0
            },
        })
    }

    /// The normal deviate of `s` with continuity correction; 0 for a constant series.
    pub fn z(&self) -> f64 {
        self.corrected_z(1.0)
    }

    /// Like [`MannKendall::z`], with the variance multiplied by `inflation` for autocorrelated values: see
    /// [`inflation`](super::autocorrelation::inflation).
    pub fn corrected_z(&self, inflation: f64) -> f64 {
        let toward_zero = self.s - self.s.signum();
        if toward_zero == 0 || self.variance <= 0.0 {
            return 0.0;
        }
        toward_zero as f64 / (self.variance * inflation).sqrt()
    }
}

/// All pairs, the earlier value first.
fn pairs<T: Copy>(values: &[T]) -> impl Iterator<Item = (T, T)> {
    let after = |(index, first)| {
        let later: &[T] = &values[index + 1..];
        later.iter().map(move |second| (first, *second))
    };
    values.iter().copied().enumerate().flat_map(after)
}

/// A slope with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    pub slope: f64,
    pub low: f64,
    pub high: f64,
}

/// The slopes between all pairs of points `(time, value)`, whose median estimates the slope of the series.
///
/// Theil (1950) and Sen (1968), Estimates of the Regression Coefficient Based on Kendall's Tau, J. Am.
/// Stat. Assoc. 63, equation 2.6. Ranks are rounded as in scipy's `theilslopes`.
#[derive(Debug)]
pub struct PairSlopes<'p> {
    points: &'p [(f64, f64)],
    /// Not empty.
    slopes: Vec<f64>,
    median: f64,
}

impl<'p> PairSlopes<'p> {
    /// `None` for fewer than two different times, and for more than [`MAX_POINTS`] points.
    pub fn of(points: &'p [(f64, f64)]) -> Option<Self> {
        let valid = |(time, value): &(f64, f64)| usable(*time) && usable(*value);
        if points.len() > MAX_POINTS || !points.iter().all(valid) {
            return None;
        }
        let slope = |((t0, v0), (t1, v1)): ((f64, f64), (f64, f64))| (v1 - v0) / (t1 - t0);
        let mut slopes: Vec<f64> = pairs(points)
            .filter(|((t0, _), (t1, _))| t0 != t1)
            .map(slope)
            .filter(|slope| slope.is_finite())
            .collect();
        let median = median(&mut slopes)?;
        Some(Self {
            points,
            slopes,
            median,
        })
    }

    /// The slope estimate.
    pub fn median(&self) -> f64 {
        self.median
    }

    /// The slope with its interval at `z` standard deviations, from the sorted slopes at the ranks
    /// `(N -+ z sqrt(Var S)) / 2`.
    pub fn interval(&mut self, z: f64) -> Slope {
        let last = self.slopes.len() - 1;
        let spread = z * slope_variance(self.points).sqrt();
        let middle = self.slopes.len() as f64;
        let low = rank(f64::midpoint(middle, -spread)).saturating_sub(1);
        let high = rank(f64::midpoint(middle, spread)).min(last);
        let mut at = |rank: usize| *self.slopes.select_nth_unstable_by(rank, f64::total_cmp).1;
        Slope {
            slope: self.median,
            low: at(low.min(last)),
            high: at(high),
        }
    }
}

fn slope_variance(points: &[(f64, f64)]) -> f64 {
    let spread = |n: usize| {
        let n = n as f64;
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let tied = |mut values: Vec<f64>| -> f64 { ties(&mut values).into_iter().map(spread).sum() };
    let (times, values) = points.iter().copied().unzip();
    ((spread(points.len()) - tied(times) - tied(values)) / 18.0).max(0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped by the cast: a rank below 0 is 0"
)]
fn rank(value: f64) -> usize {
    value.round_ties_even() as usize
}

#[cfg(test)]
mod tests;
