//! The history of gauges and counters on the real binary: across a kill, by API and on the command
//! line.

use crate::support::{Daemon, write_config};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOAD: &str = "slod_host_load1";

fn config(folder: &Path) -> PathBuf {
    let text = "observe: { interval: 1s, network: false, disk: false, pressure: false }
services:
  - name: web
    probes: [ { name: home, tcp: { address: \"127.0.0.1:1\" } } ]
";
    write_config(folder, text)
}

fn load(daemon: &Daemon) -> Option<Value> {
    let found = daemon.json(&format!("/api/v1/series?name={LOAD}"));
    found.as_array().expect("a list").first().cloned()
}

/// The samples of the series in the last hour.
fn rows(daemon: &Daemon, id: &Value) -> Vec<Value> {
    let range = daemon.json(&format!("/api/v1/series/{id}"));
    range["rows"].as_array().expect("rows").clone()
}

#[test]
fn samples_survive_a_kill_and_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path());
    let daemon = Daemon::start(&file);
    let id = daemon.wait_for(|daemon| load(daemon).map(|series| series["id"].clone()));
    let before = daemon.wait_for(|daemon| Some(rows(daemon, &id)).filter(|rows| rows.len() >= 3));
    let page = daemon.request("GET", "/series?q=host_load1+load");
    for part in [
        ">slod_host_load1</a>",
        "<svg role=\"img\" aria-label=\"Last 1h: at most ",
        " of ",
        " series with a history",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(
        daemon
            .request("GET", "/series?q=nothing")
            .contains("No series matches the filter.")
    );
    // Each sample is at a multiple of the interval.
    for row in &before {
        let at = row["at"].as_str().expect("a time");
        assert!(at.ends_with('Z') && !at.contains('.'), "{at}");
    }
    daemon.signal("KILL");
    drop(daemon.ended());

    let daemon = Daemon::start(&file);
    let after = daemon
        .wait_for(|daemon| Some(rows(daemon, &id)).filter(|rows| rows.len() > before.len() + 1));
    assert_eq!(
        after[..before.len()],
        before[..],
        "nothing committed is lost"
    );

    let slod = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
        command
            .args(["samples", "--config"])
            .arg(&file)
            .args(arguments);
        let output = command.output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, list, _) = slod(&[]);
    assert!(code == Some(0) && list.contains(LOAD), "{list}");
    let (code, shown, errors) = slod(&[LOAD, "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{errors}"));
    assert_eq!((code, &shown["series"]["name"]), (Some(0), &LOAD.into()));
    let (code, _, errors) = slod(&["slod_host_laod1"]);
    assert!(
        code != Some(0) && errors.contains(LOAD),
        "the nearest name: {errors}"
    );
}

#[test]
fn failed_requests_get_problem_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path()));
    let id = daemon.wait_for(|daemon| load(daemon).map(|series| series["id"].clone()));
    for (path, status) in [
        ("999999", 404),
        ("x", 404),
        ("0?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400),
        ("0?from=2000-01-01T00:00:00Z&step=1s", 400),
        ("0?step=0s", 400),
        ("0?step=soon", 400),
        ("0?until=now", 400),
    ] {
        let answer = daemon.request("GET", &format!("/api/v1/series/{path}"));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains("application/problem+json"),
            "{path}: {answer}"
        );
    }
    let hour = daemon.json(&format!("/api/v1/series/{id}?step=1h"));
    assert!(
        hour["rows"].as_array().is_some_and(|rows| rows.len() <= 2),
        "{hour}"
    );
}
