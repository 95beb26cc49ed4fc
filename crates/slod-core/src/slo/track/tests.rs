mod absence;
mod coverage;
mod days;
mod traffic;

use super::*;
use crate::outcome::{Cause, Measurements, Verdict, VoidReason, millis};
use crate::slo::calendar::{Calendar, Period};
use crate::slo::{NoDataPolicy, Sli, Window};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HOUR: Duration = Duration::from_hours(1);
const MONTH: Duration = Duration::from_hours(30 * 24);

fn objective(sli: Sli, budgeting: BudgetingMethod) -> Objective {
    Objective {
        sli,
        budgeting,
        ..Objective::of_successes("o")
    }
}

fn tracker(sli: Sli, budgeting: BudgetingMethod, intervals: &[u64]) -> Tracker {
    let contributor = |seconds: &u64| ContributingProbe::every(Duration::from_secs(*seconds));
    let contributing = intervals.iter().map(contributor).collect();
    Tracker::new(Arc::new(objective(sli, budgeting)), contributing)
}

/// An outcome of the first probe.
fn record(
    tracker: &mut Tracker,
    at: Timestamp,
    verdict: Verdict,
    latency: Duration,
    interval: Duration,
) {
    let event = Event {
        at,
        interval,
        verdict,
        latency,
        measured: Measurements::default(),
    };
    tracker.record(0, &event);
}

/// An outcome that took an hour.
fn happen(tracker: &mut Tracker, second: i64, verdict: Verdict, interval: Duration) {
    record(
        tracker,
        Timestamp::from_secs(second),
        verdict,
        HOUR,
        interval,
    );
}

/// Outcomes at intervals of seconds, which are bad before `good_from`.
fn fail_until(
    good_from: i64,
    tracker: &mut Tracker,
    seconds: std::ops::Range<i64>,
    interval: usize,
) {
    for second in seconds.step_by(interval) {
        let verdict = if second < good_from {
            Verdict::Bad(Cause::Status)
        } else {
            Verdict::Good
        };
        happen(
            tracker,
            second,
            verdict,
            Duration::from_secs(interval as u64),
        );
    }
}

const SLICES: BudgetingMethod = BudgetingMethod::Timeslices { slice_target: 0.9 };

/// Prometheus adds counters up: a late outcome counts once, and nothing decreases.
#[test]
fn a_late_outcome_is_counted_exactly_once() {
    let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
    let happen = |tracker: &mut Tracker, second, verdict| {
        happen(tracker, second, verdict, Duration::from_secs(10));
    };
    happen(&mut tracker, 0, Verdict::Good);
    tracker.close_slices(Timestamp::from_secs(300));
    assert_eq!(tracker.counters(), (1, 0));
    happen(&mut tracker, 10, Verdict::Bad(Cause::Timeout));
    assert_eq!(tracker.counters(), (1, 1));
    happen(&mut tracker, 70, Verdict::Bad(Cause::Timeout));
    assert_eq!(tracker.counters(), (2, 2));
    // A minute that turned out good is compensated: the next bad one does not increase the counter.
    for second in 20..40 {
        happen(&mut tracker, second, Verdict::Good);
    }
    assert_eq!(tracker.counters(), (2, 2));
    happen(&mut tracker, 130, Verdict::Bad(Cause::Timeout));
    assert_eq!(tracker.counters(), (3, 2));
    happen(&mut tracker, 190, Verdict::Bad(Cause::Timeout));
    assert_eq!(tracker.counters(), (4, 3));
}

#[test]
fn a_failed_request_is_never_fast_and_a_void_one_never_counts() {
    let below = Duration::from_millis(500);
    let mut tracker = tracker(
        Sli::Latency { of: None, below },
        BudgetingMethod::Occurrences,
        &[10],
    );
    let at = Timestamp(0);
    let faster = below.saturating_sub(Duration::from_nanos(1));
    for (verdict, latency) in [
        (Verdict::Bad(Cause::Refused), Duration::from_millis(1)),
        (Verdict::Good, below),
        (Verdict::Good, faster),
        (Verdict::Void(VoidReason::Network), below),
    ] {
        record(&mut tracker, at, verdict, latency, Duration::from_secs(10));
    }
    let view = tracker.view(at, HOUR);
    assert_eq!((view.good, view.bad), (1, 2));
    assert_eq!(tracker.counters(), (3, 2));
}

#[test]
fn slices_become_counted_events_when_they_close() {
    let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
    fail_until(60, &mut tracker, 0..120, 10);
    tracker.close_slices(Timestamp::from_secs(119));
    assert_eq!(tracker.counters(), (0, 0));
    tracker.close_slices(Timestamp::from_secs(120));
    tracker.close_slices(Timestamp::from_secs(125));
    assert_eq!(tracker.counters(), (1, 1));
    tracker.close_slices(Timestamp::from_secs(600));
    assert_eq!(tracker.counters(), (2, 1));
    let view = tracker.view(Timestamp::from_secs(125), HOUR);
    assert_eq!((view.good, view.bad), (1, 1));
}

#[test]
fn a_calendar_month_resets_the_budget_and_expects_its_whole_length() {
    let mut objective = objective(Sli::Success, BudgetingMethod::Occurrences);
    objective.window.calendar = Some(Calendar {
        period: Period::Month,
        zone: crate::units::Tz::UTC,
    });
    let interval = Duration::from_mins(1);
    // 2026-10-31 12:00 UTC; October ends twelve hours later.
    let noon = 1_793_448_000;
    let midnight = noon + 12 * 3600;
    let lived = |objective: &Objective, end: i64| {
        let mut tracker = Tracker::new(
            Arc::new(objective.clone()),
            vec![ContributingProbe::every(interval)],
        );
        fail_until(noon + 3600, &mut tracker, noon..end, 60);
        tracker
    };
    let october = Timestamp::from_secs(midnight - 1);
    let tracker = lived(&objective, midnight);
    let budget = tracker.budget(october, objective.window);
    assert_eq!((budget.period.good, budget.period.bad), (660, 60));
    // 31 days with one attempt per minute; 44.64 may fail.
    assert!((budget.period.expected - 44_640.0).abs() < 1.0);
    assert!(budget.remaining.is_some_and(|left| left < 0.0));
    assert_eq!(budget.recovery, Some(Timestamp::from_secs(midnight)));

    let tracker = lived(&objective, midnight + 600);
    let november = Timestamp::from_secs(midnight + 599);
    let budget = tracker.budget(november, objective.window);
    assert_eq!((budget.period.good, budget.period.bad), (10, 0));
    assert!((budget.period.expected - 43_200.0).abs() < 1.0);
    assert_eq!(budget.recovery, None);
    // The burn rate still contains the previous day, but November's budget either lasts beyond its end or
    // runs out within it.
    let end = budget.exhaustion.expect("60 of 730 attempts fail");
    assert!(end > november && end < Timestamp::from_secs(midnight + 30 * 86_400));
    objective.window.calendar = None;
    let rolling = lived(&objective, midnight + 600);
    assert_eq!(rolling.budget(november, objective.window).period.bad, 60);
}

#[test]
fn failures_that_left_a_short_window_do_not_affect_its_forecast() {
    let mut objective = objective(Sli::Success, BudgetingMethod::Occurrences);
    objective.window = Window::rolling(HOUR);
    let interval = Duration::from_secs(10);
    let every = vec![ContributingProbe::every(interval)];
    let mut tracker = Tracker::new(Arc::new(objective.clone()), every);
    let start = 1000 * 3600;
    let end = start + 3 * 3600;
    fail_until(start + 3600, &mut tracker, start..end, 10);
    let budget = tracker.budget(Timestamp::from_secs(end - 1), objective.window);
    assert_eq!((budget.period.bad, budget.remaining), (0, Some(1.0)));
    assert_eq!(budget.exhaustion, None);
}

#[test]
fn a_minute_without_outcomes_is_bad_one_minute_after_its_end() {
    let mut objective = objective(Sli::Availability, SLICES);
    objective.missing = NoDataPolicy::Bad;
    let interval = Duration::from_secs(10);
    let mut tracker = Tracker::new(
        Arc::new(objective),
        vec![ContributingProbe::every(interval)],
    );
    happen(&mut tracker, 600, Verdict::Good, interval);
    let counts = |tracker: &mut Tracker, second| {
        let now = Timestamp::from_secs(second);
        tracker.close_slices(now);
        let view = tracker.view(now, HOUR);
        (view.good, view.bad)
    };
    assert_eq!(counts(&mut tracker, 779), (1, 0));
    assert_eq!(counts(&mut tracker, 780), (1, 1));
    assert_eq!(counts(&mut tracker, 900), (1, 3));
    assert_eq!(tracker.counters(), (4, 3));
    // A late outcome: its minute is good after all.
    happen(&mut tracker, 700, Verdict::Good, interval);
    assert_eq!(counts(&mut tracker, 900), (2, 2));
}

proptest! {
    #[test]
    fn slices_equal_a_brute_force_recount(
        steps in prop::collection::vec((1_i64..90_000, 0_u8..10, 0_i64..100_000), 1..300),
    ) {
        let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
        let mut slices: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
        let mut clock = 1_700_000_000_000_i64;
        for (step, kind, late) in steps {
            clock += step;
            let at = Timestamp(clock - late);
            let verdict = match kind { 0 => Verdict::Bad(Cause::Status), 1 => Verdict::Void(VoidReason::Network), _ => Verdict::Good };
            record(&mut tracker, at, verdict, HOUR, Duration::from_secs(10));
            let slice = slices.entry(at.0.div_euclid(60_000)).or_default();
            match verdict { Verdict::Good => slice.0 += 1, Verdict::Bad(_) => slice.1 += 1, Verdict::Void(_) => {} }
        }
        for window in [Duration::from_mins(5), HOUR, MONTH] {
            let width = if window <= 2 * HOUR { 10_000 } else { 3_600_000 };
            let last = clock.div_euclid(width);
            let inside = |slice: i64| (last - millis(window) / width + 1..=last).contains(&(slice * 60_000).div_euclid(width));
            let mut expected = (0, 0);
            for (slice, (good, bad)) in &slices {
                let over = *slice != clock.div_euclid(60_000);
                if inside(*slice) && over && good + bad > 0 {
                    if f64::from(*good) >= 0.9 * f64::from(good + bad) { expected.0 += 1 } else { expected.1 += 1 }
                }
            }
            let view = tracker.view(Timestamp(clock), window);
            prop_assert_eq!((view.good, view.bad), expected);
        }
    }
}

/// No requests after ten minutes, and no data for the third quarter of the hour.
#[test]
fn quiet_minutes_of_real_traffic_are_observed_and_never_missing() {
    let throughput = Sli::Throughput(crate::slo::Throughput {
        at_least: crate::units::Rate::parse("1/s").expect("a rate"),
        when: crate::slo::When::Offered,
    });
    let served = |minute: i64| if minute < 10 { 60 } else { 0 };
    for (sli, budgeting) in [
        (throughput, SLICES),
        (Sli::Success, SLICES),
        (Sli::Success, BudgetingMethod::RatioTimeslices),
        (Sli::Success, BudgetingMethod::Occurrences),
    ] {
        for missing in [NoDataPolicy::Exclude, NoDataPolicy::Bad] {
            let objective = Objective {
                source: crate::slo::EventSource::Metrics,
                missing,
                ..objective(sli, budgeting)
            };
            let every = vec![ContributingProbe::every(Duration::from_mins(1))];
            let start = Tracker::new(Arc::new(objective), every);
            let now = Timestamp::from_secs(3600 + 60);
            let mut filling = Backfill::new(start.clone(), now);
            let mut live = start;
            for minute in (0..30).chain(45..61) {
                let at = Timestamp(minute * 60_000 + 59_999);
                let tally = Tally {
                    good: served(minute),
                    covered_ms: 60_000,
                    ..Tally::default()
                };
                live.add(0, at, Some(tally));
                filling.add(0, at, Some(tally));
            }
            live.close_slices(now.after(Duration::from_mins(1)));
            let restored = filling.go_live(now, Some(Timestamp(59_999)), (0, 0));
            for tracker in [live, restored] {
                let sum = tracker.series.sum(now, HOUR);
                let bad = u64::from(budgeting.parts()) * 15;
                let is_missing = missing == NoDataPolicy::Bad && budgeting.is_sliced();
                let (bad, share) = if is_missing { (bad, 1.0) } else { (0, 0.75) };
                assert_eq!(sum.bad, bad, "{sli:?}");
                // The last minute has not ended.
                let view = tracker.view(Timestamp(now.0 - 1), HOUR);
                let coverage = view.coverage.expect("elapsed time");
                assert!((coverage - share).abs() < 0.01, "{sli:?}: {coverage}");
            }
        }
    }
}
