//! The store against real files.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kill;
mod measured;
mod series;
mod versions;

use slod::alert::{AlertKey, AlertRecord, Condition, Inhibitor, TIERS, Urgency};
use slod::clock::Clock;
use slod::outcome::{Cause, Event, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use slod::probe::heartbeat::Beat;
use slod::slo::{BudgetingMethod, Sli, TallyKey, Threshold};
use slod::store::{CountingPlan, Store, StoreError, backup, check, recover};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const HOUR: i64 = 3_600_000;
/// An hour in 2026.
const START: i64 = 494_000 * HOUR;
const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(i64::MAX));

fn key(number: i64) -> ProbeKey {
    ProbeKey::new("concierge", &format!("probe-{number}"))
}

/// A tick at `at`, with a verdict and latency that follow from it.
fn record(probe: i64, at: i64) -> Record {
    let tick = at / 10_000;
    let verdict = match tick % 50 {
        7 => Verdict::Bad(Cause::Timeout),
        8 => Verdict::Bad(Cause::Status),
        9 => Verdict::Void(VoidReason::Network),
        _ => Verdict::Good,
    };
    let micros = (tick * 7919 % 900_000).unsigned_abs() + 100;
    let mut outcome = Outcome::new(verdict, Duration::from_micros(micros));
    if verdict != Verdict::Good {
        outcome.detail.say(format_args!("it said {verdict:?}"));
    }
    Record {
        key: key(probe),
        at: Timestamp(at),
        interval: Duration::from_secs(10),
        outcome,
    }
}

fn ticks(probe: i64, from: i64, to: i64) -> Vec<Record> {
    let ticks = (from..to).step_by(10_000);
    ticks.map(|at| record(probe, at)).collect()
}

fn plan(_: &ProbeKey) -> CountingPlan {
    let below = Duration::from_millis(500);
    let key = |sli, budgeting| TallyKey { sli, budgeting };
    CountingPlan {
        thresholds: vec![Threshold { of: None, below }],
        keys: vec![
            key(Sli::Success, BudgetingMethod::Occurrences),
            key(
                Sli::Latency { of: None, below },
                BudgetingMethod::Occurrences,
            ),
            key(
                Sli::Availability,
                BudgetingMethod::Timeslices { slice_target: 0.9 },
            ),
        ],
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("data/slod.db")
}

fn compact(store: &mut Store, now: i64) -> usize {
    let mut steps = 0;
    while store.compact_step(Timestamp(now), &plan).unwrap() {
        steps += 1;
        assert!(steps < 10_000, "compaction does not end");
    }
    steps
}

fn pending(store: &Store) -> Vec<Record> {
    let mut found = Vec::new();
    store
        .for_each_pending(Timestamp(i64::MAX), |record| found.push(record))
        .unwrap();
    found
}

/// What a start would count: finished hours by their counts, and the rest one by one.
fn counted(store: &Store, key: &ProbeKey) -> (u32, u32) {
    let (mut good, mut bad) = (0, 0);
    for hour in store.hours(key, ALWAYS.0, ALWAYS.1).unwrap() {
        good += hour.good;
        bad += hour.bad.values().sum::<u32>();
    }
    for record in pending(store).into_iter().filter(|r| r.key == *key) {
        match record.outcome.verdict {
            Verdict::Good => good += 1,
            Verdict::Bad(_) => bad += 1,
            Verdict::Void(_) => {}
        }
    }
    (good, bad)
}

fn expected(records: &[Record]) -> (u32, u32) {
    let tally = plan(&key(0)).keys[0].count(records.iter().map(Event::from));
    (tally.good, tally.bad)
}

#[test]
fn every_step_of_compaction_shows_each_outcome_once() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    // Two lanes (ids 1 and 129), three hours of which the last is not over.
    let probes: Vec<i64> = (0..130).collect();
    let all: Vec<_> = probes
        .iter()
        .map(|p| ticks(*p, START, START + 2 * HOUR + 60_000))
        .collect();
    for records in &all {
        store.append(records).unwrap();
    }
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    let now = START + 2 * HOUR + 150_000;
    loop {
        for probe in [0, 129] {
            let records = &all[usize::try_from(probe).unwrap()];
            let seen = reader.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
            let at = |records: &[Record]| {
                records
                    .iter()
                    .map(|r| (r.at, r.outcome.verdict))
                    .collect::<Vec<_>>()
            };
            assert_eq!(at(&seen), at(records));
            assert_eq!(counted(&reader, &key(probe)), expected(records));
        }
        if !store.compact_step(Timestamp(now), &plan).unwrap() {
            break;
        }
    }
    assert_eq!(
        compact(&mut store, now),
        0,
        "compacting again finds nothing to do"
    );
    assert_eq!(pending(&store).len(), probes.len() * 6);

    let hours = store
        .hours(&key(129), Timestamp(START + 1), Timestamp(START + HOUR))
        .unwrap();
    assert_eq!(hours.len(), 1);
    let first_hour = ticks(129, START, START + HOUR);
    for tally_key in plan(&key(129)).keys {
        assert_eq!(
            hours[0].tally(&tally_key.to_string()),
            Some(tally_key.count(first_hour.iter().map(Event::from)))
        );
    }
    let voids = first_hour
        .iter()
        .filter(|r| !r.outcome.verdict.counts())
        .count();
    assert_eq!(hours[0].void[&VoidReason::Network] as usize, voids);
    let in_histogram: u32 = hours[0].histogram.iter().map(|(_, count)| count).sum();
    assert_eq!(in_histogram, hours[0].good);
    let counted = u32::try_from(first_hour.len() - voids).unwrap();
    assert_eq!(hours[0].covered, Duration::from_secs(10) * counted);
    let mut visited = 0;
    store
        .for_each_hour(
            Timestamp(START),
            Timestamp(START + HOUR),
            |_| true,
            |_, _| {
                visited += 1;
            },
        )
        .unwrap();
    assert_eq!(visited, probes.len());
}

#[test]
fn late_outcomes_are_merged_and_doubles_are_not() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let all = ticks(0, START, START + HOUR);
    let (late, early): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|r| r.at.0 % 70_000 == 0);
    store.append(&early).unwrap();
    let mut double = early[3].clone();
    double.outcome.verdict = Verdict::Bad(Cause::Dns);
    store.append(&[double.clone()]).unwrap();
    compact(&mut store, START + 2 * HOUR);
    // The same tick again, after its hour became a block, along with late ones.
    store.append(&[double]).unwrap();
    store.append(&late).unwrap();
    assert_eq!(counted(&store, &key(0)), expected(&all));
    assert_eq!(
        store.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(),
        all.len()
    );
    assert_eq!(compact(&mut store, START + 2 * HOUR), 1);
    assert_eq!(pending(&store), []);
    assert_eq!(counted(&store, &key(0)), expected(&all));
    let hour = &store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0];
    for tally_key in plan(&key(0)).keys {
        assert_eq!(
            hour.tally(&tally_key.to_string()),
            Some(tally_key.count(all.iter().map(Event::from)))
        );
    }
    assert_eq!(store.first_seen(&key(0)), Some(all[0].at));
    assert_eq!(store.last_seen().unwrap(), Some(all[359].at));
}

#[test]
fn a_block_keeps_its_cuts_when_the_plan_has_changed() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let all = ticks(0, START, START + HOUR);
    let (late, early) = all.split_at(5);
    store.append(early).unwrap();
    compact(&mut store, START + 2 * HOUR);
    store.append(late).unwrap();
    let latency = |ms| TallyKey {
        sli: Sli::Latency {
            of: None,
            below: Duration::from_millis(ms),
        },
        budgeting: BudgetingMethod::Occurrences,
    };
    let changed = |_: &ProbeKey| CountingPlan {
        thresholds: vec![Threshold {
            of: None,
            below: Duration::from_millis(300),
        }],
        keys: vec![latency(500), latency(300)],
    };
    assert!(
        store
            .compact_step(Timestamp(START + 2 * HOUR), &changed)
            .unwrap()
    );
    let hour = &store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0];
    let cut = |ms| hour.scale().separates(Duration::from_millis(ms));
    assert_eq!((cut(500), cut(300)), (true, false));
    assert_eq!(
        hour.tally(&latency(500).to_string()),
        Some(latency(500).count(all.iter().map(Event::from)))
    );
    assert!(hour.tally(&latency(300).to_string()).is_some());
    assert_eq!(hour.tally(&plan(&key(0)).keys[0].to_string()), None);
}

#[test]
fn what_is_older_than_the_retention_goes() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    store.append(&ticks(0, START, START + 3 * HOUR)).unwrap();
    compact(&mut store, START + 3 * HOUR);
    store.append(&ticks(1, START, START + 3 * HOUR)).unwrap();
    while store.expire_step(Timestamp(START + 2 * HOUR + 5)).unwrap() {}
    for probe in [0, 1] {
        let left = store.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
        assert_eq!((left.len(), left[0].at.0), (360, START + 2 * HOUR));
    }
}

#[test]
fn damaged_blocks_are_left_out_and_counted() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    store.append(&ticks(0, START, START + 3 * HOUR)).unwrap();
    compact(&mut store, START + 4 * HOUR);
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute("UPDATE block SET outcomes = zeroblob(length(outcomes)) WHERE id IN (SELECT min(id) FROM block)", []).unwrap();
    other
        .execute(
            "UPDATE hour SET counts = x'09ffff' WHERE id IN (SELECT max(id) FROM hour)",
            [],
        )
        .unwrap();
    assert_eq!(
        store.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(),
        360
    );
    assert_eq!(store.unreadable_blocks(), 2);
    assert_eq!(store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(), 2);
    assert_eq!(store.unreadable_blocks(), 3);
    // A late outcome must neither stop compaction nor replace the counts that are left.
    store.append(&[record(0, START + 5)]).unwrap();
    assert_eq!(compact(&mut store, START + 4 * HOUR), 1);
    let good = expected(&ticks(0, START, START + HOUR)).0;
    assert_eq!(
        store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0].good,
        good
    );
}

#[test]
fn files_of_others_and_of_newer_versions_are_refused_untouched() {
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
fn the_newest_outcomes_cost_no_more_than_they_are() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let records: Vec<_> = (0..600).map(|n| record(0, START + n * 60_000)).collect();
    store.append(&records).unwrap();
    let now = Timestamp(START + 6 * HOUR);
    while store
        .compact_step(now, &|_: &ProbeKey| CountingPlan::default())
        .unwrap()
    {}
    let (from, to) = (Timestamp(START + HOUR / 2), Timestamp(START + 9 * HOUR + 1));
    let key = &records[0].key;
    let all: Vec<_> = store
        .outcomes(key, from, to)
        .unwrap()
        .iter()
        .map(|record| record.at)
        .collect();
    for limit in [0, 1, 59, 60, 61, 400, 10_000] {
        let looks = std::cell::Cell::new(0);
        let wanted = || {
            looks.set(looks.get() + 1);
            true
        };
        let newest = store
            .newest_outcomes(key, (from, to), limit, wanted)
            .unwrap();
        let newest: Vec<_> = newest.iter().map(|record| record.at).collect();
        assert_eq!(newest, all[all.len().saturating_sub(limit)..], "{limit}");
        assert!(
            looks.get() <= limit / 60 + 2 + usize::from(limit > all.len()) * 10,
            "{limit}: {looks:?}"
        );
    }
    let unwanted = store
        .newest_outcomes(key, (from, to), 10, || false)
        .unwrap();
    assert!(unwanted.is_empty());
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
fn what_is_no_file_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    assert!(matches!(Store::open(&fifo), Err(StoreError::Irregular)));
    let read = Store::open_read_only(&fifo);
    assert!(matches!(read, Err(StoreError::Irregular)));
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_history_stored_as_blocks_is_as_if_it_had_been_compacted() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut blocks = Store::open(&file(&one)).unwrap();
    let mut rows = Store::open(&file(&other)).unwrap();
    let end = START + 3 * HOUR;
    let all = [ticks(0, START + 20_000, end), ticks(1, START, end)];
    // An hour that is there already is merged, as one that comes in two parts.
    blocks.append(&all[0][..100]).unwrap();
    compact(&mut blocks, end + HOUR);
    let batches = all.iter().flat_map(|records| records.chunks(500));
    blocks
        .append_blocks(batches.map(<[_]>::to_vec), &plan)
        .unwrap();
    for records in &all {
        rows.append(records).unwrap();
    }
    compact(&mut rows, end + HOUR);
    assert!(pending(&blocks).is_empty());
    for probe in [0, 1] {
        let of = |store: &Store| {
            let hours = store.hours(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
            (
                store.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap(),
                store.first_seen(&key(probe)),
                hours
                    .iter()
                    .map(|hour| format!("{:?}", hour.tallies().collect::<Vec<_>>()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&blocks), of(&rows));
    }
}

#[test]
fn the_thread_commits_compacts_and_closes() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::manual(Timestamp(START + HOUR - 1000));
    let retention = Duration::from_secs(86_400);
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

#[test]
fn somebody_elses_lock_only_delays() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let clock = Clock::manual(Timestamp(START));
    let writer = store
        .writer(clock, Duration::from_secs(86_400), plan)
        .unwrap();
    let handle = writer.handle();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    handle.append(record(0, START));
    wait_for("the refused commit", || handle.stats().last_error.is_some());
    assert_eq!(handle.stats().backlog, 1);
    other.execute_batch("COMMIT").unwrap();
    wait_for("the recovery", || handle.stats().last_error.is_none());
    assert_eq!(handle.stats().committed_total, 1);
    assert!(writer.close(Duration::from_secs(10)));
}

#[test]
fn closing_a_store_that_cannot_write_ends_in_time_and_says_so() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let clock = Clock::manual(Timestamp(START));
    let writer = store
        .writer(clock, Duration::from_secs(86_400), plan)
        .unwrap();
    let handle = writer.handle();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    handle.append(record(0, START));
    let started = Instant::now();
    assert!(!writer.close(Duration::from_millis(300)));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(handle.stats().backlog, 1);
}

/// Copied again and again while a thread writes: each copy is a moment of the store, whole.
#[test]
fn a_copy_is_of_one_moment_while_outcomes_come() {
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

/// A store of two probes with four finished hours each, and some outcomes of the fifth.
fn finished(folder: &Path) -> PathBuf {
    let path = folder.join("slod.db");
    let mut store = Store::open(&path).expect("a new store");
    let records: Vec<_> = (0..2)
        .flat_map(|probe| {
            (0..4 * 360 + 60).map(move |number| Record {
                key: key(probe),
                at: Timestamp(START + number * 10_000),
                interval: Duration::from_secs(10),
                outcome: Outcome::new(Verdict::Good, Duration::from_millis(20)),
            })
        })
        .collect();
    store.append(&records).expect("committed");
    let now = Timestamp(START + 4 * HOUR + HOUR / 2);
    while store.compact_step(now, &plan).expect("compacted") {}
    path
}

fn kept(path: &Path, probe: i64) -> usize {
    let store = Store::open_read_only(path).expect("a store");
    let found = store.outcomes(&key(probe), Timestamp(0), Timestamp(i64::MAX));
    found.expect("readable").len()
}

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

fn beat() -> Beat {
    Beat {
        at: Timestamp(START),
        failed: true,
        message: Some("exit code 3".into()),
    }
}

#[test]
fn a_reported_failure_is_kept_until_an_outcome_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut store = Store::open(&path).expect("a store");
    store.keep_beat(&key(0), &beat(), None).expect("kept");
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

fn alert() -> AlertRecord {
    let key = AlertKey::budget("rag".into(), "errors".into(), Condition::Tier(TIERS[1]));
    AlertRecord {
        spent: Some(0.25),
        inhibited_by: Some(Inhibitor::Tier(1)),
        silenced_by: Some(7),
        notified: true,
        ..AlertRecord::new(
            key,
            "SlodBudgetBurnPage6h",
            Urgency::Page,
            Timestamp(START),
            "so many",
        )
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
fn a_deleted_or_replaced_file_takes_no_more_outcomes() {
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
        store.keep_alerts(&[alert()]),
        Err(StoreError::Gone)
    ));
    assert!(matches!(
        store.keep_beat(&key(0), &beat(), None),
        Err(StoreError::Gone)
    ));
    std::fs::write(&path, "another").expect("written");
    assert!(matches!(store.append(&[record(1)]), Err(StoreError::Gone)));
    std::fs::rename(&aside, &path).expect("put back");
    store.append(&[record(1)]).expect("committed again");
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
