//! Autocorrelation of a series at lag 1.

use super::order::usable;

/// Upper bound of estimates. A slower series cannot be distinguished from a trend at its length.
const MAX_CORRELATION: f64 = 0.95;

/// The lag-1 autocorrelation; 0 for a constant series.
pub fn lag_one(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    if values.len() < 2 || !values.iter().copied().all(usable) {
        return 0.0;
    }
    let mean = values.iter().map(|value| value / n).sum::<f64>();
    // Scaled, so that squares neither overflow nor underflow.
    let largest = values
        .iter()
        .fold(0.0_f64, |most, value| most.max((value - mean).abs()));
    if largest <= mean.abs() * f64::EPSILON {
        return 0.0;
    }
    let scaled: Vec<f64> = values
        .iter()
        .map(|value| (value - mean) / largest)
        .collect();
    let squares: f64 = scaled.iter().map(|value| value * value).sum();
    let products: f64 = scaled.windows(2).map(|pair| pair[0] * pair[1]).sum();
    products / squares
}

/// The lag-1 autocorrelation of the residuals of a series around its trend, corrected for the bias in short
/// series: `(n r1 + 2) / (n - 4)`, from 0 to 0.95.
pub fn of_residuals(residuals: &[f64]) -> f64 {
    let n = residuals.len() as f64;
    if n > 4.0 {
        ((n * lag_one(residuals) + 2.0) / (n - 4.0)).clamp(0.0, MAX_CORRELATION)
    } else {
        MAX_CORRELATION
    }
}

/// The variance inflation of the Mann-Kendall statistic of `count` values with correlated residuals:
/// `1 + 2 sum (1 - k/n) r^k`. Yue and Wang (2004), Water Resour. Manag. 18, for a first-order process.
pub fn inflation(correlation: f64, count: usize) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for lag in 1..count {
        power *= correlation;
        sum += (1.0 - lag as f64 / count as f64) * power;
    }
    1.0 + 2.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn autocorrelation_matches_known_values() {
        assert_eq!(lag_one(&[5.0; 8]), 0.0);
        // -1, 1, -1, 1: three products of -1 over four squares.
        assert!((lag_one(&[-1.0, 1.0, -1.0, 1.0]) + 0.75).abs() < 1e-12);
        // 1 to 5: products 2 + 0 + 0 + 2 over 10.
        assert!((lag_one(&[1.0, 2.0, 3.0, 4.0, 5.0]) - 0.4).abs() < 1e-12);
        assert_eq!(of_residuals(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]), 0.0);
        assert_eq!(inflation(0.0, 24), 1.0);
        // 1 + 2 (2/3 of 0.5 + 1/3 of 0.25)
        assert!((inflation(0.5, 3) - (1.0 + 2.0 * (1.0 / 3.0 + 0.25 / 3.0))).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn autocorrelation_and_inflation_are_within_their_ranges(values in prop::collection::vec(-1e150_f64..1e150, 0..60)) {
            let r = lag_one(&values);
            let factor = inflation(of_residuals(&values), values.len());
            prop_assert!((-1.0..=1.0).contains(&r), "{r}");
            prop_assert!(factor >= 1.0 && factor <= values.len().max(1) as f64, "{factor}");
        }
    }
}
