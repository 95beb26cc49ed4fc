//! Notifications as receivers get them, across failures of the receiver and kills of the daemon.

use crate::hook::{self, OK, Reaction, closed, relax, webhook, webhook_by};
use crate::support::{Daemon, PATIENCE, target};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Number of kills; the default fits into the time of a test run.
const KILLS: &str = "SLOD_TEST_KILLS";

/// A service that is up or down, and a webhook.
fn config(folder: &Path, service: &str, hook: &str) -> PathBuf {
    let delivery = format!(
        "receivers: [ {{ name: hook, timeout: 1s, webhook: {{ url: \"http://{hook}/token-of-the-hook\" }} }} ]
routes: [ {{ to: hook, wait: 1ms }} ]
"
    );
    hook::config(folder, &[("web", service)], &delivery)
}

#[test]
fn a_message_is_retried_with_the_same_key_until_it_is_accepted() {
    const REACTIONS: &[Reaction] = &[
        Reaction::Reset,
        Reaction::Answer("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
        Reaction::Hang,
        Reaction::Answer(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
        ),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(REACTIONS);
    let path = config(folder.path(), &closed(), &hook);
    let daemon = Daemon::start(&path);
    let mut keys = Vec::new();
    loop {
        let got = received.recv_timeout(PATIENCE).expect("a message");
        assert_eq!(got.label("service"), "web");
        assert_eq!(got.body["version"], "4");
        keys.push(got.key);
        if got.reaction == OK {
            break;
        }
    }
    assert_eq!(keys.len(), REACTIONS.len() + 1);
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let failures = "slod_notification_failures_total{notifier=\"hook\"}";
    assert_eq!(daemon.metric(failures), Some(4.0));
    let queue = "slod_notification_queue_length{notifier=\"hook\"}";
    daemon.wait_for(|daemon| daemon.metric(queue).filter(|waiting| *waiting < 0.5));
    assert!(!daemon.log().contains("token-of-the-hook"));
}

#[test]
fn a_large_message_is_split_and_a_failing_template_is_harmless() {
    const TAKEN: Reaction =
        Reaction::Answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"a\"}");
    const REACTIONS: &[Reaction] = &[
        Reaction::Answer("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n"),
        TAKEN,
        TAKEN,
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(REACTIONS);
    // The examples in `slod check` do not have a service of this name.
    let delivery = format!(
        "receivers:
  - name: hook
    ntfy: {{ topic: example-topic, url: \"http://{hook}\" }}
    text: '{{% if alerts[0].service in [\"a\", \"b\"] %}}{{{{ alerts[0].label.x.y }}}}{{% endif %}}'
routes: [ {{ to: hook, wait: 3s }} ]
"
    );
    let (one, other) = (closed(), closed());
    let path = hook::config(folder.path(), &[("a", &one), ("b", &other)], &delivery);
    let daemon = Daemon::start(&path);
    let next = || received.recv_timeout(PATIENCE).expect("a message");
    let (all, second, first) = (next(), next(), next());
    let title = |got: &hook::Got| got.body["title"].as_str().unwrap_or_default().to_owned();
    assert!(title(&all).contains("FIRING 2"), "{all:?}");
    assert!(title(&second).starts_with("[FIRING] ") && title(&first).starts_with("[FIRING] "));
    assert_eq!(second.key, format!("{}-2", all.key));
    assert_eq!(first.key, format!("{}-1", all.key));
    let failures = "slod_notification_template_failures_total{notifier=\"hook\"}";
    daemon.wait_for(|daemon| daemon.metric(failures).filter(|count| *count > 0.5));
    let given_up = "slod_notifications_given_up_total{notifier=\"hook\"}";
    assert_eq!(daemon.metric(given_up), Some(0.0));
}

#[test]
fn a_kill_between_decision_and_delivery_loses_no_notice() {
    let kills = std::env::var(KILLS).ok().and_then(|n| n.parse().ok());
    for number in 0..kills.unwrap_or(5_u32) {
        let folder = tempfile::tempdir().expect("a folder");
        let (service, away) = (closed(), closed());
        let daemon = Daemon::start(&config(folder.path(), &service, &away));
        daemon.wait_for_log("error-budget burn", 1);
        thread::sleep(Duration::from_millis(u64::from(number) * 211 % 1500));
        daemon.signal("KILL");
        daemon.ended();
        let (hook, received) = webhook(&[]);
        let daemon = Daemon::start(&config(folder.path(), &service, &hook));
        let got = received.recv_timeout(PATIENCE);
        let got = got.unwrap_or_else(|_| panic!("kill {number} lost it:\n{}", daemon.log()));
        assert_eq!(got.body["status"], "firing");
    }
}

#[test]
fn the_resolved_message_arrives_after_the_firing_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let daemon = Daemon::start(&config(folder.path(), &closed(), &hook));
    let first = received.recv_timeout(PATIENCE).expect("the alert");
    assert_eq!(first.body["status"], "firing");
    relax(&config(folder.path(), &target().to_string(), &hook));
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let second = received.recv_timeout(PATIENCE).expect("its end");
    assert_eq!(second.body["status"], "resolved");
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_ne!(first.key, second.key);
}

#[test]
fn hanging_or_failing_groups_delay_no_other() {
    let (hook, received) = webhook_by(|body| match body["commonLabels"]["service"].as_str() {
        Some("hangs") => Reaction::Hang,
        Some("fails") => {
            Reaction::Answer("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
        }
        _ => OK,
    });
    let folder = tempfile::tempdir().expect("a folder");
    let (down, up) = (closed(), target().to_string());
    let delivery = format!(
        "receivers: [ {{ name: hook, timeout: 60s, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 1ms, group_by: [ service ] }} ]
"
    );
    let services = |web| [("hangs", down.as_str()), ("fails", &down), ("web", web)];
    let path = hook::config(folder.path(), &services(&up), &delivery);
    let daemon = Daemon::start(&path);
    let mut seen = [false; 2];
    while seen != [true; 2] {
        let got = received.recv_timeout(PATIENCE).expect("both are tried");
        seen[usize::from(got.label("service") == "fails")] = true;
    }
    // Both are in progress, or wait for a retry.
    hook::config(folder.path(), &services(&down), &delivery);
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let asked = Instant::now();
    loop {
        let got = received.recv_timeout(PATIENCE).expect("a message");
        assert_ne!(got.label("service"), "hangs", "it still hangs");
        if got.label("service") == "web" {
            break;
        }
    }
    assert!(asked.elapsed() < PATIENCE / 2);
}

#[test]
fn the_queue_length_is_shown_while_a_receiver_pauses_attempts() {
    const LATER: Reaction = Reaction::Answer(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook_by(|_| LATER);
    let (down, up) = (closed(), target().to_string());
    let delivery = format!(
        "receivers: [ {{ name: hook, webhook: {{ url: \"http://{hook}/\" }} }} ]
routes: [ {{ to: hook, wait: 1ms, group_by: [ service ] }} ]
"
    );
    let services = |other| [("web", down.as_str()), ("api", other)];
    let path = hook::config(folder.path(), &services(&up), &delivery);
    let daemon = Daemon::start(&path);
    received.recv_timeout(PATIENCE).expect("the only attempt");
    hook::config(folder.path(), &services(&down), &delivery);
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let queue = "slod_notification_queue_length{notifier=\"hook\"}";
    daemon.wait_for(|daemon| daemon.metric(queue).filter(|waiting| *waiting > 1.5));
    assert!(received.try_recv().is_err(), "it asked for an hour");
}
