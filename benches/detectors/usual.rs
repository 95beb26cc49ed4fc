//! What is not as usual at the time of day: learned from 14 days, watched on the next one.

use crate::days::{Days, Event};
use crate::noise::{Ar, normal};
use fastrand::Rng;
use slod_core::signal::rules::{Numbers, Usual, latency_unusual, throughput_low};
use slod_core::signal::{Level, Presence};
use slod_core::stats::season::Season;
use std::f64::consts::TAU;
use std::time::Duration;

const DAYS: usize = 14;
/// Windows of 5 min.
const HOUR: usize = 12;
const DAY: usize = 24 * HOUR;
const ALL: usize = (DAYS + 1) * DAY;

/// A number by windows of 5 min.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    noise: f64,
    correlation: f64,
    /// The share that it follows the day by, and what remains at a weekend.
    daily: f64,
    weekend: f64,
    event: Event,
    /// What the event adds, as a share.
    adds: f64,
    /// In the watched day, from a random hour on: what remains.
    effect: f64,
}

const FLAT: Kind = Kind {
    name: "flat, noise of 5%",
    noise: 0.05,
    correlation: 0.0,
    daily: 0.0,
    weekend: 1.0,
    event: Event::Nothing,
    adds: 0.0,
    effect: 1.0,
};

/// Kinds of a number that follows the day by `daily`; deploys, jobs each hour and jobs each night add
/// these shares.
fn kinds(daily: f64, weekend: f64, [deploy, cron, nightly]: [f64; 3]) -> Vec<Kind> {
    let with = |name, event, adds| Kind {
        name,
        event,
        adds,
        ..FLAT
    };
    let noise = |name, noise, correlation| Kind {
        name,
        noise,
        correlation,
        ..FLAT
    };
    vec![
        FLAT,
        noise("noise of 20%", 0.2, 0.0),
        noise("AR(0.9), 5%", 0.05, 0.9),
        noise("AR(0.98), 5%", 0.05, 0.98),
        Kind {
            name: "day and night",
            daily,
            ..FLAT
        },
        Kind {
            name: "day and night with weekends",
            daily,
            weekend,
            ..FLAT
        },
        with("one step of 12%", Event::Step, 0.12),
        with("deploys every 4 h", Event::Deploys, deploy),
        with("a job for 5 min every hour", Event::Cron, cron),
        with("a nightly job of 1 h", Event::Nightly, nightly),
    ]
}

/// The values, and the window in which the effect begins.
fn values(rng: &mut Rng, kind: &Kind) -> (Vec<f64>, usize) {
    let mut ar = Ar::new(rng, kind.correlation);
    let (phase, weekday) = (rng.f64(), rng.usize(0..7));
    let begins = DAYS * DAY + rng.usize(0..20 * HOUR);
    let value = |at: usize| {
        let hour = at as f64 / HOUR as f64;
        let is_weekend = (at / DAY + weekday) % 7 >= 5;
        let scale = if is_weekend { kind.weekend } else { 1.0 };
        let wave = 1.0 + kind.daily * (hour / 24.0 * TAU).sin();
        // A step is one on the last of the learned days.
        let since = match kind.event {
            Event::Step => hour - 24.0 * (DAYS - 1) as f64,
            _ => hour,
        };
        let event = 1.0 + kind.adds * kind.event.at(since, phase);
        let effect = if at < begins { 1.0 } else { kind.effect };
        0.2 * scale * wave * event * effect * (kind.noise * ar.next(rng)).exp()
    };
    ((0..ALL).map(value).collect(), begins)
}

fn season(values: &[f64]) -> Season {
    let means = values[..DAYS * DAY].chunks(HOUR).enumerate();
    let hours: Vec<(Duration, f64)> = means
        .map(|(hour, part)| {
            let at = Duration::from_secs(hour as u64 * 3600);
            (at, part.iter().sum::<f64>() / HOUR as f64)
        })
        .collect();
    Season::of(&hours).expect("values")
}

/// Minutes from the effect, or from the beginning of the day, to the sign.
fn watched(
    values: &[f64],
    begins: Option<usize>,
    judge: impl Fn(f64, Usual, bool) -> bool,
) -> Option<f64> {
    let season = season(values);
    let from = begins.unwrap_or(DAYS * DAY);
    let found = (from..ALL).find(|end| {
        let hour = &values[end + 1 - HOUR..=*end];
        let now = Duration::from_secs((*end as u64 + 1) * 300);
        let usual = Usual {
            band: season.band(now),
            days: u32::try_from(DAYS).unwrap_or(u32::MAX),
        };
        judge(hour.iter().sum::<f64>() / HOUR as f64, usual, false)
    });
    found.map(|end| (end + 1 - from) as f64 * 5.0)
}

pub fn latency() {
    const LEVEL: Level = Level {
        begins: 0.25,
        ends: 0.15,
    };
    let judge = |hour, usual, was| {
        let by = Numbers::Own;
        let (presence, _) = latency_unusual(Some(hour), Some(usual), LEVEL, was, by);
        presence == Presence::Active
    };
    let mut table = Days::new("`latency_unusual`");
    for kind in kinds(0.2, 0.85, [1.0, 1.0, 0.5]) {
        table.healthy(kind.name, &|rng| {
            watched(&values(rng, &kind).0, None, judge)
        });
    }
    table.healthy("30 attempts of probes per hour, tail of 0.5", &|rng| {
        watched(&probed(rng, 3), None, judge)
    });
    for (name, effect) in [("+30%", 1.3), ("+50%", 1.5), ("twice", 2.0)] {
        let kind = Kind {
            daily: 0.2,
            effect,
            ..FLAT
        };
        table.effect(name, &|rng| {
            let (values, begins) = values(rng, &kind);
            watched(&values, Some(begins), judge)
        });
    }
    table.print();
}

/// The highest of some attempts per window, as the 95th percentile of few is.
fn probed(rng: &mut Rng, attempts: usize) -> Vec<f64> {
    let mut window = || {
        let each = (0..attempts).map(|_| 0.2 * (0.5 * normal(rng)).exp());
        each.fold(0.0, f64::max)
    };
    (0..ALL).map(|_| window()).collect()
}

pub fn throughput() {
    const LEVEL: Level = Level {
        begins: 0.5,
        ends: 0.7,
    };
    let judge = |hour, usual, was| {
        let (presence, _) = throughput_low(Some(hour), Some(usual), LEVEL, was, true);
        presence == Presence::Active
    };
    let mut table = Days::new("`throughput_low`");
    for kind in kinds(0.6, 0.33, [-0.5, 2.0, 1.0]) {
        table.healthy(kind.name, &|rng| {
            watched(&values(rng, &kind).0, None, judge)
        });
    }
    table.healthy("20 requests per hour, by chance", &|rng| {
        let arrive = |rng: &mut Rng| (0..300).filter(|_| rng.f64() < 1.0 / 180.0).count() as f64;
        let values: Vec<f64> = (0..ALL).map(|_| arrive(rng) / 300.0).collect();
        watched(&values, None, judge)
    });
    for (name, effect) in [
        ("a third remains", 0.33),
        ("a tenth remains", 0.1),
        ("none remain", 0.0),
    ] {
        let kind = Kind {
            daily: 0.4,
            effect,
            ..FLAT
        };
        table.effect(name, &|rng| {
            let (values, begins) = values(rng, &kind);
            watched(&values, Some(begins), judge)
        });
    }
    table.print();
}
