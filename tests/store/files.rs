//! The store as a file: permissions, copies, and what happens if it disappears.

use super::*;

#[test]
fn foreign_and_newer_files_are_rejected_and_left_unchanged() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(&file(&folder)).unwrap());
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    drop(other);
    for result in [
        Store::open(&file(&folder)),
        Store::open_read_only(&file(&folder)),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("version 99"));
    }
    let foreign = folder.path().join("foreign.db");
    let other = rusqlite::Connection::open(&foreign).unwrap();
    other.execute_batch("CREATE TABLE precious (a)").unwrap();
    assert!(matches!(Store::open(&foreign), Err(StoreError::Foreign)));
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "dear diary, ".repeat(100)).unwrap();
    assert!(matches!(
        Store::open(&text),
        Err(StoreError::Damaged { .. })
    ));
    let missing = folder.path().join("missing.db");
    assert!(matches!(
        Store::open_read_only(&missing),
        Err(StoreError::Missing)
    ));
    assert!(!missing.exists());
}

#[test]
fn one_writer_many_readers_and_files_for_the_owner_only() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse)));
    store.append(&[record(0, START)]).unwrap();
    let reader = Store::open_read_only(&path).unwrap();
    assert_eq!(reader.last_seen().unwrap(), Some(Timestamp(START)));
    store.append(&[record(0, START + 10_000)]).unwrap();
    assert_eq!(reader.last_seen().unwrap(), Some(Timestamp(START + 10_000)));
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    drop(store);
    Store::open(&path).unwrap();
}

#[test]
fn a_file_has_one_writer_by_whatever_name() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let store = Store::open(&path).unwrap();
    for name in ["symbolic", "hard"] {
        let other = folder.path().join(name).join("slod.db");
        std::fs::create_dir(other.parent().unwrap()).unwrap();
        if name == "hard" {
            std::fs::hard_link(&path, &other).unwrap();
        } else {
            std::os::unix::fs::symlink(&path, &other).unwrap();
        }
        let refused = Store::open(&other).unwrap_err();
        assert!(matches!(refused, StoreError::InUse), "{name}: {refused}");
    }
    drop(store);
    Store::open(&folder.path().join("hard").join("slod.db")).unwrap();
}

#[test]
fn non_regular_files_are_rejected_at_once() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    assert!(matches!(Store::open(&fifo), Err(StoreError::Irregular)));
    let read = Store::open_read_only(&fifo);
    assert!(matches!(read, Err(StoreError::Irregular)));
}

/// Copies are made repeatedly while a thread writes; each copy is a consistent snapshot.
#[test]
fn a_copy_is_consistent_while_outcomes_arrive() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut store = Store::open(&path).expect("a new store");
    let record = |number: i64| Record {
        key: key(0),
        at: Timestamp(START + number * 1000),
        interval: Duration::from_secs(1),
        outcome: Outcome::new(Verdict::Good, Duration::from_millis(1)),
    };
    store.append(&[record(0)]).expect("committed");
    let writer = std::thread::spawn(move || {
        for number in 1..2000 {
            store.append(&[record(number)]).expect("committed");
        }
    });
    let mut last = 0;
    for number in 0.. {
        let done = writer.is_finished();
        let to = folder.path().join(format!("copy-{number}.db"));
        backup(&path, &to).expect("copied");
        let copy = Store::open_read_only(&to).expect("a store");
        let found = copy.outcomes(&key(0), Timestamp(0), Timestamp(i64::MAX));
        let found = found.expect("readable");
        let whole = (0..)
            .zip(&found)
            .all(|(number, found)| found.at == record(number).at);
        assert!(whole && found.len() >= last, "{} of {last}", found.len());
        last = found.len();
        assert!(backup(&path, &to).is_err(), "nothing is overwritten");
        let mode = std::fs::metadata(&to).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        if done {
            break;
        }
    }
    writer.join().expect("it ends");
    assert_eq!(last, 2000);
}

#[test]
fn a_truncated_file_accepts_no_more_outcomes_even_if_it_is_rewritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut store = Store::open(&path).expect("a new store");
    store.append(&[]).expect("committed");
    let copy = std::fs::read(&path).expect("read");
    std::fs::write(&path, "").expect("emptied");
    assert!(matches!(store.append(&[]), Err(StoreError::Emptied)));
    std::fs::write(&path, copy).expect("written");
    assert!(matches!(store.append(&[]), Err(StoreError::Emptied)));
}

#[test]
fn a_deleted_or_replaced_file_accepts_no_more_outcomes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut store = Store::open(&path).expect("a new store");
    let record = |number: i64| Record {
        key: key(0),
        at: Timestamp(START + number),
        interval: Duration::from_secs(1),
        outcome: Outcome::new(Verdict::Good, Duration::ZERO),
    };
    store.append(&[record(0)]).expect("committed");
    let aside = folder.path().join("aside.db");
    std::fs::rename(&path, &aside).expect("renamed");
    assert!(matches!(store.append(&[record(1)]), Err(StoreError::Gone)));
    assert!(matches!(
        store.keep_alerts(&[alert()], &[]),
        Err(StoreError::Gone)
    ));
    assert!(matches!(
        store.keep_beats(&reported(&beat())),
        Err(StoreError::Gone)
    ));
    std::fs::write(&path, "another").expect("written");
    assert!(matches!(store.append(&[record(1)]), Err(StoreError::Gone)));
    std::fs::rename(&aside, &path).expect("put back");
    store.append(&[record(1)]).expect("committed again");
}
