//! Runs with series of the service whose verdicts are known.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and positive"
)]

use crate::load::tests::{run, says, states, window};
use crate::load::{
    Answer, Limit, LoadWindow, Model, ObservedSeries, RunRecord, Scenario, Stage, Statement,
    builtin, statements,
};
use crate::outcome::Timestamp;
use crate::sample::{Sample, SeriesKind};
use std::time::Duration;

mod indicators;
mod law;
mod soak;
mod spike;
mod stress;

/// A series of a run of `length` seconds with a sample every `every` seconds.
pub fn series(
    key: &str,
    kind: SeriesKind,
    (every, length): (u64, u64),
    mut value: impl FnMut(f64) -> f64,
) -> ObservedSeries {
    let samples = (0..=length / every).map(|number| {
        let second = number * every;
        Sample {
            at: Timestamp(0).after(Duration::from_secs(second)),
            value: value(second as f64),
        }
    });
    ObservedSeries {
        key: key.parse().expect("a series"),
        kind,
        samples: samples.collect(),
    }
}

pub fn gauge(key: &str, span: (u64, u64), value: impl FnMut(f64) -> f64) -> ObservedSeries {
    series(key, SeriesKind::Gauge, span, value)
}

pub fn counter(key: &str, span: (u64, u64), value: impl FnMut(f64) -> f64) -> ObservedSeries {
    series(key, SeriesKind::Counter, span, value)
}

pub const LIMIT: Limit = Limit {
    quantile: 0.95,
    below: Duration::from_millis(500),
};

pub fn all(run: &RunRecord) -> Vec<Statement> {
    statements(run, Some(LIMIT))
}

pub fn one(run: &RunRecord, topic: &str) -> Statement {
    let found = all(run).into_iter().find(|one| one.topic == topic);
    found.unwrap_or_else(|| panic!("no statement about {topic}: {:#?}", all(run)))
}

/// Gaussian noise from a seed, with a correlation between consecutive values.
pub fn noise(seed: u64, correlation: f64) -> impl FnMut() -> f64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut last = 0.0;
    let scale = (1.0 - correlation * correlation).sqrt();
    move || {
        let (one, other) = (random.f64().max(f64::MIN_POSITIVE), random.f64());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        last = correlation * last + scale * normal;
        last
    }
}
