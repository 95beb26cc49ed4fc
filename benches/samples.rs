//! Benchmarks of stored samples: `cargo bench --bench samples`. Targets: a start reads 30 days of 100
//! services with 20 series each in less than a second, and a range of one series takes less than 10
//! ms.
//!
//! The series that share rows of the store, 64 of them, are written as the daemon writes them. The others are copies of
//! them: as many blocks and bytes, in a fraction of the time. `SLOD_BENCH_SERVICES=10` and `SLOD_BENCH_DAYS=3` reduce
//! the amount.

use rusqlite::{Connection, params};
use slod::outcome::Timestamp;
use slod::sample::{SeriesKey, SeriesKind};
use slod::store::{Store, Tick};
use std::collections::BTreeSet;
use std::error::Error;
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const START: i64 = 494_000 * 3_600_000;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Series of each service; half of them are counters.
const SERIES: u32 = 20;
/// Number of series that share the rows of samples that are in no block yet.
const LANE: u32 = 64;
/// Number of times that each range is read.
const RUNS: u32 = 20;
/// Time for which a start reads individual samples.
const RECENT: u32 = 3;

/// A number from an environment variable.
fn setting(name: &str, default: u32) -> u32 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

type Named = (Arc<SeriesKey>, SeriesKind);

/// Those of whole rows.
fn names() -> Vec<Named> {
    let name = |number: u32| {
        let kind = if number.is_multiple_of(2) {
            SeriesKind::Gauge
        } else {
            SeriesKind::Counter
        };
        let name = format!("family_{}", number % SERIES);
        let service = format!("service-{}", number / SERIES);
        let key = SeriesKey::new(&name, [("service", service.as_str())]);
        (Arc::new(key), kind)
    };
    let count = setting("SLOD_BENCH_SERVICES", 100) * SERIES;
    (0..count.next_multiple_of(LANE)).map(name).collect()
}

/// Gauges with a daily pattern and noise, counters with a rate of about ten per second.
fn tick(names: &[Named], at: Timestamp, counters: &mut [f64], step: Duration) -> Tick {
    let day = (at.as_secs_f64() / DAY.as_secs_f64() * TAU).sin();
    let samples = names.iter().zip(counters).map(|((key, kind), counter)| {
        let value = match kind {
            SeriesKind::Gauge => 1e8 + 1e7 * day + 1e6 * fastrand::f64(),
            SeriesKind::Counter => {
                *counter += (step.as_secs_f64() * (10.0 + 5.0 * day)).round();
                *counter
            }
        };
        (key.clone(), *kind, value)
    });
    Tick {
        at,
        samples: samples.collect(),
    }
}

/// Copies the rows of the first series for all others.
fn copy(path: &Path, names: &[Named]) -> Result<(), Box<dyn Error>> {
    let mut conn = Connection::open(path)?;
    let tx = conn.transaction()?;
    for (index, (key, kind)) in (0..).zip(names).skip(LANE as usize) {
        let kind = i64::from(*kind == SeriesKind::Counter);
        let of: u32 = index % LANE;
        let sql =
            "INSERT INTO series SELECT ?1, ?2, ?3, first_at, last_at FROM series WHERE id = ?4";
        tx.execute(sql, params![index, key.to_string(), kind, of])?;
    }
    for (lane, _) in (0_u32..).zip(names.chunks(LANE as usize)).skip(1) {
        for (table, values) in [("sample_head", "head"), ("sample_block", "samples")] {
            let sql = format!(
                "INSERT INTO {table} SELECT id + ?1, {values} FROM {table} WHERE id % 1048576 < {LANE}"
            );
            tx.execute(&sql, [lane * LANE])?;
        }
        let sql =
            "INSERT INTO sample SELECT hour, ?1, at, present, samples FROM sample WHERE lane = 0";
        tx.execute(sql, [lane])?;
    }
    tx.commit()?;
    Ok(())
}

/// Writes everything as the daemon does; returns the number of samples.
fn fill(path: &Path, names: &[Named], end: Timestamp) -> Result<usize, Box<dyn Error>> {
    let mut store = Store::open(path)?;
    let mut counters = vec![0.0; names.len()];
    let (mut at, mut count) = (Timestamp(START), 0);
    // Days before the last two are stored by the minute, so they are written that way, which is
    // faster.
    let fine = end.before(3 * DAY);
    while at < end {
        let step = Duration::from_secs(if at < fine { 60 } else { 10 });
        let mut ticks = Vec::new();
        let until = end.min(at.after(HOUR));
        while at < until {
            ticks.push(tick(names, at, &mut counters, step));
            at = at.after(step);
        }
        count += ticks.len() * names.len();
        store.append_samples(&ticks)?;
        while store.compact_samples_step(at)? {}
    }
    Ok(count)
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what}: {:.1} ms", started.elapsed().as_secs_f64() * 1000.0);
    result
}

/// The first of several runs reads the file, and others are interrupted.
fn fastest<T, E>(what: &str, mut work: impl FnMut() -> Result<T, E>) -> Result<(), E> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let started = Instant::now();
        std::hint::black_box(work()?);
        least = least.min(started.elapsed());
    }
    println!("{what}: {:.1} ms", least.as_secs_f64() * 1000.0);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("slod.db");
    let (names, days) = (names(), setting("SLOD_BENCH_DAYS", 30));
    let end = Timestamp(START).after(DAY * days).before(HOUR / 2);
    let started = Instant::now();
    println!("writing {} series of {days} days", names.len());
    let count = fill(&path, &names[..LANE as usize], end)? / LANE as usize * names.len();
    copy(&path, &names)?;
    let (took, bytes) = (
        started.elapsed().as_secs_f64(),
        std::fs::metadata(&path)?.len(),
    );
    println!(
        "{count} samples in {took:.0} s, {:.2} bytes of the file each",
        bytes as f64 / count as f64
    );
    let store = Store::open_read_only(&path)?;
    let series = timed("start: names of all series", || store.series())?;
    let all: BTreeSet<_> = series.iter().map(|info| info.id).collect();
    timed("start: samples of the last hours", || {
        (0..RECENT).try_for_each(|hours| {
            let hour = end.before(HOUR * hours).hour();
            store
                .samples_of_hour(hour, &all)
                .map(|read| drop(std::hint::black_box(read)))
        })
    })?;
    // Numbers of gauges are even.
    let middle = series.len() / 4 * 2;
    for info in &series[middle..middle + 2] {
        for (name, span) in [
            ("hour", HOUR),
            ("day", DAY),
            ("week", 7 * DAY),
            ("month", 30 * DAY),
        ] {
            let range = (end.before(span), end);
            fastest(
                &format!("range of one {}: a {name}", info.kind.label()),
                || store.steps(info, range, Some(span / 120), 200),
            )?;
        }
    }
    Ok(())
}
