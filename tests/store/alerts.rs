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

/// An alert is kept once, and its end beside it.
#[test]
fn alerts_are_found_by_when_they_fired() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a new store");
    let mut one = alert();
    store.keep_alerts(std::slice::from_ref(&one)).expect("kept");
    one.to = Some(Timestamp(START + HOUR));
    store.keep_alerts(std::slice::from_ref(&one)).expect("kept");
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
