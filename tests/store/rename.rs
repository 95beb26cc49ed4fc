//! Renaming a service or a probe.

use super::{ALWAYS, HOUR, START, compact, counted, expected, file, key, ticks};
use slod::alert::{Matcher, Silence};
use slod::outcome::{ProbeKey, Record, Timestamp};
use slod::probe::heartbeat::Beat;
use slod::sample::{SeriesKey, SeriesKind};
use slod::slo::correction::Correction;
use slod::store::{Marker, PendingBeat, Renamed, Store, StoreError, Tick, check};
use std::sync::Arc;
use tempfile::TempDir;

/// When the config got the new name.
const SWITCHED: i64 = START + 3 * HOUR + HOUR / 2;
const END: i64 = START + 6 * HOUR;

fn new_key(number: i64) -> ProbeKey {
    ProbeKey::new("bot", &key(number).probe)
}

fn under_new_name(records: Vec<Record>) -> Vec<Record> {
    let rename = |record: Record| Record {
        key: ProbeKey::new("bot", &record.key.probe),
        ..record
    };
    records.into_iter().map(rename).collect()
}

/// A sample of each service's threads, whose value is the hour.
fn sample(service: &str, at: i64) -> Tick {
    let key = SeriesKey::new(
        "slod_process_threads",
        [("service", service), ("process", "app")],
    );
    let hour = (at - START).div_euclid(HOUR);
    Tick {
        at: Timestamp(at),
        samples: vec![(Arc::new(key), SeriesKind::Gauge, hour as f64)],
    }
}

fn marker(service: &str) -> Marker {
    Marker {
        id: 0,
        at: Timestamp(START),
        service: service.to_owned(),
        version: "v1".to_owned(),
        text: String::new(),
        author: "test".to_owned(),
    }
}

fn correction(services: &[&str]) -> Correction {
    Correction {
        services: services.iter().map(|&name| name.to_owned()).collect(),
        author: "test".to_owned(),
        ..Correction::once(Timestamp(START), Timestamp(START + HOUR), "test")
    }
}

fn silence() -> Silence {
    let matchers = ["service=concierge", "slo=concierge"];
    Silence {
        id: 0,
        matchers: matchers.map(|text| Matcher::parse(text).unwrap()).into(),
        from: Timestamp(START),
        to: Timestamp(END),
        author: "test".to_owned(),
        reason: "test".to_owned(),
    }
}

/// A service that was called `concierge` until a daemon started with the name `bot`: a probe under both
/// names, one that was removed by then, and one that was added.
fn switched(folder: &TempDir) -> Store {
    let mut store = Store::open(&file(folder)).unwrap();
    let old = [key(0), key(1)].into();
    store.configured(&old, Timestamp(START)).unwrap();
    for number in [0, 1] {
        store.append(&ticks(number, START, SWITCHED)).unwrap();
    }
    store
        .append_samples(&[
            sample("concierge", START),
            sample("concierge", START + HOUR),
        ])
        .unwrap();
    store.add_marker(&marker("concierge")).unwrap();
    store.add_marker(&marker("concierge-2")).unwrap();
    let now = Timestamp(START);
    store
        .add_correction(&correction(&["rag", "concierge"]), now)
        .unwrap();
    store
        .add_correction(&correction(&["concierge-2"]), now)
        .unwrap();
    store.add_silence(&silence()).unwrap();
    compact(&mut store, SWITCHED);
    let new = [new_key(0), new_key(2)].into();
    store.configured(&new, Timestamp(SWITCHED)).unwrap();
    for number in [0, 2] {
        let records = under_new_name(ticks(number, SWITCHED, END));
        store.append(&records).unwrap();
    }
    store
        .append_samples(&[sample("bot", START + 4 * HOUR)])
        .unwrap();
    compact(&mut store, END);
    store
}

#[test]
fn outcomes_under_both_names_become_one_history() {
    let folder = TempDir::new().unwrap();
    let store = switched(&folder);
    assert_eq!(
        store.services().unwrap(),
        ["bot", "concierge", "concierge-2"]
    );
    let renamed = store.rename_service("concierge", "bot").unwrap();
    let counts = Renamed {
        probes: 2,
        merged: 1,
        series: 1,
        runs: 0,
    };
    assert_eq!(renamed, counts);
    assert!(check(&file(&folder)).unwrap().sound());
    let mut store = Store::open(&file(&folder)).unwrap();
    let histories = [(0, START, END), (1, START, SWITCHED), (2, SWITCHED, END)];
    for is_compacted in [false, true] {
        for (number, from, to) in histories {
            let whole = under_new_name(ticks(number, from, to));
            let read = store
                .outcomes(&new_key(number), ALWAYS.0, ALWAYS.1)
                .unwrap();
            let verdicts = |records: &[Record]| {
                let all = records.iter().map(|one| (one.at, one.outcome.verdict));
                all.collect::<Vec<_>>()
            };
            assert_eq!(verdicts(&read), verdicts(&whole), "{number} {is_compacted}");
            if is_compacted {
                assert_eq!(counted(&store, &new_key(number)), expected(&whole));
            }
            assert_eq!(
                store.outcomes(&key(number), ALWAYS.0, ALWAYS.1).unwrap(),
                []
            );
        }
        compact(&mut store, END);
    }
    let absent = |number| store.absences(&new_key(number)).unwrap();
    assert!(!absent(0).contains(Timestamp(SWITCHED)));
    assert!(!absent(0).contains(Timestamp(END)));
    assert!(absent(1).contains(Timestamp(END)), "it is not configured");
}

#[test]
fn everything_else_of_the_service_follows_and_other_services_stay() {
    let folder = TempDir::new().unwrap();
    switched(&folder)
        .rename_service("concierge", "bot")
        .unwrap();
    let store = Store::open(&file(&folder)).unwrap();
    let services: Vec<_> = store
        .corrections()
        .unwrap()
        .into_iter()
        .map(|one| one.services)
        .collect();
    assert_eq!(
        services,
        [
            vec!["bot".to_owned(), "rag".to_owned()],
            vec!["concierge-2".to_owned()]
        ]
    );
    let marked = |service: &str| store.markers(Some(service), ALWAYS, 10).unwrap().len();
    assert_eq!(["bot", "concierge", "concierge-2"].map(marked), [1, 0, 1]);
    let silences = store.silences().unwrap();
    let matchers: Vec<_> = silences[0]
        .matchers
        .iter()
        .map(Matcher::to_string)
        .collect();
    assert_eq!(matchers, ["service=\"bot\"", "slo=\"concierge\""]);
    // The longer history is continued, and the other one is kept.
    let series = store.series().unwrap();
    let firsts: Vec<_> = series
        .iter()
        .map(|one| (one.key.label("service").unwrap(), one.first.0 - START))
        .collect();
    assert_eq!(firsts, [("bot", 0), ("concierge", 4 * HOUR)]);
}

#[test]
fn a_renamed_probe_continues_its_history() {
    let folder = TempDir::new().unwrap();
    let store = switched(&folder);
    let probes = [new_key(0), new_key(2), key(0), key(1)];
    assert_eq!(store.probes(), probes);
    // Both names have outcomes.
    assert!(store.rename_probe(&key(0), &new_key(0)).unwrap());
    let store = Store::open(&file(&folder)).unwrap();
    let renamed = ProbeKey::new("concierge", "search");
    assert!(!store.rename_probe(&key(1), &renamed).unwrap());
    assert!(check(&file(&folder)).unwrap().sound());
    let store = Store::open(&file(&folder)).unwrap();
    assert_eq!(store.probes(), [new_key(0), new_key(2), renamed.clone()]);
    for (probe, number, to) in [(new_key(0), 0, END), (renamed, 1, SWITCHED)] {
        let read = store.outcomes(&probe, ALWAYS.0, ALWAYS.1).unwrap();
        let at = |records: &[Record]| records.iter().map(|one| one.at).collect::<Vec<_>>();
        assert_eq!(at(&read), at(&ticks(number, START, to)));
    }
    let services: Vec<_> = store.corrections().unwrap();
    assert!(services[0].services.contains(&"concierge".to_owned()));
}

#[test]
fn a_renamed_heartbeat_keeps_its_last_report() {
    let folder = TempDir::new().unwrap();
    let report = |second: i64| Beat {
        at: Timestamp(START + second),
        failed: false,
        message: None,
    };
    let beat = |second| PendingBeat::new(report(second), None);
    for (stored, wanted) in [(vec![(0, 1)], 1), (vec![(0, 1), (1, 2)], 2)] {
        let file = folder.path().join(format!("{wanted}.db"));
        let mut store = Store::open(&file).unwrap();
        let beats = stored.into_iter();
        let beats = beats.map(|(number, second)| (key(number), beat(second)));
        store.keep_beats(&beats.collect()).unwrap();
        store.rename_probe(&key(0), &key(1)).unwrap();
        let beats = Store::open(&file).unwrap().beats().unwrap();
        assert_eq!(beats.len(), 1);
        assert_eq!(beats[&key(1)].last, report(wanted));
    }
}

#[test]
fn nothing_is_renamed_if_outcomes_would_be_lost() {
    for damage in ["UPDATE block SET outcomes = x'00'", "DELETE FROM block"] {
        let folder = TempDir::new().unwrap();
        drop(switched(&folder));
        let file = file(&folder);
        let conn = rusqlite::Connection::open(&file).unwrap();
        conn.execute_batch(damage).unwrap();
        let store = Store::open(&file).unwrap();
        let refused = store.rename_service("concierge", "bot");
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{damage}: {refused:?}"
        );
        let store = Store::open(&file).unwrap();
        let stored = store.services().unwrap();
        assert_eq!(stored, ["bot", "concierge", "concierge-2"]);
    }
}
