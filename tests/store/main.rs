//! The store with real files.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod alerts;
mod corrections;
mod files;
mod kill;
mod measured;
mod outcomes;
mod recovery;
mod rename;
mod restored;
mod series;
mod users;
mod versions;
mod writer;

use slod::alert::{AlertKey, AlertRecord, Condition, Inhibitor, TIERS, Urgency};
use slod::clock::Clock;
use slod::outcome::{Cause, Event, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use slod::probe::heartbeat::Beat;
use slod::slo::{BudgetingMethod, Sli, TallyKey, Threshold};
use slod::store::{
    AlertCursor, CountingPlan, PendingBeat, Store, StoreError, Writer, backup, check, recover,
};
use std::collections::HashMap;
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

/// A tick at `at`, with a verdict and latency derived from it.
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

/// What a start would count: finished hours by their stored counts, and the others outcome by
/// outcome.
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

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A store with two probes, with four finished hours each and some outcomes of the fifth.
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

fn beat() -> Beat {
    Beat {
        at: Timestamp(START),
        failed: true,
        message: Some("exit code 3".into()),
    }
}

fn reported(beat: &Beat) -> HashMap<ProbeKey, PendingBeat> {
    [(key(0), PendingBeat::new(beat.clone(), None))].into()
}

fn alert() -> AlertRecord {
    let key = AlertKey::budget("rag".into(), "errors".into(), Condition::Tier(TIERS[1]));
    AlertRecord {
        spent: Some(0.25),
        inhibited_by: Some(Inhibitor::Tier(1)),
        silenced_by: Some(7),
        held_back: "silence 6 until today".into(),
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
