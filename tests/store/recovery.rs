//! Damaged stores: what `check` reports and `recover` keeps.

use super::*;
use slod::slo::correction::Correction;
use slod::store::{Checked, Recovered};

fn recovered(path: &Path, now: Timestamp) -> Result<Recovered, StoreError> {
    recover(path, now, &mut |_| {})
}

#[test]
fn a_valid_store_passes_the_check_and_recovers_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let (beat, alert) = (beat(), alert());
    let mut store = Store::open(&path).expect("a store");
    store.keep_beats(&reported(&beat)).expect("kept");
    store
        .keep_alerts(std::slice::from_ref(&alert), &[])
        .expect("kept");
    drop(store);
    let checked = check(&path).expect("there");
    assert!(checked.sound(), "{:?}", checked.faults);
    assert_eq!((checked.hours, checked.outcomes), (8, 2 * 1500));
    let recovered = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    assert_eq!((recovered.hours, recovered.outcomes), (8, 120));
    assert_eq!(recovered.lost(), "Nothing was lost.");
    assert_eq!((kept(&path, 0), kept(&path, 1)), (1500, 1500));
    assert!(check(&path).expect("there").sound());
    assert!(recovered.damaged.exists(), "nothing is deleted");
    let store = Store::open_read_only(&path).expect("a store");
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
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let conn = rusqlite::Connection::open(&path).expect("opens");
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
    recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    for table in &tables {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = conn.query_row(&sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(1), "{table}");
    }
}

/// If nothing else is left either, the file stays in place.
#[test]
fn without_the_names_of_probes_all_outcomes_are_reported_as_lost() {
    for with_alert in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finished(folder.path());
        if with_alert {
            let mut store = Store::open(&path).expect("a store");
            store.keep_alerts(&[alert()], &[]).expect("kept");
        }
        let conn = rusqlite::Connection::open(&path).expect("opens");
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'probe'";
        let root: i64 = conn.query_row(root, [], |row| row.get(0)).expect("there");
        drop(conn);
        let mut bytes = fs::read(&path).expect("readable");
        let start = usize::try_from(root - 1).expect("positive") * 4096;
        bytes[start..start + 4096].fill(0xa5);
        fs::write(&path, &bytes).expect("written");
        let recovered = recovered(&path, Timestamp(START + 5 * HOUR));
        if with_alert {
            let recovered = recovered.expect("recovered");
            assert_eq!((recovered.hours, recovered.outcomes), (0, 0));
            let lost = recovered.lost();
            assert!(lost.starts_with("Lost: all outcomes: "), "{lost}");
        } else {
            let error = recovered.expect_err("refused").to_string();
            assert!(error.contains("nothing in it can be read"), "{error}");
            assert!(fs::read(&path).expect("there") == bytes);
        }
    }
}

#[test]
fn a_damaged_block_is_named_and_the_rest_is_recovered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let conn = rusqlite::Connection::open(&path).expect("opens");
    let break_one = "UPDATE block SET outcomes = zeroblob(length(outcomes))
                     WHERE id = (SELECT min(id) FROM block)";
    assert_eq!(conn.execute(break_one, []), Ok(1));
    drop(conn);
    let checked = check(&path).expect("there");
    assert_eq!(checked.faults.len(), 1, "{:?}", checked.faults);
    assert!(
        checked.faults[0].contains(&key(0).to_string()),
        "{:?}",
        checked.faults
    );
    let recovered = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    assert_eq!((recovered.hours, recovered.hours_counts_only), (7, 1));
    assert!(
        recovered
            .lost()
            .contains("1 probe-hour (the exact counts were kept")
    );
    assert_eq!((kept(&path, 0), kept(&path, 1)), (1500 - 360, 1500));
    let checked = check(&path).expect("there");
    assert!(checked.sound(), "{:?}", checked.faults);
    assert_eq!(checked.counts_only, 1);
}

/// Their bytes are intact, but it is unknown how they were counted.
#[test]
fn outcomes_remain_valid_when_the_counting_rules_change() {
    for (damage, rough) in [
        ("UPDATE basis SET keys = keys || ' success'", 0),
        ("UPDATE basis SET cuts = '?'", 8),
        ("DELETE FROM basis", 8),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finished(folder.path());
        let conn = rusqlite::Connection::open(&path).expect("opens");
        assert!(conn.execute(damage, []).expect("valid") > 0);
        drop(conn);
        assert!(!check(&path).expect("there").sound(), "{damage}");
        let recovered = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
        let hours = (recovered.hours, recovered.hours_rough, recovered.hours_lost);
        assert_eq!(hours, (8, rough, 0), "{damage}");
        assert_eq!(
            recovered.lost().contains("may be off"),
            rough > 0,
            "{}",
            recovered.lost()
        );
        assert_eq!((kept(&path, 0), kept(&path, 1)), (1500, 1500), "{damage}");
        let checked = check(&path).expect("there");
        assert!(checked.sound(), "{damage}: {:?}", checked.faults);
        let store = Store::open_read_only(&path).expect("a store");
        let found = store.outcomes(&key(0), Timestamp(0), Timestamp(START + HOUR));
        for outcome in found.expect("readable") {
            let off = outcome.outcome.latency.as_secs_f64() / 0.02 - 1.0;
            assert!(off.abs() < 0.05, "{damage}: {off}");
            assert_eq!(outcome.outcome.verdict, Verdict::Good);
        }
    }
}

/// Overwrites one page after another: the result is a store, never a panic.
#[test]
fn recovery_yields_a_store_whichever_page_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let sound = std::fs::read(&path).expect("readable");
    for page in 0..sound.len() / 4096 {
        let path = folder.path().join(format!("page-{page}.db"));
        let mut bytes = sound.clone();
        bytes[page * 4096..page * 4096 + 200].fill(0xa5);
        std::fs::write(&path, &bytes).expect("written");
        // An unused page may contain anything.
        let before = check(&path);
        let sound = before.as_ref().is_ok_and(Checked::sound);
        match recovered(&path, Timestamp(START + 5 * HOUR)) {
            Ok(_) => {
                let checked = check(&path).expect("there");
                let left = kept(&path, 0) + kept(&path, 1);
                assert!(left <= 3000 && (left == 3000 || !sound), "page {page}");
                assert!(checked.probes <= 2, "page {page}: {:?}", checked.faults);
            }
            // Without the pages that identify the file and its tables, nothing is found.
            Err(error) => {
                let cannot_be_opened = before.is_ok_and(|checked| {
                    let first = checked.faults.first();
                    first.is_some_and(|fault| fault.starts_with("it cannot be opened"))
                });
                assert!(page == 0 || cannot_be_opened, "page {page}: {error}");
                assert!(
                    fs::read(&path).expect("there") == bytes,
                    "it stays as it was"
                );
            }
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
        (
            "INSERT INTO correction VALUES (1, 9, 5, '', '', 'x', 'x', 1, NULL)",
            "Lost: 1 invalid correction.",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finished(folder.path());
        let conn = rusqlite::Connection::open(&path).expect("opens");
        conn.execute_batch(damage).expect("valid");
        drop(conn);
        let recovered = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
        assert!(recovered.lost().contains(lost), "{}", recovered.lost());
        assert_eq!(recovered.corrections, 0);
        let checked = check(&path).expect("there");
        assert!(checked.sound(), "{:?}", checked.faults);
    }
}

#[test]
fn a_file_without_a_readable_page_is_left_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let text = "some notes, and no store at all\n".repeat(300);
    fs::write(&path, &text).expect("written");
    let error = recovered(&path, Timestamp(START)).expect_err("refused");
    assert!(error.to_string().contains("restore a backup"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("there"), text);
    assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 2);
}

#[test]
fn revoked_corrections_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a store");
    let new = Correction {
        author: "sre".to_owned(),
        ..Correction::once(Timestamp(START), Timestamp(START + HOUR), "maintenance")
    };
    let stays = store.add_correction(&new, Timestamp(START)).expect("kept");
    for number in 0..1010 {
        let at = Timestamp(START + number);
        let added = store.add_correction(&new, at).expect("kept");
        assert!(store.revoke_correction(&added.id, at).expect("written"));
    }
    let revoked = store.revoked_corrections().expect("readable");
    assert_eq!(revoked.len(), 1000);
    assert_eq!(revoked[0].1, Timestamp(START + 10), "the newest");
    store
        .expire_corrections(Timestamp(START + 1009))
        .expect("written");
    assert_eq!(store.revoked_corrections().expect("readable").len(), 1);
    assert_eq!(store.corrections().expect("readable"), [stays]);
}

#[test]
fn a_truncated_file_keeps_the_remaining_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    // Everything in a single file.
    let conn = rusqlite::Connection::open(&path).expect("a store");
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .expect("one file");
    drop(conn);
    let whole = fs::read(&path).expect("readable");
    for cut in [1, 4096, 2 * 4096 + 17] {
        fs::write(&path, &whole[..whole.len() - cut]).expect("written");
        let recovered = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
        assert_eq!(recovered.probes, 2, "{cut} bytes short");
        assert!(!recovered.nameless);
        assert!(recovered.gaps > 0 || cut == 1, "a lost page is reported");
        assert!(
            recovered.hours + recovered.hours_counts_only >= 6,
            "{recovered:?}"
        );
        assert!(check(&path).expect("there").sound());
    }
}

#[test]
fn no_data_is_lost_with_an_overwritten_header() {
    // The format name, the whole header, and that of the first page.
    for damaged in [16, 100, 112, 200] {
        for suffix in [true, false] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = finished(folder.path());
            if suffix {
                let conn = rusqlite::Connection::open(&path).expect("a store");
                conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
                    .expect("one file");
            }
            let mut bytes = fs::read(&path).expect("readable");
            bytes[..damaged].fill(b'x');
            fs::write(&path, &bytes).expect("written");
            let found = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
            assert_eq!(found.lost(), "Nothing was lost.", "{damaged} bytes");
            assert_eq!((kept(&path, 0), kept(&path, 1)), (1500, 1500));
            assert!(check(&path).expect("there").sound());
            assert!(fs::read(&found.damaged).expect("there") == bytes);
        }
    }
}

/// Changes one byte of the header after another. A version newer than any known one is not damage.
#[test]
fn no_data_is_lost_with_a_wrong_byte_in_the_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let conn = rusqlite::Connection::open(&path).expect("a store");
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .expect("one file");
    drop(conn);
    let sound = fs::read(&path).expect("readable");
    for (at, wrong) in (0..100).flat_map(|at| [(at, 2), (at, 0xff)]) {
        let path = folder.path().join(format!("{at}-{wrong}.db"));
        let mut bytes = sound.clone();
        bytes[at] = wrong;
        fs::write(&path, &bytes).expect("written");
        match recovered(&path, Timestamp(START + 5 * HOUR)) {
            Ok(_) => assert_eq!(
                (kept(&path, 0), kept(&path, 1)),
                (1500, 1500),
                "{at} {wrong}"
            ),
            Err(error) => {
                assert!((60..64).contains(&at), "{at} {wrong}: {error}");
                assert!(matches!(error, StoreError::Newer { .. }), "{error}");
                assert!(fs::read(&path).expect("there") == bytes);
            }
        }
    }
}

/// A file of which nothing was recovered is not replaced.
#[test]
fn a_recovery_without_results_leaves_the_file_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let conn = rusqlite::Connection::open(&path).expect("a store");
    conn.execute_batch(
        "PRAGMA foreign_keys = OFF; DROP TABLE probe; DROP TABLE correction; DROP TABLE alert_record;",
    )
    .expect("dropped");
    drop(conn);
    let before = fs::read(&path).expect("readable");
    let error = recovered(&path, Timestamp(START + 5 * HOUR)).expect_err("refused");
    assert!(
        error.to_string().contains("nothing in it can be read"),
        "{error}"
    );
    assert!(fs::read(&path).expect("there") == before);
}

#[test]
fn an_empty_file_is_not_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    fs::write(&path, "").expect("written");
    let error = recovered(&path, Timestamp(START)).expect_err("refused");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

#[test]
fn leftovers_of_a_killed_recovery_are_removed_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let left = folder.path().join("slod.db.recovering");
    fs::create_dir(&left).expect("created");
    fs::write(left.join("new.db"), "half a store").expect("written");
    let found = recovered(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    assert_eq!(found.lost(), "Nothing was lost.");
    assert!(!left.exists());
}

/// Numbers without a part of the stored data would be wrong, and nobody would notice.
#[test]
fn a_store_that_lacks_a_table_or_has_an_invalid_correction_is_refused() {
    let damaged = |damage: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finished(folder.path());
        let conn = rusqlite::Connection::open(&path).expect("opens");
        conn.execute_batch(damage).expect("valid");
        (folder, path)
    };
    let (_folder, path) = damaged("DROP TABLE correction");
    for opened in [Store::open(&path), Store::open_read_only(&path)] {
        let error = opened.expect_err("refused").to_string();
        let said = "the store is damaged: table correction is missing";
        assert!(error.starts_with(said), "{error}");
    }
    let invalid = "INSERT INTO correction VALUES (1, 9, 5, '', '', 'x', 'x', 1, NULL)";
    let (_folder, path) = damaged(invalid);
    let store = Store::open_read_only(&path).expect("opens");
    let error = store.corrections().expect_err("refused").to_string();
    assert!(
        error.contains("correction 1 ends before it starts"),
        "{error}"
    );
}
