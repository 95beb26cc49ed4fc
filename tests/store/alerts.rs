//! Reports of jobs and alerts.

use super::*;

#[test]
fn a_reported_failure_is_kept_until_an_outcome_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut store = Store::open(&path).expect("a store");
    store.keep_beats(&reported(&beat())).expect("kept");
    let mut outcome_at = |after: i64, verdict| {
        let record = Record {
            key: key(0),
            at: Timestamp(START + after),
            interval: Duration::from_secs(10),
            outcome: Outcome::new(verdict, Duration::ZERO),
        };
        store.append(&[record]).expect("committed");
        store.beats().expect("readable")[&key(0)].failures.is_some()
    };
    let failed = Verdict::Bad(Cause::JobFailed);
    assert!(outcome_at(-10, failed), "of an earlier failure");
    assert!(outcome_at(10, Verdict::Good), "it did not see the failure");
    assert!(!outcome_at(20, failed));
}

#[test]
fn the_last_report_of_a_configured_job_outlives_the_retention() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a store");
    for probe in [0, 1] {
        let outcomes = ticks(probe, START, START + 3 * HOUR);
        store.append(&outcomes).expect("committed");
        let report = PendingBeat::new(beat(), None);
        store
            .keep_beats(&[(key(probe), report)].into())
            .expect("kept");
    }
    let now = Timestamp(START + 3 * HOUR);
    store.configured(&[key(0)].into(), now).expect("saved");
    while store.expire_step(now).expect("deletes") {}
    let beats = store.beats().expect("readable");
    assert_eq!(beats.into_keys().collect::<Vec<_>>(), [key(0)]);
}

/// An alert is stored once, and its end is added to it.
#[test]
fn alerts_are_found_by_the_time_they_fired() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a new store");
    let mut one = alert();
    store
        .keep_alerts(std::slice::from_ref(&one), &[])
        .expect("kept");
    one.to = Some(Timestamp(START + HOUR));
    store
        .keep_alerts(std::slice::from_ref(&one), &[])
        .expect("kept");
    assert_eq!(store.firing_alerts().expect("readable"), []);
    let span = |from, to| {
        store
            .alerts(Timestamp(from), Timestamp(to), 9)
            .expect("readable")
    };
    assert_eq!(span(START - HOUR, START), []);
    assert_eq!(span(START + HOUR, START + 2 * HOUR), []);
    assert_eq!(span(START + HOUR / 2, START + 2 * HOUR), [one]);
}

#[test]
fn pages_have_each_alert_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a new store");
    // All but the last have the same time, as after a restart.
    let of = |(number, from): (usize, i64)| {
        let mut one = alert();
        one.key.service = format!("service-{number}").into();
        one.from = Timestamp(START + from);
        one
    };
    let kept: Vec<_> = [5, 5, 5, 5, 5, 4].into_iter().enumerate().map(of).collect();
    store.keep_alerts(&kept, &[]).expect("kept");
    let span = (Timestamp(0), Timestamp(i64::MAX));
    let mut seen = store.alerts(span.0, span.1, 2).expect("readable");
    while seen.len() < kept.len() {
        let cursor = AlertCursor::behind(seen.last().expect("a page is not empty"));
        let page = store.alerts_behind(&cursor, span, 2).expect("readable");
        assert!(!page.is_empty(), "{} of {}", seen.len(), kept.len());
        seen.extend(page);
    }
    assert_eq!(seen, kept);
    let end = AlertCursor::behind(&seen[kept.len() - 1]);
    assert_eq!(store.alerts_behind(&end, span, 2).expect("readable"), []);
}
