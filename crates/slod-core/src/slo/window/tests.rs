use super::*;
use crate::slo::Window;
use crate::slo::watchers::Watchers;
use proptest::prelude::*;

const HOUR_MS: u64 = 3_600_000;

fn objective() -> Objective {
    Objective {
        target: 0.99,
        window: Window::rolling(Duration::from_millis(HOUR_MS)),
        ..Objective::of_successes("o")
    }
}

fn every(seconds: u64) -> [ContributingProbe; 1] {
    [ContributingProbe::every(Duration::from_secs(seconds))]
}

/// Outcomes at successive intervals, each phase given by interval, count, and bad count.
fn observed(phases: &[(u64, u64, u64)]) -> Counts {
    let mut counts = Counts::default();
    for (seconds, good, bad) in phases {
        counts.good += good;
        counts.bad += bad;
        counts.covered_ms += (good + bad) * seconds * 1000;
    }
    counts
}

fn hour(now_ms: u64, corrected: &Spans) -> Extent<'_> {
    Extent {
        from: Timestamp(0),
        to: Timestamp(HOUR_MS.cast_signed()),
        now: Timestamp(now_ms.cast_signed()),
        corrected,
        watchers: &Watchers::Always(1),
        retention: Retention::default(),
    }
}

#[test]
fn a_changed_interval_does_not_change_past_coverage_and_budget() {
    // 35 of 60 minutes with an outcome every two seconds.
    let counts = observed(&[(2, 1040, 10)]);
    let none = Spans::default();
    let view = |seconds| {
        let extent = hour(HOUR_MS, &none);
        WindowView::of(&objective(), &every(seconds), counts, extent)
    };
    for seconds in [1, 2, 5, 3600] {
        let view = view(seconds);
        assert_eq!(view.coverage, Some(35.0 / 60.0));
        assert!((view.expected - 1800.0).abs() < 1e-9);
        let left = view.left(0.99).expect("observed");
        assert!((left - (1.0 - 10.0 / 18.0)).abs() < 1e-9);
    }
}

#[test]
fn future_time_is_expected_at_the_current_interval() {
    // Half of the window has elapsed, all of it observed at two seconds; from now on it is ten.
    let counts = observed(&[(2, 900, 0)]);
    let none = Spans::default();
    let extent = hour(HOUR_MS / 2, &none);
    let view = WindowView::of(&objective(), &every(10), counts, extent);
    assert_eq!(view.coverage, Some(1.0));
    assert!((view.expected - (900.0 + 180.0)).abs() < 1e-9);
}

proptest! {
    /// Coverage is observed time / time. The spent budget of an elapsed window is the error ratio times the
    /// observed share, whatever the intervals were and are.
    #[test]
    fn the_budget_of_the_past_is_the_error_ratio_by_observed_time(
        phases in prop::collection::vec((1_u64..60, 0_u64..20, 0_u64..5), 1..6),
        taken in 0_u64..30 * 60_000,
        today in 1_u64..3600,
    ) {
        let counts = observed(&phases);
        let corrected = Spans::new([(Timestamp(0), Timestamp(taken.cast_signed()))].into_iter());
        let view = WindowView::of(&objective(), &every(today), counts, hour(HOUR_MS, &corrected));
        let (mut time, mut covered, mut events, mut bad) = ((HOUR_MS - taken) as f64, 0.0, 0.0, 0.0);
        for (seconds, good, failed) in phases {
            for outcome in 0..good + failed {
                covered += seconds as f64 * 1000.0;
                events += 1.0;
                bad += f64::from(u8::from(outcome < failed));
            }
        }
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * b.abs().max(1.0);
        let coverage = view.coverage.expect("elapsed time");
        prop_assert!(close(coverage, (covered / time).min(1.0)));
        time = time.max(covered);
        let left = view.left(0.99);
        prop_assert_eq!(left.is_some(), events > 0.0);
        if let Some(left) = left {
            prop_assert!(close(1.0 - left, bad / events * (covered / time) / 0.01), "{}", left);
        }
    }
}
