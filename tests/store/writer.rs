//! The writer thread.

use super::*;

#[test]
fn the_thread_commits_compacts_and_closes() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::manual(Timestamp(START + HOUR - 1000));
    let retention = Duration::from_hours(24);
    let store = Store::open(&file(&folder)).unwrap();
    let writer = store.writer(clock.clone(), retention, plan).unwrap();
    let handle = writer.handle();
    let all = ticks(0, START, START + HOUR);
    all.iter().cloned().for_each(|record| handle.append(record));
    wait_for("a commit that nobody asked for", || {
        handle.stats().committed_total == 360
    });
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    assert_eq!(pending(&reader).len(), 360);
    clock.jump(HOUR);
    assert!(handle.flush(Duration::from_secs(10)));
    wait_for("compaction", || pending(&reader).is_empty());
    assert_eq!(
        reader.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(),
        360
    );
    assert!(handle.stats().size_bytes > 0);
    handle.append(record(0, START + HOUR));
    assert!(writer.close(Duration::from_secs(10)));
    handle.append(record(0, START + HOUR + 10_000));
    assert_eq!(handle.stats().lost_total, 1, "nobody commits any more");
    let store = Store::open(&file(&folder)).unwrap();
    assert_eq!(store.last_seen().unwrap(), Some(Timestamp(START + HOUR)));
}

/// A writer whose outcome could not be committed because of another connection, which holds a lock.
fn refused(folder: &TempDir) -> (Writer, rusqlite::Connection) {
    let store = Store::open(&file(folder)).unwrap();
    let clock = Clock::manual(Timestamp(START));
    let writer = store.writer(clock, Duration::from_hours(24), plan).unwrap();
    let handle = writer.handle();
    let other = rusqlite::Connection::open(file(folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    handle.append(record(0, START));
    wait_for("the refused commit", || handle.stats().last_error.is_some());
    (writer, other)
}

#[test]
fn a_foreign_lock_only_delays() {
    let folder = TempDir::new().unwrap();
    let (writer, other) = refused(&folder);
    let handle = writer.handle();
    assert_eq!(handle.stats().backlog, 1);
    other.execute_batch("COMMIT").unwrap();
    wait_for("the recovery", || handle.stats().last_error.is_none());
    assert_eq!(handle.stats().committed_total, 1);
    assert!(writer.close(Duration::from_secs(10)));
}

#[test]
fn closing_a_store_that_cannot_write_is_bounded_and_reported() {
    let folder = TempDir::new().unwrap();
    let (writer, _lock) = refused(&folder);
    let handle = writer.handle();
    let started = Instant::now();
    assert!(!writer.close(Duration::from_millis(300)));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(handle.stats().backlog, 1);
    assert_eq!(
        handle.unwritten(),
        "failed to commit outcomes: database is locked (1 outcome not written)"
    );
}
