use super::*;
use crate::observe::scrape::scan::{Point, RuleSamples, Slot};

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

/// A histogram with these buckets and `_count`.
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
    counter.follow(Page::of(found, &[]), Falls::Reset);
}

fn counts(total: &Total) -> Vec<f64> {
    let buckets = total.all_buckets().into_iter();
    buckets.map(|(_, count)| count).collect()
}

const INF: f64 = f64::INFINITY;

#[test]
fn a_bound_added_by_a_new_version_starts_from_the_count_below() {
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
fn a_lost_bound_resets_the_total() {
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
    // Without a fall of the total, the restart would not be visible.
    follow(&mut counter, &page(2060.0, &[]));
    assert_eq!(
        (counter.total.count, counts(&counter.total)),
        (0.0, vec![0.0])
    );
    // A second histogram with other bounds: at bounds that they do not share, nothing is known.
    let mut both = page(2060.0, &[0.05, 0.1, INF]);
    let mut other = page(5.0, &[0.05, 0.2, INF]);
    other.points.iter_mut().for_each(|point| point.key = 2);
    both.points.extend(other.points);
    follow(&mut counter, &both);
    assert_eq!(counter.total.buckets, [(0.05, 5.0)]);
}

#[test]
fn a_single_decreasing_sample_is_not_a_reset_of_its_histogram() {
    let steps: [([f64; 3], f64); 6] = [
        ([1010.0, 1010.0, 1010.0], 1010.0),
        // `_count` lags, a bucket lags, and `+Inf` lags.
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
    // None disappeared: a status that was not returned before.
    assert!((counted(&[&[(1, 1000.0)], &[(1, 1005.0), (2, 4.0)]]) - 9.0).abs() < 1e-9);
}

#[test]
fn an_increase_that_nobody_can_count_is_left_out() {
    let pages: [&[(u64, f64)]; 4] = [&[(1, 0.0)], &[(1, 5.0)], &[(1, 1e300)], &[(1, 1e300)]];
    assert!((counted(&pages) - 5.0).abs() < 1e-9);
    assert!((counted(&[&[], &[(1, f64::MAX), (2, 3.0)]]) - 3.0).abs() < 1e-9);
    // The series does not restart afterwards.
    assert!((counted(&[&[(1, 100.0)], &[(1, 1e300)], &[(1, 120.0)]]) - 20.0).abs() < 1e-9);
}

#[test]
fn a_series_that_cannot_be_counted_does_not_hide_new_ones() {
    let pages: [&[(u64, f64)]; 2] = [
        &[(1, 5.0), (9, f64::MAX)],
        &[(1, 6.0), (9, f64::MAX), (2, 3.0)],
    ];
    assert!((counted(&pages) - 4.0).abs() < 1e-9);
}

#[test]
fn the_end_of_an_implausible_jump_is_not_a_reset() {
    let jumps = [2e12, 1e15, 9_007_199_254_740_000.0, 1e16, f64::MAX];
    for jump in jumps {
        // A page with a wrong value, then the correct ones.
        let pages: [&[(u64, f64)]; 4] = [&[(1, 100.0)], &[(1, 110.0)], &[(1, jump)], &[(1, 130.0)]];
        assert!((counted(&pages) - 30.0).abs() < 1e-9, "{jump}");
        // A new service with few requests does not become plausible through the jump.
        let mut counter = Counter::new(false, true);
        for points in pages {
            follow(&mut counter, &page(points));
        }
        let new: &[(u64, f64)] = &[(1, 130.0), (2, 1e6)];
        assert_eq!(
            counter.follow(Page::of(&page(new), &[]), Falls::Reset),
            1,
            "{jump}"
        );
    }
    // It stays there, and its increases count; that of the jump is lost.
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
    // It jumps again and again.
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
fn a_doubtful_fall_is_decided_by_the_next_page() {
    let counted = |pages: &[f64]| {
        let mut counter = Counter::new(false, true);
        let mut counts = Vec::new();
        for value in pages {
            let page = Page::of(&page(&[(1, *value)]), &[]);
            let is_reset = counter.may_be_reset(&page, 1.0);
            let falls = if is_reset {
                Falls::Reset
            } else {
                Falls::Doubtful
            };
            counter.follow(page, falls);
            counts.push(counter.total.value);
        }
        counts
    };
    // A worker ended, and the sum lacks its share; then it continues.
    assert_eq!(
        counted(&[8000.0, 8010.0, 6010.0, 6020.0, 6025.0]),
        [0.0, 10.0, 10.0, 20.0, 25.0]
    );
    // Another process answered once.
    assert_eq!(
        counted(&[8000.0, 8010.0, 900.0, 8030.0]),
        [0.0, 10.0, 10.0, 30.0]
    );
    // Restarts: as many requests as before, and the first ones of a service that had none.
    assert_eq!(
        counted(&[8000.0, 8200.0, 250.0, 450.0]),
        [0.0, 200.0, 450.0, 650.0]
    );
    assert_eq!(counted(&[8000.0, 8000.0, 100.0]), [0.0, 0.0, 100.0]);
    // A restart after a fall.
    assert_eq!(
        counted(&[8000.0, 8010.0, 6010.0, 7.0]),
        [0.0, 10.0, 10.0, 17.0]
    );
}

#[test]
fn a_slight_fall_is_no_reset_of_any_counter() {
    for (now, is_reset) in [(999.9, false), (875.0, false), (870.0, true), (3.0, true)] {
        let mut counter = Counter::default();
        follow(&mut counter, &page(&[(1, 1000.0)]));
        let page = Page::of(&page(&[(1, now)]), &[]);
        assert_eq!(counter.may_be_reset(&page, 1.0), is_reset, "{now}");
    }
    let mut counter = Counter::default();
    follow(&mut counter, &page(&[(1, 10.0)]));
    let few = Page::of(&page(&[(1, 9.0)]), &[]);
    assert!(counter.may_be_reset(&few, 1.0), "few may be counted again");
}

#[test]
fn after_a_pause_a_restarted_service_may_have_counted_more() {
    let mut counter = Counter::new(false, true);
    follow(&mut counter, &page(&[(1, 8000.0)]));
    follow(&mut counter, &page(&[(1, 8100.0)]));
    let restarted = Page::of(&page(&[(1, 6000.0)]), &[]);
    assert!(!counter.may_be_reset(&restarted, 1.0));
    assert!(counter.may_be_reset(&restarted, 60.0));
}

#[test]
fn a_new_series_counts_from_zero_if_its_metric_existed() {
    let first_errors: [&[(u64, f64)]; 2] = [&[], &[(5, 20.0)]];
    assert!((counted(&first_errors) - 20.0).abs() < 1e-9);
}

#[test]
fn an_implausible_number_of_requests_of_a_new_series_is_not_counted() {
    let counted = |new: f64, is_of_requests: bool| {
        let mut counter = Counter::new(false, is_of_requests);
        follow(&mut counter, &page(&[(1, 1000.0)]));
        follow(&mut counter, &page(&[(1, 1020.0)]));
        let new_page = Page::of(&page(&[(2, new), (1, 1030.0)]), &[]);
        let dropped = counter.follow(new_page, Falls::Reset);
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
        counter.follow(Page::of(&histogram(&buckets, 1.0), &[]), Falls::Reset),
        700
    );
    assert_eq!(counter.total.buckets.len(), 300);
}
