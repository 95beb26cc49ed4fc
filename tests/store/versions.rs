//! Stores written by earlier versions of the schema: they open, keep their numbers, and become like a
//! new store.

use rusqlite::Connection;
use slod::outcome::{Cause, Measurement, ProbeKey, Record, Timestamp, Verdict};
use slod::slo::{Precision, Threshold};
use slod::store::{HourSummary, Store, check, recover};
use std::fs;
use std::path::{Path, PathBuf};

/// A store as written by version `version`: three probes, blocks of one hour, and outcomes of
/// another.
fn written_by(version: usize, folder: &Path) -> PathBuf {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store/v{version}.sql"));
    let path = folder.join("slod.db");
    let sql = fs::read_to_string(fixture).expect("a fixture");
    let store = Connection::open(&path).expect("a file");
    let sql = format!("PRAGMA foreign_keys = OFF; {sql}");
    store.execute_batch(&sql).expect("the fixture is SQL");
    path
}

fn verdicts(store: &Store, probe: &str) -> Vec<Verdict> {
    let key = ProbeKey::new("web", probe);
    let found = store.outcomes(&key, Timestamp(0), Timestamp(i64::MAX));
    let found = found.expect("readable");
    found.iter().map(|record| record.outcome.verdict).collect()
}

fn assert_kept(store: &Store) {
    let (up, gone, job) = (
        verdicts(store, "up"),
        verdicts(store, "gone"),
        verdicts(store, "job"),
    );
    assert_eq!([up.len(), gone.len(), job.len()], [12; 3]);
    assert!(up.iter().all(|verdict| *verdict == Verdict::Good));
    assert!(
        gone.iter()
            .all(|verdict| *verdict == Verdict::Bad(Cause::Refused))
    );
    let failed = job
        .iter()
        .filter(|verdict| **verdict == Verdict::Bad(Cause::JobFailed));
    assert_eq!(failed.count(), 9);
}

/// The definitions of all tables, without comments and spacing.
fn tables(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).expect("a store");
    let mut statement = conn
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        .expect("SQL");
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .expect("rows");
    rows.map(|sql| {
        let sql = sql.expect("text").replace('"', "");
        let code = sql.lines().filter_map(|line| line.split("--").next());
        code.flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .join(" ")
    })
    .filter(|sql| !sql.contains("sqlite_sequence"))
    .collect()
}

/// The versions of the schema for which fixtures exist.
const VERSIONS: [usize; 4] = [1, 2, 3, 6];

#[test]
fn stores_of_every_version_open_and_keep_their_numbers() {
    let new = tempfile::tempdir().expect("a folder");
    let new = new.path().join("slod.db");
    drop(Store::open(&new).expect("a new store"));
    for version in VERSIONS {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written_by(version, folder.path());
        let checked = check(&path).expect("there");
        assert!(checked.sound(), "{version}: {:?}", checked.faults);
        let mut store = Store::open(&path).unwrap_or_else(|error| panic!("{version}: {error}"));
        assert_kept(&store);
        let key = ProbeKey::new("web", "up");
        let last = store
            .outcomes(&key, Timestamp(0), Timestamp(i64::MAX))
            .expect("readable");
        let mut one = last[0].clone();
        one.at = Timestamp(one.at.0 + 7_200_000);
        store.append(&[one]).expect("it takes a commit");
        drop(store);
        assert_eq!(
            tables(&path),
            tables(&new),
            "{version}: a migration was changed after its release"
        );
        assert!(check(&path).expect("there").sound());
    }
}

#[test]
fn stores_of_every_version_can_be_recovered() {
    for version in VERSIONS {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written_by(version, folder.path());
        let recovered =
            recover(&path, Timestamp(1_795_900_000_000), &mut |_| {}).expect("recovered");
        assert_eq!(recovered.lost(), "Nothing was lost.", "{version}");
        assert_kept(&Store::open(&path).expect("a store"));
    }
}

#[test]
fn a_store_that_rejects_commits_is_detected() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written_by(3, folder.path());
    let conn = Connection::open(&path).expect("a store");
    conn.execute_batch("ALTER TABLE outcome ADD COLUMN extra INTEGER NOT NULL DEFAULT 1; DROP TABLE alert;
                        CREATE TRIGGER full BEFORE INSERT ON outcome BEGIN SELECT RAISE(ABORT, 'full'); END;")
        .expect("SQL");
    drop(conn);
    let checked = check(&path).expect("there");
    let faults = checked.faults.join("; ");
    for fault in [
        "table alert is missing",
        "table outcome is not defined as this program needs it",
        "trigger full is not from this program",
        "a commit fails: full",
    ] {
        assert!(faults.contains(fault), "{fault} in {faults}");
    }
}

/// Quantiles of `up` in nanoseconds, as version 6 itself served them.
const LATENCIES: [u128; 12] = [
    8_938_729, 6_324_223, 5_996_543, 5_079_039, 2_473_983, 2_072_575, 1_908_735, 2_023_423,
    3_120_973, 4_260_460, 1_547_692, 1_598_651,
];

const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(i64::MAX));

fn up(store: &Store) -> (Vec<Record>, Vec<HourSummary>) {
    let key = ProbeKey::new("web", "up");
    let outcomes = store.outcomes(&key, ALWAYS.0, ALWAYS.1).expect("readable");
    let hours = store.hours(&key, ALWAYS.0, ALWAYS.1).expect("readable");
    (outcomes, hours)
}

/// From before measurements were stored: read in place by the command line, and migrated by the
/// daemon.
#[test]
fn a_store_without_measurements_keeps_everything_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written_by(6, folder.path());
    let read_only = up(&Store::open_read_only(&path).expect("a store"));
    let mut store = Store::open(&path).expect("a store");
    for (outcomes, hours) in [read_only, up(&store)] {
        assert!(outcomes.iter().all(|one| one.outcome.code == Some(200)));
        assert!(outcomes.iter().all(|one| !one.outcome.measured.are_known()));
        // The results of that version itself.
        let nanos: Vec<u128> = outcomes
            .iter()
            .map(|one| one.outcome.latency.as_nanos())
            .collect();
        assert_eq!(nanos, LATENCIES);
        let [hour] = &hours[..] else {
            panic!("one hour: {hours:?}");
        };
        let tallies: Vec<_> = hour
            .tallies()
            .map(|(key, tally)| (key, { tally.good }, { tally.bad }))
            .collect();
        assert_eq!(
            tallies,
            [("latency<500000000ns", 8, 0), ("success/60s>=0.5", 1, 0)]
        );
        let end = hour.start.after(std::time::Duration::from_hours(1));
        let connect = Threshold {
            of: Some(Measurement::Connect),
            below: std::time::Duration::from_millis(50),
        };
        let since = Precision {
            measured_since: Some(end),
            ..Precision::default()
        };
        assert_eq!(hour.precision(&connect), since);
    }
    let [held] = &store.held().expect("readable")[..] else {
        panic!("one outcome waits");
    };
    assert!(!held.outcome.measured.are_known());
    // Old outcomes next to new ones: what is unknown about an hour stays unknown in its block.
    let (outcomes, _) = up(&store);
    let mut new = outcomes[11].clone();
    new.at = Timestamp(new.at.0 + 1000);
    new.outcome.measured = slod::outcome::Measurements::default();
    new.outcome.measured.set_micros(Measurement::Connect, 1234);
    store.append(&[new.clone()]).expect("committed");
    let later = Timestamp(new.at.0 + 7_200_000);
    while store
        .compact_step(later, &|_| slod::store::CountingPlan::default())
        .expect("compacted")
    {}
    let (outcomes, hours) = up(&store);
    let known: Vec<bool> = outcomes
        .iter()
        .map(|one| one.outcome.measured.are_known())
        .collect();
    assert_eq!(known, [vec![false; 12], vec![true]].concat());
    let connect = outcomes[12]
        .outcome
        .measured
        .get(Measurement::Connect)
        .expect("kept");
    assert!(connect.as_micros().abs_diff(1234) <= 1234 / 16);
    assert_eq!(hours.len(), 2);
}
