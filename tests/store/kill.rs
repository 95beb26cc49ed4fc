//! `kill -9` at any time loses no committed outcome, and the numbers match a recount.
//!
//! To run more of them: `SLOD_TEST_KILLS=1000 cargo test --test store kill`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use slod::clock::Clock;
use slod::config::Config;
use slod::ledger::{RestoreFrom, plans, restore};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::store::Store;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const CHILD: &str = "SLOD_TEST_STORE_TO_BE_KILLED";
/// Number of kills; the default fits into the time of a test run.
const KILLS: &str = "SLOD_TEST_KILLS";
const PROBES: i64 = 5;
/// Ten minutes per tick, so that hours are finished and compacted all the time.
const STEP_MS: i64 = 600_000;
const START: i64 = 494_000 * 3_600_000;

fn key(probe: i64) -> ProbeKey {
    ProbeKey::new("rag", &format!("probe-{probe}"))
}

/// Some attempts fail.
fn verdict(at: Timestamp) -> Verdict {
    match at.0 / STEP_MS % 7 {
        0 => Verdict::Bad(Cause::Timeout),
        _ => Verdict::Good,
    }
}

/// Two objectives over all probes: every attempt, and every minute.
fn config() -> Config {
    let mut text = "services:\n- name: rag\n  objectives:\n  - { name: errors, sli: success, target: 99% }\n  - { name: minutes, sli: availability, target: 99% }\n  probes:\n".to_owned();
    for probe in 0..PROBES {
        let line = format!(
            "  - {{ name: probe-{probe}, interval: 10m, http: {{ url: 'http://127.0.0.1/{probe}' }} }}"
        );
        writeln!(text, "{line}").unwrap();
    }
    text.parse().unwrap()
}

/// Not a test of its own: run by the test below in a process that it kills.
#[test]
fn child_appends_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let store = Store::open(Path::new(&path)).unwrap();
    let next = store
        .last_seen()
        .unwrap()
        .map_or(START, |at| at.0 + STEP_MS);
    let clock = Clock::manual(Timestamp(next));
    let forever = Duration::from_hours(100 * 366 * 24);
    let plans = plans(&config());
    let plan = move |key: &ProbeKey| (*plans[key]).clone();
    let writer = store.writer(clock.clone(), forever, plan).unwrap();
    let handle = writer.handle();
    for tick in 0.. {
        let at = Timestamp(next + tick * STEP_MS);
        for probe in 0..PROBES {
            handle.append(Record {
                key: key(probe),
                at,
                interval: Duration::from_mins(10),
                outcome: Outcome::new(verdict(at), Duration::from_millis(90)),
            });
        }
        clock.jump(STEP_MS);
        if handle.flush(Duration::from_secs(5)) {
            writeln!(std::io::stderr(), "committed {}", at.0).unwrap();
        }
    }
}

/// Starts a child, kills it after `after`, and returns the last tick that it reported as committed.
fn run_and_kill(path: &Path, after: Duration) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_appends_until_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let reported = lines.map_while(Result::ok);
        let ticks =
            reported.filter_map(|line| line.strip_prefix("committed ")?.parse::<i64>().ok());
        ticks.last()
    });
    std::thread::sleep(after);
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// The ticks of a probe from `from` on.
fn ticks(store: &Store, probe: i64, from: i64) -> Vec<i64> {
    let end = Timestamp(i64::MAX);
    let all = store.outcomes(&key(probe), Timestamp(from), end).unwrap();
    all.iter().map(|record| record.at.0).collect()
}

/// Compares the numbers of a daemon that starts now with a recount of the month.
fn check_numbers(store: &Store) {
    let now = store.last_seen().unwrap().unwrap();
    let ledger = restore(RestoreFrom::new(&config(), &[], Some(store), now));
    let snapshot = ledger.unwrap().advance(now).snapshot();
    let [errors, minutes] = &snapshot.services[0].objectives[..] else {
        panic!("two objectives");
    };
    let start = (now.0.div_euclid(3_600_000) - 719) * 3_600_000;
    let (mut outcomes, mut slices) = ((0, 0), std::collections::BTreeMap::new());
    for probe in 0..PROBES {
        for at in ticks(store, probe, start) {
            let bad = verdict(Timestamp(at)) != Verdict::Good;
            *(if bad {
                &mut outcomes.1
            } else {
                &mut outcomes.0
            }) += 1;
            slices.insert(at, bad);
        }
    }
    // The current minute is not complete.
    slices.remove(&now.0);
    let bad = slices.values().filter(|bad| **bad).count();
    let period = errors.budget.period;
    assert_eq!((period.good, period.bad), outcomes);
    let period = minutes.budget.period;
    assert_eq!(
        (period.good, period.bad),
        ((slices.len() - bad) as u64, bad as u64)
    );
}

#[test]
fn a_killed_writer_loses_nothing_it_committed() {
    let kills = std::env::var(KILLS).map_or(10, |kills| kills.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("slod.db");
    let step = usize::try_from(STEP_MS).unwrap();
    let (mut committed, mut checked) = (None, START);
    let is_compacted = |store: &Store| {
        let hours = store.hours(&key(0), Timestamp(0), Timestamp(i64::MAX));
        hours.unwrap().len() > 3
    };
    for kill in 0..kills * 10 {
        // A busy machine may do little before a kill.
        if kill >= kills && is_compacted(&Store::open(&path).unwrap()) {
            break;
        }
        // Irregularly spaced times within the first half second.
        let after = Duration::from_millis(100 + kill * 7919 % 500);
        committed = run_and_kill(&path, after).max(committed);
        let store = Store::open(&path).unwrap();
        let Some(last) = committed else { continue };
        let mut all_seen = i64::MAX;
        for probe in 0..PROBES {
            let ticks = ticks(&store, probe, checked);
            // In-flight outcomes may be stored or not; nothing before them is missing or duplicated.
            let seen = *ticks.last().unwrap();
            assert!(
                seen >= last,
                "kill {kill}: {last} was committed, the last seen is {seen}"
            );
            assert_eq!(ticks, (checked..=seen).step_by(step).collect::<Vec<_>>());
            all_seen = all_seen.min(seen);
        }
        check_numbers(&store);
        assert_eq!(store.unreadable_blocks(), 0);
        // Data that was complete two days before the end is in blocks that no longer change.
        checked = checked.max(all_seen - 2 * 86_400_000);
    }
    let store = Store::open(&path).unwrap();
    let all = ticks(&store, 0, START);
    assert_eq!(
        all.len(),
        (START..=*all.last().unwrap()).step_by(step).count()
    );
    assert!(
        is_compacted(&store),
        "nothing was compacted: the test proves too little"
    );
    println!("{kills} kills, {} ticks of {PROBES} probes", all.len());
}
