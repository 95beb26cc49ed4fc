//! A robust line through points, with the uncertainty of its slope.

use crate::stats::autocorrelation::{inflation, of_residuals};
use crate::stats::baseline::Baseline;
use crate::stats::normal::Z_95;
use crate::stats::order::median_of;
use crate::stats::rank::{MannKendall, PairSlopes, Slope};

/// The Theil-Sen slope per hour with a 90% interval, and the deviate of the Mann-Kendall test, both with
/// the variance correction of Yue and Wang.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    z: f64,
    pub slope: Slope,
    /// The spread of the values around the line.
    spread: f64,
    start: f64,
    end: f64,
    /// The value at hour 0.
    origin: f64,
}

impl Line {
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        let mut slopes = PairSlopes::of(points)?;
        let rough = slopes.median();
        let residuals: Vec<f64> = points.iter().map(|(t, v)| v - rough * t).collect();
        let factor = inflation(of_residuals(&residuals), points.len());
        Some(Self {
            z: MannKendall::of(&values)?.corrected_z(factor),
            slope: slopes.interval(Z_95 * factor.sqrt()),
            spread: Baseline::of(residuals.iter().copied())?.spread,
            start: points.first()?.0,
            end: points.last()?.0,
            origin: median_of(residuals)?,
        })
    }

    /// Whether it rises by more than chance: either the deviate exceeds `threshold`, or the rise is so much
    /// larger than the deviations from the line that slow noise cannot explain it. The latter detects
    /// stepwise or curved growth, whose deviations are correlated.
    pub(super) fn rises(&self, threshold: f64) -> bool {
        let clear = self.rise() >= CLEAR * self.spread;
        self.slope.low > 0.0 && (self.z > threshold || clear)
    }

    pub(super) fn from(&self) -> f64 {
        self.origin + self.slope.slope * self.start
    }

    pub(super) fn to(&self) -> f64 {
        self.origin + self.slope.slope * self.end
    }

    pub(super) fn rise(&self) -> f64 {
        self.slope.slope * self.hours()
    }

    pub(super) fn hours(&self) -> f64 {
        self.end - self.start
    }

    /// The slope that the test detects in 95% of such series: the standard deviations of the threshold
    /// plus those of the power.
    pub(super) fn smallest_slope(&self, threshold: f64) -> f64 {
        let deviation = (self.slope.high - self.slope.low) / (2.0 * Z_95);
        (threshold + Z_95) * deviation
    }

    /// Whether a later part rises like the whole.
    pub(super) fn continues_in(&self, part: &[(f64, f64)]) -> bool {
        PairSlopes::of(part)
            .is_some_and(|later| later.median() >= LEAST_CONTINUATION * self.slope.slope)
    }
}

/// Minimum number of spreads of a clear rise.
const CLEAR: f64 = 10.0;
/// Minimum slope of the second half as a share of the overall slope; below it, growth is leveling off.
const LEAST_CONTINUATION: f64 = 0.4;
