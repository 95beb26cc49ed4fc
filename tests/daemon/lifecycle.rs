//! The binary as users run it: probing, scraping, reloading, stopping, and being killed.

use crate::support::{self, Daemon, PATIENCE, has_all, target};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn config(folder: &Path, target: SocketAddr, path: &str, extra: &str) -> PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0
store: {{ path: slod.db, retention: 40d }}
defaults:
  interval: 1s
  timeout: 900ms
  objectives:
    - {{ name: availability, sli: availability, target: 99.9%, window: 30d }}
    - {{ name: errors, sli: success, target: 99.9%, window: 30d }}
services:
  - name: web
    probes: [ {{ name: home, interval: 500ms, timeout: 500ms, http: {{ url: \"http://{target}{path}\" }} }} ]
{extra}"
    );
    let file = folder.join("slod.yaml");
    fs::write(&file, text).expect("written");
    file
}

const RUNS: &str = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";
const EVENTS: &str = "slod_slo_events_total{service=\"web\",slo=\"errors\"}";
const RELOADED: &str = "slod_config_last_reload_successful";

#[test]
fn it_probes_exports_and_stops_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), target(), "/", ""));
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 4.0));
    assert!(daemon.metric(EVENTS).is_some_and(|events| events >= 4.0));
    let success = "slod_probe_success{service=\"web\",probe=\"home\"}";
    // A busy machine may delay a response beyond its timeout.
    daemon.wait_for(|daemon| daemon.metric(success).filter(|success| *success > 0.5));
    for path in ["/-/healthy", "/-/ready"] {
        assert!(daemon.request("GET", path).starts_with("HTTP/1.1 200"));
    }
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn a_reload_keeps_history_and_a_bad_one_keeps_the_old_config() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = target();
    let file = config(folder.path(), server, "/", "");
    let daemon = Daemon::start(&file);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 2.0));

    fs::write(&file, "services: [ { nam: web } ]").expect("written");
    daemon.signal("HUP");
    daemon.wait_for(|daemon| daemon.metric(RELOADED).filter(|ok| *ok == 0.0));
    daemon.wait_for_log("unknown key", 1);
    // An alert of slod itself belongs to no service.
    let alert = daemon.wait_for(|daemon| {
        let log = daemon.log();
        let line = log
            .lines()
            .find(|line| line.contains("config_reload_failed: "));
        line.map(str::to_owned)
    });
    assert!(!alert.contains("service="), "{alert}");
    let before = daemon.metric(RUNS).expect("still there");

    config(
        folder.path(),
        server,
        "/bad",
        "  - name: second\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n",
    );
    let answer = daemon.request("POST", "/-/reload");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(daemon.metric(RELOADED), Some(1.0));
    assert!(daemon.metric(RUNS).expect("kept") >= before);
    let failures = "slod_probe_failures_total{service=\"web\",probe=\"home\",reason=\"status\"}";
    daemon.wait_for(|daemon| daemon.metric(failures).filter(|bad| *bad >= 3.0));
    let refused = "slod_probe_failures_total{service=\"second\",probe=\"p\",reason=\"refused\"}";
    daemon.wait_for(|daemon| daemon.metric(refused).filter(|bad| *bad >= 1.0));

    let same = "the config file has not changed since it was last read";
    assert!(!daemon.log().contains(same), "{}", daemon.log());
    daemon.request("POST", "/-/reload");
    daemon.wait_for_log(same, 1);
}

#[test]
fn the_command_to_reload_fails_with_the_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path(), target(), "/", "");
    let daemon = Daemon::start(&file);
    let address = daemon.address.to_string();
    let reload = || support::slod(&file, &["reload", "--address", &address]);
    assert_eq!(reload(), (Some(0), "reloaded\n".to_owned()));
    fs::write(&file, "services:\n  - nam: web\n").expect("written");
    let (code, text) = reload();
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("the old one stays active:\nerror["), "{text}");
    let place = format!("unknown key `nam`\n --> {}:2:5\n", file.display());
    assert!(text.contains(&place), "{text}");
    // It needs a valid config to find the daemon.
    let (code, text) = support::slod(&file, &["reload"]);
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn a_service_manager_is_notified_of_a_failed_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("bound");
    manager.set_read_timeout(Some(PATIENCE)).expect("valid");
    let wait_for = |wanted: &str| {
        let mut message = [0; 1024];
        let mut next = || {
            let length = manager.recv(&mut message).expect("in time");
            String::from_utf8_lossy(&message[..length]).into_owned()
        };
        while !next().contains(wanted) {}
    };
    let file = config(folder.path(), target(), "/", "");
    let daemon = Daemon::start_in(&file, &[], &[("NOTIFY_SOCKET", &socket)]);
    wait_for("READY=1");
    fs::write(&file, "services: [").expect("written");
    daemon.signal("HUP");
    wait_for("STATUS=the config was not reloaded");
    config(folder.path(), target(), "/", "");
    daemon.signal("HUP");
    wait_for("STATUS=\n");
    daemon.signal("TERM");
    wait_for("STOPPING=1");
}

#[test]
fn a_changed_file_is_applied_without_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "first").expect("written");
    let extra = "  - name: job\n    objectives: []\n    probes: [ { name: beat, heartbeat: { every: 1h, token_file: token } } ]\n";
    let file = config(folder.path(), target(), "/", extra);
    let daemon = Daemon::start(&file);
    let status = |token: &str| {
        let kind = format!("text/plain\r\nAuthorization: Bearer {token}");
        let answer = daemon.post("/api/v1/heartbeat/job/beat", &kind, "");
        answer.split(' ').nth(1).map(str::to_owned)
    };
    let wait = |token: &str, wanted: &str| {
        daemon.wait_for(|_| (status(token).as_deref() == Some(wanted)).then_some(()));
    };
    wait("second", "401");
    // An invalid config, as during an edit, does not prevent a changed token from being reloaded.
    fs::write(&file, "services: [ { nam").expect("written");
    fs::write(&token, "second").expect("written");
    wait("second", "204");
    wait("first", "401");
    assert_eq!(daemon.metric(RELOADED), Some(1.0));
}

#[test]
fn counting_continues_after_a_kill_and_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path(), target(), "/bad", "");
    let sli_events = |daemon: &Daemon| {
        let answer = daemon.request("GET", "/api/v1/objectives");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        daemon.metric("slod_slo_error_budget_remaining_ratio{service=\"web\",slo=\"errors\"}")
    };
    let daemon = Daemon::start(&file);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 3.0));
    let before = sli_events(&daemon).expect("a budget");
    // At most one second is lost, and somewhat more on a busy machine.
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 12.0));
    daemon.signal("KILL");
    daemon.ended();

    let daemon = Daemon::start(&file);
    let after = sli_events(&daemon).expect("known at once");
    assert!(
        after < 1.0,
        "the failures before the kill are spent: {before} then {after}"
    );
    assert!(after <= before, "{before} then {after}");
    daemon.signal("INT");
    assert_eq!(daemon.ended().0.code(), Some(0));
}

#[test]
fn a_second_stop_request_stops_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // A server that never responds delays the drain.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound");
    let extra = format!(
        "  - name: slow\n    probes: [ {{ name: p, interval: 30s, timeout: 30s, http: {{ url: \"http://{address}/\" }} }} ]\n    objectives: []\n"
    );
    let daemon = Daemon::start(&config(folder.path(), target(), "/", &extra));
    silent.set_nonblocking(true).expect("possible");
    let _attempt = daemon.wait_for(|_| silent.accept().ok());
    let began = Instant::now();
    daemon.wait_for(|daemon| {
        daemon.signal("TERM");
        daemon.log().contains("second stop request").then_some(())
    });
    // Signals within a second count as the same request.
    assert!(began.elapsed() >= Duration::from_secs(1));
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(70), "{log}");
}

#[test]
fn an_address_in_use_has_its_own_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let file = config(folder.path(), address, "/", "");
    let text = fs::read_to_string(&file)
        .expect("readable")
        .replace("listen: 127.0.0.1:0", &format!("listen: {address}"));
    fs::write(&file, text).expect("written");
    let (code, _, why) = slod(&format!("run --config {}", file.display()));
    assert_eq!(code, Some(64));
    assert!(why.contains("cannot listen"), "{why}");
}

#[test]
fn status_is_the_same_from_a_running_daemon_and_from_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path(), target(), "/bad", "");
    let daemon = Daemon::start(&file);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 3.0));
    let address = daemon.address.to_string();
    let (code, running, _) = slod(&format!("status --address {address}"));
    assert_eq!(code, Some(0), "{running}");
    has_all(&running, &["web      errors", "web/home"]);
    daemon.signal("TERM");
    daemon.ended();
    // Nothing listens on port 0, so this one reads the store.
    let path = file.to_str().expect("UTF-8");
    let (_, stored, _) = slod(&format!("status --config {path} --format json"));
    has_all(
        &stored,
        &["\"sli_ratio\": 0.0", "\"last_verdict\": \"status\""],
    );
}

#[test]
fn status_detects_another_daemon_at_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), target(), "/", ""));
    let other = folder.path().join("other.yaml");
    let text = format!(
        "listen: {}\nstore: {{ path: other.db, retention: 40d }}\nservices: [ {{ name: other, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ] }} ]\n",
        daemon.address
    );
    fs::write(&other, text).expect("written");
    let (_, _, said) = slod(&format!("status --config {}", other.display()));
    assert!(said.contains("another daemon uses this address"), "{said}");
}

#[test]
fn the_log_reports_once_that_a_probe_failed_and_recovered() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = target();
    let file = config(folder.path(), server, "/bad", "");
    let daemon = Daemon::start(&file);
    let down = "web/home is down: status 503, expected";
    daemon.wait_for_log(down, 1);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 4.0));
    config(folder.path(), server, "/", "");
    assert!(daemon.request("POST", "/-/reload").contains(" 200 "));
    daemon.wait_for_log("web/home is up again", 1);
    daemon.signal("TERM");
    let (_, log) = daemon.ended();
    assert_eq!(log.matches(down).count(), 1, "{log}");
    assert_eq!(
        log.matches("web/home is up again after").count(),
        1,
        "{log}"
    );
}

/// Runs a subcommand with these words; returns its exit code, output and errors.
fn slod(words: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    let command = command.args(words.split(' ')).env("USER", "ada");
    let output = command.output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn corrections_and_alerts_are_managed_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path(), target(), "/", "");
    let path = file.to_str().expect("UTF-8");
    let daemon = Daemon::start(&file);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 2.0));
    let address = daemon.address.to_string();

    let add = format!("corrections add --address {address} --reason deploy --for 1m");
    let (code, added, _) = slod(&format!("{add} --from 2m --slo errors"));
    assert_eq!(code, Some(0));
    assert!(added.contains("errors") && added.contains("ada"), "{added}");
    let (code, _, refused) = slod(&format!("{add} --service wep"));
    assert_eq!(code, Some(64));
    assert_eq!(
        refused,
        "slod: invalid correction: no service is named `wep`; did you mean `web`?\n"
    );
    let list = format!("corrections list --address {address}");
    let (_, listed, _) = slod(&format!("{list} --format json"));
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["reason"], "deploy");
    let alerts = format!("alerts --address {address}");
    assert_eq!(slod(&alerts).1, "No alerts.\n");
    let (_, alerts, _) = slod(&format!("{alerts} --from 7d --format json"));
    assert_eq!(alerts, "[]\n");

    daemon.signal("TERM");
    daemon.ended();
    // Nothing listens on port 0: the store is read.
    let (code, stored, why) = slod(&format!("corrections list --config {path}"));
    assert_eq!(code, Some(0));
    assert!(
        stored.contains("deploy") && why.contains("connection refused"),
        "{stored}{why}"
    );
    assert_eq!(slod(&format!("alerts --config {path}")).1, "No alerts.\n");
    let (code, _, why) = slod(&format!("corrections revoke 1 --config {path}"));
    assert_eq!(code, Some(64));
    assert_eq!(
        why,
        "slod: no daemon answers at http://127.0.0.1:0: connection refused\n"
    );

    let daemon = Daemon::start(&file);
    let address = daemon.address.to_string();
    let (code, revoked, _) = slod(&format!("corrections revoke 1 --address {address}"));
    assert_eq!((code, &*revoked), (Some(0), "correction 1 revoked\n"));
    let (_, listed, _) = slod(&format!("corrections list --address {address}"));
    assert_eq!(listed, "No corrections.\n");
}

#[test]
fn a_watched_status_is_one_json_object_per_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), target(), "/", ""));
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 2.0));
    let address = daemon.address.to_string();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_slod"));
    let args = ["status", "--watch", "--format", "json", "--service", "web"];
    watch
        .args(args)
        .args(["--address", &address])
        .stdout(Stdio::piped());
    let mut watch = watch.spawn().expect("it starts");
    let lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    for line in lines.take(2) {
        let status: serde_json::Value = serde_json::from_str(&line.expect("UTF-8")).expect("JSON");
        let state = status["services"][0]["state"].as_str();
        assert!(
            matches!(state, Some("warming up" | "no data yet")),
            "{status}"
        );
        assert_eq!(status["services"][0]["probes"][0]["state"], "ok");
        assert_eq!(status["alerts"], serde_json::json!([]));
    }
    watch.kill().expect("our child");
    watch.wait().expect("our child");
    let (code, _, why) = slod(&format!("status --service wep --address {address}"));
    assert_eq!(code, Some(2));
    assert_eq!(why, "slod: no service is named wep; did you mean web?\n");
}
