//! The cost of measurements, and their precision in blocks.

use super::{ALWAYS, HOUR, START, compact, file, key};
use slod::outcome::{Measurement, Measurements, Outcome, Record, Timestamp, Verdict};
use slod::store::Store;
use std::f64::consts::TAU;
use std::time::Duration;
use tempfile::TempDir;

/// A standard normal random number from a fixed sequence.
fn normal(seed: &mut u64) -> f64 {
    let mut uniform = || {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((*seed >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    };
    (-2.0 * uniform().ln()).sqrt() * (TAU * uniform()).cos()
}

/// A request over TLS: the phases are lognormal around these milliseconds.
fn measured(seed: &mut u64) -> Measurements {
    let mut measured = Measurements::default();
    for (one, ms, spread) in [
        (Measurement::Resolve, 1.5, 0.5),
        (Measurement::Connect, 12.0, 0.1),
        (Measurement::Tls, 28.0, 0.12),
        (Measurement::Processing, 80.0, 0.3),
        (Measurement::Transfer, 0.4, 0.4),
    ] {
        measured.add(
            one,
            Duration::from_secs_f64(ms / 1e3 * (spread * normal(seed)).exp()),
        );
    }
    measured
}

/// Bytes per outcome of a day in blocks, and the day.
fn a_day(with_phases: bool) -> (f64, Vec<Record>, Vec<Record>) {
    let (folder, mut seed) = (TempDir::new().unwrap(), 7);
    let mut store = Store::open(&file(&folder)).unwrap();
    let records: Vec<Record> = (START..START + 24 * HOUR)
        .step_by(10_000)
        .map(|at| {
            let phases = measured(&mut seed);
            let latency = phases.iter().map(|(_, spent)| spent).sum();
            let mut outcome = Outcome::new(Verdict::Good, latency);
            outcome.code = Some(200);
            if with_phases {
                outcome.measured = phases;
            }
            Record {
                key: key(0),
                at: Timestamp(at),
                interval: Duration::from_secs(10),
                outcome,
            }
        })
        .collect();
    store.append(&records).unwrap();
    compact(&mut store, START + 25 * HOUR);
    let back = store.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap();
    let conn = rusqlite::Connection::open(file(&folder)).unwrap();
    let sql = "SELECT sum(length(counts) + length(outcomes)) FROM hour JOIN block USING (id)";
    let bytes: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    (bytes as f64 / records.len() as f64, records, back)
}

#[test]
fn a_latency_takes_no_more_space_and_five_phases_less_than_three_bytes() {
    let (alone, ..) = a_day(false);
    let (with, records, back) = a_day(true);
    println!("bytes per outcome: {alone:.3}, with five phases {with:.3}");
    assert!(alone < 1.35, "{alone:.3}");
    assert!(with < alone + 3.0, "{with:.3} beside {alone:.3}");
    for (was, is) in records.iter().zip(&back) {
        for (one, spent) in was.outcome.measured.iter() {
            let kept = is.outcome.measured.get(one).unwrap();
            assert!(
                kept.abs_diff(spent) <= spent / 16 + Duration::from_micros(1),
                "{one:?}: {spent:?} became {kept:?}"
            );
        }
    }
}
