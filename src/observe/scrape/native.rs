//! Native histograms, whose buckets grow by a factor, converted to counts at fixed bounds. Pure.
//!
//! Bucket `i` of schema `n` contains values above 2^((i-1) / 2^n) and up to 2^(i / 2^n). The
//! buckets and even the schema change from page to page; stored series do not. A histogram is
//! therefore read at the bounds of a classic one: four per doubling, and each latency threshold.
//! The bounds of schemas of 2 or more include these, so that no interpolation is needed there.
//! Inside a bucket, observations are assumed to be distributed exponentially, in the zero bucket
//! evenly, like `histogram_fraction` in Prometheus since 3.0.
//!
//! <https://prometheus.io/docs/specs/native_histograms/>

use crate::exposition::message::{Histogram, Span};

/// The schemas with exponential buckets. The other schema of Prometheus, -53 with custom bounds,
/// does not occur in this form: Prometheus exposes such histograms (`/federate`) with classic
/// buckets.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;
/// Bounds per doubling.
const PARTS: i32 = 4;
/// The first and the last bound as powers of two: 122 microseconds and 512 seconds.
const FIRST: i32 = -13;
const LAST: i32 = 9;
/// A value within this distance of a bucket's bound, in buckets, is treated as the bound.
const ROUNDING: f64 = 1e-9;

/// The bounds, in seconds, at which native histograms are read, including these thresholds.
pub fn bounds(thresholds: &[f64]) -> Vec<f64> {
    let grid =
        (FIRST * PARTS..=LAST * PARTS).map(|part| (f64::from(part) / f64::from(PARTS)).exp2());
    let is_own = |bound: &f64| !thresholds.iter().any(|one| is_same(*one, *bound));
    let mut bounds: Vec<f64> = grid
        .filter(is_own)
        .chain(thresholds.iter().copied())
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup_by(|one, other| is_same(*one, *other));
    bounds
}

/// Whether two bounds are equal up to rounding.
pub fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * other.abs()
}

/// The buckets of a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    pub schema: i32,
    pub zero_threshold: f64,
    pub count: f64,
    pub sum: f64,
    zero: f64,
    /// The total count of all negative buckets; durations are never in one.
    negative: f64,
    /// The index of each bucket, and the cumulative count up to it.
    positive: Vec<(f64, f64)>,
}

impl Native {
    /// Reads the native form of a histogram, or returns the reason why it is invalid.
    pub fn read(histogram: &Histogram) -> Result<Self, &'static str> {
        if !SCHEMAS.contains(&histogram.schema) {
            return Err("its schema is not in the range -4 to 8");
        }
        let zero = histogram.zero_count();
        let valid = [histogram.zero_threshold, zero, histogram.count()];
        if !valid.iter().all(|one| one.is_finite() && *one >= 0.0) {
            return Err("its zero bucket or its count is not a positive number");
        }
        let negative = buckets(
            &histogram.negative_spans,
            &histogram.negative_deltas,
            &histogram.negative_counts,
        )?;
        let positive = buckets(
            &histogram.positive_spans,
            &histogram.positive_deltas,
            &histogram.positive_counts,
        )?;
        let all = |buckets: &[(f64, f64)]| buckets.last().map_or(0.0, |(_, count)| *count);
        let counted = zero + all(&negative) + all(&positive);
        Ok(Self {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            // NaN observations are counted, but are in no bucket.
            count: histogram.count().max(counted),
            sum: histogram.sum,
            zero,
            negative: all(&negative),
            positive,
        })
    }

    /// The number of observations up to this value, which must be above 0.
    pub fn up_to(&self, value: f64) -> f64 {
        let place = value.log2() * f64::from(self.schema).exp2();
        let place = if (place - place.round()).abs() < ROUNDING {
            place.round()
        } else {
            place
        };
        let next = self.positive.partition_point(|(index, _)| *index <= place);
        let below = next.checked_sub(1).map_or(0.0, |at| self.positive[at].1);
        let inside = self.positive.get(next).map_or(0.0, |(index, count)| {
            (count - below) * (place - (index - 1.0)).clamp(0.0, 1.0)
        });
        self.negative + self.zero * self.share_of_zero(value) + below + inside
    }

    /// The share of the zero bucket up to this value.
    fn share_of_zero(&self, value: f64) -> f64 {
        if value >= self.zero_threshold {
            return 1.0;
        }
        let lower = if self.negative > 0.0 {
            -self.zero_threshold
        } else {
            0.0
        };
        (value - lower) / (self.zero_threshold - lower)
    }
}

/// The index of each bucket, and the counts up to it. There are as many buckets as deltas or
/// counts, so that a span of any length takes no memory.
fn buckets(
    spans: &[Span],
    deltas: &[i64],
    counts: &[f64],
) -> Result<Vec<(f64, f64)>, &'static str> {
    let lengths = spans.iter().map(|span| u64::from(span.length));
    let length = lengths.fold(0, u64::saturating_add);
    let given = if counts.is_empty() {
        deltas.len()
    } else {
        counts.len()
    };
    if length != given as u64 {
        return Err("the number of its buckets does not match its spans");
    }
    let mut counts: Box<dyn Iterator<Item = Option<f64>>> = if counts.is_empty() {
        Box::new(of_deltas(deltas))
    } else {
        Box::new(counts.iter().map(|count| Some(*count)))
    };
    let mut buckets = Vec::with_capacity(given);
    let (mut index, mut total) = (0_i64, 0.0);
    for (at, span) in spans.iter().enumerate() {
        if at > 0 && span.offset < 0 {
            return Err("its spans overlap");
        }
        // Both are 32 bits, and there are fewer than the bytes of a message: the sum cannot
        // overflow.
        index += i64::from(span.offset);
        for _ in 0..span.length {
            let count = counts.next().flatten();
            let count = count.filter(|count| count.is_finite() && *count >= 0.0);
            total += count.ok_or("a bucket has no positive count")?;
            buckets.push((index as f64, total));
            index += 1;
        }
    }
    if total.is_finite() {
        Ok(buckets)
    } else {
        Err("its counts are too large")
    }
}

/// Each count is the preceding count plus a delta; `None` on overflow.
fn of_deltas(deltas: &[i64]) -> impl Iterator<Item = Option<f64>> {
    let counts = deltas.iter().scan(Some(0_i64), |count, delta| {
        *count = count.and_then(|count| count.checked_add(*delta));
        Some(*count)
    });
    counts.map(|count| count.map(|count| count as f64))
}
