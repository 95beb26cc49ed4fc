//! Objectives of real traffic: live, restored, in reports and in backtests, compared with a recount
//! of the history.

mod history;

use history::{AWAY, Counted, MAINTENANCE, START, STEP, STEPS, Sums, happened, recounted};
use slod::clock::Clock;
use slod::config::Config;
use slod::ledger::{Ledger, RestoreFrom, Snapshot, restore};
use slod::observe::scrape::ScrapeView;
use slod::observe::{Recorder, ServiceMetrics, SystemView, metrics};
use slod::outcome::Timestamp;
use slod::report::backtest;
use slod::report::health::Health;
use slod::report::slo::report;
use slod::report::slo::span::Span;
use slod::slo::StandardWindow;
use slod::slo::correction::Correction;
use slod::store::{CountingPlan, Store, Writer};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const CONFIG: &str = r#"
services:
  - name: rag
    probes: [ { name: p, http: { url: "http://127.0.0.1:1/" } } ]
    metrics: { url: "http://127.0.0.1:1/metrics" }
    objectives:
      - { name: success, sli: success, source: metrics, target: 99% }
      - { name: uptime, sli: availability, source: metrics, slice_target: 90%, target: 99% }
      - { name: fast, sli: latency, below: 500ms, source: metrics, target: 95% }
      - { name: odd, sli: latency, below: 300ms, source: metrics, target: 95% }
      - { name: offered, sli: throughput, at_least: 2/s, target: 90% }
      - { name: always, sli: throughput, at_least: 2/s, when: always, target: 90% }
"#;
fn config(path: &Path, with_maintenance: bool) -> Config {
    let mut config: Config = CONFIG.parse().expect("valid");
    path.clone_into(&mut config.store.path);
    if with_maintenance {
        config.corrections.push(Correction {
            id: "move".into(),
            author: "ana".into(),
            ..Correction::once(
                Timestamp(START.0 + MAINTENANCE.start * STEP),
                Timestamp(START.0 + MAINTENANCE.end * STEP),
                "move",
            )
        });
    }
    config
}

fn restored(config: &Config, now: Timestamp) -> Ledger {
    let store = Store::open(&config.store.path).expect("a store");
    let from = RestoreFrom::new(config, &config.corrections, Some(&store), now);
    restore(from).expect("readable")
}

/// Counts and stores the history; returns the ledger at its end.
fn counted_live(config: &Config, end: Timestamp) -> Ledger {
    let mut ledger = restored(config, START);
    let mut counted = Counted::default();
    let mut writer: Option<Writer> = None;
    for (number, one) in happened().iter().enumerate() {
        if one.at == START.0 + AWAY.end * STEP {
            // A new process counts from 0.
            close(writer.take());
            ledger = restored(config, Timestamp(one.at));
            counted = Counted::default();
        }
        counted.requests += one.requests;
        counted.errors += one.errors;
        counted.slow += one.slow;
        if !one.is_scraped {
            continue;
        }
        let metrics = Arc::new(counted.metrics(one));
        ledger.take_metrics(Timestamp(one.at), std::slice::from_ref(&metrics));
        ledger.advance(Timestamp(one.at));
        let writer = writer.get_or_insert_with(|| {
            let store = Store::open(&config.store.path).expect("a store");
            let plan = |_: &_| CountingPlan::default();
            store
                .writer(Clock::manual(end), Duration::from_hours(400 * 24), plan)
                .expect("a writer")
        });
        let view = SystemView {
            services: vec![metrics],
            ..SystemView::default()
        };
        let handle = writer.handle();
        Recorder::new(handle.clone()).record(Timestamp(one.at), |sink| metrics::write(sink, &view));
        if number % 500 == 0 {
            assert!(handle.flush(Duration::from_secs(30)));
        }
    }
    close(writer);
    let mut store = Store::open(&config.store.path).expect("a store");
    while store.compact_samples_step(end).expect("compacted") {}
    ledger.advance(end);
    ledger
}

fn close(writer: Option<Writer>) {
    let writer = writer.expect("something was written");
    assert!(writer.close(Duration::from_mins(1)));
}

fn windows(snapshot: &Snapshot) -> Vec<(String, Vec<(u64, u64)>)> {
    let objectives = snapshot.services[0].objectives.iter();
    let each = objectives.map(|view| {
        let counts = StandardWindow::ALL.iter().map(|window| {
            let window = &view.windows[*window];
            (window.good, window.bad)
        });
        (view.objective.name.clone(), counts.collect())
    });
    each.collect()
}

#[test]
fn real_traffic_counts_are_equal_live_and_from_the_store() {
    let fired = fired_as_recounted(false);
    assert!(
        fired.contains(&"success".to_owned()) && fired.contains(&"uptime".to_owned()),
        "{fired:?}"
    );
    assert!(
        !fired.contains(&"odd".to_owned()),
        "nothing is known of 300 ms: {fired:?}"
    );
}

#[test]
fn a_correction_excludes_real_traffic_everywhere() {
    let fired = fired_as_recounted(true);
    assert!(!fired.contains(&"success".to_owned()), "{fired:?}");
}

/// Compares live, restored and reported counts with a recount. Returns the objectives whose alerts
/// fire in a backtest.
fn fired_as_recounted(with_maintenance: bool) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&folder.path().join("slod.db"), with_maintenance);
    // Every minute is over, and its neighbors are closed.
    let end = Timestamp(START.0 + (STEPS + 18) * STEP);
    let live = counted_live(&config, end).snapshot();
    let mut again = restored(&config, end);
    assert_eq!(windows(&live), windows(&again.advance(end).snapshot()));

    let why = |name: &str| {
        let mut objectives = live.services[0].objectives.iter();
        let view = objectives.find(|view| view.objective.name == name);
        view.and_then(|view| Some(view.uncounted.as_ref()?.why.to_string()))
    };
    assert_eq!(why("fast"), None);
    let expected = "no bucket of `request_duration` ends at 0.3s; the nearest are 0.25s and 0.5s";
    assert_eq!(why("odd").as_deref(), Some(expected));

    let month: Sums = live.services[0]
        .objectives
        .iter()
        .map(|view| {
            let window = &view.windows[StandardWindow::Days30];
            (
                view.objective.name.clone(),
                window.good as f64,
                window.bad as f64,
            )
        })
        .collect();
    assert_eq!(month, recounted(with_maintenance));

    let store = Store::open(&config.store.path).expect("a store");
    let reported = report(&config, &store, Span::new(START, end, end)).expect("readable");
    // Quiet hours were observed too: only the time in which slod was down is not covered.
    let missed = (AWAY.end - AWAY.start) as f64 / STEPS as f64;
    let counted = reported.services[0].objectives.iter();
    for one in counted.filter(|one| one.name != "odd") {
        let coverage = one.coverage_ratio.expect("some time is over");
        let name = &one.name;
        assert!(
            (coverage - (1.0 - missed)).abs() < 0.002,
            "{name}: {coverage}"
        );
    }
    let reported: Sums = reported.services[0]
        .objectives
        .iter()
        .map(|one| (one.name.clone(), one.good_events, one.bad_events))
        .collect();
    assert_eq!(reported, month);

    let replayed = backtest::replayed(&config, &store, START, end).expect("readable");
    let fired = replayed.alerts.iter().map(|alert| alert.slo.clone());
    fired.collect()
}

/// Without probes, nothing else shows that the service is down.
#[test]
fn a_service_that_cannot_be_scraped_has_no_recent_data() {
    let alone = CONFIG.replace(
        "    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n",
        "",
    );
    let config: Config = alone.parse().expect("valid without probes");
    let mut ledger = restored(&config, START);
    let state = |ledger: &Ledger| {
        let snapshot = ledger.snapshot();
        let service = &snapshot.services[0];
        let uncounted = service.objectives[0].uncounted.clone();
        (Health::of(service, snapshot.at).label(), uncounted)
    };
    let mut counted = Counted::default();
    for one in happened().iter().skip(360).take(400) {
        counted.requests += one.requests;
        let metrics = Arc::new(counted.metrics(one));
        ledger.take_metrics(Timestamp(one.at), &[metrics]);
        ledger.advance(Timestamp(one.at));
    }
    let last = Timestamp(happened()[759].at);
    // `odd` has no bucket, which may appear.
    let (label, uncounted) = state(&ledger);
    assert_ne!(label, "no recent data");
    assert_eq!(uncounted, None);
    let failed = ServiceMetrics {
        scrape: ScrapeView {
            error: Some("connection refused".into()),
            ..ScrapeView::default()
        },
        ..ServiceMetrics::unknown("rag".into())
    };
    let now = last.after(Duration::from_mins(1));
    ledger.take_metrics(now, &[Arc::new(failed)]);
    ledger.advance(now);
    let (label, uncounted) = state(&ledger);
    let uncounted = uncounted.expect("not counted");
    assert_eq!((label, uncounted.since), ("no recent data", last));
    assert_eq!(
        &*uncounted.why,
        "its metrics cannot be read: connection refused"
    );
    let again = Timestamp(now.0 + STEP);
    let mut metrics = counted.metrics(&happened()[759]);
    metrics.at = Some(again);
    ledger.take_metrics(again, &[Arc::new(metrics)]);
    ledger.advance(again);
    assert_eq!(state(&ledger).1, None);
}
