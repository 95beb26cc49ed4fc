//! Damaged stores: what `check` reports and `recover` keeps.

mod file;

use super::*;
use rusqlite::Connection;
use slod::store::{Checked, Recovered};

/// Size of a page in bytes.
const PAGE: usize = 4096;

const INVALID_CORRECTION: &str =
    "INSERT INTO correction VALUES (1, 9, 5, '', '', 'x', 'x', 1, NULL)";

/// A [`finished`] store in a temporary folder, for a test to damage.
struct DamagedStore {
    folder: TempDir,
    path: PathBuf,
}

impl DamagedStore {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finished(folder.path());
        Self { folder, path }
    }

    /// Damaged by SQL.
    fn by(sql: &str) -> Self {
        let damaged = Self::new();
        damaged.connection().execute_batch(sql).expect("valid");
        damaged
    }

    /// Without a write-ahead log.
    fn in_one_file() -> Self {
        let damaged = Self::new();
        let conn = damaged.connection();
        conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .expect("one file");
        damaged
    }

    /// A file with these bytes.
    fn of(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        fs::write(&path, bytes).expect("written");
        Self { folder, path }
    }

    fn connection(&self) -> Connection {
        Connection::open(&self.path).expect("opens")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("readable")
    }

    fn checked(&self) -> Checked {
        check(&self.path).expect("there")
    }

    fn assert_sound(&self) -> Checked {
        let checked = self.checked();
        assert!(checked.sound(), "{:?}", checked.faults);
        checked
    }

    fn recover(&self) -> Result<Recovered, StoreError> {
        recover(&self.path, Timestamp(START + 5 * HOUR), &mut |_| {})
    }

    fn recovered(&self) -> Recovered {
        self.recover().expect("recovered")
    }

    /// The number of outcomes of both probes.
    fn kept(&self) -> (usize, usize) {
        let store = Store::open_read_only(&self.path).expect("a store");
        let count = |probe| {
            let found = store.outcomes(&key(probe), ALWAYS.0, ALWAYS.1);
            found.expect("readable").len()
        };
        (count(0), count(1))
    }
}

#[test]
fn a_valid_store_passes_the_check_and_recovers_unchanged() {
    let damaged = DamagedStore::new();
    let (beat, alert) = (beat(), alert());
    let mut store = Store::open(&damaged.path).expect("a store");
    store.keep_beats(&reported(&beat)).expect("kept");
    store
        .keep_alerts(std::slice::from_ref(&alert), &[])
        .expect("kept");
    drop(store);
    let checked = damaged.assert_sound();
    assert_eq!((checked.hours, checked.outcomes), (8, 2 * 1500));
    let recovered = damaged.recovered();
    assert_eq!((recovered.hours, recovered.outcomes), (8, 120));
    assert_eq!(recovered.lost(), "Nothing was lost.");
    assert_eq!(damaged.kept(), (1500, 1500));
    damaged.assert_sound();
    assert!(recovered.damaged.exists(), "nothing is deleted");
    let store = Store::open_read_only(&damaged.path).expect("a store");
    let beats = store.beats().expect("readable");
    assert_eq!(beats.get(&key(0)).map(|stored| &stored.last), Some(&beat));
    assert_eq!(store.firing_alerts().expect("readable"), [alert]);
}

/// A row in every table, except for data with its own format, which other tests cover.
#[test]
fn every_table_is_recovered() {
    const OF_OUTCOMES: [&str; 9] = [
        "basis",
        "block",
        "hour",
        "outcome",
        "probe",
        "sample",
        "sample_block",
        "sample_head",
        "series",
    ];
    // The columns that lists of runs show are rebuilt from the runs.
    const DERIVED: &str = "run_summary";
    const VALUES: &str = "SELECT CASE type WHEN 'TEXT' THEN quote('x') WHEN 'BLOB' THEN quote(x'01') ELSE '1' END FROM pragma_table_info";
    let damaged = DamagedStore::new();
    let conn = damaged.connection();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = conn.prepare(sql).expect("valid");
        let rows = statement.query_map([], |row| row.get(0)).expect("runs");
        rows.collect::<Result<_, _>>().expect("texts")
    };
    let mut tables =
        texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    tables.retain(|table| !OF_OUTCOMES.contains(&table.as_str()) && table != DERIVED);
    assert!(tables.len() > 12, "{tables:?}");
    for table in &tables {
        let values = texts(&format!("{VALUES}('{table}')")).join(", ");
        let insert = format!("INSERT INTO {table} VALUES ({values})");
        assert_eq!(conn.execute(&insert, []), Ok(1), "{table}");
    }
    let with_a_span = conn.execute("UPDATE correction SET to_at = from_at + 1", []);
    assert_eq!(with_a_span, Ok(1));
    drop(conn);
    damaged.recovered();
    let conn = damaged.connection();
    for table in &tables {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = conn.query_row(&sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(1), "{table}");
    }
}

#[test]
fn a_damaged_block_is_named_and_the_rest_is_recovered() {
    let damaged = DamagedStore::by(
        "UPDATE block SET outcomes = zeroblob(length(outcomes))
         WHERE id = (SELECT min(id) FROM block)",
    );
    let faults = damaged.checked().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(&key(0).to_string()), "{faults:?}");
    let recovered = damaged.recovered();
    assert_eq!((recovered.hours, recovered.hours_counts_only), (7, 1));
    let lost = recovered.lost();
    let said = "1 probe-hour (the exact counts were kept";
    assert!(lost.contains(said), "{lost}");
    assert_eq!(damaged.kept(), (1500 - 360, 1500));
    assert_eq!(damaged.assert_sound().counts_only, 1);
}

/// Their bytes are intact, but it is unknown how they were counted.
#[test]
fn outcomes_remain_valid_when_the_counting_rules_change() {
    for (damage, rough) in [
        ("UPDATE basis SET keys = keys || ' success'", 0),
        ("UPDATE basis SET cuts = '?'", 8),
        ("DELETE FROM basis", 8),
    ] {
        let damaged = DamagedStore::by(damage);
        assert!(!damaged.checked().sound(), "{damage}");
        let recovered = damaged.recovered();
        let hours = (recovered.hours, recovered.hours_rough, recovered.hours_lost);
        assert_eq!(hours, (8, rough, 0), "{damage}");
        let lost = recovered.lost();
        assert_eq!(lost.contains("may be off"), rough > 0, "{lost}");
        assert_eq!(damaged.kept(), (1500, 1500), "{damage}");
        damaged.assert_sound();
        let store = Store::open_read_only(&damaged.path).expect("a store");
        let found = store.outcomes(&key(0), Timestamp(0), Timestamp(START + HOUR));
        for outcome in found.expect("readable") {
            let off = outcome.outcome.latency.as_secs_f64() / 0.02 - 1.0;
            assert!(off.abs() < 0.05, "{damage}: {off}");
            assert_eq!(outcome.outcome.verdict, Verdict::Good);
        }
    }
}

#[test]
fn a_missing_table_and_a_correction_without_times_are_reported_as_lost() {
    for (damage, lost) in [
        (
            "DROP TABLE correction",
            "everything in table correction, which is missing",
        ),
        (INVALID_CORRECTION, "Lost: 1 invalid correction."),
    ] {
        let damaged = DamagedStore::by(damage);
        let recovered = damaged.recovered();
        assert!(recovered.lost().contains(lost), "{}", recovered.lost());
        assert_eq!(recovered.corrections, 0);
        damaged.assert_sound();
    }
}

/// A file of which nothing was recovered is not replaced.
#[test]
fn a_recovery_without_results_leaves_the_file_in_place() {
    let damaged = DamagedStore::by(
        "PRAGMA foreign_keys = OFF; DROP TABLE probe; DROP TABLE correction; DROP TABLE alert_record;",
    );
    let before = damaged.bytes();
    let error = damaged.recover().expect_err("refused").to_string();
    assert!(error.contains("nothing in it can be read"), "{error}");
    assert!(damaged.bytes() == before);
}

#[test]
fn leftovers_of_a_killed_recovery_are_removed_by_the_next() {
    let damaged = DamagedStore::new();
    let left = damaged.folder.path().join("slod.db.recovering");
    fs::create_dir(&left).expect("created");
    fs::write(left.join("new.db"), "half a store").expect("written");
    assert_eq!(damaged.recovered().lost(), "Nothing was lost.");
    assert!(!left.exists());
}

/// Numbers without a part of the stored data would be wrong, and nobody would notice.
#[test]
fn a_store_that_lacks_a_table_or_has_an_invalid_correction_is_refused() {
    let damaged = DamagedStore::by("DROP TABLE correction");
    for opened in [
        Store::open(&damaged.path),
        Store::open_read_only(&damaged.path),
    ] {
        let error = opened.expect_err("refused").to_string();
        let said = "the store is damaged: table correction is missing";
        assert!(error.starts_with(said), "{error}");
    }
    let damaged = DamagedStore::by(INVALID_CORRECTION);
    let store = Store::open_read_only(&damaged.path).expect("opens");
    let error = store.corrections().expect_err("refused").to_string();
    let said = "correction 1 ends before it starts";
    assert!(error.contains(said), "{error}");
}
