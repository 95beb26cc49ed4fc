//! Exponential buckets, as in native histograms of Prometheus.
//!
//! Bucket `i` of schema `n` contains values above 2^((i-1) / 2^n) and up to 2^(i / 2^n).
//! <https://prometheus.io/docs/specs/native_histograms/>

/// The schema: 32 buckets per power of two. A bucket is 2.2% wide, so that a quantile, which Prometheus
/// interpolates within a bucket, is within 2.2% of the exact one, and typically within 1%.
pub const SCHEMA: i32 = 5;
/// Values up to this one, 2^-20 (a microsecond), are in the zero bucket.
pub const ZERO_THRESHOLD: f64 = 1.0 / 1_048_576.0;

/// Buckets per power of two.
const PARTS: f64 = 32.0;
/// The index of the bucket that ends at the zero threshold.
const LAST_OF_ZERO: i32 = -20 * 32;

/// The code of a value's bucket, for a [`Histogram`](super::quantile::Histogram): 0 is the zero bucket.
pub fn code(value: f64) -> u16 {
    if value.is_nan() || value <= ZERO_THRESHOLD {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 1024 x 32, and a larger one is clamped"
    )]
    let index = (value.log2() * PARTS).ceil() as i32;
    let code = index.saturating_sub(LAST_OF_ZERO).max(1);
    u16::try_from(code).unwrap_or(u16::MAX)
}

/// The index of a code's bucket; `None` for the zero bucket.
pub fn index(code: u16) -> Option<i32> {
    (code > 0).then(|| i32::from(code) + LAST_OF_ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upper(index: i32) -> f64 {
        (f64::from(index) / PARTS).exp2()
    }

    #[test]
    fn bounds_belong_to_the_bucket_that_they_end() {
        let of = |value| index(code(value));
        assert_eq!([of(1.0), of(0.5), of(2.0)], [Some(0), Some(-32), Some(32)]);
        assert_eq!(of(1.000_001), Some(1));
        for zero in [0.0, -1.0, ZERO_THRESHOLD, f64::NAN] {
            assert_eq!(of(zero), None, "{zero}");
        }
        assert_eq!(of(ZERO_THRESHOLD * 1.001), Some(LAST_OF_ZERO + 1));
        assert_eq!(of(f64::INFINITY), index(u16::MAX));
    }

    proptest! {
        #[test]
        fn a_value_is_within_its_bucket(nanos in 1000_u64..1 << 60) {
            let value = nanos as f64 / 1e9;
            let index = index(code(value)).expect("above the zero bucket");
            let (from, to) = (upper(index - 1), upper(index));
            prop_assert!(from < value * (1.0 + 1e-12) && value <= to * (1.0 + 1e-12));
            prop_assert!(to / from - 1.0 < 0.022);
        }
    }
}
