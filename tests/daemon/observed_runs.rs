//! Runs with external load on the real binary, and what is sampled during a run.

use crate::server::{CLOSE, http, response};
use crate::support::{Daemon, command, has_all, slod, wait_for, write_config};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests, failures and scrapes.
type Counts = [AtomicU64; 3];

/// A service that counts its requests and failures on `/metrics`.
fn service() -> SocketAddr {
    counted_service().0
}

fn counted_service() -> (SocketAddr, Arc<Counts>) {
    let counts = Arc::new([const { AtomicU64::new(0) }; 3]);
    let kept = counts.clone();
    (http(move |request| answer(&request.path, &kept)), counts)
}

fn answer(path: &str, counts: &Counts) -> String {
    if path.starts_with("/metrics") {
        let [all, failed] = [0, 1].map(|at| counts[at].load(Ordering::SeqCst));
        let page = format!(
            "# TYPE requests_total counter\nrequests_total {all}\n\
             # TYPE failures_total counter\nfailures_total {failed}\n\
             # TYPE took_seconds histogram\n\
             took_seconds_bucket{{le=\"0.1\"}} {all}\ntook_seconds_bucket{{le=\"+Inf\"}} {all}\n\
             took_seconds_sum {}\ntook_seconds_count {all}\n",
            all as f64 / 20.0
        );
        counts[2].fetch_add(1, Ordering::SeqCst);
        let headers = "content-type: text/plain\r\nconnection: close\r\n";
        return response("200 OK", headers, &page);
    }
    let is_bad = path.starts_with("/bad");
    counts[0].fetch_add(1, Ordering::SeqCst);
    counts[1].fetch_add(u64::from(is_bad), Ordering::SeqCst);
    let status = if is_bad {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    response(status, CLOSE, "ok")
}

/// Sends this many requests, every tenth of which fails.
fn load(address: SocketAddr, requests: u64) {
    for number in 0..requests {
        let mut stream = TcpStream::connect(address).expect("connects");
        let path = if number % 10 == 0 { "/bad" } else { "/" };
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_end(&mut Vec::new()).expect("answered");
    }
}

fn config(folder: &Path, address: SocketAddr) -> PathBuf {
    let text = format!(
        "observe: {{ interval: 1s }}
services:
  - name: web
    probes: [ {{ name: home, interval: 1s, timeout: 500ms, http: {{ url: \"http://{address}/metrics\" }} }} ]
    objectives: [ {{ name: answers, sli: success, target: 80%, window: 30d }} ]
    metrics:
      url: http://{address}/metrics
      requests: requests_total
      errors: failures_total
      request_duration: took_seconds
  - name: other
    probes: [ {{ name: home, interval: 1s, timeout: 500ms, http: {{ url: \"http://{address}/metrics\" }} }} ]
    processes: [ {{ name: all, match: {{ cmdline: slod }} }} ]
"
    );
    write_config(folder, &text)
}

/// The report of a run.
fn report(config: &Path, run: &str) -> Option<Value> {
    let output = command(config, &["runs", "show", run, "--format", "json"]).output();
    serde_json::from_slice(&output.expect("runs").stdout).ok()
}

/// Requests and errors.
fn total(report: &Value) -> (Option<u64>, Option<u64>) {
    let total = &report["total"];
    (total["requests"].as_u64(), total["errors"].as_u64())
}

fn series(report: &Value) -> Vec<String> {
    let observed = report["observed"].as_array().expect("a list");
    let names = observed
        .iter()
        .map(|one| one["series"].as_str().expect("a name").to_owned());
    names.collect()
}

fn start(config: &Path, args: &[&str]) -> Child {
    let mut command = command(config, args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starts")
}

/// A watch whose command sleeps, and the process ID of the command.
fn watch_of_sleep(config: &Path) -> (Child, String) {
    let pid = config.with_file_name("pid");
    let script = format!("echo $$ > {}; exec sleep 60", pid.display());
    let args = ["observe", "--service", "web", "--", "sh", "-c", &script];
    let watched = start(config, &args);
    let read = || std::fs::read_to_string(&pid).ok();
    let child = wait_for(|| read().filter(|pid| !pid.is_empty()));
    (watched, child)
}

/// Whether a process is running; a zombie has ended too.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_observed_load_matches_the_counts_of_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = counted_service();
    let config = config(folder.path(), address);
    load(address, 30);
    let done = folder.path().join("done");
    let script = format!(
        "until [ -e {} ]; do sleep 0.1; done; exit 3",
        done.display()
    );
    let args = ["observe", "--service", "web", "--", "sh", "-c", &script];
    let watched = start(&config, &args);
    let scraped = |times: u64| {
        let scrapes = || counts[2].load(Ordering::SeqCst);
        let wanted = scrapes() + times;
        wait_for(|| (scrapes() >= wanted).then_some(()));
    };
    scraped(1);
    load(address, 200);
    scraped(3);
    std::fs::write(&done, "").expect("written");
    let output = watched.wait_with_output().expect("ends");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("sh ended with exit code 3"), "{text}");
    assert!(!text.contains("generator"), "{text}");
    let report = report(&config, "1").expect("kept");
    assert_eq!(report["engine"], "observed");
    assert_eq!(total(&report), (Some(200), Some(20)));
    let p95 = report["total"]["p95_seconds"].as_f64().expect("measured");
    assert!((0.09..0.101).contains(&p95), "{p95}");
    assert!(
        report["windows"]
            .as_array()
            .is_some_and(|all| all.len() >= 3),
        "{report}"
    );
    let names = series(&report);
    for wanted in [
        "slod_host_memory_used_bytes",
        r#"slod_service_requests_total{service="web"}"#,
    ] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    assert!(
        !names.iter().any(|name| name.contains("other")),
        "{names:?}"
    );
    assert_eq!(slod(&config, &["baseline", "record", "1"]).0, Some(0));
    let (_, text) = slod(&config, &["baseline", "compare", "1"]);
    assert!(
        text.contains("unknown  errors: 20 of 200 requests failed before")
            && text.contains("too few requests to detect a difference")
            && !text.contains("throughput"),
        "{text}"
    );
}

#[test]
fn a_load_run_has_samples_of_its_service_and_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), service());
    let quick = "load baseline --service web --users 2 --run-time 3s".split(' ');
    let (code, text) = slod(&config, &quick.collect::<Vec<_>>());
    // On a busy machine, the generator may be too late for a verdict.
    assert!(matches!(code, Some(0 | 70)), "{text}");
    has_all(&text, &["run 1 begins", "BEFORE AND AFTER"]);
    let report = report(&config, "1").expect("kept");
    let observed = report["observed"].as_array().expect("a list");
    let of = |name: &str| {
        observed
            .iter()
            .find(|one| one["series"] == name)
            .expect("sampled")
    };
    let memory = of("slod_host_memory_used_bytes");
    assert!(
        memory["samples"]
            .as_u64()
            .is_some_and(|count| (3..=10).contains(&count)),
        "{memory}"
    );
    let mean = memory["mean"].as_f64().expect("a number");
    assert!(memory["min"].as_f64() <= Some(mean) && memory["max"].as_f64() >= Some(mean));
    of(r#"slod_scrape_success{service="web"}"#);
    assert!(!series(&report).iter().any(|name| name.contains("other")));
}

#[test]
fn an_interrupted_watch_reports_and_its_command_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), service());
    let (watched, child) = watch_of_sleep(&config);
    let own = watched.id().to_string();
    let killed = Command::new("kill").args(["-INT", &own]).status();
    assert!(killed.expect("runs").success());
    let output = watched.wait_with_output().expect("ends");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(105), "{text}");
    has_all(&text, &["sh was killed by signal 2", "kept as run 1"]);
    assert!(!runs(&child));
}

#[test]
fn a_killed_watch_keeps_its_measurements_and_stops_its_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = service();
    let config = config(folder.path(), address);
    let (mut watched, child) = watch_of_sleep(&config);
    load(address, 20);
    let so_far = wait_for(|| {
        let has_windows = |report: &Value| {
            let windows = report["windows"].as_array();
            windows.is_some_and(|all| !all.is_empty())
        };
        report(&config, "1").filter(|report| has_windows(report) && !series(report).is_empty())
    });
    assert_eq!(so_far["ending"]["state"], "interrupted");
    watched.kill().expect("killed");
    watched.wait().expect("ended");
    wait_for(|| (!runs(&child)).then_some(()));
    let (_, text) = slod(&config, &["runs", "list"]);
    assert!(text.contains("running"), "{text}");
    let left = report(&config, "1").expect("there");
    assert!(!series(&left).is_empty());
}

#[test]
fn the_past_is_watched_from_what_the_daemon_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = service();
    let config = config(folder.path(), address);
    let daemon = Daemon::start(&config);
    let requests = r#"slod_service_requests_total{service="web"}"#;
    // The first sample is stored before the load.
    daemon.wait_for(|daemon| {
        let stored = daemon.json("/api/v1/series?name=slod_service_requests_total");
        stored.as_array().filter(|all| !all.is_empty()).map(|_| ())
    });
    load(address, 100);
    // A sample is committed after it is shown.
    let (mut run, of_metrics) = wait_for(|| {
        let (_, text) = slod(&config, &["observe", "--service", "web", "--from", "10m"]);
        let kept = text.split("kept as run ").nth(1)?;
        let run = kept.split(' ').next()?.parse::<u32>().ok()?;
        let report = report(&config, &run.to_string())?;
        (total(&report) == (Some(100), Some(10))).then_some((run, report))
    });
    assert!(series(&of_metrics).iter().any(|name| name == requests));
    let from = chrono::Utc::now() - chrono::TimeDelta::minutes(10);
    let asked = serde_json::json!({ "service": "web", "from": from, "thresholds": ["errors<5%"] });
    let json = "application/json";
    let answer = daemon.post("/api/v1/runs", json, &asked.to_string());
    run += 1;
    let location = format!("location: runs/{run}");
    let expected = ["HTTP/1.1 201", &location, "\"verdict\": \"failed\""];
    has_all(&answer, &expected);
    let by_http = report(&config, &run.to_string()).expect("kept");
    assert_eq!(total(&by_http), (Some(100), Some(10)));
    has_all(
        &daemon.request("GET", "/api/v1/audit"),
        &["\"run.observe\"", &format!("\"{run}\"")],
    );
    let (_, text) = slod(&config, &["observe", "--service", "other", "--from", "1m"]);
    assert!(text.contains("attempts of slod's probes"), "{text}");
    let of_probes = report(&config, &(run + 1).to_string()).expect("kept");
    let attempts = of_probes["total"]["requests"].as_u64().expect("counted");
    assert!((2..=60).contains(&attempts), "{of_probes}");
    for (args, wrong) in [
        (["--from", "1m", "--to", "2m"], "is not before"),
        (["--from", "30d", "--to", "1d"], "at most 7d"),
    ] {
        let args = [&["observe", "--service", "web"][..], &args].concat();
        let (code, text) = slod(&config, &args);
        assert!(code == Some(2) && text.contains(wrong), "{text}");
    }
}

#[test]
fn a_missing_command_is_reported_before_the_run_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), service());
    let (code, text) = slod(
        &config,
        &["observe", "--service", "web", "--", "no-such-program"],
    );
    assert_eq!(
        (code, text.as_str()),
        (Some(2), "slod: cannot run no-such-program: not found\n")
    );
    assert!(!folder.path().join("slod.db").exists());
}

#[test]
fn a_command_that_fails_without_a_load_says_nothing_about_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = counted_service();
    let config = config(folder.path(), address);
    let (code, text) = slod(&config, &["observe", "--service", "web", "--", "false"]);
    assert_eq!(code, Some(70), "{text}");
    let why = "cannot be judged: no request was measured, and false ended with exit code 1";
    assert!(text.contains(why), "{text}");
}

#[test]
fn without_a_daemon_there_are_no_attempts_to_watch() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), service());
    let watch = ["observe", "--service", "other", "--for", "1s"];
    let (code, text) = slod(&config, &watch);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("no daemon writes probe outcomes"), "{text}");
    let daemon = Daemon::start(&config);
    let (_, text) = slod(&config, &watch);
    assert!(text.contains("kept as run 1"), "{text}");
    drop(daemon);
    let (code, text) = slod(&config, &watch);
    assert_eq!(code, Some(64), "its file is there, {text}");
}
