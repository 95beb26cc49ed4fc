mod replays;

use super::*;
use crate::ledger::LedgerView;
use crate::outcome::{Outcome, ProbeKey, Verdict};
use crate::sample::{SeriesKey, SeriesKind};
use crate::signal::{Finding, Presence};
use crate::slo::correction::Correction;
use crate::store::{Marker, Tick};

const NOW: Timestamp = Timestamp::from_secs(1_000_000 * 60);
const MIB: f64 = 1_048_576.0;

fn config(services: usize) -> Config {
    let service = |number| {
        format!(
            "  - {{ name: s{number}, probes: [ {{ name: p, interval: 10s, http: {{ url: 'http://127.0.0.1:1/' }} }} ], processes: [ {{ name: main, port: 1 }} ], metrics: {{ url: 'http://127.0.0.1:1/m' }} }}\n"
        )
    };
    let services: String = (0..services).map(service).collect();
    let text = format!("services:\n{services}");
    text.parse().expect("valid")
}

fn wobble(at: i64) -> f64 {
    1.0 + (at * 7919 % 101) as f64 / 5000.0
}

/// A store with hours of samples, every ten seconds, of a process that leaks memory.
fn leaking(store: &mut Store, config: &Config, hours: i64, started: impl Fn(i64) -> f64) {
    let names = |name: &str, service: &str| {
        Arc::new(SeriesKey::new(
            name,
            [("service", service), ("process", "main")],
        ))
    };
    let keys: Vec<_> = config
        .services
        .iter()
        .map(|one| {
            [
                "slod_process_anonymous_memory_bytes",
                "slod_process_start_time_seconds",
                "slod_process_threads",
            ]
            .map(|name| names(name, &one.name))
        })
        .collect();
    let first = NOW.0 / 1000 - hours * 3600;
    let mut ticks = Vec::new();
    for second in (first..NOW.0 / 1000).step_by(10) {
        let grown = (second - first) as f64 / 3600.0;
        let memory = (200.0 + 40.0 * grown) * MIB * wobble(second / 10);
        let values = [memory, started(second), 10.0];
        let samples = keys.iter().flat_map(|keys| {
            let each = keys.iter().zip(values);
            each.map(|(key, value)| (Arc::clone(key), SeriesKind::Gauge, value))
        });
        ticks.push(Tick {
            at: Timestamp::from_secs(second),
            samples: samples.collect(),
        });
    }
    store.append_samples(&ticks).expect("stored");
}

fn found(watcher: &mut Watcher, config: &Config, name: &str) -> Finding {
    let all = watcher.findings(config, &LedgerView::default(), NOW).all;
    let mut all = all.into_iter();
    all.find(|one| one.kind.name == name && one.service.as_deref() == Some("s0"))
        .expect("looked for")
}

#[test]
fn a_leak_found_before_a_restart_is_found_after_it() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    leaking(&mut store, &config, 4, |_| 10.0);
    let mut watcher = Watcher::default();
    recall(&mut watcher, &config, &store, NOW).expect("readable");
    let leak = found(&mut watcher, &config, "memory_growing");
    assert_eq!(leak.presence, Presence::Active, "{}", leak.evidence);
    let fresh = Watcher::default().findings(&config, &LedgerView::default(), NOW);
    let mut all = fresh.all.iter();
    let leak = all.find(|one| one.kind.name == leak.kind.name);
    let leak = leak.expect("looked for");
    assert_eq!(leak.presence, Presence::Unknown, "without its history");
}

/// Samples of four days: memory follows the day, and rises now. In the last hours, it also leaks.
fn rising_by_day(store: &mut Store, leaks: f64) {
    let labels = [("service", "s0"), ("process", "main")];
    let key = |name| Arc::new(SeriesKey::new(name, labels));
    let memory = key("slod_process_anonymous_memory_bytes");
    let started = key("slod_process_start_time_seconds");
    let tick = |minute: i64| {
        let hours = minute as f64 / 60.0;
        let day = 60.0 * (std::f64::consts::TAU * hours / 24.0).sin();
        let leaked = leaks * (hours + 4.0).max(0.0);
        let used = (200.0 + day + leaked) * MIB * wobble(minute + 9999);
        Tick {
            at: Timestamp(NOW.0 + minute * 60_000),
            samples: vec![
                (memory.clone(), SeriesKind::Gauge, used),
                (started.clone(), SeriesKind::Gauge, 10.0),
            ],
        }
    };
    let ticks: Vec<Tick> = (-4 * 24 * 60..0).map(tick).collect();
    store.append_samples(&ticks).expect("stored");
}

#[test]
fn a_daily_rise_without_known_traffic_is_no_leak() {
    for (leaks, expected) in [(0.0, Presence::Clear), (60.0, Presence::Active)] {
        let config = config(1);
        let (_folder, mut store) = Store::temporary();
        rising_by_day(&mut store, leaks);
        let mut watcher = crate::signals::restored(&config, &store, NOW);
        let leak = found(&mut watcher, &config, "memory_growing");
        assert_eq!(leak.presence, expected, "{}", leak.evidence);
        let is_explained = leak.evidence.contains(" MiB of earlier days (4 days");
        assert_eq!(is_explained, leaks == 0.0, "{}", leak.evidence);
    }
}

#[test]
fn what_cannot_be_read_in_time_begins_anew() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    leaking(&mut store, &config, 4, |_| 10.0);
    let mut watcher = Watcher::default();
    recall_within(Duration::ZERO, &mut watcher, &config, &store, NOW).expect("readable");
    let leak = found(&mut watcher, &config, "memory_growing");
    assert_eq!(leak.presence, Presence::Unknown, "{}", leak.evidence);
}

#[test]
fn a_restarted_service_starts_anew() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    let restart = NOW.0 / 1000 - 1800;
    leaking(&mut store, &config, 4, |second| {
        if second < restart {
            10.0
        } else {
            restart as f64
        }
    });
    let mut watcher = Watcher::default();
    recall(&mut watcher, &config, &store, NOW).expect("readable");
    let leak = found(&mut watcher, &config, "memory_growing");
    assert_eq!(leak.presence, Presence::Unknown, "{}", leak.evidence);
}

/// Trends look back three hours.
#[test]
fn a_process_that_ended_a_day_ago_is_still_gone_after_a_restart() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    let key = |name| {
        let labels = [("service", "s0"), ("process", "main")];
        Arc::new(SeriesKey::new(name, labels))
    };
    let started = (
        key("slod_process_start_time_seconds"),
        SeriesKind::Gauge,
        10.0,
    );
    let mut ticks = vec![Tick {
        at: NOW.before(Duration::from_hours(24)),
        samples: vec![started],
    }];
    ticks.extend((1..60).rev().map(|minute| Tick {
        at: NOW.before(Duration::from_mins(minute)),
        samples: vec![(key("slod_process_instances"), SeriesKind::Gauge, 0.0)],
    }));
    store.append_samples(&ticks).expect("stored");
    let mut watcher = Watcher::default();
    recall(&mut watcher, &config, &store, NOW).expect("readable");
    let gone = found(&mut watcher, &config, "process_gone");
    assert_eq!(gone.presence, Presence::Active, "{}", gone.evidence);
    assert!(
        gone.evidence.ends_with("was seen 23h59m ago"),
        "{}",
        gone.evidence
    );
}

#[test]
fn growth_is_evaluated_from_the_last_deployment_on() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    leaking(&mut store, &config, 4, |_| 10.0);
    let marker = |minutes: u64| Marker {
        id: 0,
        at: NOW.before(Duration::from_mins(minutes)),
        service: "s0".to_owned(),
        version: "v2".to_owned(),
        text: String::new(),
        author: "ada".to_owned(),
    };
    let judged = |store: &Store| {
        let mut watcher = Watcher::default();
        recall(&mut watcher, &config, store, NOW).expect("readable");
        watcher.take_deploys(&deploys(store, NOW).expect("readable"));
        watcher.set_judged(None);
        watcher
            .service(&"s0".into())
            .judge_trends(&config.services[0].signals);
        found(&mut watcher, &config, "memory_growing")
    };
    store.add_marker(&marker(240)).expect("kept");
    assert_eq!(judged(&store).presence, Presence::Active);
    store.add_marker(&marker(30)).expect("kept");
    let young = judged(&store);
    assert_eq!(young.presence, Presence::Unknown, "{}", young.evidence);
    assert!(
        young
            .evidence
            .ends_with("required for a trend are known since the last restart or deployment"),
        "{}",
        young.evidence
    );
}

#[test]
fn outcomes_before_a_restart_count_after_it() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    let interval = Duration::from_secs(10);
    let records: Vec<Record> = (0..1440)
        .map(|tick: u32| Record {
            key: ProbeKey::new("s0", "p"),
            at: NOW.before(interval * (1440 - tick)),
            interval,
            outcome: Outcome::new(
                Verdict::Good,
                Duration::from_secs_f64(0.1 * (1.0 + f64::from(tick) / 1440.0)),
            ),
        })
        .collect();
    store.append(&records).expect("stored");
    let mut watcher = Watcher::default();
    recall(&mut watcher, &config, &store, NOW).expect("readable");
    let rise = found(&mut watcher, &config, "latency_rising");
    assert_eq!(rise.presence, Presence::Active, "{}", rise.evidence);
    assert!(
        rise.evidence
            .starts_with("according to its probes, p95 rose by"),
        "{}",
        rise.evidence
    );
}

#[test]
fn learning_day_by_day_equals_learning_all_at_once() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    let key = [("service", "s0"), ("quantile", "0.95")];
    let key = Arc::new(SeriesKey::new(
        "slod_service_request_duration_quantile_seconds",
        key,
    ));
    let (days, step) = (20, 1200);
    let first = NOW.0 / 1000 - days * 86_400;
    let ticks = (first..NOW.0 / 1000).step_by(step).map(|second| Tick {
        at: Timestamp::from_secs(second),
        samples: vec![(Arc::clone(&key), SeriesKind::Gauge, wobble(second / 60))],
    });
    store
        .append_samples(&ticks.collect::<Vec<_>>())
        .expect("stored");
    let kept = StoredSeries::of(&store).expect("readable");
    let spec = &config.services[0];
    let mut by_day = HourlyPast::default();
    let mut learned = 0;
    for day in 0..=u64::try_from(days).expect("small") {
        // Not at a full hour.
        let now = NOW.before(Duration::from_secs((20 - day) * 86_400 + 777));
        let learn = |past: &mut HourlyPast| {
            let usuals = past.learn(&store, &kept, spec, now).expect("readable");
            format!("{usuals:?}")
        };
        let (one, all) = (learn(&mut by_day), learn(&mut HourlyPast::default()));
        assert_eq!(one, all, "day {day}");
        learned += usize::from(one.contains("own_p95: Some"));
    }
    assert_eq!(learned, 20);
}
