use super::*;
use crate::observe::{ContainerView, ProcessView, RoleValue, RoleView, ScrapeView, ServiceMetrics};
use crate::outcome::Verdict;
use crate::roles::Role;
use crate::signal::rules::Disk;
use crate::signal::{SIGNALS, SignalKind};
use crate::signals::tests::config;
use crate::signals::usual::LearnedSeason;
use crate::units::DAY;

/// A config that only matters for the host.
const NOTHING: &str =
    "services: [ { name: web, probes: [ { name: p, tcp: { address: '127.0.0.1:1' } } ] } ]\n";

#[test]
fn setting_the_clock_back_restarts_all_histories() {
    let (config, ledger) = (config(NOTHING), LedgerView::default());
    let mut watcher = Watcher::default();
    let mut look = |minutes: std::ops::Range<i64>, usage: f64| {
        for minute in minutes.clone() {
            let at = Timestamp::from_secs(minute * 60);
            watcher.host().take_cpu(at, Some(usage));
        }
        let now = Timestamp::from_secs(minutes.end * 60);
        let found = watcher.findings(&config, &ledger, now).all;
        let mut found = found.into_iter();
        let cpu = found.find(|one| one.kind.name == kinds::CPU_HIGH.name);
        cpu.expect("judged").presence
    };
    assert_eq!(look(1000..1010, 0.95), Presence::Active);
    assert_eq!(look(1010..1020, 0.95), Presence::Active);
    assert_eq!(look(900..901, 0.1), Presence::Unknown, "another clock");
    assert_eq!(look(901..910, 0.1), Presence::Clear);
}

#[test]
fn usual_levels_are_learned_again_after_the_clock_was_set_back() {
    let (config, ledger) = (config(NOTHING), LedgerView::default());
    let mut watcher = Watcher::default();
    let mut learns = |minute: i64| {
        let now = Timestamp::from_secs(minute * 60);
        watcher.follow_clock(now);
        let learns = watcher.begins_to_learn(now);
        watcher.findings(&config, &ledger, now);
        learns
    };
    assert!(learns(1000) && !learns(1001) && !learns(1359) && learns(1360));
    // Levels learned after the clock was set are kept.
    assert!(learns(1360 - 60) && !learns(1360 - 59));
}

#[test]
fn a_busy_host_names_the_service_that_uses_most() {
    let (config, ledger) = (config(WHOLE), LedgerView::default());
    let mut watcher = Watcher::default();
    for step in 0..=60 {
        let at = Timestamp::from_secs(step * 10);
        watcher.host().take_cpu(at, Some(0.95));
        for (name, usage) in [("main", 0.6), ("other", 0.2)] {
            let process = ProcessView {
                cpu_usage: Some(usage),
                ..ProcessView::default()
            };
            let history = watcher.service(&"app".into());
            history.take_process(&name.into(), at, &ProcessNumbers::of(&process));
        }
    }
    let found = watcher.findings(&config, &ledger, Timestamp::from_secs(600));
    assert_eq!(
        &*found.all[0].evidence,
        "usage of the host's processors was above 80% in 5 of the last 5 minutes, last 95%; of the observed processes, app (main) used most: 60%"
    );
}

/// A service with all kinds of data.
const WHOLE: &str = "services:
  - name: app
    probes:
      - { name: home, interval: 10s, tcp: { address: '127.0.0.1:1' } }
      - { name: ask, interval: 10s, tcp: { address: '127.0.0.1:1' } }
    processes: [ { name: main, port: 1 } ]
    metrics: { url: 'http://127.0.0.1:1/metrics' }
    load: { peak_rate: 100/s }
";

/// When data starts, and how long there is some.
const BEGUN: i64 = 20 * 86_400;
const MINUTES: i64 = 200;

/// Sources of data, which can fail independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Host,
    Processes,
    Containers,
    Metrics,
    Home,
    Provider,
}

const SOURCES: [Source; 6] = [
    Source::Host,
    Source::Processes,
    Source::Containers,
    Source::Metrics,
    Source::Home,
    Source::Provider,
];

/// A healthy service and host, with data from `sources` only.
fn feed(watcher: &mut Watcher, at: Timestamp, sources: &[Source], without: Option<Role>) {
    let service: Arc<str> = "app".into();
    let main: Arc<str> = "main".into();
    let step = at.0 / 30_000;
    let wobble = 1.0 + (step * 7919 % 101) as f64 / 5000.0;
    let has = |source| sources.contains(&source);
    if has(Source::Host) {
        watcher.host().take_cpu(at, Some(0.2));
        let disk = Disk {
            size: 1e12,
            available: 7e11 * wobble,
            reserved: 0.0,
            files_left: None,
        };
        watcher.host().take_disk(at, "/", disk);
    }
    let history = watcher.service(&service);
    if has(Source::Processes) {
        let process = ProcessView {
            anonymous_bytes: Some(200_000_000 + (step * 7919 % 101).unsigned_abs() * 10_000),
            count: 1,
            threads: Some(10),
            open_fds: Some(50),
            cpu_usage: Some(0.2),
            ..ProcessView::default()
        };
        history.take_process(&main, at, &ProcessNumbers::of(&process));
    }
    if has(Source::Containers) {
        let container = ContainerView {
            cpu_usage_max: Some(0.2),
            oom_kills: Some(0),
            periods: Some(step.unsigned_abs()),
            throttled_periods: Some(0),
            ..ContainerView::default()
        };
        history.take_container(&main, at, &ContainerNumbers::of(&container));
    }
    if has(Source::Metrics) {
        let metrics = own_metrics(step, wobble, without);
        history.take_metrics(at, &MetricNumbers::of(&metrics));
        history.take_scrape(at, &ScrapeView::default());
    }
    for (source, probe) in [(Source::Home, "home"), (Source::Provider, "ask")] {
        if has(source) {
            let attempt = Attempt {
                probe: &probe.into(),
                at,
                verdict: Verdict::Good,
                latency: Duration::from_secs_f64(0.2 * wobble),
                is_llm: source == Source::Provider,
            };
            history.take_attempts(&[attempt, attempt], false);
        }
    }
}

fn own_metrics(step: i64, wobble: f64, without: Option<Role>) -> ServiceMetrics {
    let count = step as f64;
    let values = [
        (Role::Requests, RoleValue::Counter(600.0 * count)),
        (Role::Errors, RoleValue::Counter(0.0)),
        (Role::ActiveConnections, RoleValue::Gauge(5.0 * wobble)),
        (Role::QueueDepth, RoleValue::Gauge(3.0 * wobble)),
        (Role::DbPoolInUse, RoleValue::Gauge(2.0)),
        (Role::DbPoolMax, RoleValue::Gauge(10.0)),
        (Role::CircuitBreakerOpen, RoleValue::Gauge(0.0)),
        (Role::ConnectionTimeouts, RoleValue::Counter(0.0)),
        (Role::LlmRequests, RoleValue::Counter(10.0 * count)),
        (Role::LlmErrors, RoleValue::Counter(0.0)),
    ];
    let values = values.into_iter();
    let known = values.filter(|(role, _)| Some(*role) != without);
    let is_known = |role| without != Some(role);
    ServiceMetrics {
        at: Some(Timestamp(0)),
        roles: known
            .map(|(role, value)| RoleView {
                role,
                selector: "x".into(),
                library: None,
                series: 1,
                value: Some(value),
            })
            .collect(),
        requests_per_second: is_known(Role::Requests).then_some(20.0 * wobble),
        quantiles: is_known(Role::RequestDuration).then_some([0.2 * wobble; 3]),
        ..ServiceMetrics::unknown("app".into())
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_secs(BEGUN + minute * 60)
}

/// Feeds data from one minute to another, and evaluates the signs like the task.
fn go_on(
    watcher: &mut Watcher,
    config: &Config,
    minutes: std::ops::Range<i64>,
    sources: &[Source],
    without: Option<Role>,
) -> Findings {
    let mut findings = Findings::default();
    for at in minutes
        .clone()
        .flat_map(|one| [minute(one), minute(one).after(HALF)])
    {
        feed(watcher, at, sources, without);
        if at.0 % 300_000 == 0 {
            findings = watcher.findings(config, &LedgerView::default(), at);
        }
    }
    let end = minute(minutes.end);
    if !minutes.is_empty() {
        findings = watcher.findings(config, &LedgerView::default(), end);
    }
    findings
}

const HALF: Duration = Duration::from_secs(30);

/// A service with some hours of all data, and usual levels over weeks.
fn known() -> (Config, Watcher, Findings) {
    let config = config(WHOLE);
    let mut watcher = Watcher::default();
    let usual = |value: f64| {
        let hours = (0..20 * 24).map(|hour| {
            let at = minute(0).before(DAY * 20).after(Duration::from_hours(hour));
            (at, value * (1.0 + (hour % 7) as f64 / 100.0))
        });
        LearnedSeason::of(&hours.collect::<Vec<_>>()).map(Box::new)
    };
    let usuals = UsualValues {
        own_p95: usual(0.2),
        probes_p95: usual(0.2),
        rate: usual(20.0),
        ..UsualValues::default()
    };
    watcher.take_usual([("app".into(), usuals)].into(), None);
    let findings = go_on(&mut watcher, &config, 0..MINUTES, &SOURCES, None);
    (config, watcher, findings)
}

/// The signs tested here: the others depend on the ledger.
fn looked_for() -> impl Iterator<Item = &'static SignalKind> {
    let of_ledger = [
        &kinds::RATE_LIMIT_NEAR,
        &kinds::CERTIFICATE_ENDING,
        &kinds::COVERAGE_LOST,
    ];
    SIGNALS
        .into_iter()
        .filter(move |kind| !of_ledger.contains(kind))
}

fn clear(findings: &Findings) -> Vec<(&'static str, &str, &str)> {
    let all = findings.all.iter();
    let clear = all.filter(|one| one.presence == Presence::Clear);
    clear
        .map(|one| (one.kind.name, &*one.subject, &*one.evidence))
        .collect()
}

fn holds(findings: &Findings) -> Vec<(&'static str, &str)> {
    let all = findings.indicators.iter();
    let holds = all.filter(|one| one.holds == Some(true));
    holds.map(|one| (one.kind.name, &*one.evidence)).collect()
}

#[test]
fn signs_are_unknown_after_a_quarter_of_an_hour_without_samples() {
    let (config, mut watcher, findings) = known();
    let all = clear(&findings);
    for kind in looked_for() {
        assert!(
            all.iter().any(|(name, ..)| *name == kind.name),
            "{} is not clear: {all:?}",
            kind.name
        );
    }
    assert_eq!(holds(&findings).len(), 6, "{:?}", findings.indicators);
    // The latest samples are waited for, so that they are some seconds old when evaluated.
    for silent in 16..300 {
        let at = minute(MINUTES + silent);
        let findings = watcher.findings(&config, &LedgerView::default(), at);
        assert_eq!(clear(&findings), [], "after {silent} minutes");
        assert_eq!(holds(&findings), [], "after {silent} minutes");
        assert!(findings.all.iter().all(|one| !one.evidence.is_empty()));
        for kind in looked_for() {
            let mut all = findings.all.iter();
            assert!(
                all.any(|one| one.kind == kind),
                "{} says nothing",
                kind.name
            );
        }
    }
}

/// A value that is absent from a readable page is not 0.
#[test]
fn each_sign_is_unknown_without_the_values_that_it_uses() {
    for (role, signs) in [
        (
            Role::RequestDuration,
            &["latency_rising", "latency_unusual"][..],
        ),
        (Role::Errors, &["errors_climbing"]),
        (Role::ActiveConnections, &["connections_growing"]),
        (Role::QueueDepth, &["queue_growing"]),
        (Role::DbPoolInUse, &["pool_exhausted"]),
        (Role::CircuitBreakerOpen, &["breaker_open"]),
        (Role::ConnectionTimeouts, &["connection_timeouts"]),
        (Role::Requests, &["load_high", "throughput_low"]),
        (Role::LlmRequests, &["provider_failing"]),
    ] {
        let (config, mut watcher, _) = known();
        let rest = MINUTES..MINUTES + 16;
        let findings = go_on(&mut watcher, &config, rest, &SOURCES, Some(role));
        for sign in signs {
            let mut clear = clear(&findings).into_iter();
            let found = clear.find(|(name, subject, _)| name == sign && subject.is_empty());
            assert_eq!(found, None, "without {}", role.name());
        }
    }
}

/// An unreadable page is reported immediately, and values from other sources stay known.
#[test]
fn signs_of_an_unreadable_page_are_unknown() {
    let (config, mut watcher, _) = known();
    let others: Vec<Source> = SOURCES
        .into_iter()
        .filter(|one| *one != Source::Metrics)
        .collect();
    let service: Arc<str> = "app".into();
    for step in 0..8 {
        let at = minute(MINUTES).after(HALF * step);
        feed(&mut watcher, at, &others, None);
        let nothing = MetricNumbers::of(&ServiceMetrics::unknown(service.clone()));
        let history = watcher.service(&service);
        history.take_metrics(at, &nothing);
        let scrape = ScrapeView {
            error: Some("no answer".to_owned()),
            failures: u64::from(step) + 1,
            ..ScrapeView::default()
        };
        history.take_scrape(at, &scrape);
    }
    let findings = watcher.findings(&config, &LedgerView::default(), minute(MINUTES + 4));
    let unread = [
        "connections_growing",
        "queue_growing",
        "pool_exhausted",
        "cpu_high_at_peak",
        "breaker_open",
        "connection_timeouts",
        "load_high",
        "throughput_low",
    ];
    for sign in unread {
        let mut all = findings.all.iter();
        let found = all.find(|one| one.kind.name == sign).expect("looked for");
        assert_eq!(
            found.presence,
            Presence::Unknown,
            "{sign}: {}",
            found.evidence
        );
    }
    let known = clear(&findings);
    for sign in [
        "latency_rising",
        "errors_climbing",
        "memory_growing",
        "restarted",
    ] {
        assert!(
            known.iter().any(|(name, ..)| *name == sign),
            "{sign}: {known:?}"
        );
    }
}
