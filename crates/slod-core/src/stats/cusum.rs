//! Page's cumulative sum, for early detection of lasting level changes.

/// Accumulates excess over the allowance: `S = max(0, S + y - k)`, alarm while `S > h`. Page (1954),
/// Continuous Inspection Schemes, Biometrika 41. The deviates `y` must be in standard deviations and
/// independent; see [`Whitening`] for correlated series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cusum {
    allowance: f64,
    threshold: f64,
    sum: f64,
}

impl Cusum {
    pub const fn new(allowance: f64, threshold: f64) -> Self {
        Self {
            allowance,
            threshold,
            sum: 0.0,
        }
    }

    /// Adds a deviate, and returns whether the sum is above the threshold. NaN is ignored.
    pub fn push(&mut self, deviate: f64) -> bool {
        if !deviate.is_nan() {
            // Bounded, so that one extreme value cannot prolong the alarm.
            let sum = self.sum + deviate - self.allowance;
            self.sum = sum.clamp(0.0, 2.0 * self.threshold);
        }
        self.sum > self.threshold
    }

    pub const fn sum(&self) -> f64 {
        self.sum
    }
}

/// Turns a first-order autocorrelated series into independent deviates of the same variance:
/// `(x_t - r x_(t-1)) / sqrt(1 - r^2)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whitening {
    correlation: f64,
    last: Option<f64>,
}

/// With a larger correlation, the residuals would no longer show a change.
const MAX_CORRELATION: f64 = 0.98;

impl Whitening {
    pub fn new(correlation: f64) -> Self {
        Self {
            correlation: correlation.clamp(0.0, MAX_CORRELATION),
            last: None,
        }
    }

    /// Changes the correlation and keeps the state.
    pub fn set(&mut self, correlation: f64) {
        self.correlation = correlation.clamp(0.0, MAX_CORRELATION);
    }

    /// `None` for the first value, and after a gap (`None`).
    pub fn push(&mut self, deviate: Option<f64>) -> Option<f64> {
        let before = std::mem::replace(&mut self.last, deviate)?;
        let r = self.correlation;
        deviate.map(|deviate| (deviate - r * before) / (1.0 - r * r).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_of_one_deviation_is_detected_after_about_twice_the_threshold() {
        let mut cusum = Cusum::new(0.5, 5.0);
        let found = (1..100).find(|_| cusum.push(1.0));
        assert_eq!(found, Some(11));
    }

    #[test]
    fn whitened_values_after_a_gap() {
        let mut whitening = Whitening::new(0.6);
        assert_eq!(whitening.push(Some(1.0)), None);
        assert!((whitening.push(Some(1.0)).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(whitening.push(None), None);
        assert_eq!(whitening.push(Some(1.0)), None);
    }

    #[test]
    fn the_sum_stays_finite_with_extreme_values() {
        let mut cusum = Cusum::new(0.5, 5.0);
        assert!(!cusum.push(f64::NAN));
        assert!(cusum.push(f64::INFINITY));
        assert!(cusum.push(f64::MAX));
        assert!(!cusum.push(f64::NEG_INFINITY));
        assert_eq!(cusum.sum(), 0.0);
    }
}
