//! Runs in the API, on their pages and in the metrics.

use super::{config, result};
use crate::support::{Daemon, has_all, next_page, slod};
use serde_json::Value;
use slod::clock::Clock;
use slod::load::{LoadWindow, RunRecord, builtin};
use slod::outcome::Cause;
use slod::stats::quantile::Histogram;
use slod::store::{RunPart, Store};
use std::time::{Duration, Instant};

/// A number of seconds with 200 requests each, one of which fails.
fn seconds(from: u64, to: u64) -> Vec<LoadWindow> {
    let window = |second| {
        let mut latency = Histogram::default();
        latency.add(700, 190);
        latency.add(800, 10);
        LoadWindow {
            start: Duration::from_secs(second),
            length: Duration::from_secs(1),
            due: 10.0,
            active: 9.0,
            started: 200,
            good: 199,
            failed: vec![(Cause::Timeout, 1)],
            latency,
            lag: Duration::from_millis(1),
            generator_cpu: Some(0.25),
            ..LoadWindow::default()
        }
    };
    (from..to).map(window).collect()
}

/// A current run of a service in the config.
fn baseline(windows: Vec<LoadWindow>) -> RunRecord {
    let scenario = builtin("baseline", 1.0).expect("built in");
    RunRecord {
        windows,
        ..RunRecord::begun("web", scenario, "slod", Clock::system().now())
    }
}

fn json(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn a_run_is_in_the_api_on_its_page_and_in_the_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let daemon = Daemon::start(&config);
    let get = |path: &str| daemon.request("GET", path);
    assert!(get("/runs").contains("slod load baseline --service NAME"));
    for latency in [50.0, 60.0, 70.0] {
        let file = result(folder.path(), latency);
        let file = file.to_str().expect("a path");
        slod(&config, &["import", "oha", file, "--service", "web"]);
    }
    let first = get("/api/v1/runs?limit=2");
    assert!(first.contains("link: <?limit=2&cursor=2>"), "{first}");
    let rest = get("/api/v1/runs?limit=2&cursor=2&service=web");
    let ids: Vec<_> = [&first, &rest]
        .map(|answer| json(answer)[0]["id"].clone())
        .into();
    assert_eq!(ids, [3, 1]);
    let summary = &json(&rest)[0]["summary"];
    assert_eq!(
        (&summary["requests"], &summary["verdict"]),
        (&2400.into(), &"passed".into())
    );
    let unknown = get("/api/v1/runs?service=other");
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    let (_, shown) = slod(&config, &["runs", "show", "1", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(json(&get("/api/v1/runs/1")), shown);
    for (path, status) in [
        ("/api/v1/runs/99", "404"),
        ("/api/v1/runs/x", "404"),
        ("/runs/99", "404"),
        ("/api/v1/runs?limit=0", "400"),
        ("/api/v1/runs?limit=101", "400"),
        ("/api/v1/runs?cursor=x", "400"),
        ("/api/v1/runs?who=web", "400"),
    ] {
        let answer = get(path);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{path}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{path}: {answer}"
        );
    }
    assert!(get("/runs").contains("href=\"./runs/3\""));
    assert!(get("/runs/3").contains("Response time"));
    assert!(get("/services/web").contains("href=\"../runs/3\""));
    let rate = "slod_load_last_run_requests_per_second{service=\"web\",scenario=\"imported\"}";
    let seen = daemon.wait_for(|daemon| daemon.metric(rate));
    assert!((seen - 20.0).abs() < 1.0, "{seen}");
    for id in ["1", "2", "3"] {
        slod(&config, &["runs", "delete", id]);
    }
    daemon.wait_for(|daemon| daemon.metric(rate).is_none().then_some(()));
}

#[test]
fn a_current_run_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path()));
    let mut store = Store::open_for_runs(&folder.path().join("slod.db")).expect("opens");
    let id = store.begin_run(&baseline(Vec::new())).expect("begun");
    let (mut second, labels) = (0, "{service=\"web\",scenario=\"baseline\",engine=\"slod\"}");
    let mut goes_on = || {
        let windows = seconds(second, second + 1);
        second += 1;
        let part = RunPart {
            windows,
            ..RunPart::default()
        };
        let kept = store.continue_run(id, &part, Clock::system().now());
        assert!(kept.expect("kept"), "it is there");
        second
    };
    let users = daemon.wait_for(|daemon| {
        goes_on();
        daemon.metric(&format!("slod_load_users{labels}"))
    });
    assert!((users - 9.0).abs() < 1e-9, "{users}");
    let page = daemon.request("GET", "/metrics");
    let metric = |page: &str, name: &str| {
        let series = format!("slod_load_{name}{labels} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&series))?;
        value.parse::<f64>().ok()
    };
    let near = |name: &str, wanted: f64| {
        let value = metric(&page, name).unwrap_or_else(|| panic!("no {name}"));
        assert!((value - wanted).abs() < 1e-3 * wanted, "{name}: {value}");
    };
    near("due_users", 10.0);
    near("offered_requests_per_second", 200.0);
    near("achieved_requests_per_second", 200.0);
    near("error_ratio", 0.005);
    near("generator_cpu_ratio", 0.25);
    near("generator_lag_seconds", 0.001);
    assert_eq!(metric(&page, "in_flight_requests"), None, "users are given");
    assert!(page.contains("result=\"timeout\"") && page.contains("quantile=\"0.95\""));
    goes_on();
    let page = daemon.request("GET", "/runs/1");
    has_all(&page, &["baseline of web is running", "content=\"5\""]);
    assert!(daemon.request("GET", "/runs").contains("running"));
    let states = json(&daemon.request("GET", "/api/v1/runs"));
    assert_eq!(states[0]["state"], "running");
    store
        .end_run(id, &baseline(seconds(0, 300)))
        .expect("ended");
    let ended = "slod_load_last_run_passed{service=\"web\",scenario=\"baseline\"}";
    let passed = daemon.wait_for(|daemon| daemon.metric(ended));
    assert!((passed - 1.0).abs() < f64::EPSILON);
    assert_eq!(metric(&daemon.request("GET", "/metrics"), "running"), None);
    assert!(!daemon.request("GET", "/runs/1").contains("http-equiv"));
}

#[test]
fn a_store_full_of_runs_is_listed_quickly() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let daemon = Daemon::start(&config);
    let mut store = Store::open_for_runs(&folder.path().join("slod.db")).expect("opens");
    let run = baseline(seconds(0, 300));
    for _ in 0..500 {
        store.keep_run(&run).expect("kept");
    }
    let start = Instant::now();
    let page = daemon.request("GET", "/runs");
    let first = start.elapsed();
    assert_eq!(page.matches("class=\"state\"").count(), 50);
    // Summaries are computed once. Only the fastest of several times says so on a busy machine.
    let again = (0..5).map(|_| {
        let start = Instant::now();
        daemon.request("GET", "/runs");
        start.elapsed()
    });
    let again = again.min().expect("several");
    assert!(again < first / 3, "{first:?}, then {again:?}");
    let mut listed = 0;
    let mut path = Some("/api/v1/runs?limit=100".to_owned());
    while let Some(next) = path {
        let answer = daemon.request("GET", &next);
        listed += json(&answer).as_array().expect("a list").len();
        path = next_page(&next, &answer);
    }
    assert_eq!(listed, 500);
}
