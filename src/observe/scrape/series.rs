//! A series or histogram of a page as a unit, and its increase since an earlier page. Pure.

use super::scan::{NativePoint, RuleSamples, Slot};
use std::collections::HashMap;

/// Maximum number of upper bounds per role.
const BOUNDS_MAX: usize = 300;
/// 2^53: from here on, adding one to a floating-point number has no effect.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// The series of a page for one rule.
#[derive(Debug, Default)]
pub struct Page {
    /// By key.
    pub series: Vec<(u64, Series)>,
    /// The finite upper bounds common to all histograms, in ascending order; `None` without
    /// histograms. The number of requests up to another bound is not known for all of them.
    pub bounds: Option<Vec<f64>>,
    /// The number of bounds above the limit.
    pub excess: u64,
    /// Whether all of them are native histograms.
    pub is_native: bool,
}

#[derive(Clone, Debug)]
pub enum Series {
    Value(f64),
    Histogram(Histogram),
}

/// All samples that differ only in `le`, or a native histogram at the bounds of its role.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    count: Option<f64>,
    /// `None` without a sum that is a positive number.
    sum: Option<f64>,
    /// Upper bounds and cumulative counts in ascending order, including `+Inf` if present.
    buckets: Vec<(f64, f64)>,
    /// See [`NativePoint::shape`].
    shape: Option<(i32, f64)>,
}

/// An implausible increase between two pages. Adding it would make later increases vanish in
/// rounding.
const INCREASE_MAX: f64 = 1e12;

/// The increase between two pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Increase {
    pub value: f64,
    pub sum: f64,
    pub count: f64,
    /// Up to each requested bound, at most the count; empty if unknown.
    pub up_to: Vec<f64>,
}

impl Increase {
    /// Whether the increase is plausible.
    pub fn is_countable(&self) -> bool {
        let all = [self.value, self.sum, self.count];
        all.iter().all(|one| *one <= INCREASE_MAX)
    }
}

impl Page {
    /// `bounds` are those at which native histograms are read.
    pub fn of(found: &RuleSamples, bounds: &[f64]) -> Self {
        let mut page = Self {
            is_native: found.points.is_empty() && !found.natives.is_empty(),
            ..Self::default()
        };
        let mut histograms: HashMap<u64, Histogram> = HashMap::new();
        for point in &found.points {
            if point.slot == Slot::Value {
                page.series.push((point.key, Series::Value(point.value)));
                continue;
            }
            let histogram = histograms.entry(point.key).or_default();
            match point.slot {
                Slot::Bucket(bound) => histogram.buckets.push((bound, point.value)),
                Slot::Sum => histogram.sum = Some(point.value),
                Slot::Count | Slot::Value => histogram.count = Some(point.value),
            }
        }
        for histogram in histograms.values_mut() {
            let buckets = &mut histogram.buckets;
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        let natives = found.natives.iter();
        histograms.extend(natives.map(|point| (point.key, Histogram::of(point, bounds))));
        page.bounds = common_bounds(histograms.values());
        if let Some(bounds) = &mut page.bounds {
            page.excess = bounds.len().saturating_sub(BOUNDS_MAX) as u64;
            bounds.truncate(BOUNDS_MAX);
        }
        let histograms = histograms.into_iter();
        page.series
            .extend(histograms.map(|(key, one)| (key, Series::Histogram(one))));
        page
    }
}

fn common_bounds<'h>(mut histograms: impl Iterator<Item = &'h Histogram>) -> Option<Vec<f64>> {
    let mut common: Vec<f64> = histograms.next()?.bounds().collect();
    for histogram in histograms {
        common.retain(|bound| histogram.up_to(*bound).is_some());
    }
    Some(common)
}

impl Series {
    /// The value, or the count of a histogram.
    pub fn total(&self) -> f64 {
        match self {
            Self::Value(value) => *value,
            Self::Histogram(histogram) => histogram.total(),
        }
    }

    /// Whether it is small enough to be incremented by one.
    pub fn is_countable(&self) -> bool {
        self.total() < COUNT_MAX
    }

    /// The increase since `before`, or since the start. A value that fell was reset, and counts
    /// from 0.
    pub fn since(&self, before: Option<&Self>, bounds: &[f64]) -> Increase {
        match (self, before) {
            (Self::Value(now), before) => {
                let before = before.map_or(0.0, Self::total);
                Increase {
                    value: if *now < before { *now } else { now - before },
                    ..Increase::default()
                }
            }
            (Self::Histogram(now), Some(Self::Histogram(before))) => now.since(before, bounds),
            (Self::Histogram(now), _) => now.since_begin(bounds),
        }
    }
}

impl Histogram {
    fn of(native: &NativePoint, bounds: &[f64]) -> Self {
        let bounds = bounds.iter().copied();
        Self {
            count: Some(native.count),
            sum: native.sum,
            buckets: bounds.zip(native.up_to.iter().copied()).collect(),
            shape: Some(native.shape),
        }
    }

    fn bounds(&self) -> impl Iterator<Item = f64> + '_ {
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        bounds.filter(|bound| bound.is_finite())
    }

    fn up_to(&self, bound: f64) -> Option<f64> {
        let place = self
            .buckets
            .binary_search_by(|(one, _)| one.total_cmp(&bound));
        place.ok().map(|at| self.buckets[at].1)
    }

    /// Prometheus divides by `+Inf`; without it, `_count` is the same.
    fn total(&self) -> f64 {
        let highest = self.buckets.last().map(|(_, count)| *count);
        let total = self.up_to(f64::INFINITY).or(self.count).or(highest);
        total.unwrap_or_default()
    }

    fn since_begin(&self, bounds: &[f64]) -> Increase {
        let up_to = bounds.iter().map(|bound| self.up_to(*bound));
        increase(self.total(), self.sum, up_to)
    }

    fn since(&self, before: &Self, bounds: &[f64]) -> Increase {
        let Some(count) = self.count_since(before) else {
            return self.since_begin(bounds);
        };
        let up_to = bounds
            .iter()
            .map(|bound| Some(self.up_to(*bound)? - before.up_to(*bound)?));
        let sum = self.sum.zip(before.sum).map(|(now, before)| now - before);
        increase(count, sum, up_to)
    }

    /// The increase of the count, or `None` if the histogram was reset. Its samples may be read
    /// while they change, so a single one that falls does not indicate a reset.
    fn count_since(&self, before: &Self) -> Option<f64> {
        if self.is_finer(before) {
            return None;
        }
        let infinite = self.up_to(f64::INFINITY).zip(before.up_to(f64::INFINITY));
        let counts = [infinite, self.count.zip(before.count)];
        let risen = |(now, before): (f64, f64)| (now >= before).then_some(now - before);
        if counts == [None, None] {
            return risen((self.total(), before.total()));
        }
        counts.into_iter().flatten().find_map(risen)
    }

    /// As in Prometheus: a native histogram that became finer was reset, and so was one with a
    /// bucket that fell. A client library merges buckets if there are too many, so that counts up
    /// to a bound inside a bucket change.
    fn is_finer(&self, before: &Self) -> bool {
        let (Some(now), Some(then)) = (self.shape, before.shape) else {
            return false;
        };
        let mut pairs = self.buckets.iter().zip(&before.buckets);
        let is_finer = now.0 > then.0 || now.1 < then.1;
        is_finer || (now == then && pairs.any(|(now, before)| now.1 < before.1))
    }
}

/// Empty if a bound is not known. Makes the counts monotonic, and limits them to the total count.
fn increase(count: f64, sum: Option<f64>, up_to: impl Iterator<Item = Option<f64>>) -> Increase {
    let mut least = 0.0_f64;
    let up_to = up_to.map(|one| {
        least = least.max(one?).min(count);
        Some(least)
    });
    let known: Option<Vec<f64>> = up_to.collect();
    known.map_or_else(Increase::default, |up_to| Increase {
        value: 0.0,
        sum: sum.unwrap_or(0.0).max(0.0),
        count,
        up_to,
    })
}
