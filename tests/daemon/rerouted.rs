//! Delivery across reloads that change where alerts and heartbeats are sent.

use crate::hook::{self, Got, closed, relax, webhook};
use crate::server::{CLOSE, http, response};
use crate::support::{Daemon, PATIENCE, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The state of receivers is compared with the firing alerts half a minute after a reload.
const COMPARED: Duration = Duration::from_mins(1);

/// A service and two receivers, one of which gets its alerts.
fn config(folder: &Path, service: &str, hooks: [&str; 2], to: &str) -> PathBuf {
    let [first, second] = hooks;
    let delivery = format!(
        "receivers:
  - {{ name: first, webhook: {{ url: \"http://{first}/\" }} }}
  - {{ name: second, webhook: {{ url: \"http://{second}/\" }} }}
routes: [ {{ to: {to}, wait: 1ms }} ]
"
    );
    hook::config(folder, &[("web", service)], &delivery)
}

fn reload(daemon: &Daemon) {
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
}

fn next(received: &Receiver<Got>) -> (String, String) {
    let got = received.recv_timeout(COMPARED).expect("a message");
    let status = got.body["status"].as_str().unwrap_or_default().to_owned();
    (status, got.fingerprint().to_owned())
}

#[test]
fn an_alert_moved_by_a_reload_resolves_at_the_old_and_fires_at_the_new_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((first, to_first), (second, to_second)) = (webhook(&[]), webhook(&[]));
    let hooks = [first.as_str(), second.as_str()];
    let daemon = Daemon::start(&config(folder.path(), &closed(), hooks, "first"));
    let (status, alert) = next(&to_first);
    assert_eq!(status, "firing");
    let both = |status: &str| (status.to_owned(), alert.clone());
    config(folder.path(), &closed(), hooks, "second");
    reload(&daemon);
    assert_eq!(next(&to_first), both("resolved"));
    assert_eq!(next(&to_second), both("firing"));
    // It moves back and resolves before the comparison: each receiver gets it once.
    relax(&config(
        folder.path(),
        &target().to_string(),
        hooks,
        "first",
    ));
    reload(&daemon);
    assert_eq!(next(&to_second), both("resolved"));
    let late = to_first.recv_timeout(Duration::from_secs(40));
    assert!(late.is_err(), "{late:?}");
    assert!(to_second.try_recv().is_err(), "once");
}

#[test]
fn a_recovered_receiver_gets_alerts_resolved_in_the_meantime() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((first, to_first), (second, _to_second)) = (webhook(&[]), webhook(&[]));
    let (hooks, up) = ([first.as_str(), second.as_str()], target().to_string());
    let path = config(folder.path(), &closed(), hooks, "first");
    let daemon = Daemon::start(&path);
    let (_, alert) = next(&to_first);
    relax(&config(folder.path(), &up, hooks, "second"));
    let text = fs::read_to_string(&path).expect("readable");
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("name: first"))
        .collect();
    fs::write(&path, without.join("\n")).expect("written");
    reload(&daemon);
    daemon.wait_for_log("burn alert resolved", 1);
    relax(&config(folder.path(), &up, hooks, "first"));
    reload(&daemon);
    assert_eq!(next(&to_first), ("resolved".to_owned(), alert));
}

/// The address of a server, and the first lines of its requests.
fn pings() -> (String, Receiver<String>) {
    let (sender, received) = channel();
    let address = http(move |request| {
        let _ = sender.send(format!("{} {}", request.method, request.path));
        response("200 OK", CLOSE, "")
    });
    (address.to_string(), received)
}

#[test]
fn a_heartbeat_moved_by_a_reload_is_sent_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((first, to_first), (second, to_second)) = (pings(), pings());
    let with = |address: &str, every: &str| {
        let heartbeat =
            format!("heartbeat: {{ url: \"http://{address}/ping\", every: {every} }}\n");
        hook::config(folder.path(), &[("web", &target().to_string())], &heartbeat)
    };
    let daemon = Daemon::start(&with(&first, "1h"));
    to_first.recv_timeout(PATIENCE).expect("the first one");
    with(&second, "1h");
    reload(&daemon);
    let line = to_second.recv_timeout(PATIENCE);
    assert_eq!(line.as_deref(), Ok("GET /ping"));
    // A reload without relevant changes sends nothing.
    reload(&daemon);
    assert!(to_second.recv_timeout(Duration::from_secs(2)).is_err());
    assert!(to_first.try_recv().is_err());
}
