//! Quantiles of histograms, estimated like `histogram_quantile` in Prometheus. Pure.

/// Estimates a quantile of a histogram given as upper bounds and cumulative counts in ascending
/// order; the last bound is infinite. Inside a bucket, observations are assumed to be distributed
/// evenly in a classic histogram, exponentially in a native one, as since Prometheus 3.0. Returns
/// `None` without observations.
pub fn quantile(q: f64, buckets: &[(f64, f64)], is_native: bool) -> Option<f64> {
    let (last, all) = *buckets.last()?;
    if !last.is_infinite() || buckets.len() < 2 || all <= 0.0 {
        return None;
    }
    let rank = q * all;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    if at == buckets.len() - 1 {
        // Nothing is known above the highest finite bound.
        return Some(buckets[at - 1].0);
    }
    let (end, count) = buckets[at];
    if at == 0 && end <= 0.0 {
        return Some(end);
    }
    let (start, before) = match at {
        0 => (0.0, 0.0),
        _ => buckets[at - 1],
    };
    let share = (rank - before) / (count - before);
    if is_native && start > 0.0 {
        return Some(start * (end / start).powf(share));
    }
    Some(start + (end - start) * share)
}

/// Raises each count to at least that of the preceding bucket: counts of series with different
/// bounds, or read while they changed, may not be monotonic.
pub fn make_monotonic(buckets: &mut [(f64, f64)]) {
    let mut least = 0.0_f64;
    for (_, count) in buckets {
        least = least.max(*count);
        *count = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_are_those_of_histogram_quantile() {
        let buckets = [(0.1, 50.0), (0.5, 90.0), (1.0, 99.0), (INF, 100.0)];
        let at = |q| quantile(q, &buckets, false).expect("known");
        for (q, wanted) in [
            (0.5, 0.1),
            (0.25, 0.05),
            (0.7, 0.3),
            (0.9, 0.5),
            (0.99, 1.0),
            // Above the highest bound.
            (0.999, 1.0),
        ] {
            assert!((at(q) - wanted).abs() < 1e-12, "{q}: {}", at(q));
        }
        let below = [(-1.0, 5.0), (1.0, 10.0), (INF, 10.0)];
        assert_eq!(quantile(0.1, &below, false), Some(-1.0));
        let native = [(0.5, 0.0), (2.0, 10.0), (INF, 10.0)];
        assert_eq!(quantile(0.5, &native, true), Some(1.0));
    }

    #[test]
    fn a_quantile_is_unknown_without_observations_or_an_infinite_bound() {
        assert_eq!(quantile(0.5, &[], false), None);
        assert_eq!(quantile(0.5, &[(INF, 10.0)], false), None);
        assert_eq!(quantile(0.5, &[(0.1, 1.0), (1.0, 2.0)], false), None);
        assert_eq!(quantile(0.5, &[(0.1, 0.0), (INF, 0.0)], false), None);
    }

    #[test]
    fn counts_never_fall_from_bucket_to_bucket() {
        let mut buckets = [(0.1, 5.0), (0.5, 3.0), (INF, 9.0)];
        make_monotonic(&mut buckets);
        assert_eq!(buckets, [(0.1, 5.0), (0.5, 5.0), (INF, 9.0)]);
    }
}
