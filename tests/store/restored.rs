//! A backup in the place of a store whose daemon was killed: the write-ahead log of that store is still there.

use super::*;

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A backup of ten outcomes; the store was killed ten outcomes later.
fn restored(folder: &TempDir) -> PathBuf {
    let path = file(folder);
    let mut store = Store::open(&path).unwrap();
    store.append(&ticks(0, START, START + 100_000)).unwrap();
    let copy = folder.path().join("backup.db");
    backup(&path, &copy).unwrap();
    store
        .append(&ticks(0, START + 100_000, START + 200_000))
        .unwrap();
    let (log, killed) = (with_suffix(&path, "-wal"), folder.path().join("killed"));
    fs::copy(&log, &killed).unwrap();
    drop(store);
    fs::rename(&killed, &log).unwrap();
    fs::copy(&copy, &path).unwrap();
    path
}

fn outcomes(path: &Path) -> usize {
    pending(&Store::open_read_only(path).unwrap()).len()
}

#[test]
fn the_log_of_the_earlier_store_does_not_damage_it() {
    let folder = TempDir::new().unwrap();
    let path = restored(&folder);
    drop(Store::open(&path).unwrap());
    assert_eq!(outcomes(&path), 10);
    assert!(check(&path).unwrap().sound());
    let aside = with_suffix(&path, "-wal.old1");
    assert!(fs::metadata(aside).is_ok_and(|meta| meta.len() > 0));
}

#[test]
fn the_same_applies_to_a_store_behind_a_symbolic_link() {
    let folder = TempDir::new().unwrap();
    let (path, link) = (restored(&folder), folder.path().join("link.db"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    drop(Store::open(&link).unwrap());
    assert_eq!(outcomes(&path), 10);
}

#[test]
fn it_is_not_read_together_with_that_log() {
    let folder = TempDir::new().unwrap();
    let path = restored(&folder);
    let copy = folder.path().join("another.db");
    for error in [
        Store::open_read_only(&path).unwrap_err(),
        check(&path).unwrap_err(),
        backup(&path, &copy).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
    }
    // Runs are also stored while no daemon runs.
    drop(Store::open_for_runs(&path).unwrap());
    assert_eq!(outcomes(&path), 10);
}

#[test]
fn it_is_recovered_without_that_log() {
    let folder = TempDir::new().unwrap();
    let path = restored(&folder);
    let recovered = recover(&path, Timestamp(START + HOUR), &mut |_| {}).unwrap();
    assert_eq!(recovered.outcomes, 10);
}

#[test]
fn the_log_of_a_killed_daemon_is_read() {
    let folder = TempDir::new().unwrap();
    let (path, killed) = (file(&folder), folder.path().join("killed.db"));
    let mut store = Store::open(&path).unwrap();
    store.append(&ticks(0, START, START + 100_000)).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(with_suffix(&path, suffix), with_suffix(&killed, suffix)).unwrap();
    }
    assert_eq!(outcomes(&killed), 10);
    drop(Store::open(&killed).unwrap());
    assert_eq!(outcomes(&killed), 10);
}
