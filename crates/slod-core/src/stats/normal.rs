//! The standard normal distribution.

use std::f64::consts::PI;

/// One-sided 5%, two-sided 10%.
pub const Z_95: f64 = 1.644_853_626_951_472_2;
/// Two-sided 5%.
pub const Z_975: f64 = 1.959_963_984_540_054;
/// One-sided 1%.
pub const Z_99: f64 = 2.326_347_874_040_841;

/// One-sided 0.5%.
pub const Z_995: f64 = 2.575_829_303_548_900_4;
/// One-sided 0.25%.
pub const Z_9975: f64 = 2.807_033_768_343_811;
/// One-sided 0.05%.
pub const Z_9995: f64 = 3.290_526_731_491_926;

/// Beyond this, the continued fraction converges in fewer steps than the series.
const TAIL: f64 = 3.0;
/// Both converge to the precision of `f64` within this number of steps.
const STEPS: u32 = 100;

/// The probability of exceeding `z`, to about 15 digits (relative precision in the tail).
///
/// Uses the series of Marsaglia, Evaluating the Normal Distribution (2004), J. Stat. Softw. 11(4), near the
/// middle, and Laplace's continued fraction (Abramowitz and Stegun 26.2.14) in the tail.
pub fn upper_tail(z: f64) -> f64 {
    if z.is_nan() {
        return 0.5;
    }
    let tail = if z.abs() < TAIL {
        0.5 - middle(z.abs())
    } else {
        density(z) / fraction(z.abs())
    };
    if z < 0.0 { 1.0 - tail } else { tail }
}

/// The probability of a deviation of at least `|z|` in either direction.
pub fn two_sided(z: f64) -> f64 {
    (2.0 * upper_tail(z.abs())).min(1.0)
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The probability of the interval from 0 to `z`.
fn middle(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    for step in 1..STEPS {
        term *= z * z / f64::from(2 * step + 1);
        sum += term;
    }
    sum * density(z)
}

fn fraction(z: f64) -> f64 {
    (1..STEPS)
        .rev()
        .fold(z, |below, step| z + f64::from(step) / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From R, `pnorm(z, lower.tail = FALSE)`.
    #[test]
    fn tail_probabilities_match_tables() {
        let table = [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (Z_95, 0.05),
            (Z_975, 0.025),
            (Z_99, 0.01),
            (3.0, 0.001_349_898_031_630_094_6),
            (6.0, 9.865_876_450_376_946e-10),
            (10.0, 7.619_853_024_160_47e-24),
        ];
        for (z, tail) in table {
            let relative = (upper_tail(z) - tail).abs() / tail;
            assert!(relative < 1e-12, "{z}: {}", upper_tail(z));
            assert!((upper_tail(-z) - (1.0 - tail)).abs() < 1e-14);
        }
        assert_eq!((upper_tail(1e9), upper_tail(-1e9)), (0.0, 1.0));
        assert_eq!(upper_tail(f64::INFINITY), 0.0);
        assert_eq!(two_sided(0.0), 1.0);
    }
}
