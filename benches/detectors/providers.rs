//! Providers that are slow, or fail.

use crate::days::Days;
use crate::minutes::{KINDS, Kind, at, moment, track, watched};
use crate::noise::{binomial, normal};
use fastrand::Rng;
use slod_core::signal::rules::{ServiceCondition, provider_failing, provider_slow};
use slod_core::signal::{Keep, Level};

/// Judges the durations of each minute's requests.
fn slow_from(begins: Option<u32>, mut seconds: impl FnMut(u32) -> Vec<f64>) -> Option<f64> {
    const LEVEL: Level = Level {
        begins: 1.0,
        ends: 0.5,
    };
    let mut latency = track(5, 24, Keep::Mean);
    watched(begins, |minute, was| {
        for one in seconds(minute) {
            latency.take(at(minute), Some(one.ln()));
        }
        Some(provider_slow(&latency, LEVEL, was, ServiceCondition::Usual))
    })
}

/// Durations of `each` requests per minute with a tail; from the minute of the effect on, they are longer by
/// its factor.
fn with_tail(
    rng: &mut Rng,
    kind: Kind,
    (each, tail): (u32, f64),
    effect: Option<(u32, f64)>,
) -> Option<f64> {
    let values = kind.values(rng, 0.3);
    slow_from(effect.map(|(begins, _)| begins), |minute| {
        let factor = effect.map_or(1.0, |(begins, by)| if minute < begins { 1.0 } else { by });
        let typical = values[minute as usize] * factor;
        let one = |_| typical * (tail * normal(rng)).exp();
        (0..each).map(one).collect()
    })
}

pub fn slow() {
    let mut table = Days::new("`provider_slow`");
    for kind in KINDS {
        table.healthy(kind.name, &|rng| with_tail(rng, kind, (10, 0.5), None));
    }
    for (name, tail) in [
        ("a request per minute, tail of 0.5", 0.5),
        ("a request per minute, tail of 0.8", 0.8),
        ("a request per minute, tail of 1", 1.0),
    ] {
        table.healthy(name, &|rng| with_tail(rng, KINDS[0], (1, tail), None));
    }
    table.healthy("one of 300 requests takes 30 times as long", &|rng| {
        slow_from(None, |_| {
            let typical = if rng.u32(0..300) == 0 { 30.0 } else { 1.0 };
            vec![typical * (0.3 * normal(rng)).exp()]
        })
    });
    for (name, each, by) in [
        ("three times as long, 10 requests per minute", 10, 3.0),
        ("three times as long, a request per minute", 1, 3.0),
        ("five times as long, a request per minute", 1, 5.0),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            with_tail(rng, KINDS[0], (each, 0.5), Some((begins, by)))
        });
    }
    table.print();
}

/// Some requests per minute, and the share of them that fail at a minute.
fn failing_from(
    rng: &mut Rng,
    each: u64,
    begins: Option<u32>,
    share: impl Fn(u32) -> f64,
) -> Option<f64> {
    const LEVEL: Level = Level {
        begins: 0.2,
        ends: 0.1,
    };
    let [mut failed, mut all] = [(); 2].map(|()| track(1, 10, Keep::Sum));
    watched(begins, |minute, was| {
        let bad = binomial(rng, each, share(minute));
        failed.take(at(minute), Some(bad as f64));
        all.take(at(minute), Some(each as f64));
        Some(provider_failing(
            &failed,
            &all,
            LEVEL,
            was,
            ServiceCondition::Usual,
        ))
    })
}

pub fn failing() {
    let mut table = Days::new("`provider_failing`");
    for (name, each, share) in [
        ("1% fail, a request per minute", 1, 0.01),
        ("2% fail, a request per minute", 1, 0.02),
        ("5% fail, 5 requests per minute", 5, 0.05),
        ("5% fail, 100 requests per minute", 100, 0.05),
    ] {
        table.healthy(name, &|rng| failing_from(rng, each, None, |_| share));
    }
    for kind in &KINDS[1..] {
        let name = format!("2% fail, 20 requests per minute; {}", kind.name);
        table.healthy(&name, &|rng| {
            let values = kind.values(rng, 1.0);
            failing_from(rng, 20, None, |minute| 0.02 * values[minute as usize])
        });
    }
    for (name, each, share) in [
        ("half fail, a request per minute", 1, 0.5),
        ("all fail, a request per minute", 1, 1.0),
        ("30% fail, 20 requests per minute", 20, 0.3),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            let share = |minute| if minute < begins { 0.01 } else { share };
            failing_from(rng, each, Some(begins), share)
        });
    }
    table.print();
}
