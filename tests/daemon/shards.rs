//! Daemons that divide the services of a config among themselves.

use crate::support::{Daemon, command, ended, has_all, write_config};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `b` and `d` are in the first of two shards, `chat` and `flow` in the second: `flow` counts a probe of
/// `chat`.
const SERVICES: &str = "
defaults: { interval: 200ms, timeout: 100ms, objectives: [ { name: errors, sli: success, target: 99% } ] }
services:
  - name: b
    probes: [ { name: port, tcp: { address: \"127.0.0.1:1\" } } ]
  - name: d
    probes: [ { name: job, heartbeat: { every: 1h } } ]
  - name: chat
    probes: [ { name: port, tcp: { address: \"127.0.0.1:1\" } } ]
  - name: flow
    objectives: [ { name: all, sli: availability, target: 99%, probes: [ chat/port ] } ]
";

fn config(folder: &Path, shard: &str) -> PathBuf {
    write_config(folder, &format!("shard: {shard}\n{SERVICES}"))
}

fn services(daemon: &Daemon) -> BTreeSet<String> {
    let status = daemon.json("/api/v1/services");
    let services = status["services"].as_array().cloned().unwrap_or_default();
    let name = |service: &Value| service["name"].as_str().unwrap_or_default().to_owned();
    services.iter().map(name).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_service_is_observed_by_one_daemon() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let first = Daemon::start(&config(folders[0].path(), "slod-0/2"));
    let second = Daemon::start(&config(folders[1].path(), "2/2"));
    assert_eq!(services(&first), set(&["b", "d"]));
    assert_eq!(services(&second), set(&["chat", "flow"]));
    assert_eq!(first.metric("slod_shards{shard=\"1\"}"), Some(2.0));
    assert_eq!(second.metric("slod_shards{shard=\"2\"}"), Some(2.0));
    let other = "d is in shard 1/2, and this is shard 2/2";
    for path in [
        "/services/d",
        "/api/v1/services/d",
        "/api/v1/probes/d/job/outcomes",
        "/badge/d/errors.svg",
    ] {
        let answer = second.request("GET", path);
        has_all(&answer, &["HTTP/1.1 404", other]);
    }
    has_all(
        &second.request("POST", "/api/v1/heartbeat/d/job"),
        &["HTTP/1.1 404", other],
    );
    has_all(
        &first.request("POST", "/api/v1/heartbeat/d/job"),
        &["HTTP/1.1 204"],
    );
    has_all(&second.request("GET", "/"), &["Shard 2/2: 2 of 4 services"]);
}

#[test]
fn a_reload_with_another_shard_drops_and_takes_over_services() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), "1/2"));
    let failures = "slod_probe_failures_total{service=\"b\",probe=\"port\",reason=\"refused\"}";
    let counted = daemon.wait_for(|daemon| daemon.metric(failures).filter(|bad| *bad >= 2.0));
    config(folder.path(), "2/2");
    has_all(&daemon.request("POST", "/-/reload"), &["HTTP/1.1 200"]);
    daemon.wait_for(|daemon| (services(daemon) == set(&["chat", "flow"])).then_some(()));
    assert_eq!(daemon.metric(failures), None);
    let events = "slod_slo_events_total{service=\"chat\",slo=\"errors\"}";
    daemon.wait_for(|daemon| daemon.metric(events).filter(|events| *events >= 1.0));
    assert_eq!(daemon.metric("slod_shards{shard=\"1\"}"), None);
    assert_eq!(daemon.metric("slod_shards{shard=\"2\"}"), Some(2.0));
    // A service that returns has its history.
    config(folder.path(), "1/1");
    has_all(&daemon.request("POST", "/-/reload"), &["HTTP/1.1 200"]);
    let all = ["b", "d", "chat", "flow"];
    daemon.wait_for(|daemon| (services(daemon) == set(&all)).then_some(()));
    let status = daemon.json("/api/v1/services/b");
    let bad = &status["objectives"][0]["windows"][0]["bad_events"];
    assert!(bad.as_f64().is_some_and(|bad| bad >= counted), "{status}");
}

#[test]
fn commands_know_the_shard() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("shard: \"${{POD_NAME}}/2\"\n{SERVICES}");
    let path = write_config(folder.path(), &text);
    let run = |args: &[&str]| {
        let output = command(&path, args).env("POD_NAME", "slod-1").output();
        ended(&output.expect("it runs"))
    };
    let (code, text) = run(&["check"]);
    assert_eq!(code, Some(0), "{text}");
    has_all(&text, &["ok: 4 services (2 in shard 2/2), 3 probes"]);
    let (code, text) = run(&["rules"]);
    assert_eq!(code, Some(0));
    has_all(
        &text,
        &[
            "slod-slo/b/errors",
            "slod-slo/chat/errors",
            "slod-slo/flow/all",
        ],
    );
    let (code, text) = run(&["report", "--service", "b"]);
    assert_eq!(code, Some(2));
    has_all(&text, &["b is in shard 1/2, and this is shard 2/2"]);
    let (code, text) = run(&["probe", "b"]);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn a_shard_without_services_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "shard: 2/3\nservices: [ { name: b, probes: [ { name: port, tcp: { address: \"127.0.0.1:1\" } } ] } ]\n";
    let daemon = Daemon::start(&write_config(folder.path(), text));
    assert_eq!(services(&daemon), set(&[]));
    has_all(
        &daemon.request("GET", "/"),
        &["HTTP/1.1 200", "Shard 2/3: 0 of 1 service"],
    );
    has_all(&daemon.request("GET", "/-/ready"), &["HTTP/1.1 200"]);
    assert!(daemon.metric("slod_shards{shard=\"2\"}").is_some());
}
