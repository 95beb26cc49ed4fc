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

/// Replays the last two hours of the first service.
fn replayed(
    store: &Store,
    config: &Config,
    corrections: &[Correction],
    visit: &mut dyn FnMut(Timestamp, Vec<Finding>),
) {
    let kept = StoredSeries::of(store).expect("readable");
    let (timings, time) = (SignTimings::default(), CorrectedTime::of(corrections));
    let span = (NOW.before(HOUR * 2), NOW);
    let spec = &config.services[0];
    replay(store, &kept, spec, (&timings, &time), span, visit).expect("readable");
}

#[test]
fn replaying_a_service_gives_the_live_findings() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    leaking(&mut store, &config, 6, |_| 10.0);
    let mut found = Vec::new();
    replayed(&store, &config, &[], &mut |at, all| {
        let mut leaks = all.iter().filter(|one| one.kind.name == "memory_growing");
        let leak = leaks.next().expect("looked for");
        found.push((at, leak.presence));
    });
    assert_eq!(found.len(), 121, "once a minute");
    let first = found.iter().find(|(_, one)| *one == Presence::Active);
    let (at, _) = first.expect("found");
    let waited = (at.0 - NOW.before(HOUR * 5).0) / 60_000;
    assert!(
        (155..=210).contains(&waited),
        "{waited} min of the past that is read"
    );
}

/// A process that is gone from `gone` to `back`, in seconds before [`NOW`].
fn absent(store: &mut Store, gone: u64, back: u64) {
    let key = |name| {
        let labels = [("service", "s0"), ("process", "main")];
        Arc::new(SeriesKey::new(name, labels))
    };
    let instances = key("slod_process_instances");
    let restarted = key("slod_process_restarts_total");
    let tick = |seconds: u64| {
        let is_gone = seconds > back && seconds <= gone;
        let count = if is_gone { 0.0 } else { 1.0 };
        let restarts = if seconds > back { 0.0 } else { 1.0 };
        Tick {
            at: NOW.before(Duration::from_secs(seconds)),
            samples: vec![
                (instances.clone(), SeriesKind::Gauge, count),
                (restarted.clone(), SeriesKind::Counter, restarts),
            ],
        }
    };
    let ticks: Vec<Tick> = (1..1200).rev().map(|number| tick(number * 10)).collect();
    store.append_samples(&ticks).expect("stored");
}

/// What explains an absence to the daemon explains it to a replay: maintenance, a deployment, and for a restart,
/// that the absence was reported.
#[test]
fn replaying_respects_what_the_daemon_respects() {
    let config = config(1);
    let minutes = Duration::from_mins;
    let correction = Correction::once(NOW.before(minutes(70)), NOW.before(minutes(40)), "upgrade");
    let marker = Marker {
        id: 0,
        at: NOW.before(minutes(61)),
        service: "s0".to_owned(),
        version: "v2".to_owned(),
        text: String::new(),
        author: "ada".to_owned(),
    };
    // Whether each sign was active.
    for (corrections, markers, back, gone_active, restarted_active) in [
        (&[][..], &[][..], 3000, true, false),
        (
            std::slice::from_ref(&correction),
            &[][..],
            3000,
            false,
            false,
        ),
        (&[][..], std::slice::from_ref(&marker), 3120, false, false),
        // Too short for its alert: reported as a restart.
        (&[][..], &[][..], 3570, false, true),
    ] {
        let (_folder, mut store) = Store::temporary();
        absent(&mut store, 3600, back);
        for marker in markers {
            store.add_marker(marker).expect("kept");
        }
        let mut active: BTreeMap<&str, usize> = BTreeMap::new();
        replayed(&store, &config, corrections, &mut |_, all| {
            let present = all.iter().filter(|one| one.presence == Presence::Active);
            for one in present {
                *active.entry(one.kind.name).or_default() += 1;
            }
        });
        let is_active = |name| active.contains_key(name);
        let case = (corrections.len(), markers.len(), back);
        assert_eq!(
            is_active("process_gone"),
            gone_active,
            "{case:?} {active:?}"
        );
        assert_eq!(
            is_active("restarted"),
            restarted_active,
            "{case:?} {active:?}"
        );
    }
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

#[test]
fn replaying_the_host_gives_the_live_findings() {
    let (_folder, mut store) = Store::temporary();
    let disk = |name: &str, point: &str| Arc::new(SeriesKey::new(name, [("mountpoint", point)]));
    let none: [(&str, &str); 0] = [];
    let cpu = Arc::new(SeriesKey::new("slod_host_cpu_usage_ratio", none));
    let first = NOW.0 / 1000 - 10 * 3600;
    let ticks = (first..NOW.0 / 1000).step_by(60).map(|second| {
        let hours = (second - first) as f64 / 3600.0;
        let mut samples = vec![(Arc::clone(&cpu), SeriesKind::Gauge, 0.2)];
        // One fills up, the other is unmounted after an hour.
        let disks = [("/", 600.0 + 20.0 * hours), ("/old", 999.0)];
        for (point, used) in disks.into_iter().take(if hours < 1.0 { 2 } else { 1 }) {
            let size = disk("slod_host_filesystem_size_bytes", point);
            let available = disk("slod_host_filesystem_available_bytes", point);
            samples.push((size, SeriesKind::Gauge, 1e12));
            samples.push((available, SeriesKind::Gauge, 1e12 - used * 1e9));
        }
        // Read-only, and therefore always full.
        for (name, value) in [
            ("size_bytes", 1e9),
            ("available_bytes", 0.0),
            ("readonly", 1.0),
        ] {
            let series = disk(&format!("slod_host_filesystem_{name}"), "/image");
            samples.push((series, SeriesKind::Gauge, value));
        }
        Tick {
            at: Timestamp::from_secs(second),
            samples,
        }
    });
    store
        .append_samples(&ticks.collect::<Vec<_>>())
        .expect("stored");
    let kept = StoredSeries::of(&store).expect("readable");
    let mut found = BTreeMap::new();
    let span = (NOW.before(HOUR * 10), NOW);
    let settings = crate::signal::Settings::default();
    replay_host(&store, &kept, &settings, span, &mut |at, all| {
        for one in all {
            let key = (one.kind.name, one.subject.to_string(), one.presence);
            let times = found.entry(key).or_insert((at, at));
            times.1 = at;
        }
    })
    .expect("readable");
    let full = "disk_full_soon";
    let (old, _) = found[&(full, "/old".to_owned(), Presence::Active)];
    assert_eq!(old, NOW.before(HOUR * 10).after(Duration::from_mins(1)));
    let (_, gone) = found[&(full, "/old".to_owned(), Presence::Active)];
    assert_eq!(gone, NOW.before(HOUR * 9), "it is unmounted");
    let (filling, last) = found[&(full, "/".to_owned(), Presence::Active)];
    assert!(filling > NOW.before(HOUR * 5) && last == NOW, "{filling:?}");
    assert!(found.contains_key(&("cpu_high", String::new(), Presence::Clear)));
    assert!(found.keys().all(|(_, subject, _)| subject != "/image"));
}
