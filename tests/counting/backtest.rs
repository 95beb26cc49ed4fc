//! Replays the history of a real store, with the same alerts as a synthetic history.

use slod::alert::{Matcher, Silence};
use slod::alerting::{Inputs, LiveAlerts};
use slod::config::Config;
use slod::ledger::{Ledger, RestoreFrom, plans, restore};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::report::backtest::{replayed, synthetic};
use slod::slo::correction::Correction;
use slod::store::{CountingPlan, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const HOUR: i64 = 3600;
/// A whole hour.
const START: i64 = 1_700_000_000 / HOUR * HOUR;
const CONFIG: &str = "
services:
  - name: web
    probes:
      - { name: a, interval: 10s, http: { url: \"http://127.0.0.1:1/\" } }
      - { name: b, interval: 60s, http: { url: \"http://127.0.0.1:2/\" } }
    objectives:
      - { name: errors, sli: success, target: 99.9%, window: 30d }
      - { name: uptime-b, sli: availability, target: 99%, window: 30d, probes: [b] }
";

fn config() -> Config {
    config_of(CONFIG)
}

fn config_of(text: &str) -> Config {
    text.parse().expect("valid")
}

/// The live state of a daemon that starts this many seconds after the start of the history.
fn started(config: &Config, store: Option<&Store>, second: i64) -> Ledger {
    let ledger = restore(RestoreFrom::new(
        config,
        &[],
        store,
        Timestamp::from_secs(START + second),
    ));
    ledger.expect("readable")
}

/// Replays the scenario `good x 72h, bad x 20m, good x 30h` on a real store, mostly compacted.
fn store(folder: &Path, config: &Config) -> Store {
    let plans = plans(config);
    compacted(folder, config, &|key| {
        Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default())
    })
}

fn compacted(folder: &Path, config: &Config, plan: &dyn Fn(&ProbeKey) -> CountingPlan) -> Store {
    let mut store = Store::open(&folder.join("slod.db")).expect("a new store");
    let end = 72 * HOUR + 1200 + 30 * HOUR;
    for probe in config.probes() {
        let interval = i64::try_from(probe.interval.as_secs()).expect("small");
        let records: Vec<_> = (0..end)
            .step_by(usize::try_from(interval).expect("small"))
            .map(|second| {
                let bad = second > 72 * HOUR && second <= 72 * HOUR + 1200;
                let verdict = if bad {
                    Verdict::Bad(Cause::Timeout)
                } else {
                    Verdict::Good
                };
                Record {
                    key: probe.key.clone(),
                    at: Timestamp::from_secs(START + second),
                    interval: probe.interval,
                    outcome: Outcome::new(verdict, Duration::from_millis(5)),
                }
            })
            .collect();
        store.append(&records).expect("committed");
    }
    let now = Timestamp::from_secs(START + 100 * HOUR);
    while store.compact_step(now, &plan).expect("compacted") {}
    store
}

#[test]
fn a_stored_history_fires_the_same_alerts_as_its_scenario() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    let store = store(folder.path(), &config);
    let words = "good x 72h, bad x 20m, good x 30h"
        .parse()
        .expect("a story");
    let reported = synthetic(&config, &words);
    let end = Timestamp::from_secs(START + 102 * HOUR + 1200);
    let lived = replayed(&config, &store, Timestamp::from_secs(START), end).expect("readable");
    assert_eq!(lived.outcomes, reported.outcomes);
    let rows = |backtest: &slod::report::backtest::Backtest| -> Vec<_> {
        let row = |alert: &slod::report::backtest::AlertRow| {
            let since = |at: chrono::DateTime<chrono::Utc>| (at - backtest.from).num_seconds();
            (
                alert.slo.clone(),
                alert.tier,
                since(alert.fired_at),
                alert.ended_at.map(since),
                alert.inhibited,
            )
        };
        backtest.alerts.iter().map(row).collect()
    };
    assert_eq!(rows(&lived), rows(&reported));
    // 20 bad minutes are 5.5% of six hours: for `uptime-b`, only the fastest tier fires.
    assert_eq!(lived.alerts.len(), 4 + 1);
}

/// Hours without failures are read from stored counts, if the store has them.
#[test]
fn quiet_hours_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    let quick = store(&folder.path().join("quick"), &config);
    let slow = compacted(&folder.path().join("slow"), &config, &|_| {
        CountingPlan::default()
    });
    let span = |store: &Store| {
        let (from, to) = (START + 70 * HOUR, START + 102 * HOUR + 1200);
        let (from, to) = (Timestamp::from_secs(from), Timestamp::from_secs(to));
        let reported = replayed(&config, store, from, to).expect("readable");
        serde_json::to_value(&reported).expect("JSON")
    };
    assert_eq!(span(&quick), span(&slow));
}

/// Replays the stored history as the daemon does, with a snapshot every ten seconds since shortly
/// before the outage, and a restart in the middle; returns what fires.
fn live(store: &mut Store, config: &Config) {
    let end = 102 * HOUR + 1200;
    let mut events: Vec<Record> = Vec::new();
    for probe in config.probes() {
        let all = store.outcomes(&probe.key, Timestamp(0), Timestamp(i64::MAX));
        events.extend(all.expect("readable"));
    }
    events.sort_by_key(|record| record.at);
    let (mut ledger, mut alerts) = (started(config, None, 0), LiveAlerts::default());
    let mut next = events.iter().peekable();
    for second in (0..=end).step_by(10) {
        let now = Timestamp::from_secs(START + second);
        while let Some(record) = next.next_if(|record| record.at <= now) {
            ledger.record(record);
        }
        if second < 71 * HOUR {
            continue;
        }
        if second == 72 * HOUR + 900 {
            ledger = started(config, Some(store), second);
            let firing = store.firing_alerts().expect("readable");
            assert!(!firing.is_empty(), "the restart is in the outage");
            alerts = LiveAlerts::resumed(firing, now);
        }
        let changed = alerts.step(&ledger.advance(now).view(), &Inputs::default());
        store.keep_alerts(&changed.records, &[]).expect("kept");
    }
}

#[test]
fn live_alerts_match_a_backtest() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config();
    let mut store = store(folder.path(), &config);
    live(&mut store, &config);
    let span = |hours: i64| Timestamp::from_secs(START + hours * HOUR);
    let reported = replayed(&config, &store, span(0), span(102)).expect("readable");
    assert_eq!(reported.alerts.len(), 4 + 1);
    assert_eq!(reported.missing.len(), 0, "{}", reported.to_text());
    for alert in &reported.alerts {
        assert_eq!(
            alert.did_fire_at,
            Some(alert.fired_at),
            "{}",
            reported.to_text()
        );
    }
    let past = store.alerts(span(0), span(102), 99).expect("readable");
    let ends: Vec<_> = past.iter().map(|alert| alert.to).collect();
    let mut reported: Vec<_> = reported.alerts.iter().map(|alert| alert.ended_at).collect();
    reported.sort();
    let mut ends: Vec<_> = ends.iter().map(|at| at.map(Timestamp::to_utc)).collect();
    ends.sort();
    assert_eq!(ends, reported);

    // With a lower target, most of it would not alert now.
    Arc::make_mut(&mut config.services[0].objectives[0]).target = 0.9;
    let reported = replayed(&config, &store, span(0), span(102)).expect("readable");
    let text = reported.to_text();
    assert!(
        text.contains("alerts that fired, but would not fire now:"),
        "{text}"
    );
    assert_eq!(reported.missing.len(), 4);
}

#[test]
fn corrected_failures_fire_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    let mut store = store(folder.path(), &config);
    let at = |second: i64| Timestamp::from_secs(START + second);
    let correction = Correction {
        services: vec!["web".into()],
        slos: vec!["errors".into()],
        author: "test".into(),
        ..Correction::once(at(72 * HOUR), at(72 * HOUR + 1201), "a drill")
    };
    store.add_correction(&correction, at(0)).expect("kept");
    let reported = replayed(&config, &store, at(0), at(102 * HOUR)).expect("readable");
    let slos: Vec<_> = reported.alerts.iter().map(|alert| &alert.slo).collect();
    assert_eq!(slos, ["uptime-b"]);
}

/// `web` depends on `db`; both fail in the same minutes.
const BELOW: &str = "
defaults:
  interval: 10s
  objectives: [ { name: errors, sli: success, target: 99.9%, window: 30d } ]
services:
  - { name: db, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ] }
  - { name: web, depends_on: [ db ], probes: [ { name: p, tcp: { address: \"127.0.0.1:2\" } } ] }
";

/// What inhibited each past alert, by service and tier.
fn kept_back(config: &Config, store: &Store) -> Vec<(String, Option<String>)> {
    let at = |hour: i64| Timestamp::from_secs(START + hour * HOUR);
    let reported = replayed(config, store, at(0), at(102)).expect("readable");
    let alerts = reported
        .alerts
        .into_iter()
        .filter(|one| one.tier == Some(1));
    let silence = |id: Option<i64>| id.map(|id| format!("silence {id}"));
    let row = alerts.map(|one| (one.service, one.inhibited_by.or(silence(one.silenced_by))));
    row.collect()
}

#[test]
fn maintenance_of_dependencies_and_silences_inhibit_pages_as_in_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config_of(BELOW);
    let mut store = store(folder.path(), &config);
    let at = |second: i64| Timestamp::from_secs(START + second);
    let web = |by: Option<&str>| ("web".to_owned(), by.map(str::to_owned));
    let db = ("db".to_owned(), None);
    assert_eq!(
        kept_back(&config, &store),
        [db.clone(), web(Some("service db"))]
    );
    let silence = Silence {
        id: 0,
        matchers: Matcher::parse_list("service=db").expect("matchers"),
        from: at(71 * HOUR),
        to: at(80 * HOUR),
        author: "test".into(),
        reason: "known".into(),
    };
    let id = store.add_silence(&silence).expect("kept").id;
    let silenced = ("db".to_owned(), Some(format!("silence {id}")));
    assert_eq!(
        kept_back(&config, &store),
        [silenced, web(Some("service db"))]
    );
    let maintenance = Correction {
        services: vec!["db".into()],
        author: "test".into(),
        ..Correction::once(at(72 * HOUR), at(72 * HOUR + 1201), "an upgrade")
    };
    store.add_correction(&maintenance, at(0)).expect("kept");
    assert_eq!(kept_back(&config, &store), [web(Some("service db"))]);
}

#[test]
fn a_restart_restores_earlier_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    let store = store(folder.path(), &config);
    let from = Timestamp::from_secs(START + 72 * HOUR);
    let end = Timestamp::from_secs(START + 74 * HOUR);
    let later = replayed(&config, &store, from, end).expect("readable");
    let fired = |slo: &str| -> Vec<i64> {
        let of = later.alerts.iter().filter(|alert| alert.slo == slo);
        of.map(|alert| alert.fired_at.timestamp() - START - 72 * HOUR)
            .collect()
    };
    // 420 attempts per hour: 7 failures exceed 1.44%. Attempts at 10 to 60 s, and two at 60 s.
    assert_eq!(fired("errors")[0], 60);
    // Without the preceding hours without failures, the first two failures would have exceeded every
    // threshold.
    assert!(fired("errors")[3] > 200);
    assert!(
        later
            .alerts
            .iter()
            .all(|alert| alert.budget_spent_ratio > Some(0.0))
    );
}

#[test]
fn a_backtest_reads_well() {
    let scenario = "good x 3d, bad x 5m, bad 2% x 2h".parse().expect("a story");
    let mut config = config();
    config.services[0].objectives.truncate(1);
    let expected = "\
synthetic history: 3d2h5m, 31,115 outcomes

SERVICE  SLO     TIER    URGENCY  FIRED     ENDED             FOR  BUDGET SPENT
web      errors  1h/5m   page     +3d1m     still firing     2h4m          2.4%
web      errors  6h/30m  page     +3d2m20s  still firing  2h2m40s          5.3%  inhibited by a faster tier
web      errors  3d/6h   ticket   +3d4m20s  still firing    2h40s           10%  inhibited by a faster tier
web      errors  1d/2h   ticket   +3d4m30s  still firing    2h30s         10.3%  inhibited by a faster tier

1 page and 0 tickets would have been sent, 3 more inhibited by a faster tier
";
    assert_eq!(synthetic(&config, &scenario).to_text(), expected);
}

#[test]
fn invalid_scenarios_are_rejected() {
    use slod::report::scenario::Scenario;
    for (text, expected) in [
        ("", "invalid phase ``"),
        ("good", "invalid phase `good`"),
        ("good x", "invalid phase `good x`"),
        ("good x 5", "invalid duration `5`"),
        ("good x 0s", "expected more than 0s"),
        ("ugly x 5m", "invalid phase `ugly`"),
        ("bad 0% x 1h", "expected more than 0%"),
        ("bad x 2m,", "invalid phase ``"),
        ("good x 500d", "limited to 366d"),
    ] {
        let reason = text.parse::<Scenario>().expect_err("invalid");
        assert!(reason.contains(expected), "{text}: {reason}");
    }
}

/// Objectives of real requests replay the scenario like those of probes.
#[test]
fn scenarios_apply_to_real_requests_too() {
    let config = config_of(
        "
services:
  - name: web
    probes: [ { name: a, interval: 15s, http: { url: \"http://127.0.0.1:1/\" } } ]
    metrics: { url: \"http://127.0.0.1:1/metrics\", interval: 15s }
    objectives:
      - { name: probed, sli: success, target: 99.9% }
      - { name: real, sli: success, target: 99.9%, source: metrics }
      - { name: flow, sli: throughput, at_least: 100/s, target: 99.9%, source: metrics }
",
    );
    let found = synthetic(&config, &"good x 72h, bad x 2h".parse().expect("a story"));
    let fired = |slo: &str| {
        let rows = found.alerts.iter().filter(|alert| alert.slo == slo);
        rows.map(|one| (one.tier, one.fired_at)).collect::<Vec<_>>()
    };
    assert!(!fired("probed").is_empty());
    assert_eq!(fired("real"), fired("probed"));
    assert!(!fired("flow").is_empty());
}
