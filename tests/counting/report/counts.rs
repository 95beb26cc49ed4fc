//! A report that uses stored counts equals one that reads every outcome.

use super::month::{DAY, HOUR, at, config, config_of, make};
use proptest::prelude::*;
use slod::config::Config;
use slod::ledger::plans;
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use slod::report::slo::report;
use slod::report::slo::span::Span;
use slod::store::{CountingPlan, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the blocks of a store are counted by: everything that the objectives need, or only the
/// latency thresholds, so that a report must read every outcome.
fn plan(config: &Config, counted: bool) -> impl Fn(&ProbeKey) -> CountingPlan {
    let plans = plans(config);
    move |key| {
        let mut plan = Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default());
        plan.keys.retain(|_| counted);
        plan
    }
}

fn reported(config: &Config, store: &Store, span: Span) -> serde_json::Value {
    let mut report = report(config, store, span).expect("readable");
    // Latencies are stored at the resolution that the block size allows, at which tallies add them.
    let services = report.services.iter_mut();
    for objective in services.flat_map(|service| &mut service.objectives) {
        for incident in &mut objective.incidents {
            incident.example = None;
        }
    }
    serde_json::to_value(&report).expect("JSON")
}

/// Outlines of hours match the outcomes. Returns the number of outlines.
fn outlined(config: &Config, store: &Store) -> usize {
    let hours = store.kept_hours(Timestamp(0), Timestamp(i64::MAX));
    let mut found = 0;
    for hour in hours.expect("readable") {
        let known = |key: &ProbeKey| config.probes().any(|probe| probe.key == *key);
        let read = store.for_each_outline(hour, known, |key, outline| {
            let Some(outline) = outline else { return };
            found += 1;
            let all = store.outcomes_of_hour(key, hour, &[]).expect("readable");
            let ends = (all[0].at, all[all.len() - 1].at);
            assert_eq!((outline.first, outline.last), ends);
            assert_eq!(outline.counts.outcomes(), all.len() as u64);
            assert!(all.iter().all(|one| one.interval == outline.interval));
            let steady = |pair: &[Record]| pair[1].at <= pair[0].at.after(outline.interval);
            assert!(all.windows(2).all(steady));
        });
        read.expect("readable");
    }
    found
}

#[test]
fn the_month_by_counts_equals_the_month_by_outcomes() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    let stores = [true, false].map(|counted| {
        let file = folder.path().join(format!("{counted}.db"));
        make(&file, &plan(&config, counted));
        Store::open_read_only(&file).expect("readable")
    });
    assert!(
        outlined(&config, &stores[0]) > 3000,
        "most hours of six probes"
    );
    let spans = [
        (0, 30 * DAY, 60 * DAY),
        (0, 40 * DAY, 29 * DAY + 1234),
        (
            4 * DAY + 3 * HOUR + 725,
            14 * DAY + 2 * HOUR + 999,
            60 * DAY,
        ),
        (17 * DAY, 17 * DAY + 59 * 60, 60 * DAY),
    ];
    for (from, to, now) in spans {
        let span = Span::new(at(from), at(to), at(now));
        let [counted, read] = stores.each_ref().map(|one| reported(&config, one, span));
        assert_eq!(counted, read, "{from} to {to} at {now}");
    }
}

const CONFIG: &str = "
corrections:
  - { from: \"2026-11-01T05:20:00Z\", for: 30m, services: [two], reason: deployment }
services:
  - name: one
    probes:
      - { name: a, interval: 10s, http: { url: \"http://127.0.0.1:1/\" } }
    objectives:
      - { name: uptime, sli: availability, target: 99.9%, window: 7d }
      - { name: present, sli: availability, target: 99%, window: 7d, on_missing: bad }
      - { name: fast, sli: latency, below: 500ms, target: 95%, window: 7d }
      - { name: errors, sli: success, target: 99.5%, window: 7d }
  - name: two
    probes:
      - { name: b, interval: 30s, http: { url: \"http://127.0.0.1:2/\" } }
      - { name: c, interval: 60s, http: { url: \"http://127.0.0.1:3/\" } }
    objectives:
      - { name: all, sli: availability, target: 99%, window: 7d, combine: all }
      - { name: any, sli: availability, target: 99%, window: 7d, combine: any, on_missing: good }
      - { name: share, sli: success, target: 99%, window: 7d, budgeting: ratio_timeslices, weights: { b: 1, c: 2 } }
      - { name: errors, sli: success, target: 99%, window: 7d, probes: [b, one/a] }
";
const HOURS: i64 = 10;

/// An event that affects one probe for some seconds.
type Happening = (usize, i64, i64, u8);

/// Outcomes of a few hours: good, unless an event occurs.
fn records(config: &Config, happenings: &[Happening]) -> Vec<Record> {
    let mut records = Vec::new();
    for (number, probe) in config.probes().enumerate() {
        let interval = i64::try_from(probe.interval.as_secs()).expect("small");
        let step = usize::try_from(interval).expect("small");
        for second in (7 % interval..HOURS * HOUR).step_by(step) {
            let happens = happenings.iter().find(|(probe, from, length, _)| {
                *probe == number && (*from..from + length).contains(&second)
            });
            let (mut late, mut took) = (0, 120);
            let verdict = match happens.map(|(.., kind)| kind) {
                Some(0) => continue,
                Some(1) => Verdict::Bad(Cause::Timeout),
                Some(2) => Verdict::Void(VoidReason::Network),
                Some(3) => {
                    took = 700;
                    Verdict::Good
                }
                Some(4) => {
                    late = second % 3;
                    Verdict::Good
                }
                _ => Verdict::Good,
            };
            records.push(Record {
                key: probe.key.clone(),
                at: Timestamp(at(second).0 + late),
                interval: probe.interval,
                outcome: Outcome::new(verdict, Duration::from_millis(took)),
            });
        }
    }
    records
}

fn kept(file: &Path, config: &Config, records: &[Record], counted: bool) -> Store {
    let mut store = Store::open(file).expect("a new store");
    store.append(records).expect("committed");
    let now = at((HOURS - 1) * HOUR);
    while store
        .compact_step(now, &plan(config, counted))
        .expect("compacted")
    {}
    store
}

/// Probes are counted to the minute even if no objective uses them.
#[test]
fn a_service_without_objectives_is_counted_within_the_span() {
    let config = config_of(
        "
services:
  - name: plain
    probes: [ { name: a, interval: 10s, http: { url: \"http://127.0.0.1:1/\" } } ]
",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let records = records(&config, &[]);
    let store = kept(&folder.path().join("slod.db"), &config, &records, true);
    assert!(outlined(&config, &store) > 0);
    let span = Span::new(at(HOUR + 600), at(3 * HOUR + 1200), at(HOURS * HOUR));
    let report = report(&config, &store, span).expect("readable");
    let probe = &report.services[0].probes[0];
    assert_eq!((report.outcomes, probe.outcomes), (780, 780));
    assert!(probe.unwatched_seconds.abs() < 1e-9, "{probe:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hours_by_counts_equal_hours_by_outcomes(
        happenings in prop::collection::vec(
            (0_usize..3, 0..HOURS * HOUR, prop::sample::select(vec![1_i64, 30, 90, 600, 5000]), 0_u8..5),
            0..6,
        ),
        late in prop::option::of(0..(HOURS - 2) * HOUR),
        cut in (0_i64..200, 1_i64..700, 1_i64..700),
    ) {
        let config = config_of(CONFIG);
        let folder = tempfile::tempdir().expect("a folder");
        let mut records = records(&config, &happenings);
        // One outcome that arrives after its hour was compacted.
        let late = late.and_then(|second| {
            let place = records.iter().position(|record| record.at >= at(second))?;
            Some(records.remove(place))
        });
        let from = at(cut.0 * 60);
        let span = Span::new(from, at((cut.0 + cut.1) * 60), at((cut.0 + cut.2) * 60 + 7));
        let reports = [true, false].map(|counted| {
            let file = folder.path().join(format!("{counted}.db"));
            let mut store = kept(&file, &config, &records, counted);
            outlined(&config, &store);
            store.append(late.as_slice()).expect("committed");
            reported(&config, &store, span)
        });
        prop_assert_eq!(&reports[0], &reports[1]);
    }
}
