//! Counters that go on from page to page, as `increase` of Prometheus counts them. Pure.
//!
//! Each series continues on its own, so that the reset of one worker is no reset of their sum, and a
//! histogram is one of them with all of its buckets. What falls was reset and counts from 0. A series
//! that is new counts from 0 as well if its metric or other metrics of the service were there before,
//! and none is gone that it may be a new name of: a client library creates the series of a status with
//! the first such response, and in several processes (`PROMETHEUS_MULTIPROC_DIR`) a metric with its
//! first event. Prometheus leaves these first events out. Requests that appear at once in a number that
//! the service never had between two pages are the past of a series that was not shown before.
//! `process_start_time_seconds` is not looked at: for an exporter it is not the time at which the
//! counters began, and what falls shows a restart as well.

use super::scan::KEPT_MAX;
use super::series::{Increase, Page, Series};
use std::collections::HashMap;

/// Requests of a new series that are counted in any case,
const NEW_COUNTED: f64 = 100.0;
/// and more of them up to this many times the most that ever came between two pages.
const NEW_TIMES: f64 = 10.0;

/// The increases of one rule since it was first found.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// Each series as it was last; also those that are gone for now.
    last: HashMap<u64, Known>,
    /// How many pages there were.
    pages: u64,
    /// How many series the last one had.
    present: usize,
    was_known: bool,
    /// Whether it counts requests.
    is_of_requests: bool,
    /// The most that came between two pages, of series that were there before.
    most: f64,
    pub total: Total,
}

/// A series as it was last.
#[derive(Clone, Debug)]
struct Known {
    series: Series,
    /// The number of the page.
    page: u64,
    /// What it leapt to on that page, further than anything counts: it goes on from there if it stays there, and
    /// otherwise as if it had never been there.
    leap: Option<Series>,
}

impl Known {
    fn new(series: Series, page: u64) -> Self {
        Self {
            series,
            page,
            leap: None,
        }
    }

    /// Takes the next value. Returns its increase; `None` if it leaps.
    fn follow(&mut self, now: Series, page: u64, bounds: &[f64]) -> Option<Increase> {
        self.page = page;
        if let Some(leap) = self.leap.take()
            && now.total() >= leap.total()
        {
            self.series = leap;
        }
        let increase = now.since(Some(&self.series), bounds);
        if increase.is_countable() {
            self.series = now;
            return Some(increase);
        }
        self.leap = Some(now);
        None
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub value: f64,
    pub sum: f64,
    pub count: f64,
    /// Finite upper bounds and cumulative counts, in ascending order.
    pub buckets: Vec<(f64, f64)>,
    /// Whether native histograms alone were counted, whose buckets grow exponentially.
    pub is_native: bool,
    /// How often it began anew, because the histograms lost a bound.
    pub restarts: u32,
}

impl Counter {
    /// Of what begins to be counted; `from_zero` if the page before could have had it and did not.
    pub fn new(from_zero: bool, is_of_requests: bool) -> Self {
        Self {
            was_known: from_zero,
            is_of_requests,
            ..Self::default()
        }
    }

    /// How many series fell and how many rose since the last page.
    pub fn moved(&self, page: &Page) -> (usize, usize) {
        let pairs = page
            .series
            .iter()
            .filter_map(|(key, now)| Some((self.last.get(key)?.series.total(), now.total())));
        pairs.fold((0, 0), |(fell, rose), (before, now)| {
            let (is_less, is_more) = (now < before, now > before);
            (fell + usize::from(is_less), rose + usize::from(is_more))
        })
    }

    /// Goes on from what a page has, without counting what changed.
    pub fn pass_over(&mut self, page: Page) {
        self.turn(page.series.len());
        let now = page.series.into_iter();
        self.last
            .extend(now.map(|(key, series)| (key, Known::new(series, self.pages))));
        self.bound();
    }

    /// Takes what a page has. Returns how many series could not be counted: they rose by more than a
    /// service counts, or their bounds are too many.
    pub fn follow(&mut self, mut page: Page) -> u64 {
        let counts_new = self.was_known && !self.lacks_one(&page);
        let is_first = self.last.is_empty();
        // Those that are new are judged by what the others counted.
        page.series
            .sort_by_key(|(key, _)| !self.last.contains_key(key));
        let mut rise = 0.0;
        let before = page.bounds.as_deref();
        let before = before.and_then(|bounds| self.total.keep_bounds(bounds));
        let bounds: Vec<f64> = self.total.buckets.iter().map(|(bound, _)| *bound).collect();
        let mut dropped = page.excess;
        self.turn(page.series.len());
        for (key, now) in page.series {
            if !now.is_countable() {
                dropped += 1;
                continue;
            }
            let increase = if let Some(known) = self.last.get_mut(&key) {
                let increase = known.follow(now, self.pages, &bounds);
                rise += increase.as_ref().map_or(0.0, |one| one.value + one.count);
                increase
            } else {
                let is_new = counts_new && (is_first || self.is_credible(now.total(), rise));
                let increase = is_new.then(|| now.since(None, &bounds));
                let increase = increase.filter(Increase::is_countable);
                self.last.insert(key, Known::new(now, self.pages));
                // What is there from the first page on has a past that nobody counts.
                increase.or_else(|| (!counts_new).then(Increase::default))
            };
            match increase {
                Some(increase) => self.total.add(&increase),
                None => dropped += 1,
            }
        }
        self.most = self.most.max(rise);
        // A restart of the total shows by a fall.
        if before.is_some_and(|before| self.total.count >= before) {
            self.total.clear();
        }
        self.total.is_native = page.is_native;
        self.total
            .begin_bounds(page.bounds.as_deref().unwrap_or_default());
        self.bound();
        dropped
    }

    /// Whether a new series may have counted so much since the last page, when the others rose by so much.
    fn is_credible(&self, new: f64, rise: f64) -> bool {
        let most = self.most.max(rise) * NEW_TIMES;
        !self.is_of_requests || new <= most.max(NEW_COUNTED)
    }

    /// Whether a series of the last page is gone.
    fn lacks_one(&self, page: &Page) -> bool {
        let was_there = |key: &u64| {
            let last = self.last.get(key);
            last.is_some_and(|known| known.page == self.pages)
        };
        let stayed = page.series.iter().filter(|(key, _)| was_there(key));
        stayed.count() < self.present
    }

    fn turn(&mut self, present: usize) {
        self.pages += 1;
        self.present = present;
        self.was_known = true;
    }

    fn bound(&mut self) {
        if self.last.len() > 2 * KEPT_MAX {
            self.last.retain(|_, known| known.page == self.pages);
        }
    }
}

impl Total {
    /// Leaves the bounds that these lack. If there is one, what was counted up to it says nothing any
    /// more, so that all begins at 0 again, as the counters of a new process: what is stored must not
    /// look as if nothing had come below that bound. Returns the count before.
    fn keep_bounds(&mut self, bounds: &[f64]) -> Option<f64> {
        if self.count <= 0.0 {
            self.buckets = bounds.iter().map(|bound| (*bound, 0.0)).collect();
            return None;
        }
        let known = self.buckets.len();
        self.buckets
            .retain(|(bound, _)| bounds.iter().any(|one| one.total_cmp(bound).is_eq()));
        (self.buckets.len() < known).then(|| {
            let count = self.count;
            self.clear();
            self.restarts += 1;
            count
        })
    }

    fn clear(&mut self) {
        (self.value, self.sum, self.count) = (0.0, 0.0, 0.0);
        self.buckets.iter_mut().for_each(|(_, count)| *count = 0.0);
    }

    /// Makes bounds that the histograms have from now on. Of what was counted before, at least the count
    /// of the bound below it was within one.
    fn begin_bounds(&mut self, bounds: &[f64]) {
        for bound in bounds {
            let place = self
                .buckets
                .binary_search_by(|(one, _)| one.total_cmp(bound));
            if let Err(at) = place {
                let below = at.checked_sub(1).map_or(0.0, |below| self.buckets[below].1);
                self.buckets.insert(at, (*bound, below));
            }
        }
    }

    fn add(&mut self, increase: &Increase) {
        self.value += increase.value;
        self.sum += increase.sum;
        self.count += increase.count;
        for ((_, counted), more) in self.buckets.iter_mut().zip(&increase.up_to) {
            *counted += more;
        }
    }

    /// With the infinite bound.
    pub fn all_buckets(&self) -> Vec<(f64, f64)> {
        let finite = self.buckets.iter().copied();
        finite.chain([(f64::INFINITY, self.count)]).collect()
    }

    /// What was counted since an earlier total; `None` if it began anew meanwhile.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        if self.restarts != earlier.restarts {
            return None;
        }
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
        Some(Self {
            value: self.value - earlier.value,
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
            buckets: buckets.collect(),
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::{Point, RuleSamples, Slot};
    use super::*;

    fn page(points: &[(u64, f64)]) -> RuleSamples {
        let points = points.iter().map(|(key, value)| Point {
            key: *key,
            slot: Slot::Value,
            value: *value,
        });
        RuleSamples {
            points: points.collect(),
            is_known: true,
            ..RuleSamples::default()
        }
    }

    fn counted(pages: &[&[(u64, f64)]]) -> f64 {
        let mut counter = Counter::default();
        for points in pages {
            follow(&mut counter, &page(points));
        }
        counter.total.value
    }

    #[test]
    fn increases_are_counted_from_the_first_page_on() {
        assert!(counted(&[&[(1, 1000.0)]]).abs() < 1e-9);
        assert!((counted(&[&[(1, 1000.0)], &[(1, 1007.0)]]) - 7.0).abs() < 1e-9);
    }

    /// A histogram of these buckets and this `_count`.
    fn histogram(buckets: &[(f64, f64)], count: f64) -> RuleSamples {
        let point = |slot, value| Point {
            key: 1,
            slot,
            value,
        };
        let buckets = buckets.iter();
        let buckets = buckets.map(|(bound, value)| point(Slot::Bucket(*bound), *value));
        RuleSamples {
            points: buckets.chain([point(Slot::Count, count)]).collect(),
            is_known: true,
            ..RuleSamples::default()
        }
    }

    fn follow(counter: &mut Counter, found: &RuleSamples) {
        counter.follow(Page::of(found, &[]));
    }

    fn counts(total: &Total) -> Vec<f64> {
        let buckets = total.all_buckets().into_iter();
        buckets.map(|(_, count)| count).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn a_bound_that_a_new_version_adds_begins_where_it_is() {
        let mut counter = Counter::default();
        for count in [0.0, 100.0] {
            let buckets = [(0.25, count), (0.5, count), (INF, count)];
            follow(&mut counter, &histogram(&buckets, count));
        }
        let before = counter.total.clone();
        // Restarted: all count from 0.
        let buckets = [(0.25, 7.0), (0.3, 8.0), (0.5, 9.0), (INF, 9.0)];
        follow(&mut counter, &histogram(&buckets, 9.0));
        assert_eq!(counts(&counter.total), [107.0, 107.0, 109.0, 109.0]);
        let since = counter.total.since(&before).expect("the same bounds");
        assert_eq!(counts(&since), [7.0, 7.0, 9.0, 9.0]);
        let buckets = [(0.25, 7.0), (0.3, 9.0), (0.5, 10.0), (INF, 10.0)];
        follow(&mut counter, &histogram(&buckets, 10.0));
        assert_eq!(counts(&counter.total), [107.0, 108.0, 110.0, 110.0]);
    }

    #[test]
    fn a_bound_that_is_gone_lets_all_begin_anew() {
        let page = |at: f64, bounds: &[f64]| {
            let buckets: Vec<_> = bounds.iter().map(|bound| (*bound, at)).collect();
            histogram(&buckets, at)
        };
        let mut counter = Counter::default();
        for at in [1000.0, 1050.0] {
            follow(&mut counter, &page(at, &[0.05, 0.1, INF]));
        }
        let before = counter.total.clone();
        follow(&mut counter, &page(1060.0, &[0.05, 0.2, INF]));
        assert_eq!(counter.total.buckets, [(0.05, 10.0), (0.2, 10.0)]);
        assert_eq!(counter.total.since(&before), None);
        // Without a fall of the total nobody would see that it began anew.
        follow(&mut counter, &page(2060.0, &[]));
        assert_eq!(
            (counter.total.count, counts(&counter.total)),
            (0.0, vec![0.0])
        );
        // A second histogram with other bounds: up to those they do not share, nothing is known.
        let mut both = page(2060.0, &[0.05, 0.1, INF]);
        let mut other = page(5.0, &[0.05, 0.2, INF]);
        other.points.iter_mut().for_each(|point| point.key = 2);
        both.points.extend(other.points);
        follow(&mut counter, &both);
        assert_eq!(counter.total.buckets, [(0.05, 5.0)]);
    }

    #[test]
    fn one_sample_that_falls_is_no_reset_of_its_histogram() {
        let steps: [([f64; 3], f64); 6] = [
            ([1010.0, 1010.0, 1010.0], 1010.0),
            // `_count` is behind, a bucket is, and `+Inf` is.
            ([1020.0, 1020.0, 1020.0], 1009.0),
            ([1030.0, 1009.0, 1030.0], 1030.0),
            ([1009.0, 1040.0, 1040.0], 1040.0),
            ([1050.0, 1050.0, 1030.0], 1050.0),
            // A reset.
            ([2.0, 3.0, 4.0], 4.0),
        ];
        let mut counter = Counter::default();
        let mut seen = Vec::new();
        for ([a, b, all], count) in steps {
            let before = counter.total.clone();
            follow(
                &mut counter,
                &histogram(&[(0.05, a), (0.1, b), (INF, all)], count),
            );
            let since = counter.total.since(&before).expect("the same bounds");
            seen.push((since.buckets[1].1, since.count));
        }
        let expected = [0.0, 10.0, 10.0, 10.0, 10.0];
        for (step, expected) in expected.into_iter().enumerate() {
            assert_eq!(seen[step], (expected, expected), "{step}: {seen:?}");
        }
        assert_eq!(seen[5], (3.0, 4.0));
    }

    #[test]
    fn series_under_a_new_name_do_not_add_their_past() {
        let renamed: [&[(u64, f64)]; 3] = [&[(1, 1000.0)], &[(2, 1010.0)], &[(2, 1013.0)]];
        assert!((counted(&renamed) - 3.0).abs() < 1e-9);
        // None is gone: a status that was not answered before.
        assert!((counted(&[&[(1, 1000.0)], &[(1, 1005.0), (2, 4.0)]]) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn an_increase_that_nobody_can_count_is_left_out() {
        let pages: [&[(u64, f64)]; 4] = [&[(1, 0.0)], &[(1, 5.0)], &[(1, 1e300)], &[(1, 1e300)]];
        assert!((counted(&pages) - 5.0).abs() < 1e-9);
        assert!((counted(&[&[], &[(1, f64::MAX), (2, 3.0)]]) - 3.0).abs() < 1e-9);
        // Nothing begins anew after it.
        assert!((counted(&[&[(1, 100.0)], &[(1, 1e300)], &[(1, 120.0)]]) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_leap_is_no_reset_when_it_is_over() {
        let jumps = [2e12, 1e15, 9_007_199_254_740_000.0, 1e16, f64::MAX];
        for jump in jumps {
            // A page with a wrong number, and the right ones after it.
            let pages: [&[(u64, f64)]; 4] =
                [&[(1, 100.0)], &[(1, 110.0)], &[(1, jump)], &[(1, 130.0)]];
            assert!((counted(&pages) - 30.0).abs() < 1e-9, "{jump}");
            // A new service with few requests is not credible because of the leap.
            let mut counter = Counter::new(false, true);
            for points in pages {
                follow(&mut counter, &page(points));
            }
            let new: &[(u64, f64)] = &[(1, 130.0), (2, 1e6)];
            assert_eq!(counter.follow(Page::of(&page(new), &[])), 1, "{jump}");
        }
        // It stays there, and its increases count; that of the leap is lost.
        let jump = 5e12;
        let pages: [&[(u64, f64)]; 4] = [
            &[(1, 100.0)],
            &[(1, jump)],
            &[(1, jump + 7.0)],
            &[(1, jump + 9.0)],
        ];
        assert!((counted(&pages) - 9.0).abs() < 1e-2);
        // After a restart it counts from 0.
        let pages: [&[(u64, f64)]; 3] = [&[(1, 100.0)], &[(1, jump)], &[(1, 30.0)]];
        assert!((counted(&pages) - 30.0).abs() < 1e-9);
        // It leaps again and again.
        let pages: [&[(u64, f64)]; 4] = [&[(1, 100.0)], &[(1, 2e12)], &[(1, 4e12)], &[(1, 105.0)]];
        assert!(counted(&pages) < 200.0);
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
    fn requests_of_a_new_series_are_its_past_if_the_service_never_had_so_many() {
        let counted = |new: f64, is_of_requests: bool| {
            let mut counter = Counter::new(false, is_of_requests);
            follow(&mut counter, &page(&[(1, 1000.0)]));
            follow(&mut counter, &page(&[(1, 1020.0)]));
            let dropped = counter.follow(Page::of(&page(&[(2, new), (1, 1030.0)]), &[]));
            let first = (counter.total.value, dropped);
            follow(&mut counter, &page(&[(2, new + 5.0), (1, 1030.0)]));
            (first, counter.total.value - first.0)
        };
        assert_eq!(counted(200.0, true), ((230.0, 0), 5.0));
        assert_eq!(counted(1010.0, true), ((30.0, 1), 5.0));
        assert_eq!(counted(1010.0, false), ((1040.0, 0), 5.0), "tokens");
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
            follow(&mut counter, &page(&keys.collect::<Vec<_>>()));
            assert!(counter.last.len() <= 3 * KEPT_MAX);
        }
        let buckets: Vec<_> = (0..1000).map(|bound| (f64::from(bound), 1.0)).collect();
        let mut counter = Counter::default();
        assert_eq!(
            counter.follow(Page::of(&histogram(&buckets, 1.0), &[])),
            700
        );
        assert_eq!(counter.total.buckets.len(), 300);
    }
}
