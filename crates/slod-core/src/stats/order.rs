//! Order statistics: medians and ties.

/// Larger magnitudes are treated as unknown, so that squares and their sums stay finite.
pub const LARGEST: f64 = 1e150;

/// Whether a value is finite and small enough for computations.
pub fn usable(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

/// The median; for an even number of values, the mean of the two in the middle. Reorders the values.
pub fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) =
        (!values.is_empty()).then(|| values.select_nth_unstable_by(middle, f64::total_cmp))?;
    let lower = below.iter().copied().max_by(f64::total_cmp);
    let upper = *upper;
    Some(match lower.filter(|_| even) {
        Some(lower) => f64::midpoint(lower, upper),
        None => upper,
    })
}

/// The median, without reordering the input.
pub fn median_of(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    median(&mut values.into_iter().collect::<Vec<_>>())
}

/// The sizes of groups of equal values. Sorts the values.
pub fn ties(values: &mut [f64]) -> Vec<usize> {
    values.sort_unstable_by(f64::total_cmp);
    values.chunk_by(|a, b| a == b).map(<[f64]>::len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians_and_ties_match_known_values() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median_of([3.0]), Some(3.0));
        assert_eq!(median_of([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(ties(&mut [0.0, 1.0, -0.0, 1.0, 2.0]), [2, 2, 1]);
    }

    proptest! {
        #[test]
        fn a_median_is_in_the_middle_of_the_sorted_values(
            mut values in prop::collection::vec(-1e6_f64..1e6, 1..40),
        ) {
            let found = median_of(values.clone()).unwrap();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            prop_assert_eq!(found, f64::midpoint(values[(n - 1) / 2], values[n / 2]));
        }
    }
}
