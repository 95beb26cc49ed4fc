//! Whether failures are blamed on the network, by the ledger's task, with a wall clock that is set
//! back.

use arc_swap::ArcSwap;
use prometheus::{IntCounter, IntGauge};
use slod::clock::Clock;
use slod::config::Config;
use slod::ledger::{self, Deps, RestoreFrom, recalled, restore};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::probe::heartbeat::HeartbeatBoard;
use slod::schedule::ScheduleEvent;
use slod::store::{CountingPlan, Store};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const START: i64 = 1_700_000_000;
const FAILED: Verdict = Verdict::Bad(Cause::Timeout);

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

fn config() -> Config {
    let control = |name: &str| format!("{{ name: {name}, tcp: {{ address: '127.0.0.1:1' }} }}");
    let text = format!(
        "defaults: {{ interval: 10s, timeout: 5s }}\nvantage: [ {}, {}, {} ]\nservices: [ {{ name: web, probes: [ {} ] }} ]\n",
        control("a"),
        control("b"),
        control("c"),
        control("home"),
    );
    text.parse().expect("valid")
}

fn event(key: &ProbeKey, second: i64, verdict: Verdict) -> ScheduleEvent {
    ScheduleEvent::Outcome(Record {
        key: key.clone(),
        at: at(second),
        interval: Duration::from_secs(10),
        outcome: Outcome::new(verdict, Duration::ZERO),
    })
}

/// Control probes failed before the clock was set back, and succeed when the same times occur again.
#[tokio::test(start_paused = true)]
async fn control_failures_before_the_clock_was_set_back_void_nothing_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, config) = (folder.path().join("slod.db"), config());
    let store = Store::open(&path).expect("a new store");
    let vantage = recalled(&config, &store, at(116)).expect("readable");
    let from = RestoreFrom::new(&config, &[], Some(&store), at(116));
    let restored = restore(from).expect("an empty store");
    let clock = Clock::manual(at(116));
    let retention = Duration::from_hours(400 * 24);
    let writer = store
        .writer(clock.clone(), retention, |_| CountingPlan::default())
        .expect("started");
    let (events, received) = mpsc::channel(100);
    let (_recounts, recounts) = mpsc::channel(1);
    let (_system, system) = watch::channel(Arc::default());
    let (views, mut view) = watch::channel(Arc::default());
    let lost = IntGauge::new("lost", "lost").expect("a gauge");
    let deps = Deps {
        clock: clock.clone(),
        events: received,
        recounts,
        system,
        store: writer.handle(),
        history: path,
        plans: Arc::new(ArcSwap::default()),
        vantage_lost: lost.clone(),
        heartbeats: HeartbeatBoard::new(HashMap::new()),
        judged_early: IntCounter::new("early", "early").expect("a counter"),
        views,
    };
    let controls: Vec<ProbeKey> = config.vantage.iter().map(|one| one.key.clone()).collect();
    let web = config.services[0].probes[0].key.clone();
    let send = async |key: &ProbeKey, second, verdict| {
        let event = event(key, second, verdict);
        events.send(event).await.expect("the task runs");
    };
    let task = tokio::spawn(ledger::run(restored, vantage, Arc::new(config), deps));
    for second in [95, 105, 115] {
        for control in &controls {
            send(control, second, FAILED).await;
        }
    }
    let is_lost = async {
        while lost.get() == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let patience = Duration::from_mins(1);
    tokio::time::timeout(patience, is_lost).await.expect("lost");
    clock.jump(-40_000);
    let is_counted_again = view.wait_for(|view| view.at < at(95) && view.at > at(0));
    let counted = tokio::time::timeout(patience, is_counted_again).await;
    drop(counted.expect("in time").expect("the task runs"));
    clock.jump(30_000);
    for (second, verdict) in [(96, Verdict::Good), (106, Verdict::Good)] {
        if second > 100 {
            send(&web, 105, FAILED).await;
        }
        for control in &controls {
            send(control, second, verdict).await;
        }
    }
    drop(events);
    task.await.expect("it ends with its events");
    let probe = view.borrow().service("web").expect("configured");
    let probe = &probe.probes[0];
    assert_eq!(probe.voids.iter().sum::<u64>(), 0);
    assert_eq!(probe.failures.iter().sum::<u64>(), 1);
    assert!(writer.close(Duration::from_secs(30)));
}
