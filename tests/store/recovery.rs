//! Damaged stores: what `check` says and `recover` keeps.

use super::*;

#[test]
fn a_sound_store_is_sound_and_recovers_to_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let (beat, alert) = (beat(), alert());
    let mut store = Store::open(&path).expect("a store");
    store.keep_beat(&key(0), &beat, None).expect("kept");
    store
        .keep_alerts(std::slice::from_ref(&alert))
        .expect("kept");
    drop(store);
    let checked = check(&path).expect("there");
    assert!(checked.sound(), "{:?}", checked.faults);
    assert_eq!((checked.hours, checked.outcomes), (8, 2 * 1500));
    let recovered = recover(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
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

/// A row in every table; what has a form of its own is left to the other tests.
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
    tables.retain(|table| !OF_OUTCOMES.contains(&table.as_str()));
    assert!(tables.len() > 12, "{tables:?}");
    for table in &tables {
        let values = texts(&format!("{VALUES}('{table}')")).join(", ");
        let insert = format!("INSERT INTO {table} VALUES ({values})");
        assert_eq!(conn.execute(&insert, []), Ok(1), "{table}");
    }
    drop(conn);
    recover(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    for table in &tables {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = conn.query_row(&sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(1), "{table}");
    }
}

#[test]
fn without_the_names_of_probes_all_outcomes_are_reported_as_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let conn = rusqlite::Connection::open(&path).expect("opens");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'probe'";
    let root: i64 = conn.query_row(root, [], |row| row.get(0)).expect("there");
    drop(conn);
    let mut bytes = std::fs::read(&path).expect("readable");
    let start = usize::try_from(root - 1).expect("positive") * 4096;
    bytes[start..start + 4096].fill(0xa5);
    std::fs::write(&path, &bytes).expect("written");
    let recovered = recover(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    assert_eq!((recovered.hours, recovered.outcomes), (0, 0));
    assert!(
        recovered.lost().starts_with("Lost: all outcomes."),
        "{}",
        recovered.lost()
    );
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
    let recovered = recover(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
    assert_eq!((recovered.hours, recovered.hours_counts_only), (7, 1));
    assert!(
        recovered
            .lost()
            .contains("1 more whose exact counts are kept")
    );
    assert_eq!((kept(&path, 0), kept(&path, 1)), (1500 - 360, 1500));
}

/// A page after another is overwritten: what comes out is a store, never a panic.
#[test]
fn whatever_page_is_damaged_a_store_comes_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    let sound = std::fs::read(&path).expect("readable");
    for page in 0..sound.len() / 4096 {
        let path = folder.path().join(format!("page-{page}.db"));
        let mut bytes = sound.clone();
        bytes[page * 4096..page * 4096 + 200].fill(0xa5);
        std::fs::write(&path, &bytes).expect("written");
        // A page that nothing stands in may hold anything.
        let sound = check(&path).is_ok_and(|checked| checked.sound());
        match recover(&path, Timestamp(START + 5 * HOUR)) {
            Ok(_) => {
                let checked = check(&path).expect("there");
                let left = kept(&path, 0) + kept(&path, 1);
                assert!(left <= 3000 && (left == 3000 || !sound), "page {page}");
                assert!(checked.probes <= 2, "page {page}: {:?}", checked.faults);
            }
            // The first page says whose file it is; without it nobody can know.
            Err(error) => assert_eq!(page, 0, "{error}"),
        }
    }
}

#[test]
fn a_file_that_is_cut_short_keeps_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    // Everything in one file.
    let conn = rusqlite::Connection::open(&path).expect("a store");
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .expect("one file");
    drop(conn);
    let whole = fs::read(&path).expect("readable");
    for cut in [1, 4096, 2 * 4096 + 17] {
        fs::write(&path, &whole[..whole.len() - cut]).expect("written");
        let recovered = recover(&path, Timestamp(START + 5 * HOUR)).expect("recovered");
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
