//! Robust level and spread of a sample.

use super::order::{median, median_of, usable};

/// A median and the spread around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    pub median: f64,
    /// `1.4826 x` the median absolute deviation, which equals the standard deviation for a normal
    /// distribution (Rousseeuw and Croux 1993, J. Am. Stat. Assoc. 88). Up to half of the values may be
    /// outliers.
    pub spread: f64,
}

const NORMAL: f64 = 1.482_602_218_505_602;

impl Baseline {
    /// `None` without usable values; others are ignored.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| usable(*value)).collect();
        let median = median(&mut values)?;
        let spread = NORMAL * median_of(values.iter().map(|value| (value - median).abs()))?;
        Some(Self { median, spread })
    }

    /// How many spreads a value is above the median, with a minimum spread of `least`. `None` if both are
    /// zero.
    pub fn deviate(&self, value: f64, least: f64) -> Option<f64> {
        let spread = self.spread.max(least);
        if !usable(value) || spread <= 0.0 {
            return None;
        }
        let deviate = (value - self.median) / spread;
        deviate.is_finite().then_some(deviate)
    }
}
