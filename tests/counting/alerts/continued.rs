//! Alerts across restarts, reloads and stops.

use super::{Fixture, SLOS, at, config};
use slod::alerting::{self, Deps, FailingReceivers, LiveAlerts};
use slod::clock::Clock;
use slod::store::{CountingPlan, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

#[test]
fn an_alert_continues_across_a_restart_and_resolves_as_usual() {
    let mut fixture = Fixture::new();
    fixture.live(6 * 3600, true);
    let begin = fixture.now;
    fixture.live(600, false);
    let before = fixture.firing("errors");
    assert_eq!(before[0], (1, begin + 50), "6 of 360 are above 1.44%");
    assert_eq!(before.len(), 4);
    fixture.restart(45);
    assert_eq!(fixture.firing("errors"), before);
    let kept = fixture.kept("errors");
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|record| record.to.is_none()));
    assert!(!kept[0].is_inhibited() && kept[1].is_inhibited());
    assert!(kept[0].spent > Some(0.0));

    fixture.now += 5;
    fixture.live(1800, true);
    // The last failure was at `begin + 590`, more than five minutes before `begin + 890`.
    let ended = fixture.ended("errors");
    assert_eq!(ended[0], (1, begin + 50, Some(begin + 880 + 300)));
    assert_eq!(fixture.firing("errors"), before[1..].to_vec());
}

#[test]
fn alerts_continue_after_a_stop_until_nothing_has_confirmed_them_for_long_enough() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(600, false);
    let before = fixture.firing("errors");
    fixture.restart(3 * 3600);
    assert_eq!(fixture.firing("errors"), before);
    let start = fixture.now;
    fixture.live(290, true);
    assert_eq!(fixture.firing("errors"), before);
    fixture.live(20, true);
    assert_eq!(fixture.firing("errors"), before[1..]);
    let ended = fixture.ended("errors")[0];
    assert_eq!(ended, (1, before[0].1, Some(start + 300)));
}

#[test]
fn alerts_of_a_removed_objective_end() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    // The fifth minute is over, so the passing of time alone does not make it fire.
    fixture.live(310, false);
    let (errors, uptime) = (fixture.firing("errors"), fixture.firing("uptime"));
    assert!(!errors.is_empty() && !uptime.is_empty());
    // An alert that is still configured continues, even if its target has changed.
    fixture.reload("[ { name: errors, sli: success, target: 99.8%, window: 30d } ]");
    assert_eq!(fixture.firing("errors"), errors);
    let now = fixture.now;
    assert!(fixture.ended("uptime").iter().all(|one| one.2 == Some(now)));
    // If it comes back, it is a new alert.
    fixture.reload(SLOS);
    assert_eq!(
        fixture
            .ended("uptime")
            .iter()
            .filter(|one| one.2.is_none())
            .count(),
        uptime.len()
    );
    assert!(
        fixture
            .firing("uptime")
            .iter()
            .all(|(_, since)| *since == now)
    );
}

#[test]
fn alerts_of_an_objective_removed_while_stopped_end() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(300, false);
    fixture.config = config("[ { name: errors, sli: success, target: 99.9%, window: 30d } ]");
    fixture.restart(30);
    let now = fixture.now;
    assert!(!fixture.ended("uptime").is_empty());
    assert!(fixture.ended("uptime").iter().all(|one| one.2 == Some(now)));
    assert!(fixture.ended("errors").iter().all(|one| one.2.is_none()));
}

/// A stop ends the snapshots. What the last one started is recorded before the store is closed.
#[tokio::test]
async fn the_last_snapshot_is_evaluated_before_a_stop() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    let quiet = fixture.ledger.view();
    for _ in 0..30 {
        fixture.probe(false);
        fixture.now += 10;
    }
    let burning = fixture.ledger.advance(at(fixture.now)).view();
    let clock = Clock::manual(at(fixture.now));
    let retention = Duration::from_hours(400 * 24);
    let writer = fixture
        .store
        .writer(clock, retention, |_| CountingPlan::default());
    let writer = writer.expect("started");
    let (ledger_views, receiver) = watch::channel(Arc::new(quiet));
    let (views, view) = watch::channel(Arc::default());
    let deps = Deps {
        states: receiver,
        configs: watch::channel(Arc::new(fixture.config.clone())).1,
        decisions: watch::channel(Arc::default()).1,
        findings: watch::channel(Arc::default()).1,
        reloaded: watch::channel(true).1,
        failing: FailingReceivers::default(),
        store: writer.handle(),
        route: Box::new(|_, _| Vec::new()),
        views,
    };
    let task = tokio::spawn(alerting::run(LiveAlerts::default(), deps));
    ledger_views.send_replace(Arc::new(burning));
    drop(ledger_views);
    task.await.expect("it ends with the ledger");
    let view = view.borrow().clone();
    assert_eq!(view.at, at(fixture.now));
    assert_eq!(view.of("web", "errors").len(), 4);
    assert!(writer.close(Duration::from_secs(30)));
    let store = Store::open_read_only(&fixture.folder.path().join("slod.db"));
    let kept = store.and_then(|store| store.firing_alerts());
    let shown: Vec<_> = ["errors", "uptime"].map(|slo| view.of("web", slo)).concat();
    let mut kept = kept.expect("readable");
    kept.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(kept, shown);
}
