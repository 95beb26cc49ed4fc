//! Counters that go on from page to page, as `increase` of Prometheus counts them. Pure.
//!
//! Each series continues on its own, so that the reset of one worker is no reset of their sum. What
//! falls was reset and counts from 0. A series that is new counts from 0 as well if its metric or
//! other metrics of the service were there before: a client library creates the series of a status
//! with the first such response, and in several processes (`PROMETHEUS_MULTIPROC_DIR`) a metric with
//! its first event. Prometheus leaves these first events out.
//! `process_start_time_seconds` is not looked at: for an exporter it is not the time at which the
//! counters began, and what falls shows a restart as well.

use super::scan::{Found, KEPT_MAX, NATIVES_MAX, NativePoint, Point, Slot};
use std::collections::HashMap;

/// Upper bounds of one histogram.
const BOUNDS_MAX: usize = 300;
/// What no service counts between two pages; it would be lost on everything that is counted after it.
const INCREASE_MAX: f64 = 1e12;

/// The increases of one rule since it was first found.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// The last value of each series, also of those that are gone for now.
    last: HashMap<u64, f64>,
    natives: HashMap<u64, NativePoint>,
    was_known: bool,
    pub total: Total,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub value: f64,
    pub sum: f64,
    pub count: f64,
    /// Upper bounds and cumulative counts, in ascending order.
    pub buckets: Vec<(f64, f64)>,
    /// Whether native histograms alone were counted, whose buckets grow exponentially.
    pub is_native: bool,
}

impl Counter {
    /// Of what begins to be counted; `from_zero` if the page before could have had it and did not.
    pub fn new(from_zero: bool) -> Self {
        Self {
            was_known: from_zero,
            ..Self::default()
        }
    }

    /// How many series fell and how many rose since the last page.
    pub fn moved(&self, found: &Found) -> (usize, usize) {
        let points = found.points.iter();
        let points = points.filter_map(|point| Some((*self.last.get(&point.key)?, point.value)));
        let natives = found.natives.iter();
        let natives =
            natives.filter_map(|now| Some((self.natives.get(&now.key)?.count, now.count)));
        points
            .chain(natives)
            .fold((0, 0), |(fell, rose), (before, now)| {
                let (is_less, is_more) = (now < before, now > before);
                (fell + usize::from(is_less), rose + usize::from(is_more))
            })
    }

    /// Goes on from what a page has, without counting what changed.
    pub fn pass_over(&mut self, found: &Found) {
        let now = found.points.iter().map(|point| (point.key, point.value));
        self.last.extend(now);
        let now = found.natives.iter().map(|point| (point.key, point.clone()));
        self.natives.extend(now);
        self.was_known = true;
        self.bound(found);
    }

    /// Takes what a page has, read at these bounds where it is native. Returns how many series could
    /// not be counted: they rose by more than a service counts, or their bounds are too many.
    pub fn follow(&mut self, found: &Found, bounds: &[f64]) -> u64 {
        let mut dropped = 0;
        let is_new = |point: &&Point| !self.last.contains_key(&point.key);
        for point in found.points.iter().filter(is_new) {
            self.total.begin(point.slot);
        }
        for point in &found.points {
            let before = self.last.insert(point.key, point.value);
            let increase = match before {
                Some(before) if point.value >= before => point.value - before,
                None if !self.was_known => 0.0,
                _ => point.value,
            };
            let is_counted = self.total.add(point.slot, increase);
            dropped += u64::from(!is_counted);
        }
        for point in &found.natives {
            dropped += u64::from(!self.follow_native(point, bounds));
        }
        self.total.is_native = found.points.is_empty() && !found.natives.is_empty();
        self.was_known = true;
        self.bound(found);
        dropped
    }

    fn follow_native(&mut self, now: &NativePoint, bounds: &[f64]) -> bool {
        let before = match self.natives.insert(now.key, now.clone()) {
            Some(before) if !now.is_reset_of(&before) => Some(before),
            None if !self.was_known => Some(now.clone()),
            _ => None,
        };
        let since = |of: fn(&NativePoint) -> f64| {
            let before = before.as_ref().map_or(0.0, of);
            (of(now) - before).max(0.0)
        };
        let (count, sum) = (since(|point| point.count), since(|point| point.sum));
        let mut is_counted = self.total.add(Slot::Count, count) && self.total.add(Slot::Sum, sum);
        if !is_counted {
            return false;
        }
        let mut before = before.iter().flat_map(|before| before.up_to.iter());
        for (bound, up_to) in bounds.iter().zip(&now.up_to) {
            let before = before.next().copied().unwrap_or_default();
            let increase = (up_to - before).max(0.0);
            is_counted &= self.total.add(Slot::Bucket(*bound), increase);
        }
        self.total.add(Slot::Bucket(f64::INFINITY), count) && is_counted
    }

    fn bound(&mut self, found: &Found) {
        if self.last.len() > 2 * KEPT_MAX {
            let now = found.points.iter().map(|point| (point.key, point.value));
            self.last = now.collect();
        }
        if self.natives.len() > 2 * NATIVES_MAX {
            let now = found.natives.iter().map(|point| (point.key, point.clone()));
            self.natives = now.collect();
        }
    }
}

impl NativePoint {
    /// As in Prometheus: what falls was reset, and so was what became finer. A client library that
    /// has too many buckets joins them, so that counts up to a bound inside of one change.
    fn is_reset_of(&self, before: &Self) -> bool {
        let mut pairs = self.up_to.iter().zip(&before.up_to);
        let is_finer = self.shape.0 > before.shape.0 || self.shape.1 < before.shape.1;
        let fell = self.shape == before.shape && pairs.any(|(now, before)| now < before);
        is_finer || fell || self.count < before.count
    }
}

impl Total {
    /// Makes a bound that a histogram has from now on. Of what was counted before, at least the count of
    /// the bound below it was within it.
    fn begin(&mut self, slot: Slot) {
        let Slot::Bucket(bound) = slot else { return };
        let place = self
            .buckets
            .binary_search_by(|(one, _)| one.total_cmp(&bound));
        if let Err(at) = place
            && !self.buckets.is_empty()
            && self.buckets.len() < BOUNDS_MAX
        {
            let below = at.checked_sub(1).map_or(0.0, |below| self.buckets[below].1);
            self.buckets.insert(at, (bound, below));
        }
    }

    /// Adds an increase, unless it is too large or of one bound too many.
    fn add(&mut self, slot: Slot, increase: f64) -> bool {
        if increase > INCREASE_MAX {
            return false;
        }
        match slot {
            Slot::Value => self.value += increase,
            Slot::Sum => self.sum += increase,
            Slot::Count => self.count += increase,
            Slot::Bucket(bound) => {
                let place = self
                    .buckets
                    .binary_search_by(|(one, _)| one.total_cmp(&bound));
                match place {
                    Ok(at) => self.buckets[at].1 += increase,
                    Err(at) if self.buckets.len() < BOUNDS_MAX => {
                        self.buckets.insert(at, (bound, increase));
                    }
                    Err(_) => return false,
                }
            }
        }
        true
    }

    /// What was counted since an earlier total.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bound: f64| {
            let place = earlier
                .buckets
                .binary_search_by(|(one, _)| one.total_cmp(&bound));
            match place {
                Ok(at) => earlier.buckets[at].1,
                Err(at) => at
                    .checked_sub(1)
                    .map_or(0.0, |below| earlier.buckets[below].1),
            }
        };
        let buckets = self.buckets.iter();
        let buckets = buckets.map(|(bound, count)| (*bound, count - before(*bound)));
        Self {
            value: self.value - earlier.value,
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
            buckets: buckets.collect(),
            is_native: self.is_native,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::Point;
    use super::*;

    fn page(points: &[(u64, f64)]) -> Found {
        let points = points.iter().map(|(key, value)| Point {
            key: *key,
            slot: Slot::Value,
            value: *value,
        });
        Found {
            points: points.collect(),
            is_known: true,
            ..Found::default()
        }
    }

    fn counted(pages: &[&[(u64, f64)]]) -> f64 {
        let mut counter = Counter::default();
        for points in pages {
            counter.follow(&page(points), &[]);
        }
        counter.total.value
    }

    #[test]
    fn increases_are_counted_from_the_first_page_on() {
        assert!(counted(&[&[(1, 1000.0)]]).abs() < 1e-9);
        assert!((counted(&[&[(1, 1000.0)], &[(1, 1007.0)]]) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_bound_that_a_new_version_adds_has_what_the_one_below_it_had() {
        let histogram = |buckets: &[(u64, f64, f64)]| Found {
            points: buckets
                .iter()
                .map(|(key, bound, value)| Point {
                    key: *key,
                    slot: Slot::Bucket(*bound),
                    value: *value,
                })
                .collect(),
            is_known: true,
            ..Found::default()
        };
        let mut counter = Counter::default();
        for count in [0.0, 100.0] {
            let page = [(1, 0.25, count), (2, 0.5, count), (3, f64::INFINITY, count)];
            counter.follow(&histogram(&page), &[]);
        }
        let before = counter.total.clone();
        // Restarted: all count from 0.
        let page = [
            (1, 0.25, 7.0),
            (4, 0.3, 8.0),
            (2, 0.5, 9.0),
            (3, f64::INFINITY, 9.0),
        ];
        counter.follow(&histogram(&page), &[]);
        let counts =
            |total: &Total| -> Vec<f64> { total.buckets.iter().map(|(_, count)| *count).collect() };
        assert_eq!(counts(&counter.total), [107.0, 108.0, 109.0, 109.0]);
        assert_eq!(counts(&counter.total.since(&before)), [7.0, 8.0, 9.0, 9.0]);
    }

    #[test]
    fn an_increase_that_nobody_can_count_is_left_out() {
        let pages: [&[(u64, f64)]; 4] = [&[(1, 0.0)], &[(1, 5.0)], &[(1, 1e300)], &[(1, 1e300)]];
        assert!((counted(&pages) - 5.0).abs() < 1e-9);
        assert!((counted(&[&[], &[(1, f64::MAX), (2, 3.0)]]) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_reset_of_one_series_counts_from_zero() {
        // The sum falls from 1500 to 1005, which as a reset of the sum would count 1005.
        let pages: [&[(u64, f64)]; 2] = [&[(1, 1000.0), (2, 500.0)], &[(1, 1002.0), (2, 3.0)]];
        assert!((counted(&pages) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_new_series_counts_from_zero_if_its_metric_was_there() {
        let first_errors: [&[(u64, f64)]; 2] = [&[], &[(5, 20.0)]];
        assert!((counted(&first_errors) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_series_that_comes_back_continues() {
        let pages: [&[(u64, f64)]; 3] = [&[(1, 1e6)], &[], &[(1, 1e6 + 2.0)]];
        assert!((counted(&pages) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut counter = Counter::default();
        for round in 0..5_u64 {
            let keys = (0..KEPT_MAX as u64).map(|key| (round * 1_000_000 + key, 1.0));
            counter.follow(&page(&keys.collect::<Vec<_>>()), &[]);
            assert!(counter.last.len() <= 3 * KEPT_MAX);
        }
        let mut total = Total::default();
        for bound in 0..1000_u32 {
            total.add(Slot::Bucket(bound.into()), 1.0);
        }
        assert_eq!(total.buckets.len(), BOUNDS_MAX);
    }
}
