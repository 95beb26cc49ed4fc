//! Continuous watching: the same detectors every five minutes over days.

use crate::memory::{self, SAMPLES_PER_HOUR, daily, means, minima, restarts};
use crate::noise::{Ar, binomial};
use crate::soak::{LATENCY_WINDOW, MEMORY, MEMORY_WINDOW};
use crate::{Table, histories, share_of};
use fastrand::Rng;
use slod_core::stats::season::Season;
use slod_core::trend::{
    self, ClimbVerdict, DriftVerdict, Errors, GrowthVerdict, Rise, Windows, climb, drift, growth,
    load_rises,
};
use std::f64::consts::TAU;
use std::ops::Range;
use std::time::Duration;

/// Evaluations in a row that are compared.
const CONFIRMATIONS: [usize; 5] = [1, 3, 6, 9, 12];
const HOURS: usize = 2;
const DAY: usize = 24 * SAMPLES_PER_HOUR;

/// A month of healthy services, with the rule that signs are active by: how many tickets it makes.
pub fn month() {
    const SERVICES: u64 = 50;
    const DAYS: usize = 30;
    let counted = histories(|seed| {
        if seed >= SERVICES {
            return [0; 3];
        }
        let mut rng = Rng::with_seed(seed);
        let (memory, traffic) = daily(&mut rng, DAYS * DAY, true);
        let load = means(&traffic);
        let floors = minima(&memory);
        let memory = evaluations(&floors, Some(&load));
        let latencies = daily_latencies(&mut rng, DAYS, 0.6);
        let daily = daily_load(DAYS);
        let latency = drifts(&latencies, Some(&daily));
        let errors = bursty(&mut rng, DAYS);
        [tickets(memory), tickets(latency), tickets(climbs(&errors))]
    });
    let mut table = Table::new([
        "50 services for 30 days",
        "false tickets",
        "per service-month",
    ]);
    for (index, name) in ["memory", "p95", "error ratio"].into_iter().enumerate() {
        let all: usize = counted.iter().map(|tickets| tickets[index]).sum();
        let each = format!("{:.3}", all as f64 / SERVICES as f64);
        table.row(name, [all.to_string(), each]);
    }
    table.print();
}

/// Findings that are confirmed begin a ticket; it ends with the first evaluation without one.
fn tickets(found: impl IntoIterator<Item = bool>) -> usize {
    let mut run = 0;
    let begins = |found: bool| {
        run = if found { run + 1 } else { 0 };
        run == trend::CONFIRMATIONS
    };
    found
        .into_iter()
        .map(begins)
        .filter(|begins| *begins)
        .count()
}

/// The most consecutive findings of a history.
fn longest(found: impl Iterator<Item = bool>) -> usize {
    let count = |(most, run): (usize, usize), found: bool| {
        let run = if found { run + 1 } else { 0 };
        (most.max(run), run)
    };
    found.fold((0, 0), count).0
}

fn row(table: &mut Table, name: &str, run: impl Fn(&mut Rng) -> usize + Sync) {
    let runs = histories(|seed| run(&mut Rng::with_seed(seed)));
    let confirmed = |least| share_of(runs.iter().filter(|run| **run >= least).count());
    table.row(name, CONFIRMATIONS.map(confirmed));
}

fn header(what: &str) -> Table {
    Table::new([what, "1 evaluation", "3 in a row", "6", "9", "12"])
}

fn growing(values: &[Option<f64>], load: Option<&[Option<f64>]>) -> usize {
    longest(evaluations(values, load))
}

/// Evaluations of the last two hours, or of what there is since the start. A step of five minutes is
/// two and a half windows.
fn evaluations(values: &[Option<f64>], load: Option<&[Option<f64>]>) -> impl Iterator<Item = bool> {
    let kept = HOURS * 30;
    let ends = (0..values.len() * 2).step_by(5).map(|end| end / 2);
    ends.map(move |end| {
        let part = end.saturating_sub(kept)..end;
        let windows = |series| windows(MEMORY_WINDOW, series, part.clone());
        let explained = load.is_some_and(|load| load_rises(windows(load), 0.05));
        !explained && matches!(growth(windows(values), &MEMORY), GrowthVerdict::Growing(_))
    })
}

fn windows(width: Duration, values: &[Option<f64>], part: Range<usize>) -> Windows<'_> {
    Windows {
        width,
        values: &values[part],
    }
}

pub fn memory() {
    let mut table = header("memory, 2 h watched for a day");
    for kind in &memory::HEALTHY {
        row(&mut table, kind.name, |rng| {
            growing(&minima(&(kind.make)(rng, DAY)), None)
        });
    }
    row(&mut table, "deploys every 4 h, warm-up by 30%", |rng| {
        let lives = restarts(rng, DAY);
        lives
            .iter()
            .map(|life| growing(&minima(life), None))
            .max()
            .unwrap_or(0)
    });
    row(&mut table, "day and night, traffic unknown", |rng| {
        growing(&minima(&daily(rng, DAY, false).0), None)
    });
    let known = |rng: &mut Rng, days, weekend| {
        let (memory, traffic) = daily(rng, days * DAY, weekend);
        growing(&minima(&memory), Some(&means(&traffic)))
    };
    row(&mut table, "day and night, traffic known", |rng| {
        known(rng, 1, false)
    });
    row(&mut table, "a week with a weekend, traffic known", |rng| {
        known(rng, 7, true)
    });
    for percent in [3.0, 5.0, 10.0] {
        let name = format!("leak of {percent}% per hour, 6 h");
        row(&mut table, &name, |rng| {
            growing(&minima(&memory::leak(rng, DAY / 4, percent)), None)
        });
    }
    table.print();
}

/// Windows of 5 min: noise, correlation, share that the latency rises in six hours, and the share that
/// it follows the traffic of a day by.
const LATENCIES: [(&str, f64, f64, f64, f64); 7] = [
    ("noise of 5%", 0.05, 0.0, 0.0, 0.0),
    ("noise of 10%", 0.1, 0.0, 0.0, 0.0),
    ("AR(0.6), 5%", 0.05, 0.6, 0.0, 0.0),
    ("AR(0.9), 5%", 0.05, 0.9, 0.0, 0.0),
    ("day and night by 20%, traffic unknown", 0.05, 0.0, 0.0, 0.2),
    ("drift of 15% per hour, 6 h", 0.05, 0.0, 0.15, 0.0),
    ("drift of 15% per hour, 6 h, AR(0.6)", 0.05, 0.6, 0.15, 0.0),
];

pub fn latency() {
    let mut table = header("p95, 2 h watched for a day");
    for (name, noise, correlation, per_hour, daily) in LATENCIES {
        row(&mut table, name, |rng| {
            let mut ar = Ar::new(rng, correlation);
            let hours = if per_hour > 0.0 { 6 } else { 24 };
            let values: Vec<Option<f64>> = (0..hours * 12)
                .map(|at| {
                    let time = f64::from(at) / 12.0;
                    let wave = daily * (time / 24.0 * TAU).sin();
                    let level = (1.0 + per_hour * time) * (1.0 + wave);
                    Some(0.2 * level * (noise * ar.next(rng)).exp())
                })
                .collect();
            rising(&values)
        });
    }
    let name = "day and night by 20%, traffic unknown, usual values known";
    row(&mut table, name, unusual_rises);
    table.print();
}

/// The rises of a day to levels that were not usual in the two weeks before it.
fn unusual_rises(rng: &mut Rng) -> usize {
    const DAYS: usize = 14;
    let values = daily_latencies(rng, DAYS + 1, 0.0);
    let hours = values[..DAYS * 288].chunks(12).enumerate();
    let hours = hours.map(|(hour, part)| {
        let mean = part.iter().flatten().sum::<f64>() / part.len() as f64;
        (Duration::from_secs(3600 * hour as u64), mean)
    });
    let season = Season::of(&hours.collect::<Vec<_>>()).expect("values");
    let is_unusual = |end: usize| {
        let now = Duration::from_secs(300 * end as u64);
        rise(&values, end).is_some_and(|rise| rise.to > season.band(now).high)
    };
    longest((DAYS * 288 + 1..=values.len()).map(is_unusual))
}

fn rising(values: &[Option<f64>]) -> usize {
    longest(drifts(values, None))
}

fn drifts(values: &[Option<f64>], load: Option<&[Option<f64>]>) -> impl Iterator<Item = bool> {
    (1..=values.len()).map(move |end| {
        let part = end.saturating_sub(HOURS * 12)..end;
        let windows = |series| windows(LATENCY_WINDOW, series, part.clone());
        let explained = load.is_some_and(|load| load_rises(windows(load), 0.05));
        !explained && rise(values, end).is_some()
    })
}

/// The rise in the two hours before a window.
fn rise(values: &[Option<f64>], end: usize) -> Option<Rise> {
    let part = end.saturating_sub(HOURS * 12)..end;
    match drift(windows(LATENCY_WINDOW, values, part), 0.1) {
        DriftVerdict::Rising(rise) => Some(rise),
        _ => None,
    }
}

fn wave(at: usize) -> f64 {
    (at as f64 / 288.0 * TAU).sin()
}

/// p95 that is 20% higher at noon, with noise of 5% that depends on the window before.
fn daily_latencies(rng: &mut Rng, days: usize, correlation: f64) -> Vec<Option<f64>> {
    let mut ar = Ar::new(rng, correlation);
    (0..days * 288)
        .map(|at| Some(0.2 * (1.0 + 0.2 * wave(at)) * (0.05 * ar.next(rng)).exp()))
        .collect()
}

fn daily_load(days: usize) -> Vec<Option<f64>> {
    (0..days * 288)
        .map(|at| Some(100.0 * (1.0 + 0.6 * wave(at))))
        .collect()
}

/// 0.5% of 600 requests, and 10% in one of 48 windows.
fn bursty(rng: &mut Rng, days: usize) -> Vec<Errors> {
    (0..days * 288)
        .map(|_| {
            let burst = if rng.u32(0..48) == 0 { 0.1 } else { 0.0 };
            Errors {
                errors: binomial(rng, 600, 0.005 + burst),
                total: 600,
            }
        })
        .collect()
}

fn climbs(windows: &[Errors]) -> impl Iterator<Item = bool> {
    (1..=windows.len()).map(|end| {
        let part = &windows[end.saturating_sub(HOURS * 12)..end];
        matches!(climb(part, 0.005), ClimbVerdict::Climbing { .. })
    })
}
