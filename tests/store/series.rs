//! Samples in a real file: every step of compaction shows the same, and what is kept of old days is
//! what a recount says.

use super::{HOUR, START, file};
use slod::clock::Clock;
use slod::outcome::Timestamp;
use slod::sample::{Point, Sample, SeriesKey, SeriesKind, Summary, minutes};
use slod::store::{CountingPlan, SERIES_MAX, SeriesInfo, Store, Tick, check, recover};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

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

/// A gauge that goes up and down, and a counter that is reset each four hours and a bit.
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

/// One every 10 s in `from..to`, but in ten minutes of each hour.
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

/// All summaries of each series, joined.
fn summaries(store: &Store) -> BTreeMap<i64, Summary> {
    let (mut all, (from, to)) = (BTreeMap::<i64, Summary>::new(), ALWAYS);
    let visit = |series, next: Summary| {
        all.entry(series)
            .and_modify(|all| all.add(&next))
            .or_insert(next);
    };
    store.for_each_summary(from, to, visit).unwrap();
    all
}

#[test]
fn every_step_of_compaction_shows_each_sample_once() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    // Two lanes, and hours of which the last is not over.
    append(&mut store, 0..70, DAYS, DAYS + 2 * HOUR + 60_000);
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    loop {
        for number in [0, 1, 69] {
            let wanted = samples(number, DAYS, DAYS + 2 * HOUR + 60_000);
            let wanted: Vec<Point> = wanted.into_iter().map(Point::from).collect();
            assert_eq!(points(&reader, number), wanted);
            let summary = summaries(&reader)[&found(&reader, number).id];
            assert_eq!(
                Some(summary),
                Summary::of(samples(number, DAYS, DAYS + 2 * HOUR + 60_000))
            );
        }
        if !store
            .compact_samples_step(Timestamp(DAYS + 2 * HOUR + 150_000))
            .unwrap()
        {
            break;
        }
    }
    let info = found(&reader, 69);
    assert_eq!(
        (info.first, info.last),
        (Timestamp(DAYS), Timestamp(DAYS + 2 * HOUR + 50_000))
    );
    assert_eq!(info.kind, SeriesKind::Counter);
    let checked = check(&file(&folder)).unwrap();
    assert!(checked.sound(), "{:?}", checked.faults);
    assert_eq!((checked.series, checked.samples), (70, 70 * (2 * 300 + 6)));
}

#[test]
fn a_late_or_double_sample_is_merged_into_its_block() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let late = DAYS + 600_000;
    let ticks: Vec<Tick> = times(DAYS, DAYS + HOUR)
        .filter(|at| *at != late)
        .map(|at| tick(0..2, at))
        .collect();
    store.append_samples(&ticks).unwrap();
    compact(&mut store, DAYS + 2 * HOUR);
    let mut double = tick(0..2, DAYS + 610_000);
    double.samples[0].2 = 7.0;
    store.append_samples(&[double, tick(0..2, late)]).unwrap();
    for _ in 0..2 {
        for number in [0, 1] {
            let wanted = samples(number, DAYS, DAYS + HOUR);
            let points = points(&store, number);
            let kept = points.iter().map(|point| Sample {
                at: point.at,
                value: point.last,
            });
            assert_eq!(kept.collect::<Vec<_>>(), wanted);
            let summary = summaries(&store)[&found(&store, number).id];
            assert_eq!(Some(summary), Summary::of(wanted));
        }
        compact(&mut store, DAYS + 2 * HOUR);
    }
    assert!(check(&file(&folder)).unwrap().sound());
}

#[test]
fn old_days_are_kept_by_the_minute_and_count_as_before() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    append(&mut store, 0..6, DAYS, DAYS + 3 * DAY);
    let before = summaries(&store);
    compact(&mut store, DAYS + 3 * DAY - 1);
    assert_eq!(
        points(&store, 0).len(),
        3 * 24 * 300,
        "nothing is two days old"
    );
    let fine = 2 * 24 * 300;
    assert!(
        compact(&mut store, DAYS + 3 * DAY + 200_000) > 1,
        "small steps"
    );
    let after = summaries(&store);
    for (series, summary) in &before {
        let kept = after[series];
        assert!((kept.sum - summary.sum).abs() < 1e-6);
        assert_eq!(
            Summary { sum: 0.0, ..kept },
            Summary {
                sum: 0.0,
                ..*summary
            }
        );
    }
    let gauge = points(&store, 0);
    let day = samples(0, DAYS, DAYS + DAY).into_iter().map(Point::from);
    for (kept, wanted) in gauge.iter().zip(minutes(day)) {
        assert!((kept.mean - wanted.mean).abs() <= wanted.mean * 5.001e-5);
        assert_eq!(
            Point { mean: 0.0, ..*kept },
            Point {
                mean: 0.0,
                ..wanted
            }
        );
    }
    assert_eq!(gauge.len(), 24 * 50 + fine);
    // A counter in steps of an hour rises as before.
    let counter = found(&store, 1);
    let steps = |store: &Store| {
        let hour = Some(Duration::from_hours(1));
        store.steps(&counter, ALWAYS, hour, 100).unwrap().unwrap()
    };
    let kept: Vec<_> = steps(&store)
        .iter()
        .map(|step| (step.at.0, step.last, step.increase))
        .collect();
    let fresh = TempDir::new().unwrap();
    let mut fresh = Store::open(&file(&fresh)).unwrap();
    append(&mut fresh, 0..6, DAYS, DAYS + 3 * DAY);
    let wanted: Vec<_> = steps(&fresh)
        .iter()
        .map(|step| (step.at.0, step.last, step.increase))
        .collect();
    assert_eq!((kept.len(), &kept), (72, &wanted));
    assert!(
        kept.iter()
            .filter_map(|(_, _, increase)| *increase)
            .all(|increase| increase >= 0.0)
    );
    let checked = check(&file(&folder)).unwrap();
    assert!(checked.sound(), "{:?}", checked.faults);
}

#[test]
fn steps_are_limited_and_a_counter_goes_back_five_minutes() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    append(&mut store, 0..2, DAYS, DAYS + HOUR);
    let counter = found(&store, 1);
    let steps = |from, step, limit| {
        let (from, to) = (Timestamp(from), Timestamp(DAYS + HOUR));
        store.steps(&counter, (from, to), step, limit).unwrap()
    };
    assert_eq!(steps(DAYS, None, 299), None);
    assert_eq!(steps(DAYS, None, 300).map(|steps| steps.len()), Some(300));
    let first = |from| steps(from, Some(Duration::from_mins(1)), 60).unwrap()[0];
    assert_eq!(
        first(DAYS).increase,
        Some(value(1, DAYS + 50_000) - value(1, DAYS))
    );
    let risen = first(DAYS + 60_000);
    assert_eq!(
        risen.increase,
        Some(value(1, DAYS + 110_000) - value(1, DAYS + 50_000))
    );
    assert_eq!(risen.rate, risen.increase.map(|increase| increase / 60.0));
    // Ten minutes without a sample: the one before is too old.
    assert_eq!(first(DAYS + 30 * 60_000).at, Timestamp(DAYS + 30 * 60_000));
    let increase = value(1, DAYS + 30 * 60_000 + 50_000) - value(1, DAYS + 30 * 60_000);
    assert_eq!(first(DAYS + 30 * 60_000).increase, Some(increase));
}

#[test]
fn old_samples_and_names_are_deleted_and_ids_given_again() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    append(&mut store, 0..4, DAYS, DAYS + 2 * HOUR);
    append(&mut store, 1..4, DAYS + 4 * DAY, DAYS + 4 * DAY + HOUR);
    let now = DAYS + 5 * DAY;
    compact(&mut store, now);
    let retention = Duration::from_hours(2 * 24);
    let mut steps = 0;
    while store
        .expire_samples_step(Timestamp(now), retention)
        .unwrap()
    {
        steps += 1;
    }
    assert!(steps >= 2);
    let kept: Vec<_> = store
        .series()
        .unwrap()
        .into_iter()
        .map(|info| info.id)
        .collect();
    assert_eq!(kept, [1, 2, 3]);
    assert!(
        points(&store, 1)
            .iter()
            .all(|point| point.at.0 >= DAYS + 4 * DAY)
    );
    store.append_samples(&[tick(8..10, now)]).unwrap();
    assert_eq!((found(&store, 8).id, found(&store, 9).id), (0, 4));
    assert!(check(&file(&folder)).unwrap().sound());
}

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
fn damage_to_samples_is_found_and_the_rest_recovered() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..3, DAYS, DAYS + 4 * HOUR);
    append(&mut store, 0..3, DAYS + 5 * DAY, DAYS + 5 * DAY + 60_000);
    compact(&mut store, DAYS + 5 * DAY + 200_000);
    append(&mut store, 0..3, DAYS + 5 * DAY - HOUR, DAYS + 5 * DAY);
    compact(&mut store, DAYS + 5 * DAY + 200_000);
    drop(store);
    let copy = folder.path().join("copy.db");
    slod::store::backup(&path, &copy).unwrap();
    let whole = recover(&copy, Timestamp(DAYS + 6 * DAY), &mut |_| {}).unwrap();
    assert_eq!(whole.lost(), "Nothing was lost.");
    assert_eq!((whole.series, whole.sample_blocks), (3, 3 + 3));
    let of_copy = Store::open_read_only(&copy).unwrap();
    assert_eq!(
        points(&of_copy, 1),
        points(&Store::open_read_only(&path).unwrap(), 1)
    );
    let conn = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE sample_block SET samples = zeroblob(length(samples)) WHERE id = (SELECT min(id) FROM sample_block)";
    assert_eq!(conn.execute(sql, []), Ok(1));
    drop(conn);
    let checked = check(&path).unwrap();
    assert_eq!(checked.faults.len(), 1, "{:?}", checked.faults);
    assert!(
        checked.faults[0].starts_with("a_bytes{number=\"0\"}, from "),
        "{:?}",
        checked.faults
    );
    let recovered = recover(&path, Timestamp(DAYS + 6 * DAY), &mut |_| {}).unwrap();
    assert_eq!(
        (recovered.sample_blocks, recovered.sample_blocks_lost),
        (5, 1)
    );
    assert!(
        recovered.lost().contains("1 block of samples"),
        "{}",
        recovered.lost()
    );
    assert!(check(&path).unwrap().sound());
}

/// Overwrites what the statement selects of the blocks, as damage does.
fn damage(path: &std::path::Path, blocks: &str) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = format!(
        "UPDATE sample_block SET samples = zeroblob(length(samples)) WHERE id IN ({blocks})"
    );
    assert!(conn.execute(&sql, []).unwrap() > 0);
}

const FIRST: &str = "SELECT min(id) FROM sample_block";

#[test]
fn an_unreadable_hour_takes_no_other_hour_of_its_day_with_it() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..2, DAYS, DAYS + DAY);
    compact(&mut store, DAYS + DAY + 200_000);
    let (before, counted) = (points(&store, 1), summaries(&store));
    damage(
        &path,
        "SELECT id FROM sample_block ORDER BY id LIMIT 2 OFFSET 10",
    );
    compact(&mut store, DAYS + 4 * DAY);
    // Of the hour that cannot be read its head has the first and the last sample, and its counts.
    assert_eq!(points(&store, 0).len(), 23 * 50 + 2);
    let after = points(&store, 1);
    let is_kept = |at: i64| after.iter().any(|point| point.at.0 == at);
    let hour_of_damage = DAYS + 5 * HOUR..DAYS + 6 * HOUR;
    let others = after
        .iter()
        .filter(|point| !hour_of_damage.contains(&point.at.0));
    assert!(others.count() > 23 * 50);
    assert!(is_kept(before[0].at.0) && is_kept(before[before.len() - 1].at.0));
    for (series, summary) in summaries(&store) {
        let wanted = counted[&series];
        assert_eq!(
            (summary.count, summary.increase, summary.max),
            (wanted.count, wanted.increase, wanted.max)
        );
    }
    assert!(check(&path).unwrap().sound());
}

#[test]
fn late_samples_of_what_cannot_be_read_are_kept() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..1, DAYS, DAYS + HOUR - 60_000);
    compact(&mut store, DAYS + 2 * HOUR);
    damage(&path, FIRST);
    append(&mut store, 0..1, DAYS + HOUR - 60_000, DAYS + HOUR);
    compact(&mut store, DAYS + 2 * HOUR);
    let kept: Vec<_> = points(&store, 0).iter().map(|point| point.last).collect();
    let late = samples(0, DAYS + HOUR - 60_000, DAYS + HOUR);
    let late: Vec<_> = late.iter().map(|sample| sample.value).collect();
    assert_eq!((kept.len(), &kept[2..]), (8, &late[..]));
    assert_eq!(summaries(&store)[&0].count, 300);
    // A day that cannot be read, and hours that come after it.
    compact(&mut store, DAYS + 4 * DAY);
    damage(&path, FIRST);
    append(&mut store, 0..1, DAYS + 2 * HOUR, DAYS + 3 * HOUR);
    compact(&mut store, DAYS + 4 * DAY);
    assert_eq!(points(&store, 0).len(), 2 + 50);
    assert_eq!(summaries(&store)[&0].count, 600);
    assert!(check(&path).unwrap().sound());
}

#[test]
fn names_that_cannot_be_read_keep_their_ids_and_stop_nothing() {
    for name in ["'rag{'", "CAST(x'ff61' AS TEXT)"] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        let mut store = Store::open(&path).unwrap();
        append(&mut store, 0..3, DAYS, DAYS + HOUR);
        drop(store);
        let conn = rusqlite::Connection::open(&path).unwrap();
        let sql = format!("UPDATE series SET series = {name} WHERE id = 1");
        assert_eq!(conn.execute(&sql, []), Ok(1));
        let mut store = Store::open(&path).unwrap();
        append(&mut store, 0..5, DAYS + HOUR, DAYS + 2 * HOUR);
        compact(&mut store, DAYS + 4 * HOUR);
        let ids: Vec<_> = [0, 1, 2, 3, 4]
            .map(|number| found(&store, number).id)
            .into();
        assert_eq!(ids, [0, 3, 2, 4, 5], "{name}");
        assert_eq!(
            (points(&store, 1).len(), points(&store, 4).len()),
            (300, 300)
        );
        let faults = check(&path).unwrap().faults;
        assert!(
            faults
                .iter()
                .any(|fault| fault == "series: a name is invalid"),
            "{faults:?}"
        );
    }
}

#[test]
fn trouble_with_samples_holds_no_outcome_up() {
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
    handle.append(super::record(0, START));
    assert!(handle.flush(Duration::from_secs(20)), "an outcome is kept");
    let hours = || {
        let sql = "SELECT count(*) FROM hour";
        other.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    // The step after the flush may not have ended yet.
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

/// The root page of the heads, from 0, and the first page below it.
fn pages_of_heads(path: &std::path::Path, bytes: &[u8]) -> [usize; 2] {
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'sample_head'";
    let root: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    let root = usize::try_from(root - 1).unwrap();
    let page = &bytes[root * 4096..][..4096];
    assert_eq!(page[0], 5, "a page of pages");
    let cell = usize::from(u16::from_be_bytes([page[12], page[13]]));
    let child = u32::from_be_bytes(page[cell..cell + 4].try_into().unwrap());
    [root, child as usize - 1]
}

/// Where it is not known when the blocks begin, not every hour of ten years is looked up.
#[test]
fn recovery_ends_although_the_blocks_cannot_be_listed() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..40, DAYS, DAYS + 12 * HOUR);
    compact(&mut store, DAYS + 13 * HOUR);
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for page in pages_of_heads(&path, &whole) {
        let mut bytes = whole.clone();
        bytes[page * 4096..][..4096].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let recovered = recover(&path, Timestamp(DAYS + DAY), &mut |_| {}).unwrap();
        assert!(started.elapsed() < Duration::from_secs(20));
        assert!(
            recovered.gaps > 0 && recovered.series == 40,
            "{recovered:?}"
        );
        // The samples give the heads again.
        assert_eq!(recovered.sample_blocks, 480, "{recovered:?}");
        assert!(check(&path).unwrap().sound());
    }
}
