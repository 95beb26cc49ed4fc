//! The tools run what slod exports, and its report matches what the service counted.

use super::service::{self, Counts};
use super::{config, finished, load, report, run, slod};
use crate::auth::fixture::{Files, TLS};
use crate::support::wait_for;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Whether a tool is on the `PATH`. CI guarantees both.
pub fn is_installed(tool: &str) -> bool {
    let mut command = Command::new(tool);
    let version = if tool == "k6" { "version" } else { "--version" };
    let started = command.arg(version).stdout(Stdio::null()).status();
    let is_there = started.is_ok_and(|status| status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "{tool} is needed in CI");
        eprintln!("not tested with {tool}, which is not installed");
    }
    is_there
}

/// Runs a test with each installed tool, concurrently because they mostly wait.
fn with_each(test: impl Fn(&'static str) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for tool in ["k6", "locust"]
            .into_iter()
            .filter(|tool| is_installed(tool))
        {
            scope.spawn(move || test(tool));
        }
    });
}

/// Requests per second in the windows for which this load was due.
fn rates(report: &Value, due: f64) -> Vec<u64> {
    let windows = report["windows"].as_array().expect("a list");
    let meant = windows.iter().filter(|one| one["due"] == due);
    meant.filter_map(|one| one["requests"].as_u64()).collect()
}

fn mean(rates: &[u64]) -> f64 {
    rates.iter().sum::<u64>() as f64 / rates.len() as f64
}

/// A service, and a config with it.
fn started() -> (TempDir, PathBuf, Counts) {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service::start();
    let config = config(folder.path(), address);
    (folder, config, counts)
}

fn holds_what_was_counted(report: &Value, counts: &Counts) {
    let failed = counts.of("chat 503");
    assert!(failed > 0, "{}", counts.all());
    assert_eq!(report["total"]["requests"], counts.total(), "{report:#}");
    assert_eq!(report["total"]["errors"], failed, "{report:#}");
    assert_eq!(report["requests"][0]["name"], "chat");
    assert_eq!(report["requests"][0]["requests"], counts.total());
}

#[test]
fn runs_of_both_tools_match_the_counts_of_the_service() {
    with_each(|engine| {
        let (folder, config, counts) = started();
        let more = ["--out", "out", "--threshold", "errors<50%"];
        let (code, text) = run(&config, &load("quick", "web", engine, &more));
        // The threshold is 10 ms; a response takes 20 ms.
        assert_eq!(code, Some(99), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(counts.of("chat 401"), 0, "{}", counts.all());
        let report = report(&config);
        assert_eq!(report["engine"], engine);
        assert_eq!(report["ending"]["state"], "completed", "{text}");
        holds_what_was_counted(&report, &counts);
        // It is a single process here, whose CPU time is known.
        assert!(
            report["windows"][1]["generator_cpu_ratio"].is_number(),
            "{report:#}"
        );
        assert!(!report["observed"].to_string().contains("slod_load_workers"));
        let p50 = report["total"]["p50_seconds"].as_f64().expect("measured");
        assert!((0.02..1.0).contains(&p50), "{p50}");
        // 2 users, none, and 6: each makes a request every 70 ms, or fewer on a busy machine.
        let level = |due: f64| rates(&report, due).iter().sum::<u64>();
        assert!((6..=32).contains(&level(2.0)), "{report:#}");
        assert!((45..=180).contains(&level(6.0)), "{report:#}");
        let idle = rates(&report, 0.0);
        assert!(
            idle.first().is_some_and(|during| *during <= 12),
            "{report:#}"
        );
        // After the plan, the last requests finish; on a busy machine, the tool ends late.
        assert!(level(0.0) <= 60, "{report:#}");
        let log = std::fs::read_to_string(folder.path().join(format!("out/{engine}.log")));
        assert!(!log.expect("a log").contains("s3cret"));
    });
}

/// k6 has rates; Locust reaches them with several users.
#[test]
fn both_tools_generate_the_load_of_a_rate() {
    with_each(|engine| {
        let (_folder, config, counts) = started();
        let (code, text) = run(&config, &load("rates", "web", engine, &[]));
        assert_eq!(code, Some(99), "{text}");
        let report = report(&config);
        holds_what_was_counted(&report, &counts);
        let (low, high) = (rates(&report, 20.0), rates(&report, 40.0));
        // Each user of Locust starts at a random time, and the machine may be busy for a second.
        let (low, high) = (mean(&low), mean(&high));
        assert!((13.0..27.0).contains(&low), "{engine}: {low} {text}");
        assert!((29.0..49.0).contains(&high), "{engine}: {high} {text}");
        // Locust does not count starts that it could not make.
        let dropped = if engine == "k6" {
            0.into()
        } else {
            Value::Null
        };
        assert_eq!(report["total"]["dropped"], dropped);
    });
}

#[test]
fn users_of_both_tools_keep_cookies_and_captured_values() {
    with_each(|engine| {
        // With a rate, the script makes each of Locust's starts a new user.
        let scenarios = ["quick", "rates"];
        for scenario in &scenarios[..if engine == "k6" { 1 } else { 2 }] {
            let (_folder, config, counts) = started();
            let (code, text) = run(&config, &load(scenario, "session", engine, &[]));
            assert_eq!(code, Some(0), "{text}");
            let report = report(&config);
            assert_eq!(report["total"]["errors"], 0, "{engine}: {}", counts.all());
            assert_eq!(
                report["total"]["requests"],
                counts.total(),
                "{}",
                counts.all()
            );
            assert!(counts.of("mine 200") > 10, "{}", counts.all());
            // A redirect is a response, and is not followed.
            assert!(counts.of("moved 302") > 10, "{}", counts.all());
            assert_eq!(counts.of("elsewhere 200"), 0);
            // A relative one is captured as a browser resolves it, and a part of it decoded.
            assert!(
                counts.of("arrived?code=a%2Bb%2F 200") > 5,
                "{}",
                counts.all()
            );
            assert!(counts.of("code 200") > 5, "{}", counts.all());
            assert!(counts.of("empty 200") > 5, "{}", counts.all());
        }
    });
}

#[test]
fn rate_limits_are_reported_with_what_they_ask_for() {
    with_each(|engine| {
        let (_folder, config, counts) = started();
        let (_, text) = run(&config, &load("quick", "limited", engine, &[]));
        let rejected = counts.of("limited 429");
        assert!(rejected > 10, "{}", counts.all());
        let words = format!("{rejected} out of {} with status 429", counts.total());
        assert!(text.contains(&words), "{text}");
        assert!(text.contains("all with Retry-After: 2 s"), "{text}");
        let report = report(&config);
        assert_eq!(report["requests"][0]["failed"]["rate_limited"], rejected);
        let asked = &report["requests"][0]["retry_after"];
        assert_eq!(asked["responses"], rejected, "{asked}");
        let first = report["first_failures"][0]["words"].as_str();
        assert!(first.is_some_and(|words| words.starts_with("status 429")));
    });
}

/// `slod export` writes files that people run with the tool itself.
#[test]
fn an_exported_script_fails_by_its_own_thresholds() {
    with_each(|engine| {
        let (folder, config, counts) = started();
        let (code, script) = run(&config, &["export", engine, "quick", "--service", "web"]);
        assert_eq!(code, Some(0), "{script}");
        assert!(!script.contains("s3cret"), "{script}");
        // Locust requires this extension.
        let file = folder.path().join("exported.py");
        std::fs::write(&file, script).expect("written");
        let output = by_hand(engine, &file).output().expect("runs");
        let (expected, words) = match engine {
            "k6" => (99, "p(95)<10"),
            _ => (1, "missed: p95 < 10ms"),
        };
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(counts.of("chat 200") > 50, "{}", counts.all());
        assert_eq!(counts.of("chat 401"), 0, "{}", counts.all());
    });
}

fn by_hand(tool: &str, file: &Path) -> Command {
    let mut command = Command::new(tool);
    match tool {
        "k6" => command.args(["run", "--quiet", "--no-usage-report", "--address="]),
        _ => command.args(["--headless", "--only-summary", "-f"]),
    };
    command.arg(file);
    command.env("X_API_KEY", "s3cretkey");
    command.env("LOAD_PASSWORD", "s3cretbody");
    command
}

#[test]
fn an_interrupt_ends_the_tool_and_reports() {
    with_each(|engine| {
        let (_folder, config, counts) = started();
        let args = load("baseline", "web", engine, &["--users", "3"]);
        let mut command = slod(&config, &args);
        let child = command.spawn().expect("starts");
        wait_for(|| (counts.total() > 5).then_some(()));
        thread::sleep(Duration::from_millis(1500));
        let id = child.id().to_string();
        let mut kill = Command::new("kill");
        kill.args(["-INT", &id]).status().expect("sent");
        let (code, text) = finished(child);
        assert_eq!(code, Some(105), "{text}");
        let report = report(&config);
        assert_eq!(report["ending"]["state"], "interrupted");
        let made = counts.total();
        // k6 abandons requests in flight.
        let given_up = if engine == "k6" { 3 } else { 0 };
        let seen = report["total"]["requests"].as_u64().expect("a number");
        assert!(
            seen <= made && made - seen <= given_up,
            "{seen} of {made}: {text}"
        );
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(counts.total(), made, "{engine} goes on");
    });
}

#[test]
fn the_tool_ends_with_slod() {
    with_each(|engine| {
        let (_folder, config, counts) = started();
        let args = load("baseline", "web", engine, &["--users", "3"]);
        let mut child = slod(&config, &args).spawn().expect("starts");
        wait_for(|| (counts.total() > 5).then_some(()));
        child.kill().expect("killed");
        child.wait().expect("ends");
        wait_for(|| {
            let made = counts.total();
            thread::sleep(Duration::from_millis(1500));
            (counts.total() == made).then_some(())
        });
    });
}

/// The service is another slod daemon, whose certificate was issued by a private authority.
#[test]
fn both_tools_trust_the_configured_authority() {
    let files = Files::new();
    files.write("web.yml", TLS);
    let daemon = files.start("127.0.0.1:0", "{ config_file: web.yml }");
    with_each(|engine| {
        for (name, tls, is_trusted) in [
            ("named", "{ ca_file: ca.crt }", true),
            ("any", "{ insecure: true }", true),
            ("system", "{}", false),
        ] {
            let url = format!("https://localhost:{}/-/healthy", daemon.address.port());
            let text = format!(
                "store: {{ path: {engine}-{name}.db }}
services: [ {{ name: web, probes: [ {{ name: up, http: {{ url: \"{url}\", tls: {tls} }} }} ] }} ]
"
            );
            let file = format!("{engine}.yaml");
            files.write(&file, &text);
            let config = files.path(&file);
            let more = ["--users", "2", "--run-time", "1s"];
            let (code, text) = run(&config, &load("baseline", "web", engine, &more));
            assert_eq!(code, Some(if is_trusted { 0 } else { 99 }), "{text}");
            let report = report(&config);
            let requests = report["total"]["requests"].as_u64().expect("a number");
            let expected = if is_trusted { 0 } else { requests };
            assert!(requests > 0, "{text}");
            assert_eq!(
                report["total"]["errors"], expected,
                "{engine} {name}: {text}"
            );
        }
    });
}
