use super::*;
use proptest::prelude::*;
use std::time::Duration;

const MIB: GrowthRules = GrowthRules {
    share: 0.05,
    floor: 16.0,
    limit: Some(512.0),
};

/// Disturbances from -0.5 to 0.5 without a trend.
fn noise(at: usize) -> f64 {
    (at * 7919 % 101) as f64 / 101.0 - 0.5
}

fn series(windows: usize, value: impl Fn(f64) -> f64) -> Vec<Option<f64>> {
    (0..windows)
        .map(|at| Some(value(at as f64 / 30.0) + 4.0 * noise(at)))
        .collect()
}

fn grown(values: &[Option<f64>]) -> GrowthVerdict {
    let width = Duration::from_mins(2);
    growth(Windows { width, values }, &MIB)
}

#[test]
fn a_leak_is_measured() {
    let GrowthVerdict::Growing(found) = grown(&series(60, |hours| 200.0 + 20.0 * hours)) else {
        panic!("not detected");
    };
    assert!((found.per_hour - 20.0).abs() < 1.5, "{found:?}");
    assert!(found.low < 20.0 && 20.0 < found.high, "{found:?}");
    assert!((found.to - found.from - 40.0).abs() < 4.0, "{found:?}");
    let left = found.until_limit.unwrap().as_secs_f64() / 3600.0;
    assert!((left - (512.0 - 240.0) / 20.0).abs() < 1.5, "{left}");
}

#[test]
fn a_leak_beyond_its_limit_has_no_time_left() {
    let GrowthVerdict::Growing(found) = grown(&series(60, |hours| 500.0 + 40.0 * hours)) else {
        panic!("not found");
    };
    assert_eq!(found.until_limit, Some(Duration::ZERO));
}

#[test]
fn a_steady_series_reports_the_smallest_detectable_growth() {
    let GrowthVerdict::Steady { smallest_per_hour } = grown(&series(60, |_| 200.0)) else {
        panic!("found something");
    };
    assert!(
        (8.0..12.0).contains(&smallest_per_hour),
        "{smallest_per_hour}"
    );
    let leaking = series(60, |hours| 200.0 + 1.3 * smallest_per_hour * hours);
    assert!(matches!(grown(&leaking), GrowthVerdict::Growing(_)));
}

#[test]
fn warm_up_and_steps_are_not_growth() {
    for per_hour in [1.5, 3.0] {
        let cache = series(60, |hours| 200.0 - 75.0 * (-hours * per_hour).exp_m1());
        assert!(
            !matches!(grown(&cache), GrowthVerdict::Growing(_)),
            "{per_hour}"
        );
    }
    let noisy = |at: usize| {
        let hours = at as f64 / 30.0;
        Some(200.0 - 75.0 * (-hours * 1.5).exp_m1() + 24.0 * noise(at * 31))
    };
    let cache: Vec<Option<f64>> = (0..60).map(noisy).collect();
    assert!(matches!(grown(&cache), GrowthVerdict::Plateauing(_)));
    for at in [0.4, 1.0, 1.7] {
        let step = series(60, |hours| if hours < at { 200.0 } else { 240.0 });
        assert!(!matches!(grown(&step), GrowthVerdict::Growing(_)), "{at}");
    }
}

#[test]
fn a_restart_discards_earlier_values() {
    let sawtooth = series(90, |hours| 100.0 + 200.0 * (hours % 1.5));
    let needed = MIN_GROWTH_WINDOWS;
    assert_eq!(grown(&sawtooth), GrowthVerdict::Unknown { needed });
    let later = series(110, |hours| {
        if hours < 1.5 {
            800.0
        } else {
            100.0 + 30.0 * hours
        }
    });
    assert!(matches!(grown(&later), GrowthVerdict::Growing(_)));
}

#[test]
fn small_counts_that_fall_by_chance_are_not_a_restart() {
    let counts: Vec<_> = (0..90)
        .map(|at| Some(if at / 3 % 2 == 0 { 5.0 } else { 1.0 }))
        .collect();
    assert!(matches!(grown(&counts), GrowthVerdict::Steady { .. }));
}

#[test]
fn gaps_do_not_shift_values() {
    let mut values = series(90, |hours| 200.0 + 20.0 * hours);
    values[20..40].fill(None);
    values[41] = Some(f64::NAN);
    values[43] = Some(f64::INFINITY);
    let GrowthVerdict::Growing(found) = grown(&values) else {
        panic!("not found");
    };
    assert!((found.per_hour - 20.0).abs() < 1.5, "{found:?}");
}

fn drifted(values: &[Option<f64>]) -> DriftVerdict {
    let width = Duration::from_mins(5);
    drift(Windows { width, values }, 0.1)
}

#[test]
fn a_drift_is_measured() {
    let latency = |at: usize| Some(0.4 * (1.0 + 0.3 * at as f64 / 23.0) * (1.0 + 0.1 * noise(at)));
    let values: Vec<Option<f64>> = (0..24).map(latency).collect();
    let DriftVerdict::Rising(found) = drifted(&values) else {
        panic!("not found");
    };
    assert!((found.share - 0.3).abs() < 0.08 && found.still, "{found:?}");
    assert!(found.from < 0.44 && found.to > 0.48, "{found:?}");
    let falling: Vec<Option<f64>> = values.into_iter().rev().collect();
    assert!(matches!(drifted(&falling), DriftVerdict::Steady { .. }));
    assert_eq!(
        drifted(&falling[..19]),
        DriftVerdict::Unknown {
            needed: MIN_WINDOWS
        }
    );
}

#[test]
fn a_climb_is_counted() {
    let windows: Vec<Errors> = (0..24)
        .map(|at| Errors {
            errors: 3 + at,
            total: 600,
        })
        .collect();
    let found = climb(&windows, 0.005);
    let ClimbVerdict::Climbing {
        from,
        to,
        errors,
        total,
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!((errors, total), (348, 14_400));
    assert!((from - 52.0 / 4800.0).abs() < 1e-9 && (to - 180.0 / 4800.0).abs() < 1e-9);
    // As many errors, but without a rise.
    let even = [Errors {
        errors: 15,
        total: 600,
    }; 24];
    assert!(matches!(climb(&even, 0.005), ClimbVerdict::Steady { .. }));
    // A burst at the end.
    let mut burst = [Errors {
        errors: 0,
        total: 600,
    }; 24];
    burst[22].errors = 200;
    assert!(matches!(climb(&burst, 0.005), ClimbVerdict::Steady { .. }));
    // Without events, the answer is unknown.
    let none = [Errors::default(); 24];
    assert_eq!(
        climb(&none, 0.005),
        ClimbVerdict::Unknown {
            needed: MIN_WINDOWS
        }
    );
}

#[test]
fn a_rising_load_is_detected() {
    let width = Duration::from_mins(2);
    let morning = series(60, |hours| 100.0 + 20.0 * hours);
    let noon = series(60, |_| 140.0);
    assert!(load_rises(
        Windows {
            width,
            values: &morning
        },
        0.05
    ));
    assert!(!load_rises(
        Windows {
            width,
            values: &noon
        },
        0.05
    ));
    assert!(!load_rises(Windows { width, values: &[] }, 0.05));
    let idle = [Some(0.0); 60];
    assert!(!load_rises(
        Windows {
            width,
            values: &idle
        },
        0.05
    ));
}

#[test]
fn warm_up_is_a_fifth_and_at_least_ten_minutes() {
    let values = [Some(1.0); 60];
    let width = Duration::from_mins(2);
    let left = |count: usize| {
        let windows = Windows {
            width,
            values: &values[..count],
        };
        windows.after_warm_up().values.len()
    };
    assert_eq!((left(60), left(20), left(3)), (48, 15, 0));
}

fn finite(verdict: GrowthVerdict) -> bool {
    match verdict {
        GrowthVerdict::Unknown { .. } => true,
        GrowthVerdict::Steady { smallest_per_hour } => smallest_per_hour.is_finite(),
        GrowthVerdict::Plateauing(found) | GrowthVerdict::Growing(found) => {
            let numbers = [found.per_hour, found.low, found.high, found.from, found.to];
            numbers.into_iter().all(f64::is_finite)
        }
    }
}

proptest! {
    /// Constant, huge, tiny and missing values, in series of any length.
    #[test]
    fn numbers_stay_numbers(
        values in prop::collection::vec(prop::option::of(prop_oneof![
            any::<f64>(),
            -1e150_f64..1e150,
            Just(0.0),
            Just(1e-320),
        ]), 0..300),
        constant in any::<f64>(),
        seconds in 0_u64..1_000_000,
    ) {
        let width = Duration::from_secs(seconds);
        for values in [&values, &vec![Some(constant); 100]] {
            let windows = Windows { width, values };
            prop_assert!(finite(growth(windows, &MIB)), "{:?}", growth(windows, &MIB));
            match drift(windows, 0.1) {
                DriftVerdict::Unknown { .. } => {}
                DriftVerdict::Steady { smallest } => prop_assert!(!smallest.is_nan()),
                DriftVerdict::Rising(rise) => {
                    prop_assert!(rise.from > 0.0 && rise.to > 0.0 && rise.share > 0.0);
                }
            }
            load_rises(windows, 0.05);
        }
    }
}
