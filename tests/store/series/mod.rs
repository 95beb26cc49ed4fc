//! Samples in a real file.

mod compaction;
mod damage;
mod writing;

use super::{HOUR, START};
use slod::outcome::Timestamp;
use slod::sample::{Point, Sample, SeriesKey, SeriesKind};
use slod::store::{SeriesInfo, Store, Tick};
use std::sync::Arc;

const DAY: i64 = 24 * HOUR;

/// The start of a day.
const DAYS: i64 = START / DAY * DAY;
const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(i64::MAX));

fn key(number: i64) -> Arc<SeriesKey> {
    let name = if kind(number) == SeriesKind::Gauge {
        "a_bytes"
    } else {
        "b_total"
    };
    Arc::new(SeriesKey::new(name, [("number", &*number.to_string())]))
}

fn kind(number: i64) -> SeriesKind {
    if number % 2 == 0 {
        SeriesKind::Gauge
    } else {
        SeriesKind::Counter
    }
}

/// A gauge that goes up and down, and a counter that is reset about every four hours.
fn value(number: i64, at: i64) -> f64 {
    let tick = at / 10_000;
    let value = match kind(number) {
        SeriesKind::Gauge => tick * 7919 % 1000 * 4096,
        SeriesKind::Counter => (tick * 13 + tick % 7) % 20_000,
    };
    value as f64
}

fn tick(numbers: std::ops::Range<i64>, at: i64) -> Tick {
    let samples = numbers.map(|number| (key(number), kind(number), value(number, at)));
    Tick {
        at: Timestamp(at),
        samples: samples.collect(),
    }
}

/// One sample every 10 s in `from..to`, but only during ten minutes of each hour.
fn times(from: i64, to: i64) -> impl Iterator<Item = i64> {
    (from..to)
        .step_by(10_000)
        .filter(|at| at % HOUR < 20 * 60_000 || at % HOUR >= 30 * 60_000)
}

fn append(store: &mut Store, numbers: std::ops::Range<i64>, from: i64, to: i64) {
    let ticks: Vec<Tick> = times(from, to)
        .map(|at| tick(numbers.clone(), at))
        .collect();
    assert_eq!(store.append_samples(&ticks).unwrap(), 0);
}

fn compact(store: &mut Store, now: i64) -> usize {
    let mut steps = 0;
    while store.compact_samples_step(Timestamp(now)).unwrap() {
        steps += 1;
        assert!(steps < 10_000, "compaction does not end");
    }
    steps
}

fn found(store: &Store, number: i64) -> SeriesInfo {
    let all = store.series().unwrap();
    all.into_iter()
        .find(|info| info.key == *key(number))
        .unwrap()
}

fn points(store: &Store, number: i64) -> Vec<Point> {
    let (mut all, (from, to)) = (Vec::new(), ALWAYS);
    let visit = |point| {
        all.push(point);
        true
    };
    store
        .for_each_point(found(store, number).id, from, to, visit)
        .unwrap();
    all
}

fn samples(number: i64, from: i64, to: i64) -> Vec<Sample> {
    let sample = |at| Sample {
        at: Timestamp(at),
        value: value(number, at),
    };
    times(from, to).map(sample).collect()
}
