//! Notifications as receivers get them: over failures of the receiver and kills of the daemon.

use crate::support::{Daemon, PATIENCE, target};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// How many kills are wanted; without it, as many as a test run has time for.
const KILLS: &str = "SLOD_TEST_KILLS";

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Reset,
    Hang,
    Answer(&'static str),
}

const OK: Reaction = Reaction::Answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");

/// A message that the server got, and how it reacted.
#[derive(Debug)]
pub struct Got {
    pub key: String,
    pub body: Value,
    reaction: Reaction,
}

/// A webhook server that reacts in turn, and then well.
pub fn webhook(reactions: &'static [Reaction]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reactions = reactions.iter().copied();
        for stream in listener.incoming().flatten() {
            let reaction = reactions.next().unwrap_or(OK);
            let sender = sender.clone();
            thread::spawn(move || serve(stream, reaction, &sender));
        }
    });
    (address, receiver)
}

/// One request of a connection.
fn serve(stream: TcpStream, reaction: Reaction, sender: &Sender<Got>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(": ") {
            Some(("idempotency-key", value)) => value.clone_into(&mut key),
            Some(("content-length", value)) => length = value.parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    let got = Got {
        key,
        body,
        reaction,
    };
    sender.send(got).ok()?;
    match reaction {
        Reaction::Reset => {}
        Reaction::Hang => thread::sleep(Duration::from_secs(3)),
        Reaction::Answer(text) => {
            let text = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            reader.get_mut().write_all(text.as_bytes()).ok()?;
        }
    }
    Some(())
}

/// A service that is down, or not, and a webhook. Its alert fires at the second failure.
fn config(folder: &Path, service: &str, hook: &str) -> PathBuf {
    let path = folder.join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0
store: {{ path: slod.db }}
defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://{service}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h }} ]
receivers: [ {{ name: hook, timeout: 1s, webhook: {{ url: \"http://{hook}/token-of-the-hook\" }} }} ]
routes: [ {{ to: hook, wait: 1ms }} ]
"
    );
    fs::write(&path, text).expect("written");
    path
}

pub fn closed() -> String {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    closed.local_addr().expect("bound").to_string()
}

#[test]
fn a_message_is_tried_with_one_key_until_the_receiver_takes_it() {
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
        assert_eq!(got.body["alerts"][0]["labels"]["service"], "web");
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
fn a_kill_between_decision_and_delivery_loses_no_notice() {
    let kills = std::env::var(KILLS).ok().and_then(|n| n.parse().ok());
    for number in 0..kills.unwrap_or(5_u32) {
        let folder = tempfile::tempdir().expect("a folder");
        let (service, away) = (closed(), closed());
        let daemon = Daemon::start(&config(folder.path(), &service, &away));
        daemon.wait_for(|daemon| daemon.log().contains("error-budget burn").then_some(()));
        thread::sleep(Duration::from_millis(u64::from(number) * 211 % 1500));
        daemon.signal("KILL");
        daemon.ended();
        let (hook, received) = webhook(&[]);
        let daemon = Daemon::start(&config(folder.path(), &service, &hook));
        let got = received.recv_timeout(PATIENCE).expect("the notice");
        assert_eq!(got.body["status"], "firing");
        drop(daemon);
    }
}

#[test]
fn the_resolution_reaches_the_receiver_after_the_alert() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hook, received) = webhook(&[]);
    let daemon = Daemon::start(&config(folder.path(), &closed(), &hook));
    let first = received.recv_timeout(PATIENCE).expect("the alert");
    assert_eq!(first.body["status"], "firing");
    let text = config(folder.path(), &target().to_string(), &hook);
    let other = fs::read_to_string(&text).expect("readable");
    // At this target, no burn rate is high enough to fire.
    let other = other.replace(
        "name: errors, sli: success, target: 99.9%",
        "name: other, sli: success, target: 50%",
    );
    fs::write(&text, other).expect("written");
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let second = received.recv_timeout(PATIENCE).expect("its end");
    assert_eq!(second.body["status"], "resolved");
    let fingerprint = |got: &Got| got.body["alerts"][0]["fingerprint"].clone();
    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert_ne!(first.key, second.key);
}
