//! Every step of compaction returns the same data, and the stored counts of old days stay.

use super::{ALWAYS, DAY, DAYS, append, compact, found, points, samples, tick, times, value};
use crate::{HOUR, file};
use slod::outcome::Timestamp;
use slod::sample::{Point, Sample, SeriesKind, minutes};
use slod::store::{Store, Tick, check};
use std::time::Duration;
use tempfile::TempDir;

#[test]
fn every_step_of_compaction_shows_each_sample_once() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    // Two shards, and hours of which the last is not complete.
    append(&mut store, 0..70, DAYS, DAYS + 2 * HOUR + 60_000);
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    loop {
        for number in [0, 1, 69] {
            let wanted = samples(number, DAYS, DAYS + 2 * HOUR + 60_000);
            let wanted: Vec<Point> = wanted.into_iter().map(Point::from).collect();
            assert_eq!(points(&reader, number), wanted);
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
fn a_late_or_duplicate_sample_is_merged_into_its_block() {
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
        }
        compact(&mut store, DAYS + 2 * HOUR);
    }
    assert!(check(&file(&folder)).unwrap().sound());
}

#[test]
fn old_days_are_stored_by_the_minute_and_count_as_before() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    append(&mut store, 0..6, DAYS, DAYS + 3 * DAY);
    let total = || check(&file(&folder)).unwrap().samples;
    let before = total();
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
    assert_eq!(total(), before);
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
    // A counter in steps of an hour increases as before.
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
    // Ten minutes without a sample: the previous one is too old.
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

/// A job that runs once per retention: its samples are in no block yet when those of its last run
/// expire.
#[test]
fn a_series_keeps_its_name_while_its_new_samples_are_in_no_block() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    append(&mut store, 0..1, DAYS, DAYS + HOUR);
    append(&mut store, 1..2, DAYS + HOUR, DAYS + 2 * HOUR);
    compact(&mut store, DAYS + 3 * HOUR);
    let again = DAYS + DAY;
    append(&mut store, 0..1, again, again + HOUR);
    let now = Timestamp(again + HOUR + 60_000);
    let retention = Duration::from_hours(24);
    while store.expire_samples_step(now, retention).unwrap() {}
    assert_eq!(points(&store, 0).len(), 300);
    compact(&mut store, again + 2 * HOUR);
    assert_eq!(points(&store, 0).len(), 300);
    assert!(check(&file(&folder)).unwrap().sound());
}
