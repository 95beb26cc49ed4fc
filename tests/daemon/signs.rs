//! Warning signs of real servers: detected by the real daemon from what they export, shown, alerted
//! and sent. The daemon continues with hours of stored samples.

use crate::hook::webhook;
use crate::server::{http, response};
use crate::support::{Daemon, PATIENCE, has_all, write_config};
use slod::clock::Clock;
use slod::outcome::Timestamp;
use slod::sample::{SeriesKey, SeriesKind};
use slod::store::{Store, Tick};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// What is wrong with each service, the corresponding sign, and its alert.
const SERVICES: [(&str, Option<(&str, &str)>); 5] = [
    ("fine", None),
    ("full", Some(("pool_exhausted", "SlodPoolExhausted"))),
    ("open", Some(("breaker_open", "SlodBreakerOpen"))),
    (
        "unreachable",
        Some(("connection_timeouts", "SlodConnectionTimeouts")),
    ),
    ("slow", Some(("latency_rising", "SlodLatencyRising"))),
];
/// Time for which the store has samples.
const PAST: Duration = Duration::from_hours(4);
const STEP: i64 = 10;

/// What a service exports `second` seconds before now: pool in use, breaker open, timeouts, p95.
fn numbers(service: &str, second: i64) -> (f64, f64, f64, f64) {
    let past = (PAST.as_secs() as i64 - second) as f64;
    // Small and without a trend.
    let noise = (second / STEP * 7919 % 101) as f64 / 101.0 - 0.5;
    let rise = if service == "slow" {
        past / 30_000.0
    } else {
        0.0
    };
    let recent = second < 1800;
    (
        if service == "full" && recent {
            10.0
        } else {
            3.0 + noise
        },
        f64::from(service == "open" && recent),
        if service == "unreachable" && recent {
            (1800 - second) as f64 / 20.0
        } else {
            0.0
        },
        0.2 * (1.0 + rise + 0.02 * noise),
    )
}

/// The metrics page of a service, with counters that continue from the past.
fn page(service: &str, since: Instant) -> String {
    let elapsed = since.elapsed().as_secs_f64();
    let (pool, open, timeouts, p95) = numbers(service, 0);
    let timeouts = if service == "unreachable" {
        timeouts + elapsed / 20.0
    } else {
        timeouts
    };
    let requests = 1000.0 + elapsed * 20.0;
    // All requests take as long as the p95: a bucket above it contains all of them.
    let bound = p95 * 1.01;
    format!(
        "# TYPE db_pool_in_use gauge\ndb_pool_in_use {pool:.0}\n# TYPE db_pool_max gauge\ndb_pool_max 10\n\
         # TYPE circuit_breaker_open gauge\ncircuit_breaker_open {open}\n\
         # TYPE connection_timeouts_total counter\nconnection_timeouts_total {timeouts:.0}\n\
         # TYPE http_request_duration_seconds histogram\n\
         http_request_duration_seconds_bucket{{le=\"{bound:.4}\"}} {requests:.0}\n\
         http_request_duration_seconds_bucket{{le=\"+Inf\"}} {requests:.0}\n\
         http_request_duration_seconds_sum {:.3}\nhttp_request_duration_seconds_count {requests:.0}\n",
        requests * p95
    )
}

/// Serves `/SERVICE/metrics`, and responds with 200 to everything else.
fn server() -> SocketAddr {
    let since = Instant::now();
    http(move |request| {
        let path = request.path.trim_start_matches('/');
        let body = match path.split_once('/') {
            Some((service, "metrics")) => page(service, since),
            _ => "ok".to_owned(),
        };
        let headers = "content-type: text/plain; version=0.0.4\r\nconnection: close\r\n";
        response("200 OK", headers, &body)
    })
}

fn config(folder: &Path, server: SocketAddr, hook: &str) -> PathBuf {
    let service = |name: &str| {
        format!(
            "  - name: {name}
    probes: [ {{ name: home, interval: 5s, http: {{ url: \"http://{server}/\" }} }} ]
    metrics: {{ url: \"http://{server}/{name}/metrics\", interval: 1s }}
"
        )
    };
    let services = SERVICES.map(|(name, _)| service(name)).concat();
    let text = format!(
        "observe: {{ interval: 1s, network: false, disk: false, pressure: false }}
alerts: {{ signals: {{ for: 0s, confirmations: 1 }} }}
services:
{services}receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 1ms, group_by: [service] }} ]
"
    );
    write_config(folder, &text)
}

/// Stores the samples of the past, as the daemon would have.
fn remember(folder: &Path) {
    let mut store = Store::open(&folder.join("slod.db")).expect("a new store");
    let now = Clock::system().now().0 / 1000 / STEP * STEP;
    let mut ticks = Vec::new();
    let past = i64::try_from(PAST.as_secs()).expect("small");
    for second in (1..past / STEP).rev().map(|number| number * STEP) {
        let mut samples = Vec::new();
        for (service, _) in SERVICES {
            let (pool, open, timeouts, p95) = numbers(service, second);
            let mut add = |name: &str, kind, value| {
                let quantile = ("quantile", "0.95");
                let labels = [("service", service), quantile];
                let labels = if name.contains("quantile") {
                    &labels[..]
                } else {
                    &labels[..1]
                };
                let key = SeriesKey::new(name, labels.iter().copied());
                samples.push((Arc::new(key), kind, value));
            };
            let passed = (PAST.as_secs() as i64 - second) as f64;
            add("slod_service_db_pool_in_use", SeriesKind::Gauge, pool);
            add("slod_service_db_pool_max", SeriesKind::Gauge, 10.0);
            add(
                "slod_service_db_pool_usage_ratio",
                SeriesKind::Gauge,
                pool / 10.0,
            );
            add("slod_service_circuit_breaker_open", SeriesKind::Gauge, open);
            add(
                "slod_service_connection_timeouts_total",
                SeriesKind::Counter,
                timeouts,
            );
            add(
                "slod_service_request_duration_quantile_seconds",
                SeriesKind::Gauge,
                p95,
            );
            add("slod_service_requests_per_second", SeriesKind::Gauge, 20.0);
            add(
                "slod_service_requests_total",
                SeriesKind::Counter,
                passed * 20.0,
            );
        }
        ticks.push(Tick {
            at: Timestamp::from_secs(now - second),
            samples,
        });
    }
    store.append_samples(&ticks).expect("kept");
}

/// The active signs, by service.
fn active(daemon: &Daemon) -> BTreeMap<String, BTreeSet<String>> {
    let of = |service: &str| {
        let health = daemon.json(&format!("/api/v1/health/{service}"));
        let signals = health["signals"].as_array().expect("a list").clone();
        let active = signals.into_iter().filter(|one| one["state"] == "active");
        active
            .map(|one| one["signal"].as_str().expect("a text").to_owned())
            .collect()
    };
    let services = SERVICES
        .iter()
        .map(|(name, _)| ((*name).to_owned(), of(name)));
    services.collect()
}

fn wanted() -> BTreeMap<String, BTreeSet<String>> {
    let wanted = SERVICES.iter().map(|(name, sign)| {
        let signs = sign.iter().map(|(sign, _)| (*sign).to_owned());
        ((*name).to_owned(), signs.collect())
    });
    wanted.collect()
}

#[test]
fn each_service_has_only_its_sign() {
    let folder = tempfile::tempdir().expect("a folder");
    remember(folder.path());
    let (server, (hook, received)) = (server(), webhook(&[]));
    let path = config(folder.path(), server, &hook);
    let daemon = Daemon::start(&path);
    let end = Instant::now() + PATIENCE * 3;
    while active(&daemon) != wanted() {
        assert!(
            Instant::now() < end,
            "{:?}\n{:#}\n{}",
            active(&daemon),
            daemon.json("/api/v1/health/slow"),
            daemon.log()
        );
        thread::sleep(Duration::from_millis(500));
    }
    let mut missing: BTreeMap<&str, &str> = SERVICES
        .iter()
        .filter_map(|(name, sign)| Some((*name, sign.as_ref()?.1)))
        .collect();
    while !missing.is_empty() {
        let got = received
            .recv_timeout(PATIENCE * 2)
            .unwrap_or_else(|_| panic!("{missing:?} did not come"));
        for alert in got.body["alerts"].as_array().expect("a list") {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
            // The host may really be busy.
            if label("service").is_empty() {
                continue;
            }
            let expected = missing.remove(label("service"));
            assert_eq!(expected, Some(label("alertname")), "{alert}");
            assert_eq!(alert["labels"]["severity"], "warning");
            let chart = alert["annotations"]["chart"].as_str().unwrap_or_default();
            assert!(chart.contains(" over "), "{alert}");
        }
    }
    shown(&daemon, &path);
}

/// The page and the command line agree.
fn shown(daemon: &Daemon, config: &Path) {
    let page = daemon.request("GET", "/services/full");
    assert!(page.contains("Warning signs") && page.contains("Database connection pool exhausted"));
    assert!(page.contains("runbook#slodpoolexhausted") && page.contains("Healthy indicators"));
    assert!(page.contains("class=\"spark\""), "what the sign looked at");
    let front = daemon.request("GET", "/");
    assert_eq!(
        front.matches("1 warning sign<").count(),
        4,
        "one at each service that has one"
    );
    let health = |service: &str| {
        let address = daemon.address.to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
        let output = command
            .args(["health", service, "--address", &address])
            .output();
        let output = output.expect("it runs");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (code, text) = health("full");
    assert_eq!(code, Some(1), "{text}");
    has_all(&text, &["NO       Database connections properly pooled"]);
    has_all(
        &text,
        &["warning signs\n  Database connection pool exhausted: "],
    );
    let (code, text) = health("fine");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("no warning sign"), "{text}");
    assert!(config.exists());
}
