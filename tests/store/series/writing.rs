//! The writer stores samples, and counts those it has no room for.

use super::{DAY, DAYS, key, points, tick};
use crate::{HOUR, START, file};
use slod::clock::Clock;
use slod::outcome::Timestamp;
use slod::sample::{SeriesKey, SeriesKind};
use slod::store::{CountingPlan, SERIES_MAX, Store, Tick};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[test]
fn too_many_series_are_counted_and_the_others_kept() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let most = i64::try_from(SERIES_MAX).unwrap();
    assert_eq!(store.append_samples(&[tick(0..most + 7, DAYS)]).unwrap(), 7);
    assert_eq!(
        store
            .append_samples(&[tick(most - 1..most + 2, DAYS + 10_000)])
            .unwrap(),
        2
    );
    assert_eq!(store.series().unwrap().len(), SERIES_MAX);
    assert_eq!(points(&store, most - 1).len(), 2);
    let long = Arc::new(SeriesKey::new(&"x".repeat(5000), []));
    let samples = vec![(long, SeriesKind::Gauge, 1.0)];
    let at = Timestamp(DAYS);
    assert_eq!(store.append_samples(&[Tick { at, samples }]).unwrap(), 1);
}

#[test]
fn the_writer_keeps_compacts_and_deletes_samples() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let clock = Clock::manual(Timestamp(DAYS + 9 * DAY));
    let plan = |_: &_| CountingPlan::default();
    let writer = store
        .writer(clock, Duration::from_hours(400 * 24), plan)
        .unwrap();
    let handle = writer.handle();
    handle.keep_samples_for(Duration::from_hours(3 * 24));
    for at in [DAYS, DAYS + 8 * DAY, DAYS + 9 * DAY] {
        handle.keep_samples(tick(0..2, at));
    }
    assert!(handle.flush(Duration::from_secs(10)));
    assert_eq!(handle.stats().series, 2);
    assert!(writer.close(Duration::from_secs(10)));
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    let kept: Vec<_> = points(&reader, 0)
        .iter()
        .map(|point| point.at.0 - DAYS)
        .collect();
    assert!(kept.ends_with(&[8 * DAY, 9 * DAY]), "{kept:?}");
}

#[test]
fn samples_that_find_no_room_are_counted() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let plan = |_: &_| CountingPlan::default();
    let writer = store
        .writer(Clock::system(), Duration::from_hours(24), plan)
        .unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON sample BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(refuse).unwrap();
    let handle = writer.handle();
    let (key, kind) = (key(0), SeriesKind::Gauge);
    for at in 0..5 {
        let samples = vec![(Arc::clone(&key), kind, 1.0); 100_000];
        handle.keep_samples(Tick {
            at: Timestamp(DAYS + at),
            samples,
        });
    }
    assert_eq!(handle.stats().lost_samples_total, 100_000);
    let deadline = Instant::now() + Duration::from_secs(20);
    while handle.stats().last_error.is_none() && Instant::now() < deadline {
        handle.flush(Duration::from_secs(2));
    }
    assert!(handle.stats().last_error.is_some());
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(writer.close(Duration::from_secs(20)));
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    assert_eq!(points(&reader, 0).len(), 4);
}

#[test]
fn problems_with_samples_do_not_delay_outcomes() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON sample BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(refuse).unwrap();
    let clock = Clock::manual(Timestamp(START + 3 * HOUR));
    let plan = |_: &_| CountingPlan::default();
    let day = Duration::from_hours(24);
    let writer = store.writer(clock, day, plan).unwrap();
    let handle = writer.handle();
    handle.keep_samples(tick(0..2, START));
    handle.append(crate::record(0, START));
    assert!(handle.flush(Duration::from_secs(20)), "an outcome is kept");
    let hours = || {
        let sql = "SELECT count(*) FROM hour";
        other.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    // The step after the flush may not have finished yet.
    let deadline = Instant::now() + Duration::from_secs(20);
    while hours() == Ok(0) && Instant::now() < deadline {
        handle.flush(Duration::from_secs(5));
    }
    assert_eq!(hours(), Ok(1), "and compacted");
    let error = handle.stats().last_error;
    assert!(
        error
            .as_ref()
            .is_some_and(|error| error.contains("samples")),
        "{error:?}"
    );
}
