//! Shifts between two samples.

use super::normal::two_sided;
use super::order::{median, usable};
use super::rank::MAX_POINTS;

/// The estimator of Hodges and Lehmann (1963), Ann. Math. Stat. 34: the median of all differences between a
/// value of `after` and one of `before`. `None` if a sample is empty or has more than [`MAX_POINTS`]
/// values.
pub fn hodges_lehmann(before: &[f64], after: &[f64]) -> Option<f64> {
    let valid = |sample: &[f64]| sample.len() <= MAX_POINTS && sample.iter().copied().all(usable);
    if !valid(before) || !valid(after) {
        return None;
    }
    let differences = |a: &f64| {
        let a = *a;
        before.iter().map(move |b| a - b)
    };
    median(&mut after.iter().flat_map(differences).collect::<Vec<_>>())
}

/// The two-sample test of Mann and Whitney (1947), Ann. Math. Stat. 18.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the value of `after` is larger; ties count half.
    pub u: f64,
    /// Positive if `after` is larger. Normal approximation with tie and continuity corrections.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// The share of pairs in which `after` is larger: 0.5 without a shift.
    pub superiority: f64,
}

impl MannWhitney {
    /// `None` if a sample is empty or contains an unusable value.
    pub fn of(before: &[f64], after: &[f64]) -> Option<Self> {
        let (n, m) = (before.len() as f64, after.len() as f64);
        let mut all: Vec<(f64, bool)> = before.iter().map(|value| (*value, false)).collect();
        all.extend(after.iter().map(|value| (*value, true)));
        if before.is_empty() || after.is_empty() || !all.iter().all(|(value, _)| usable(*value)) {
            return None;
        }
        all.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let (rank_sum, tied) = rank_sum(&all);
        let u = rank_sum - m * (m + 1.0) / 2.0;
        let total = n + m;
        let deviation = u - n * m / 2.0;
        let variance = n * m / 12.0 * (total + 1.0 - tied / (total * (total - 1.0)));
        let z = if variance > 0.0 {
            (deviation.abs() - 0.5).max(0.0).copysign(deviation) / variance.sqrt()
        } else {
            0.0
        };
        Some(Self {
            u,
            z,
            p: two_sided(z),
            superiority: u / (n * m),
        })
    }
}

/// The sum of the ranks of the marked values, with the mean rank for each group of equal values, and
/// `sum t^3 - t` over these groups.
fn rank_sum(sorted: &[(f64, bool)]) -> (f64, f64) {
    let (mut below, mut sum, mut tied) = (0.0, 0.0, 0.0);
    for group in sorted.chunk_by(|(a, _), (b, _)| a == b) {
        let size = group.len() as f64;
        let marked = group.iter().filter(|(_, marked)| *marked).count() as f64;
        sum += marked * (below + f64::midpoint(size, 1.0));
        tied += size * size * size - size;
        below += size;
    }
    (sum, tied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example in the documentation of scipy.stats.mannwhitneyu (ages at diagnosis: U 17, asymptotic p
    /// 0.11134688653314041).
    #[test]
    fn agrees_with_scipy() {
        let males = [19.0, 22.0, 16.0, 29.0, 24.0];
        let females = [20.0, 11.0, 17.0, 12.0];
        let found = MannWhitney::of(&females, &males).unwrap();
        assert_eq!(found.u, 17.0);
        assert!((found.p - 0.111_346_886_533_140_41).abs() < 1e-12);
        assert!(found.z > 0.0);
    }

    #[test]
    fn empty_and_equal_samples_have_no_shift() {
        assert_eq!(hodges_lehmann(&[], &[1.0]), None);
        assert_eq!(hodges_lehmann(&[f64::NAN], &[1.0]), None);
        assert_eq!(MannWhitney::of(&[1.0], &[]), None);
        let same = MannWhitney::of(&[1.0; 9], &[1.0; 5]).unwrap();
        assert_eq!((same.z, same.p, same.superiority), (0.0, 1.0, 0.5));
    }

    proptest! {
        #[test]
        fn agree_with_counting_pairs(
            before in prop::collection::vec(-4_i32..4, 1..25),
            after in prop::collection::vec(-4_i32..4, 1..25),
        ) {
            let floats = |sample: &[i32]| sample.iter().copied().map(f64::from).collect::<Vec<_>>();
            let mut differences: Vec<i32> = Vec::new();
            for a in &after {
                differences.extend(before.iter().map(|b| a - b));
            }
            differences.sort_unstable();
            let wins = differences.iter().filter(|d| **d > 0).count() as f64;
            let equal = differences.iter().filter(|d| **d == 0).count() as f64;
            let n = differences.len();
            let middle = f64::from(differences[(n - 1) / 2] + differences[n / 2]) / 2.0;
            let found = MannWhitney::of(&floats(&before), &floats(&after)).unwrap();
            prop_assert_eq!(found.u, wins + equal / 2.0);
            prop_assert!((0.0..=1.0).contains(&found.p) && found.z.is_finite());
            let opposite = MannWhitney::of(&floats(&after), &floats(&before)).unwrap();
            prop_assert!((found.p - opposite.p).abs() < 1e-12);
            prop_assert_eq!(hodges_lehmann(&floats(&before), &floats(&after)), Some(middle));
        }
    }
}
