//! Continuous watching: the same detectors every five minutes over days.

use crate::memory::{self, SAMPLES_PER_HOUR, daily, means, minima, restarts};
use crate::noise::Ar;
use crate::soak::{LATENCY_WINDOW, MEMORY, MEMORY_WINDOW};
use crate::{Table, histories, share_of};
use fastrand::Rng;
use slod_core::trend::{DriftVerdict, GrowthVerdict, Windows, drift, growth, load_rises};

/// Evaluations in a row that are compared.
const CONFIRMATIONS: [usize; 5] = [1, 3, 6, 9, 12];
const HOURS: usize = 2;
const DAY: usize = 24 * SAMPLES_PER_HOUR;

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

/// Evaluations of the last two hours, or of what there is since the start. A step of five minutes is
/// two and a half windows.
fn growing(values: &[Option<f64>], load: Option<&[Option<f64>]>) -> usize {
    let kept = HOURS * 30;
    let ends = (0..values.len() * 2).step_by(5).map(|end| end / 2);
    longest(ends.map(|end| {
        let last = |series: &[Option<f64>]| -> Vec<Option<f64>> {
            series[end.saturating_sub(kept)..end].to_vec()
        };
        let width = MEMORY_WINDOW;
        let explained = load.is_some_and(|load| {
            load_rises(
                Windows {
                    width,
                    values: &last(load),
                },
                0.05,
            )
        });
        let found = growth(
            Windows {
                width,
                values: &last(values),
            },
            &MEMORY,
        );
        !explained && matches!(found, GrowthVerdict::Growing(_))
    }))
}

pub fn memory() {
    let mut table = header("memory, 2 h watched for a day");
    for kind in &memory::HEALTHY {
        row(&mut table, kind.name, |rng| {
            growing(&minima(&(kind.make)(rng, DAY)), None)
        });
    }
    row(&mut table, "deploys every 4 h, warm-up by 30 %", |rng| {
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
        let name = format!("leak of {percent} % per hour, 6 h");
        row(&mut table, &name, |rng| {
            growing(&minima(&memory::leak(rng, DAY / 4, percent)), None)
        });
    }
    table.print();
}

/// Windows of 5 min: noise, correlation, share that the latency rises in six hours, and the share that
/// it follows the traffic of a day by.
const LATENCIES: [(&str, f64, f64, f64, f64); 7] = [
    ("noise of 5 %", 0.05, 0.0, 0.0, 0.0),
    ("noise of 10 %", 0.1, 0.0, 0.0, 0.0),
    ("AR(0.6), 5 %", 0.05, 0.6, 0.0, 0.0),
    ("AR(0.9), 5 %", 0.05, 0.9, 0.0, 0.0),
    (
        "day and night by 20 %, traffic unknown",
        0.05,
        0.0,
        0.0,
        0.2,
    ),
    ("drift of 15 % per hour, 6 h", 0.05, 0.0, 0.15, 0.0),
    ("drift of 15 % per hour, 6 h, AR(0.6)", 0.05, 0.6, 0.15, 0.0),
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
                    let wave = daily * (time / 24.0 * std::f64::consts::TAU).sin();
                    let level = (1.0 + per_hour * time) * (1.0 + wave);
                    Some(0.2 * level * (noise * ar.next(rng)).exp())
                })
                .collect();
            rising(&values)
        });
    }
    table.print();
}

fn rising(values: &[Option<f64>]) -> usize {
    let kept = HOURS * 12;
    longest((1..=values.len()).map(|end| {
        let values = &values[end.saturating_sub(kept)..end];
        let windows = Windows {
            width: LATENCY_WINDOW,
            values,
        };
        matches!(drift(windows, 0.1), DriftVerdict::Rising(_))
    }))
}
