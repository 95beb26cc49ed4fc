use super::*;
use crate::alert::{AlertPolicy, met};
use crate::outcome::{Cause, Event, Measurements, Timestamp, Verdict};
use crate::slo::correction::Spans;
use crate::slo::{BudgetingMethod, ContributingProbe, Tracker};
use proptest::prelude::*;
use std::sync::Arc;

const MONTH: Duration = Duration::from_hours(30 * 24);

fn objective(target: f64) -> Objective {
    Objective {
        target,
        ..Objective::of_successes("errors")
    }
}

fn tracker(interval: Duration) -> Tracker {
    let contributing = vec![ContributingProbe::every(interval)];
    Tracker::new(Arc::new(objective(0.999)), contributing)
}

fn record(tracker: &mut Tracker, at: Timestamp, verdict: Verdict, interval: Duration) {
    let latency = Duration::ZERO;
    let event = Event {
        at,
        interval,
        verdict,
        latency,
        measured: Measurements::default(),
    };
    tracker.record(0, &event);
}

#[test]
fn factors_and_times_of_the_workbook() {
    let factors = TIERS.each_ref().map(|tier| tier.factor(MONTH));
    for (factor, known) in factors.into_iter().zip([14.4, 6.0, 3.0, 1.0]) {
        assert!((factor - known).abs() < 1e-9);
    }
    // With continuous events, a clean past and this error ratio, the long window exceeds its limit after
    // this many seconds.
    let after = |ratio: f64| {
        TIERS.each_ref().map(|tier| {
            tier.threshold(&objective(0.999)) * tier.long.length().as_secs_f64() / ratio
        })
    };
    let known = [
        (1.0, [51.84, 129.6, 259.2, 259.2]),
        (0.02, [2592.0, 6480.0, 12_960.0, 12_960.0]),
    ];
    for (ratio, seconds) in known {
        for (reported, known) in after(ratio).into_iter().zip(seconds) {
            assert!(
                (reported - known).abs() < 1e-6,
                "{reported}, expected {known}"
            );
        }
    }
    // At exactly the allowed error ratio, the slowest tier would need its whole window, and then its limit
    // is not *exceeded*.
    assert!((after(0.001)[3] - TIERS[3].long.length().as_secs_f64()).abs() < 1e-6);
}

fn holds(tier: &Tier, tracker: &Tracker, now: Timestamp) -> bool {
    tier.is_met(tracker.objective(), |window| {
        tracker.view(now, window.length())
    })
}

fn met_by(tracker: &Tracker, now: Timestamp) -> [bool; TIERS.len()] {
    let burning = crate::alert::tracked::Tracked {
        service: &"web".into(),
        tracker,
        now,
    };
    let met = met(&AlertPolicy::default(), &burning, now, false);
    [0, 1, 2, 3].map(|at| met.contains(at))
}

proptest! {
    #[test]
    fn conditions_that_are_not_evaluated_are_not_met(
        failures in prop::collection::vec((0_i64..5 * 1440, 1_i64..40), 0..4),
        budgeting in prop::sample::select(vec![BudgetingMethod::Occurrences, BudgetingMethod::Timeslices { slice_target: 0.5 }]),
    ) {
        let minute = Duration::from_mins(1);
        let objective = Objective { budgeting, ..objective(0.999) };
        let mut tracker = Tracker::new(Arc::new(objective), vec![ContributingProbe::every(minute)]);
        for number in 0..5 * 1440 {
            let now = Timestamp::from_secs(number * 60);
            let failed = failures.iter().any(|(from, len)| (*from..from + len).contains(&number));
            let verdict = if failed { Verdict::Bad(Cause::Status) } else { Verdict::Good };
            record(&mut tracker, now, verdict, minute);
            if number % 7 == 0 {
                let met = met_by(&tracker, now);
                prop_assert_eq!(met, TIERS.map(|tier| holds(&tier, &tracker, now)));
            }
        }
    }
}

/// When tier 1 holds with a probe every 10 s, as ranges `[from, to)` in seconds since the start.
fn held(hours: i64, fails: impl Fn(i64) -> bool) -> Vec<(i64, i64)> {
    let interval = Duration::from_secs(10);
    let mut tracker = tracker(interval);
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for second in (0..hours * 3600).step_by(10) {
        let verdict = if fails(second) {
            Verdict::Bad(Cause::Status)
        } else {
            Verdict::Good
        };
        let now = Timestamp::from_secs(second);
        record(&mut tracker, now, verdict, interval);
        if holds(&TIERS[0], &tracker, now) {
            match spans.last_mut() {
                Some((_, to)) if *to == second => *to = second + 10,
                _ => spans.push((second, second + 10)),
            }
        }
    }
    spans
}

#[test]
fn five_minutes_of_outage_hold_tier_1_from_60_to_600_seconds() {
    // The outage begins after a good attempt, so the first bad one is at 10 s.
    let begin = 72 * 3600;
    let spans = held(75, |second| (begin + 10..=begin + 300).contains(&second));
    assert_eq!(spans, [(begin + 60, begin + 600)]);
}

#[test]
fn a_single_failure_meets_no_tier() {
    assert_eq!(held(2, |second| second == 10), []);
    let slow = Duration::from_mins(5);
    let mut tracker = tracker(slow);
    for second in (0..4 * 3600).step_by(300) {
        let verdict = if second == 7200 {
            Verdict::Bad(Cause::Status)
        } else {
            Verdict::Good
        };
        let now = Timestamp::from_secs(second);
        record(&mut tracker, now, verdict, slow);
        assert!(TIERS.iter().all(|tier| !holds(tier, &tracker, now)));
    }
}

#[test]
fn the_first_failures_after_maintenance_are_not_an_incident() {
    let interval = Duration::from_secs(10);
    let hour = Timestamp::from_secs(3600);
    let maintenance = Spans::new([(hour, Timestamp::from_secs(2 * 3600))]);
    let mut tracker = tracker(interval).with_corrected(Arc::new(maintenance));
    let mut held = None;
    for second in (0..=7200 + 50).step_by(10) {
        let verdict = if second < 7200 {
            Verdict::Good
        } else {
            Verdict::Bad(Cause::Status)
        };
        let now = Timestamp::from_secs(second);
        record(&mut tracker, now, verdict, interval);
        held = held.or(holds(&TIERS[0], &tracker, now).then_some(second - 7200));
    }
    assert_eq!(held, Some(50), "6 of 360, as at any other time");
}

#[test]
fn half_a_window_is_conclusive() {
    let interval = Duration::from_secs(10);
    let limit = TIERS[0].threshold(&objective(0.999));
    let view = |events: u64, bad| {
        let nominal = 3600.0 / interval.as_secs_f64();
        WindowView {
            good: events - bad,
            bad,
            nominal,
            ..WindowView::default()
        }
    };
    assert!(!is_conclusive(&view(179, 5), limit));
    assert!(is_conclusive(&view(180, 5), limit));
    assert!(is_conclusive(&view(6, 6), limit));
}

#[test]
fn a_week_pages_at_a_lower_burn_rate() {
    let policy = AlertPolicy::default();
    let factors = |days: u64| {
        let window = Duration::from_hours(days * 24);
        let rounded = move |tier: &Tier| (tier.factor(window) * 100.0).round() / 100.0;
        policy.pages(window).map(rounded).collect::<Vec<_>>()
    };
    assert_eq!(factors(30), [14.4, 6.0]);
    assert_eq!(factors(7), [3.36, 1.4]);
    let hour = policy
        .pages(Duration::from_hours(1))
        .map(|tier| tier.number);
    assert_eq!(hour.collect::<Vec<_>>(), [1], "longer tiers do not fit");
}
