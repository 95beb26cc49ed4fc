//! Compares results for 1,000 series with scipy, statsmodels and pymannkendall; `fixtures/statistics.py`
//! generates the same series.

use super::autocorrelation::lag_one;
use super::normal::{Z_975, upper_tail};
use super::proportion::{Share, cochran_armitage, wilson};
use super::rank::{MannKendall, PairSlopes};
use super::shift::MannWhitney;

const EXPECTED: &str = include_str!("../../fixtures/statistics.csv");

/// Knuth's MMIX generator, whose low bits are not random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        let product = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = product.wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Noise, many ties, a random walk, a trend, and steps.
fn series(number: u64) -> Vec<f64> {
    let mut numbers = Numbers(number);
    let count = 6 + numbers.below(55);
    let mut level = 0.0;
    let value = |at| {
        let draw = numbers.below(1000);
        level += f64::from(draw) - 500.0;
        let value = match number % 5 {
            0 => f64::from(draw),
            1 => f64::from(draw % 4),
            2 => level,
            3 => f64::from(draw / 8 + 3 * at),
            _ => f64::from(draw % 7 + if at > count / 2 { 80 } else { 0 }),
        };
        value / 8.0
    };
    (0..count).map(value).collect()
}

fn share(value: f64) -> Share {
    let whole = crate::units::whole(value.abs().floor());
    Share {
        hits: whole % 20,
        total: 20 + whole % 7,
    }
}

/// The results in the order of the columns.
fn found(values: &[f64]) -> Vec<f64> {
    let points = values.iter().enumerate();
    let points: Vec<_> = points.map(|(at, value)| (at as f64, *value)).collect();
    let trend = MannKendall::of(values).unwrap();
    let line = PairSlopes::of(&points).unwrap().interval(Z_975);
    let residuals: Vec<_> = points
        .iter()
        .map(|(at, value)| value - line.slope * at)
        .collect();
    // The correction of Yue and Wang with the first lag only.
    let modified = 1.0 + 2.0 * (1.0 - 1.0 / values.len() as f64) * lag_one(&residuals);
    let (before, after) = values.split_at(values.len() / 2);
    let shift = MannWhitney::of(before, after).unwrap();
    let shares: Vec<_> = values.iter().copied().map(share).collect();
    let all = Share::sum(&shares);
    let (low, high) = wilson(all.hits, all.total, Z_975);
    let climb = cochran_armitage(&shares).map(|climb| climb.z * climb.overdispersion.sqrt());
    vec![
        trend.s as f64,
        trend.variance,
        trend.z(),
        trend.tau,
        line.slope,
        line.low,
        line.high,
        lag_one(values),
        trend.corrected_z(modified),
        shift.u,
        shift.p,
        shift.z,
        low,
        high,
        climb.unwrap_or(f64::NAN),
        upper_tail(values[0].rem_euclid(9.0)),
    ]
}

#[test]
fn results_agree_with_other_libraries() {
    let mut lines = EXPECTED.lines().skip(1);
    let columns: Vec<_> = lines.next().unwrap().split(',').collect();
    let mut checked = 0;
    for (number, line) in (0..).zip(lines) {
        let expected = line.split(',').map(|value| value.parse::<f64>().unwrap());
        let found = found(&series(number));
        assert_eq!(found.len(), columns.len());
        for ((column, expected), found) in columns.iter().zip(expected).zip(found) {
            let is_same = expected.is_nan() && found.is_nan()
                || (found - expected).abs() <= 1e-9 * expected.abs() + 1e-15;
            assert!(
                is_same,
                "series {number}, {column}: {found}, not {expected}"
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 16_000);
}
