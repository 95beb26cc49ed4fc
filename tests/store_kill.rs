//! `kill -9` at any moment loses no committed outcome.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use slod::clock::Clock;
use slod::outcome::{Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::store::{Plan, Store};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const CHILD: &str = "SLOD_TEST_STORE_TO_BE_KILLED";
const KILLS: u64 = 10;
const PROBES: i64 = 5;
/// Ten minutes a tick: hours are finished and compacted all the time.
const STEP_MS: i64 = 600_000;
const START: i64 = 494_000 * 3_600_000;

fn key(probe: i64) -> ProbeKey {
    ProbeKey::new("rag", &format!("probe-{probe}"))
}

fn plan(_: &ProbeKey) -> Plan {
    Plan::default()
}

/// Not a test of its own: what the test below runs in a process that it kills.
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
    let forever = Duration::from_secs(400 * 86_400);
    let writer = store.writer(clock.clone(), forever, plan).unwrap();
    let handle = writer.handle();
    for tick in 0.. {
        let at = Timestamp(next + tick * STEP_MS);
        for probe in 0..PROBES {
            handle.append(Record {
                key: key(probe),
                at,
                interval: Duration::from_millis(600_000),
                outcome: Outcome::new(Verdict::Good, Duration::from_millis(90)),
            });
        }
        clock.jump(STEP_MS);
        if handle.flush(Duration::from_secs(5)) {
            writeln!(std::io::stderr(), "committed {}", at.0).unwrap();
        }
    }
}

/// Starts a child, kills it after `after`, and returns the last tick it called committed.
fn run_and_kill(path: &Path, after: Duration) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_appends_until_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let told = lines.map_while(Result::ok);
        let ticks = told.filter_map(|line| line.strip_prefix("committed ")?.parse::<i64>().ok());
        ticks.last()
    });
    std::thread::sleep(after);
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn a_killed_writer_loses_nothing_it_committed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("slod.db");
    let mut committed = None;
    for kill in 0..KILLS {
        // Moments spread without a pattern over the first half second.
        let after = Duration::from_millis(100 + kill * 7919 % 500);
        committed = run_and_kill(&path, after).max(committed);
        let store = Store::open(&path).unwrap();
        let Some(last) = committed else { continue };
        for probe in 0..PROBES {
            let all = store
                .outcomes(&key(probe), Timestamp(0), Timestamp(i64::MAX))
                .unwrap();
            let ticks: Vec<i64> = all.iter().map(|record| record.at.0).collect();
            // What was in flight may be there or not; nothing before it is missing or double.
            let seen = *ticks.last().unwrap();
            assert!(
                seen >= last,
                "kill {kill}: {last} was committed, the last seen is {seen}"
            );
            let step = usize::try_from(STEP_MS).unwrap();
            assert_eq!(ticks, (START..=seen).step_by(step).collect::<Vec<_>>());
        }
        assert_eq!(store.unreadable_blocks(), 0);
    }
    let hours = Store::open(&path)
        .unwrap()
        .hours(&key(0), Timestamp(0), Timestamp(i64::MAX))
        .unwrap();
    assert!(
        hours.len() > 3,
        "nothing was compacted: the test proves too little"
    );
}
