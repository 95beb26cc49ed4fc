//! Damaged samples do not affect other data, and recovery finds the rest.

use super::{DAY, DAYS, append, compact, found, points, samples};
use crate::{HOUR, file};
use slod::outcome::Timestamp;
use slod::store::{Store, check, recover};
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[test]
fn damage_to_samples_is_found_and_the_rest_recovered() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..3, DAYS, DAYS + 4 * HOUR);
    append(&mut store, 0..3, DAYS + 5 * DAY, DAYS + 5 * DAY + 60_000);
    compact(&mut store, DAYS + 5 * DAY + 200_000);
    append(&mut store, 0..3, DAYS + 5 * DAY - HOUR, DAYS + 5 * DAY);
    compact(&mut store, DAYS + 5 * DAY + 200_000);
    drop(store);
    let copy = folder.path().join("copy.db");
    slod::store::backup(&path, &copy).unwrap();
    let whole = recover(&copy, Timestamp(DAYS + 6 * DAY), &mut |_| {}).unwrap();
    assert_eq!(whole.lost(), "Nothing was lost.");
    assert_eq!((whole.series, whole.sample_blocks), (3, 3 + 3));
    let of_copy = Store::open_read_only(&copy).unwrap();
    assert_eq!(
        points(&of_copy, 1),
        points(&Store::open_read_only(&path).unwrap(), 1)
    );
    let conn = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE sample_block SET samples = zeroblob(length(samples)) WHERE id = (SELECT min(id) FROM sample_block)";
    assert_eq!(conn.execute(sql, []), Ok(1));
    drop(conn);
    let checked = check(&path).unwrap();
    assert_eq!(checked.faults.len(), 1, "{:?}", checked.faults);
    assert!(
        checked.faults[0].starts_with("a_bytes{number=\"0\"}, from "),
        "{:?}",
        checked.faults
    );
    let recovered = recover(&path, Timestamp(DAYS + 6 * DAY), &mut |_| {}).unwrap();
    assert_eq!(
        (recovered.sample_blocks, recovered.sample_blocks_lost),
        (5, 1)
    );
    assert!(
        recovered.lost().contains("1 block of samples"),
        "{}",
        recovered.lost()
    );
    assert!(check(&path).unwrap().sound());
}

/// Overwrites the selected blocks, to simulate damage.
fn damage(path: &std::path::Path, blocks: &str) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = format!(
        "UPDATE sample_block SET samples = zeroblob(length(samples)) WHERE id IN ({blocks})"
    );
    assert!(conn.execute(&sql, []).unwrap() > 0);
}

const FIRST: &str = "SELECT min(id) FROM sample_block";

#[test]
fn an_unreadable_hour_does_not_affect_other_hours_of_its_day() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..2, DAYS, DAYS + DAY);
    compact(&mut store, DAYS + DAY + 200_000);
    let (before, counted) = (points(&store, 1), check(&path).unwrap().samples);
    damage(
        &path,
        "SELECT id FROM sample_block ORDER BY id LIMIT 2 OFFSET 10",
    );
    compact(&mut store, DAYS + 4 * DAY);
    // The head of an unreadable hour still has its first and last sample, and its counts.
    assert_eq!(points(&store, 0).len(), 23 * 50 + 2);
    let after = points(&store, 1);
    let is_kept = |at: i64| after.iter().any(|point| point.at.0 == at);
    let hour_of_damage = DAYS + 5 * HOUR..DAYS + 6 * HOUR;
    let others = after
        .iter()
        .filter(|point| !hour_of_damage.contains(&point.at.0));
    assert!(others.count() > 23 * 50);
    assert!(is_kept(before[0].at.0) && is_kept(before[before.len() - 1].at.0));
    let checked = check(&path).unwrap();
    assert_eq!((checked.samples, checked.sound()), (counted, true));
}

#[test]
fn late_samples_of_unreadable_blocks_are_kept() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..1, DAYS, DAYS + HOUR - 60_000);
    compact(&mut store, DAYS + 2 * HOUR);
    damage(&path, FIRST);
    append(&mut store, 0..1, DAYS + HOUR - 60_000, DAYS + HOUR);
    compact(&mut store, DAYS + 2 * HOUR);
    let kept: Vec<_> = points(&store, 0).iter().map(|point| point.last).collect();
    let late = samples(0, DAYS + HOUR - 60_000, DAYS + HOUR);
    let late: Vec<_> = late.iter().map(|sample| sample.value).collect();
    assert_eq!((kept.len(), &kept[2..]), (8, &late[..]));
    assert_eq!(check(&path).unwrap().samples, 300);
    // An unreadable day, and hours after it.
    compact(&mut store, DAYS + 4 * DAY);
    damage(&path, FIRST);
    append(&mut store, 0..1, DAYS + 2 * HOUR, DAYS + 3 * HOUR);
    compact(&mut store, DAYS + 4 * DAY);
    assert_eq!(points(&store, 0).len(), 2 + 50);
    let checked = check(&path).unwrap();
    assert_eq!((checked.samples, checked.sound()), (600, true));
}

#[test]
fn unreadable_names_keep_their_ids_and_block_nothing() {
    for name in ["'rag{'", "CAST(x'ff61' AS TEXT)"] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        let mut store = Store::open(&path).unwrap();
        append(&mut store, 0..3, DAYS, DAYS + HOUR);
        drop(store);
        let conn = rusqlite::Connection::open(&path).unwrap();
        let sql = format!("UPDATE series SET series = {name} WHERE id = 1");
        assert_eq!(conn.execute(&sql, []), Ok(1));
        let mut store = Store::open(&path).unwrap();
        append(&mut store, 0..5, DAYS + HOUR, DAYS + 2 * HOUR);
        compact(&mut store, DAYS + 4 * HOUR);
        let ids: Vec<_> = [0, 1, 2, 3, 4]
            .map(|number| found(&store, number).id)
            .into();
        assert_eq!(ids, [0, 3, 2, 4, 5], "{name}");
        assert_eq!(
            (points(&store, 1).len(), points(&store, 4).len()),
            (300, 300)
        );
        let faults = check(&path).unwrap().faults;
        assert!(
            faults
                .iter()
                .any(|fault| fault == "series: a name is invalid"),
            "{faults:?}"
        );
    }
}

/// The root page of the heads (from 0), and the first page below it.
fn pages_of_heads(path: &std::path::Path, bytes: &[u8]) -> [usize; 2] {
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'sample_head'";
    let root: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    let root = usize::try_from(root - 1).unwrap();
    let page = &bytes[root * 4096..][..4096];
    assert_eq!(page[0], 5, "a page of pages");
    let cell = usize::from(u16::from_be_bytes([page[12], page[13]]));
    let child = u32::from_be_bytes(page[cell..cell + 4].try_into().unwrap());
    [root, child as usize - 1]
}

/// If it is unknown when the blocks begin, not every hour of ten years is looked up.
#[test]
fn recovery_terminates_if_the_blocks_cannot_be_listed() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let mut store = Store::open(&path).unwrap();
    append(&mut store, 0..40, DAYS, DAYS + 12 * HOUR);
    compact(&mut store, DAYS + 13 * HOUR);
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for page in pages_of_heads(&path, &whole) {
        let mut bytes = whole.clone();
        bytes[page * 4096..][..4096].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let recovered = recover(&path, Timestamp(DAYS + DAY), &mut |_| {}).unwrap();
        assert!(started.elapsed() < Duration::from_secs(20));
        assert!(
            recovered.gaps > 0 && recovered.series == 40,
            "{recovered:?}"
        );
        // The heads are rebuilt from the samples.
        assert_eq!(recovered.sample_blocks, 480, "{recovered:?}");
        assert!(check(&path).unwrap().sound());
    }
}
