use super::*;
use crate::outcome::Timestamp;
use crate::signal::Keep;
use crate::stats::season::Band;
use crate::trend::{Errors, GrowthRules};
use std::time::Duration;

fn track(width: u64, keep: Keep, values: impl IntoIterator<Item = f64>) -> Track {
    let mut track = Track::new(Duration::from_secs(width), 240, keep);
    let mut at = 0;
    for value in values {
        track.take(Timestamp::from_secs(at), Some(value));
        at += i64::try_from(width).expect("small");
    }
    track.take(Timestamp::from_secs(at), None);
    track
}

const CPU: Level = Level {
    begins: 0.8,
    ends: 0.7,
};

fn memory_grows(track: &Track, traffic: &Track) -> Answer {
    growing(&GrowthInput {
        track,
        traffic,
        rules: MEMORY,
        unit: "MiB",
        scale: MIB,
        limit: None,
        earlier: None,
    })
}

fn wobble(at: u64) -> f64 {
    1.0 + (at * 7919 % 101) as f64 / 5000.0
}

#[test]
fn a_leak_is_reported_with_its_rate_and_traffic_explains_growth() {
    let memory = |per_window: f64| {
        let values = (0..60).map(|at| (200.0 + per_window * at as f64) * MIB * wobble(at));
        track(120, Keep::Lowest, values)
    };
    let flat = track(120, Keep::Mean, (0..60).map(|at| 50.0 * wobble(at)));
    let rising = track(120, Keep::Mean, (0..60).map(|at| 50.0 + f64::from(at)));
    let (presence, evidence) = memory_grows(&memory(1.0), &flat);
    assert_eq!(presence, Presence::Active, "{evidence}");
    assert!(evidence.contains("MiB/h ("), "{evidence}");
    assert_eq!(memory_grows(&memory(0.0), &flat).0, Presence::Clear);
    assert_eq!(memory_grows(&memory(1.0), &rising).0, Presence::Clear);
    let idle = track(120, Keep::Mean, [0.0; 60]);
    let (presence, evidence) = memory_grows(&memory(1.0), &idle);
    assert_eq!(presence, Presence::Active, "{evidence}");
    let short = track(120, Keep::Lowest, [MIB; 5]);
    assert_eq!(memory_grows(&short, &flat).0, Presence::Unknown);
}

/// The answer about memory without known traffic that grows to 260 MiB, from this level before an hour.
fn grows_by_day(from: f64, highest: f64, days: u32) -> Answer {
    let values =
        (0..60).map(|at| (260.0 - (260.0 - from) * (59 - at) as f64 / 59.0) * MIB * wobble(at));
    growing(&GrowthInput {
        track: &track(120, Keep::Lowest, values),
        traffic: &track(120, Keep::Mean, []),
        rules: MEMORY,
        unit: "MiB",
        scale: MIB,
        limit: None,
        earlier: Some(Earlier {
            highest: highest * MIB,
            days,
        }),
    })
}

#[test]
fn the_time_of_day_explains_growth_while_traffic_is_unknown() {
    use Presence::{Active, Clear, Unknown};
    for (from, highest, days, expected) in [
        (230.0, 0.0, 0, Unknown),
        (200.0, 0.0, 0, Active),
        (230.0, 230.0, 1, Unknown),
        (230.0, 270.0, 1, Clear),
        (230.0, 200.0, 1, Active),
        (230.0, 258.0, 3, Clear),
        (230.0, 230.0, 3, Active),
    ] {
        let (presence, evidence) = grows_by_day(from, highest, days);
        assert_eq!(presence, expected, "{from} {highest} {days}: {evidence}");
    }
    assert!(grows_by_day(230.0, 0.0, 0).1.ends_with(
        " in 2 h, which the time of day may explain: traffic is unknown, and 0 of the 3 required days of history are known"
    ));
    assert!(
        grows_by_day(230.0, 258.0, 5)
            .1
            .ends_with(", but not clearly above the 258 MiB of earlier days (5 days of history)")
    );
}

/// After days, a constant leak is a small share of what it has leaked.
#[test]
fn a_leak_of_days_is_measured_by_the_levels_before_it() {
    assert_eq!(grows_by_day(249.0, 0.0, 0).0, Presence::Clear);
    let rules = |earlier| {
        let (memory, traffic) = (
            track(120, Keep::Lowest, [1000.0; 60]),
            track(120, Keep::Mean, []),
        );
        let number = GrowthInput {
            track: &memory,
            traffic: &traffic,
            rules: MEMORY,
            unit: "MiB",
            scale: 1.0,
            limit: None,
            earlier,
        };
        time_of_day::rules(&number).share
    };
    let earlier = |highest, days| Some(Earlier { highest, days });
    assert!((rules(None) - 0.05).abs() < 1e-9);
    assert!((rules(earlier(0.0, 0)) - 0.05).abs() < 1e-9);
    assert!((rules(earlier(2000.0, 5)) - 0.05).abs() < 1e-9);
    assert!((rules(earlier(250.0, 1)) - 0.0125).abs() < 1e-9);
}

#[test]
fn a_trend_is_confirmed_by_consecutive_evaluations() {
    let mut confirmed = Confirmation::default();
    let found = || (Presence::Active, "it rises".to_owned());
    for _ in 1..CONFIRMATIONS {
        let (presence, evidence) = confirmed.step(found());
        assert_eq!(presence, Presence::Clear);
        assert!(evidence.contains("not yet confirmed"));
    }
    assert_eq!(confirmed.step(found()).0, Presence::Active);
    assert_eq!(
        confirmed.step((Presence::Clear, String::new())).0,
        Presence::Clear
    );
    assert_eq!(confirmed.step(found()).0, Presence::Clear);
}

#[test]
fn a_busy_processor_needs_three_of_five_minutes_and_clears_lower() {
    let cpu = |values: [f64; 5]| track(60, Keep::Mean, values);
    let judge = |values, was| above(&cpu(values), CPU, was, "cpu").0;
    assert_eq!(judge([0.9, 0.5, 0.9, 0.5, 0.9], false), Presence::Active);
    assert_eq!(judge([0.9, 0.5, 0.9, 0.5, 0.5], false), Presence::Clear);
    assert_eq!(judge([0.75; 5], false), Presence::Clear);
    assert_eq!(judge([0.75; 5], true), Presence::Active);
    assert_eq!(judge([0.65; 5], true), Presence::Clear);
    let short = track(60, Keep::Mean, [0.9; 4]);
    assert_eq!(above(&short, CPU, false, "cpu").0, Presence::Unknown);
}

#[test]
fn slower_responses_are_reported_unless_traffic_explains_them() {
    let p95 = track(
        300,
        Keep::Mean,
        (0..24).map(|at| 0.4 * wobble(at) * (1.0 + at as f64 / 50.0)),
    );
    let flat = track(300, Keep::Mean, (0..24).map(|at| 50.0 * wobble(at)));
    let rising = track(
        300,
        Keep::Mean,
        (0..24).map(|at| 50.0 + 3.0 * f64::from(at)),
    );
    let usual = |high| {
        let (low, spread) = (0.4, 0.01);
        let band = Band { low, high, spread };
        Some(Usual { band, days: 3 })
    };
    let (presence, evidence) = latency_rising(&p95, &flat, usual(0.7), Numbers::Probes, 0.1);
    assert_eq!(presence, Presence::Active, "{evidence}");
    assert!(
        evidence.starts_with("according to its probes, p95 rose by")
            && evidence.ends_with("; traffic does not explain it"),
        "{evidence}"
    );
    let unknown = track(300, Keep::Mean, []);
    let (presence, evidence) = latency_rising(&p95, &unknown, usual(0.5), Numbers::Probes, 0.1);
    assert_eq!(presence, Presence::Active, "{evidence}");
    assert!(!evidence.contains("traffic"), "{evidence}");
    let (presence, evidence) = latency_rising(&p95, &unknown, usual(0.7), Numbers::Probes, 0.1);
    assert_eq!(presence, Presence::Clear, "{evidence}");
    assert!(
        evidence.ends_with("which is usual at this time of day (3 days of history)"),
        "{evidence}"
    );
    assert_eq!(
        latency_rising(&p95, &rising, None, Numbers::Own, 0.1).0,
        Presence::Clear
    );
    let errors = |rate: f64| -> Vec<Errors> {
        (0..24_u32)
            .map(|at| Errors {
                errors: crate::units::whole(f64::from(at) * rate),
                total: 1000,
            })
            .collect()
    };
    assert_eq!(
        errors_climbing(&errors(2.0), Numbers::Own, 0.005).0,
        Presence::Active
    );
    assert_eq!(
        errors_climbing(&errors(0.0), Numbers::Own, 0.005).0,
        Presence::Clear
    );
}

#[test]
fn a_leak_says_when_it_reaches_its_limit() {
    let memory = track(
        120,
        Keep::Lowest,
        (0..60).map(|at| (200.0 + 1.5 * at as f64) * MIB * wobble(at)),
    );
    let flat = track(120, Keep::Mean, []);
    let (_, evidence) = growing(&GrowthInput {
        track: &memory,
        traffic: &flat,
        rules: GrowthRules {
            limit: Some(1024.0 * MIB),
            ..MEMORY
        },
        unit: "MiB",
        scale: MIB,
        limit: Some("limit of 1 GiB".to_owned()),
        earlier: None,
    });
    assert!(
        evidence.contains("reaches its limit of 1 GiB in 1") && evidence.ends_with(" h"),
        "{evidence}"
    );
}

#[test]
fn slower_than_before_refers_to_the_last_ten_minutes() {
    let p95 = |last: f64| {
        let before = std::iter::repeat_n(0.2, 10);
        track(300, Keep::Mean, before.chain([last; 2]))
    };
    assert_eq!(is_slower(&p95(0.3)), Some(true));
    assert_eq!(is_slower(&p95(0.22)), Some(false));
    let short = track(300, Keep::Mean, [0.2; 2]);
    assert_eq!(is_slower(&short), None, "nothing before");
    let mut old = p95(0.3);
    old.take(Timestamp::from_secs(12 * 300 + 3600), None);
    assert_eq!(is_slower(&old), None, "nothing now");
}
