//! Verdicts at the end of a soak of two hours.

use crate::memory::{self, SAMPLES_PER_HOUR};
use crate::noise::{Ar, binomial};
use crate::{Table, histories, share_of};
use fastrand::Rng;
use slod_core::trend::{
    ClimbVerdict, DriftVerdict, Errors, GrowthRules, GrowthVerdict, Windows, climb, drift, growth,
};
use std::time::Duration;

pub const MEMORY: GrowthRules = GrowthRules {
    share: 0.05,
    floor: 16.0,
    limit: None,
};
pub const MEMORY_WINDOW: Duration = Duration::from_mins(2);
pub const LATENCY_WINDOW: Duration = Duration::from_mins(5);
const LATENCY_WINDOWS: usize = 24;

pub fn memory() {
    let mut table = Table::new(["memory over 2 h", "growing", "plateauing"]);
    let judged = |make: &(dyn Fn(&mut Rng) -> Vec<f64> + Sync)| {
        let verdicts = histories(|seed| verdict(&make(&mut Rng::with_seed(seed)), &MEMORY));
        let growing = |verdict: &&GrowthVerdict| matches!(verdict, GrowthVerdict::Growing(_));
        let plateau = |verdict: &&GrowthVerdict| matches!(verdict, GrowthVerdict::Plateauing(_));
        [
            share_of(verdicts.iter().filter(growing).count()),
            share_of(verdicts.iter().filter(plateau).count()),
        ]
    };
    let samples = 2 * SAMPLES_PER_HOUR;
    for kind in &memory::HEALTHY {
        table.row(kind.name, judged(&|rng| (kind.make)(rng, samples)));
    }
    for percent in [2.0, 3.0, 4.0, 5.0, 10.0] {
        let name = format!("leak of {percent}% per hour");
        table.row(&name, judged(&|rng| memory::leak(rng, samples, percent)));
    }
    table.row(
        "leak of 10% per hour, in stairs",
        judged(&|rng| memory::saw(rng, samples, |time| 8.0 * (time * 25.0 / 8.0).floor())),
    );
    table.row(
        "leak that accelerates, 10% in 2 h",
        judged(&|rng| memory::saw(rng, samples, |time| 7.0 * time * time)),
    );
    table.print();
}

fn verdict(samples: &[f64], rules: &GrowthRules) -> GrowthVerdict {
    let values = memory::minima(samples);
    let windows = Windows {
        width: MEMORY_WINDOW,
        values: &values,
    };
    growth(windows, rules)
}

/// Noise per window in percent, and how much it depends on the window before.
const NOISE: [(f64, f64); 8] = [
    (3.0, 0.0),
    (5.0, 0.0),
    (10.0, 0.0),
    (20.0, 0.0),
    (3.0, 0.6),
    (5.0, 0.6),
    (10.0, 0.6),
    (5.0, 0.9),
];

pub fn latency() {
    let mut table = Table::new([
        "p95 over 2 h: noise",
        "rising: +0%",
        "+15%",
        "+30%",
        "+50%",
        "step +30%",
    ]);
    for (percent, correlation) in NOISE {
        let rising = |shape: &(dyn Fn(f64) -> f64 + Sync)| {
            let found = |seed| {
                let values = latencies(
                    &mut Rng::with_seed(seed),
                    percent / 100.0,
                    correlation,
                    shape,
                );
                let windows = Windows {
                    width: LATENCY_WINDOW,
                    values: &values,
                };
                matches!(drift(windows, 0.1), DriftVerdict::Rising(_))
            };
            share_of(histories(found).into_iter().filter(|found| *found).count())
        };
        let drift = |share: f64| rising(&move |at| 1.0 + share * at);
        let step = rising(&|at| if at < 0.5 { 1.0 } else { 1.3 });
        let name = format!("{percent}%, AR({correlation})");
        table.row(
            &name,
            [drift(0.0), drift(0.15), drift(0.3), drift(0.5), step],
        );
    }
    table.print();
}

/// `shape` is of the time in the run, from 0 to 1.
pub fn latencies(
    rng: &mut Rng,
    noise: f64,
    correlation: f64,
    shape: &dyn Fn(f64) -> f64,
) -> Vec<Option<f64>> {
    let mut ar = Ar::new(rng, correlation);
    (0..LATENCY_WINDOWS)
        .map(|at| {
            let time = at as f64 / (LATENCY_WINDOWS - 1) as f64;
            Some(0.2 * shape(time) * (noise * ar.next(rng)).exp())
        })
        .collect()
}

pub fn errors() {
    let mut table = Table::new(["errors over 2 h, 600 requests per 5 min", "climbing"]);
    let cases: [(&str, f64, f64, f64); 7] = [
        ("0.5% throughout", 0.005, 0.005, 0.0),
        ("5% throughout", 0.05, 0.05, 0.0),
        (
            "0.5%, a burst of 10% in one of 12 windows",
            0.005,
            0.005,
            1.0 / 12.0,
        ),
        (
            "0.5%, a burst of 10% in one of 48 windows",
            0.005,
            0.005,
            1.0 / 48.0,
        ),
        ("from 0.5% to 1.5%", 0.005, 0.015, 0.0),
        ("from 0.5% to 2%", 0.005, 0.02, 0.0),
        ("from 1% to 5%, bursts", 0.01, 0.05, 1.0 / 24.0),
    ];
    for (name, from, to, bursts) in cases {
        let found = |seed| {
            let mut rng = Rng::with_seed(seed);
            let windows: Vec<Errors> = (0..LATENCY_WINDOWS)
                .map(|at| {
                    let time = at as f64 / (LATENCY_WINDOWS - 1) as f64;
                    let burst = if rng.f64() < bursts { 0.1 } else { 0.0 };
                    let errors = binomial(&mut rng, 600, from + (to - from) * time + burst);
                    Errors { errors, total: 600 }
                })
                .collect();
            matches!(climb(&windows, 0.005), ClimbVerdict::Climbing { .. })
        };
        table.row(
            name,
            [share_of(
                histories(found).into_iter().filter(|found| *found).count(),
            )],
        );
    }
    table.print();
}
