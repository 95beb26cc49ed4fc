//! Load runs on the real binary: kept while the daemon writes, listed, reported and compared.

use crate::support::Daemon;
use serde_json::Value;
use slod::clock::Clock;
use slod::load::{Ending, LoadWindow, RunRecord, builtin};
use slod::outcome::Cause;
use slod::stats::quantile::Histogram;
use slod::store::{RunPart, Store};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

fn config(folder: &Path) -> PathBuf {
    let text = "listen: 127.0.0.1:0
store: { path: slod.db }
services:
  - name: web
    probes: [ { name: home, http: { url: \"http://127.0.0.1:1/\" } } ]
";
    let file = folder.join("slod.yaml");
    std::fs::write(&file, text).expect("written");
    file
}

fn slod(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(args)
        .arg("--config")
        .arg(config)
        .output()
        .expect("runs");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Two minutes of 20 requests per second as oha writes them, with about a latency in milliseconds.
fn result(folder: &Path, latency: f64) -> PathBuf {
    let mut text = "request-start,request-duration,status\n".to_owned();
    for request in 0..2400_u32 {
        let spread = 1.0 + f64::from(request * 7919 % 101) / 200.0;
        let (start, took) = (f64::from(request) / 20.0, latency * spread / 1000.0);
        writeln!(text, "{start},{took},200").expect("written");
    }
    let file = folder.join(format!("{latency}.csv"));
    std::fs::write(&file, text).expect("written");
    file
}

#[test]
fn runs_are_kept_beside_a_daemon_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let daemon = Daemon::start(&config);
    for latency in [50.0, 51.0, 80.0] {
        let file = result(folder.path(), latency);
        let file = file.to_str().expect("a path");
        let (_, text) = slod(&config, &["import", "oha", file, "--service", "web"]);
        assert!(text.contains("kept as run"), "{text}");
    }
    let (code, text) = slod(&config, &["runs", "list"]);
    assert_eq!(
        (code, text.matches("imported").count()),
        (Some(0), 3),
        "{text}"
    );
    let (_, text) = slod(&config, &["runs", "show", "1"]);
    assert!(text.contains("2400"), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("has no baseline"), "{text}");
    let (code, text) = slod(&config, &["baseline", "record", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("run 1 is the baseline"), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "3"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("bad      p95") && text.contains("worse"),
        "{text}"
    );
    assert_eq!(slod(&config, &["runs", "delete", "3"]).0, Some(0));
    let (code, text) = slod(&config, &["runs", "show", "3"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no readable run 3"), "{text}");
    drop(daemon);
}

#[test]
fn no_secret_of_a_request_leaves_with_an_export_or_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("slod.yaml");
    std::fs::write(
        folder.path().join("path"),
        "http://127.0.0.1:1/hooks/s3cretpath",
    )
    .expect("written");
    let text = |address: &str| {
        format!(
            "listen: 127.0.0.1:0
store: {{ path: slod.db }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]
    load:
      {address}
      method: POST
      body: '{{ \"key\": \"s3cretbody\" }}'
      bearer: s3crettoken
      headers: {{ X-Api-Key: s3cretkey, Accept: text/plain }}
"
        )
    };
    std::fs::write(&file, text("url: http://127.0.0.1:1/chat")).expect("written");
    for tool in ["locust", "k6"] {
        for more in [&[][..], &["--kubernetes", "2"]] {
            let args = [&["export", tool, "baseline", "--service", "web"], more].concat();
            let (code, script) = slod(&file, &args);
            assert_eq!(code, Some(0), "{script}");
            assert!(
                script.contains("/chat") && script.contains("LOAD_BODY"),
                "{script}"
            );
            assert!(!script.contains("s3cret"), "{script}");
        }
    }
    std::fs::write(&file, text("url_file: path")).expect("written");
    let (code, refused) = slod(&file, &["export", "k6", "baseline", "--service", "web"]);
    assert!(code == Some(2) && !refused.contains("s3cret"), "{refused}");
    let quick = [
        "load",
        "baseline",
        "--service",
        "web",
        "--users",
        "1",
        "--run-time",
        "1s",
    ];
    let (_, shown) = slod(&file, &quick);
    assert!(
        shown.contains("refused") && !shown.contains("s3cret"),
        "{shown}"
    );
}

/// Answers requests with a status, until it is dropped with its process.
fn server(status: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            thread::spawn(move || {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_run_without_a_success_fails_with_and_without_thresholds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path());
    let text = std::fs::read_to_string(&file).expect("there");
    let load = |thresholds: &[&str]| {
        let base = ["load", "baseline", "--service", "web", "--plain"];
        let short = ["--users", "2", "--run-time", "1s"];
        slod(&file, &[&base[..], &short[..], thresholds].concat())
    };
    // Nobody listens at port 1.
    for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
        let (code, shown) = load(thresholds);
        assert_eq!(code, Some(99), "{shown}");
        let first = "baseline of web: no request succeeded: all 2 failed, by refused (first: ";
        assert!(shown.contains(first), "{shown}");
    }
    for (status, expected) in [("500 No", 99), ("200 OK", 0)] {
        let text = text.replace("127.0.0.1:1/", &format!("{}/", server(status)));
        std::fs::write(&file, text).expect("written");
        for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
            let (code, shown) = load(thresholds);
            assert_eq!(code, Some(expected), "{status}: {shown}");
        }
    }
    let (code, shown) = slod(&file, &["runs", "show", "1"]);
    assert_eq!(code, Some(99), "{shown}");
}

/// So many seconds of 200 requests each, of which one fails.
fn seconds(from: u64, to: u64) -> Vec<LoadWindow> {
    let window = |second| {
        let mut latency = Histogram::default();
        latency.add(700, 190);
        latency.add(800, 10);
        LoadWindow {
            start: Duration::from_secs(second),
            length: Duration::from_secs(1),
            stage: 0,
            due: 10.0,
            active: 9.0,
            started: 200,
            dropped: 0,
            lacking: 0,
            repeated: 0,
            unjudged: 0,
            good: 199,
            failed: vec![(Cause::Timeout, 1)],
            latency,
            failed_latency: Histogram::default(),
            lag: Duration::from_millis(1),
            generator_cpu: Some(0.25),
        }
    };
    (from..to).map(window).collect()
}

/// A run of now, of a service of the config.
fn baseline(windows: Vec<LoadWindow>) -> RunRecord {
    let now = Clock::system().now();
    RunRecord {
        service: "web".to_owned(),
        scenario: builtin("baseline", 1.0).expect("built in"),
        engine: "slod".to_owned(),
        from: now,
        to: now,
        ending: Ending::Completed,
        windows,
        requests: Vec::new(),
        examples: Vec::new(),
        lack: None,
        thresholds: Vec::new(),
        observed: Vec::new(),
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
    assert!(first.contains("/api/v1/runs?limit=2&cursor=2"), "{first}");
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
fn a_run_that_goes_on_is_followed() {
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
    let metric = |name: &str| daemon.metric(&format!("slod_load_{name}{labels}"));
    let near = |name: &str, wanted: f64| {
        let value = metric(name).unwrap_or_else(|| panic!("no {name}"));
        assert!((value - wanted).abs() < 1e-3 * wanted, "{name}: {value}");
    };
    near("due_users", 10.0);
    near("offered_requests_per_second", 200.0);
    near("achieved_requests_per_second", 200.0);
    near("error_ratio", 0.005);
    near("generator_cpu_ratio", 0.25);
    near("generator_lag_seconds", 0.001);
    assert_eq!(metric("in_flight_requests"), None, "users are given");
    let page = daemon.request("GET", "/metrics");
    assert!(page.contains("result=\"timeout\"") && page.contains("quantile=\"0.95\""));
    let page = daemon.request("GET", "/runs/1");
    assert!(
        page.contains("baseline of web goes on") && page.contains("content=\"5\""),
        "{page}"
    );
    assert!(daemon.request("GET", "/runs").contains("running"));
    let states = json(&daemon.request("GET", "/api/v1/runs"));
    assert_eq!(states[0]["state"], "running");
    store
        .end_run(id, &baseline(seconds(0, 300)))
        .expect("ended");
    let ended = "slod_load_last_run_passed{service=\"web\",scenario=\"baseline\"}";
    let passed = daemon.wait_for(|daemon| daemon.metric(ended));
    assert!((passed - 1.0).abs() < f64::EPSILON);
    assert_eq!(metric("running"), None);
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
    let start = Instant::now();
    daemon.request("GET", "/runs");
    let again = start.elapsed();
    // Summaries are made once. Builds for tests are an order of magnitude slower than others.
    assert!(first < Duration::from_secs(10), "{first:?}");
    assert!(again < Duration::from_millis(500), "{again:?}");
    let mut listed = 0;
    let mut path = Some("/api/v1/runs?limit=100".to_owned());
    while let Some(next) = path {
        let answer = daemon.request("GET", &next);
        listed += json(&answer).as_array().expect("a list").len();
        let link = answer.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            Some(line.strip_prefix("link: <")?.split('>').next()?.to_owned())
        });
        path = link;
    }
    assert_eq!(listed, 500);
}

#[test]
fn a_report_of_a_run_is_written_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let file = result(folder.path(), 50.0);
    let file = file.to_str().expect("a path");
    slod(&config, &["import", "oha", file, "--service", "web"]);
    let show = |format: &str| slod(&config, &["runs", "show", "1", "--format", format]);
    let (code, markdown) = show("markdown");
    assert!(
        code == Some(0) && markdown.starts_with("# Load run: imported of web"),
        "{markdown}"
    );
    let (code, html) = show("html");
    assert!(
        code == Some(0) && html.starts_with("<!DOCTYPE html>"),
        "{html}"
    );
    for outside in ["<script", "<link", " src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let out = folder.path().join("out");
    let target = out.to_str().expect("a path");
    let (_, said) = slod(
        &config,
        &[
            "load",
            "baseline",
            "--service",
            "web",
            "--users",
            "1",
            "--run-time",
            "1s",
            "--out",
            target,
        ],
    );
    for (name, part) in [
        ("run.json", "\"windows\""),
        ("summary.txt", "RESULTS"),
        ("junit.xml", "<testsuite"),
        ("report.md", "## Client view"),
        ("report.html", "Client view"),
    ] {
        let text = std::fs::read_to_string(out.join(name)).unwrap_or_default();
        assert!(text.contains(part), "{name}: {text}: {said}");
    }
}

/// Takes four seconds for each answer. Returns its address and when the last request came.
fn slow_server() -> (std::net::SocketAddr, Arc<Mutex<Instant>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    let last = Arc::new(Mutex::new(Instant::now()));
    let seen = last.clone();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let seen = seen.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    *seen.lock().expect("no panic") = Instant::now();
                    thread::sleep(Duration::from_secs(4));
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, last)
}

/// An abort is an ending of its own: the first Ctrl-C behind it does not cut the report off.
#[test]
fn a_ctrl_c_after_an_abort_keeps_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, last) = slow_server();
    let file = config(folder.path());
    let text = std::fs::read_to_string(&file).expect("there");
    let text = text.replace("127.0.0.1:1/", &format!("{address}/"));
    std::fs::write(&file, text).expect("written");
    let mut run = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["load", "throughput", "--service", "web", "--rate", "5/s"])
        .args(["--run-time", "90s", "--threshold", "avg<100ms", "--abort"])
        .args(["--plain", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs");
    let began = Instant::now();
    // At random, five a second: two seconds without any are the end of the plan.
    while last.lock().expect("no panic").elapsed() < Duration::from_secs(2) {
        assert!(began.elapsed() < Duration::from_secs(80), "no abort");
        thread::sleep(Duration::from_millis(20));
    }
    let pid = i32::try_from(run.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::INT)
        .expect("signalled");
    let mut shown = String::new();
    let mut stdout = run.stdout.take().expect("piped");
    stdout.read_to_string(&mut shown).expect("text");
    let status = run.wait().expect("ends");
    assert_eq!(status.code(), Some(99), "{shown}");
    assert!(shown.contains("aborted: avg < 100ms was missed"), "{shown}");
    assert!(shown.contains("THRESHOLDS"), "{shown}");
}
