//! Delivery by routes that escalate and repeat, to removed receivers, and to two members of an
//! Alertmanager cluster.

use crate::hook::{self, closed, relax, webhook};
use crate::prometheus::server::start;
use crate::support::{Daemon, PATIENCE, Running, free_port, has_all, target, wait_for};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What is due is sent half a minute later at the latest.
const REPEATED: Duration = Duration::from_secs(110);

/// Changes times in the store, as if more time had passed.
fn in_the_past(folder: &Path, change: &str) {
    let store = Connection::open(folder.join("slod.db")).expect("opens");
    store.busy_timeout(PATIENCE).expect("set");
    // The times may not be recorded yet.
    wait_for(|| (store.execute(change, []).expect("written") > 0).then_some(()));
}

/// A service, and how its alerts are delivered.
fn config(folder: &Path, service: &str, delivery: &str) -> PathBuf {
    hook::config(folder, &[("web", service)], delivery)
}

#[test]
fn a_lasting_alert_is_escalated_and_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((first, to_first), (second, to_second)) = (webhook(&[]), webhook(&[]));
    let delivery = format!(
        "receivers:
  - {{ name: first, webhook: {{ url: \"http://{first}/\" }} }}
  - {{ name: second, webhook: {{ url: \"http://{second}/\" }} }}
routes: [ {{ to: first, wait: 1ms, repeat: 1m, escalate: {{ after: 5s, to: second }} }} ]
"
    );
    let daemon = Daemon::start(&config(folder.path(), &closed(), &delivery));
    let began = to_first.recv_timeout(REPEATED).expect("the alert");
    let early = to_second.try_recv();
    assert!(early.is_err(), "the escalation waits: {early:?}");
    let escalated = to_second.recv_timeout(REPEATED).expect("the escalation");
    in_the_past(folder.path(), "UPDATE delivered SET at = at - 120000");
    let repeated = to_first.recv_timeout(REPEATED).expect("the repetition");
    for later in [&escalated, &repeated] {
        assert_eq!(later.body["status"], "firing");
        assert_eq!(later.fingerprint(), began.fingerprint());
    }
    assert_ne!(began.key, repeated.key, "a repetition is a new message");
    drop(daemon);
}

#[test]
fn an_acknowledged_alert_is_not_escalated() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((first, to_first), (second, to_second)) = (webhook(&[]), webhook(&[]));
    let delivery = format!(
        "receivers:
  - {{ name: first, webhook: {{ url: \"http://{first}/\" }} }}
  - {{ name: second, webhook: {{ url: \"http://{second}/\" }} }}
routes: [ {{ to: first, wait: 1ms, escalate: {{ after: 1h, to: second }} }} ]
"
    );
    let daemon = Daemon::start(&config(folder.path(), &closed(), &delivery));
    let began = to_first.recv_timeout(REPEATED).expect("the alert");
    let fingerprint = began.fingerprint();
    let store = Connection::open(folder.path().join("slod.db")).expect("opens");
    let waiting = || {
        let sql = "SELECT count(*) FROM outbox WHERE receiver = 'second'";
        store.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(waiting(), Ok(1));
    let acknowledge = format!("/api/v1/alerts/{fingerprint}/acknowledge");
    let answer = daemon.post(&acknowledge, "application/json", "{\"author\":\"ada\"}");
    assert!(answer.contains("\"by\":\"ada\""), "{answer}");
    assert_eq!(waiting(), Ok(0));
    assert!(to_second.try_recv().is_err());
}

/// Its acknowledgement ends with it, so its repetition, which was due long ago, is no longer held back.
#[test]
fn the_end_of_an_acknowledged_alert_does_not_repeat_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let delivery = format!(
        "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 5s, repeat: 1m }} ]
"
    );
    let daemon = Daemon::start(&config(folder.path(), &closed(), &delivery));
    let began = received.recv_timeout(REPEATED).expect("the alert");
    let path = format!("/api/v1/alerts/{}/acknowledge", began.fingerprint());
    let answer = daemon.post(&path, "application/json", "{\"author\":\"ada\"}");
    assert!(answer.contains("\"by\":\"ada\""), "{answer}");
    in_the_past(folder.path(), "UPDATE delivered SET at = at - 120000");
    let repeated = received.recv_timeout(Duration::from_secs(3));
    assert!(repeated.is_err(), "{repeated:?}");
    relax(&config(folder.path(), &target().to_string(), &delivery));
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let next = received.recv_timeout(REPEATED).expect("its end");
    assert_eq!(next.fingerprint(), began.fingerprint());
    assert_eq!(next.body["status"], "resolved");
}

#[test]
fn notices_to_a_removed_receiver_are_given_up_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let (away, service) = (closed(), closed());
    let both = format!(
        "receivers:
  - {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }}
  - {{ name: away, webhook: {{ url: \"http://{away}/\" }} }}
routes: [ {{ to: [hook, away], wait: 1ms }} ]
"
    );
    let daemon = Daemon::start(&config(folder.path(), &service, &both));
    received.recv_timeout(REPEATED).expect("the alert");
    let failed = "slod_notification_failures_total{notifier=\"away\"}";
    daemon.wait_for(|daemon| daemon.metric(failed).filter(|count| *count > 0.5));
    assert!(
        daemon
            .request("GET", "/notifications")
            .contains("Not delivered yet")
    );
    let one = format!(
        "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]\nroutes: [ {{ to: hook, wait: 1ms }} ]\n"
    );
    config(folder.path(), &service, &one);
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let given_up = "slod_notifications_given_up_total{notifier=\"away\"}";
    daemon.wait_for(|daemon| daemon.metric(given_up).filter(|count| *count > 0.5));
    let history = daemon.request("GET", "/api/v1/notifications");
    assert!(history.contains("removed from the config"), "{history}");
    assert!(history.contains("\"waiting\":{}"), "{history}");
    let page = daemon.request("GET", "/notifications");
    has_all(&page, &["given up", "delivered"]);
}

/// The receiver refuses connections for an hour, in which slod is killed twice.
#[test]
fn a_receiver_that_was_away_for_an_hour_gets_every_alert_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (down, up) = (closed(), target().to_string());
    let started = |later: &str, hook: &str| {
        let delivery = format!(
            "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 1ms, group_by: [ service ] }} ]
"
        );
        let services = [("first", down.as_str()), ("later", later)];
        Daemon::start(&hook::config(folder.path(), &services, &delivery))
    };
    let failed = "slod_notification_failures_total{notifier=\"hook\"}";
    let queue = "slod_notification_queue_length{notifier=\"hook\"}";
    for (later, least) in [(&up, 0.5), (&down, 1.5)] {
        let daemon = started(later, &closed());
        daemon.wait_for(|daemon| daemon.metric(failed).filter(|count| *count > 0.5));
        daemon.wait_for(|daemon| daemon.metric(queue).filter(|count| *count > least));
        daemon.signal("KILL");
        daemon.ended();
        let half_an_hour = "UPDATE outbox SET due_at = due_at - 1800000, set_at = set_at - 1800000";
        in_the_past(folder.path(), half_an_hour);
    }
    let (hook, received) = webhook(&[]);
    let daemon = started(&down, &hook);
    let both = [(); 2].map(|()| received.recv_timeout(REPEATED).expect("a message"));
    let mut services = [&both[0], &both[1]].map(|got| got.label("service"));
    services.sort_unstable();
    assert_eq!(services, ["first", "later"]);
    assert_ne!(both[0].key, both[1].key);
    for got in &both {
        assert_eq!(got.body["alerts"].as_array().map(Vec::len), Some(1));
    }
    daemon.wait_for(|daemon| daemon.metric(queue).filter(|count| *count < 0.5));
    let more = received.recv_timeout(Duration::from_secs(3));
    assert!(more.is_err(), "{more:?}");
}

/// A real Alertmanager; `None` if it is not installed, except in CI, which guarantees it.
fn alertmanager(folder: &Path, cluster: &str, peer: Option<&str>) -> Option<(Running, SocketAddr)> {
    fs::create_dir_all(folder).expect("ours");
    let file = folder.join("alertmanager.yml");
    let text = "route: { receiver: none, group_wait: 1s }\nreceivers: [ { name: none } ]\n";
    fs::write(&file, text).expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut arguments = vec![
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", folder.join("data").display()),
        format!("--web.listen-address={address}"),
        format!("--cluster.listen-address={cluster}"),
    ];
    arguments.extend(peer.map(|peer| format!("--cluster.peer={peer}")));
    let running = start(Command::new("prometheus-alertmanager").args(&arguments))?;
    Some((running, address.parse().expect("an address")))
}

/// The alerts that an Alertmanager considers active; `None` while it does not respond.
fn active(address: &SocketAddr) -> Option<Vec<Value>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = "GET /api/v2/alerts?active=true HTTP/1.0\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn named<'a>(alerts: &'a [Value], name: &str) -> Option<&'a Value> {
    let is_it = |alert: &&Value| {
        let known = alert["labels"]["alertname"].as_str();
        known.is_some_and(|known| known.starts_with(name))
    };
    alerts.iter().find(is_it)
}

#[test]
fn both_members_of_a_cluster_get_alerts_and_their_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let one = alertmanager(&folder.path().join("a"), &cluster[0], None);
    let other = alertmanager(&folder.path().join("b"), &cluster[1], Some(&cluster[0]));
    let (Some((_one, first)), Some((_other, second))) = (one, other) else {
        return;
    };
    let delivery = format!(
        "receivers: [ {{ name: am, alertmanager: {{ urls: [\"http://{first}\", \"http://{second}\"], resend: 5s }} }} ]
routes: [ {{ to: am, wait: 1ms }} ]
"
    );
    let burning = |alerts: &[Value]| named(alerts, "SlodBudgetBurn").cloned();
    let path = config(folder.path(), &closed(), &delivery);
    let daemon = Daemon::start(&path);
    for member in [&first, &second] {
        let burn = daemon.wait_for(|_| burning(&active(member)?));
        assert_eq!(burn["annotations"]["page_url"], burn["generatorURL"]);
        let source = burn["generatorURL"].as_str().expect("a link");
        assert!(source.ends_with("/services/web"), "{source}");
        // Each daemon has its own watchdog, so that one cannot mask the failure of another.
        let watchdog = daemon.wait_for(|_| named(&active(member)?, "SlodWatchdog").cloned());
        assert!(watchdog["labels"]["instance"].is_string(), "{watchdog}");
    }
    // Without the objective, its alert resolves.
    relax(&config(folder.path(), &target().to_string(), &delivery));
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    for member in [&first, &second] {
        daemon.wait_for(|_| active(member).filter(|alerts| burning(alerts).is_none()));
    }
}

#[test]
fn a_firing_alert_with_changed_labels_resolves_and_fires_with_the_new_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let delivery = format!(
        "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 1ms }} ]
"
    );
    let path = config(folder.path(), &closed(), &delivery);
    let label = |team: &str| {
        let text = fs::read_to_string(&path).expect("readable");
        let lines = text.lines().filter(|line| !line.contains("labels:"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let name = "  - name: web\n";
        let labels = format!("{name}    labels: {{ team: {team} }}\n");
        fs::write(&path, text.replace(name, &labels)).expect("written");
    };
    label("core");
    let daemon = Daemon::start(&path);
    let began = received.recv_timeout(REPEATED).expect("the alert");
    assert_eq!(began.label("team"), "core");
    label("edge");
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let got = received.recv_timeout(REPEATED).expect("a message");
        for alert in got.body["alerts"].as_array().expect("a list") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let row = (text(&alert["labels"]["team"]), text(&alert["status"]));
            if row.0 == "edge" || row.1 == "resolved" {
                seen.push(row);
            }
        }
        seen.sort();
        seen.dedup();
    }
    let rows = [("core", "resolved"), ("edge", "firing")];
    assert_eq!(
        seen,
        rows.map(|(team, status)| (team.to_owned(), status.to_owned()))
    );
}
