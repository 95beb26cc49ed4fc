//! Alerts that wait for the hours of their route.

use crate::hook::{self, closed, relax, webhook};
use crate::support::{Daemon, PATIENCE, target};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];

/// The day of the week after this number of days, in UTC.
fn day_in(days: usize) -> &'static str {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let today = usize::try_from(since.as_secs() / 86_400).expect("a number");
    DAYS[(today + days) % 7]
}

/// Alerts of `web` wait for days, and those of `api` are sent at once.
fn config(folder: &Path, service: &str, hook: &str) -> PathBuf {
    let delivery = format!(
        "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes:
  - {{ match: {{ service: web }}, to: hook, wait: 1ms, group_by: service, deliver_at: {{ days: [ {} ] }} }}
  - {{ to: hook, wait: 1ms, group_by: service }}
",
        day_in(3)
    );
    hook::config(folder, &[("web", service), ("api", service)], &delivery)
}

#[test]
fn an_alert_outside_of_the_hours_of_its_route_waits_and_is_not_sent_if_it_resolves() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let path = config(folder.path(), &closed(), &hook);
    let queue = "slod_notification_queue_length{notifier=\"hook\"}";
    let waits = |daemon: &Daemon, count: f64| {
        daemon.wait_for(|daemon| {
            let length = daemon.metric(queue)?;
            ((length - count).abs() < 0.5).then_some(())
        });
    };
    let daemon = Daemon::start(&path);
    let got = received.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(got.label("service"), "api");
    // Otherwise, it would be sent again after the kill.
    daemon.wait_for(|daemon| {
        let sent = daemon.request("GET", "/api/v1/notifications");
        sent.contains("\"delivered\":true").then_some(())
    });
    waits(&daemon, 1.0);
    // It still waits after a kill.
    daemon.signal("KILL");
    daemon.ended();
    let daemon = Daemon::start(&path);
    waits(&daemon, 1.0);
    relax(&config(folder.path(), &target().to_string(), &hook));
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let got = received.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(
        (got.label("service"), got.body["status"].as_str()),
        ("api", Some("resolved"))
    );
    waits(&daemon, 0.0);
    assert!(received.recv_timeout(Duration::from_secs(3)).is_err());
}
