//! Stores that earlier versions of the schema wrote, as they were: they open, keep their numbers,
//! and become what a new store is.

use rusqlite::Connection;
use slod::outcome::{Cause, ProbeKey, Timestamp, Verdict};
use slod::store::{Store, check, recover};
use std::fs;
use std::path::{Path, PathBuf};

/// A store as version `version` wrote it: three probes, blocks of one hour and outcomes of another.
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

#[test]
fn stores_of_every_version_open_and_keep_their_numbers() {
    let new = tempfile::tempdir().expect("a folder");
    let new = new.path().join("slod.db");
    drop(Store::open(&new).expect("a new store"));
    for version in 1..=3 {
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
    for version in 1..=3 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written_by(version, folder.path());
        let recovered = recover(&path, Timestamp(1_795_900_000_000)).expect("recovered");
        assert_eq!(recovered.lost(), "Nothing was lost.", "{version}");
        assert_kept(&Store::open(&path).expect("a store"));
    }
}

#[test]
fn a_store_that_takes_no_commit_is_found() {
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
        "it takes no commit: full",
    ] {
        assert!(faults.contains(fault), "{fault} in {faults}");
    }
}
