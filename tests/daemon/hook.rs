//! A webhook server that records what it receives, and a config that sends alerts to it.

use crate::server::{Request, serve};
use crate::support::{PATIENCE, write_config};
use serde_json::Value;
use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// How the server handles a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Reset,
    Hang,
    Answer(&'static str),
}

pub const OK: Reaction = Reaction::Answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");

/// A message that the server received, and how it reacted.
#[derive(Debug)]
pub struct Got {
    pub key: String,
    pub body: Value,
    pub reaction: Reaction,
}

impl Got {
    /// A label of its first alert.
    pub fn label(&self, name: &str) -> &str {
        self.body["alerts"][0]["labels"][name]
            .as_str()
            .unwrap_or("")
    }

    pub fn fingerprint(&self) -> &str {
        let fingerprint = &self.body["alerts"][0]["fingerprint"];
        fingerprint.as_str().unwrap_or("")
    }
}

/// A webhook server that reacts in turn, and then accepts.
pub fn webhook(reactions: &'static [Reaction]) -> (String, Receiver<Got>) {
    let count = AtomicUsize::new(0);
    webhook_by(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        reactions.get(number).copied().unwrap_or(OK)
    })
}

/// A webhook server with a reaction for each message.
pub fn webhook_by(
    react: impl Fn(&Value) -> Reaction + Send + Sync + 'static,
) -> (String, Receiver<Got>) {
    let (sender, receiver) = channel();
    let address = serve(move |stream| {
        let _ = receive(stream, &react, &sender);
    });
    (address.to_string(), receiver)
}

/// Handles one request of a connection.
fn receive(
    stream: TcpStream,
    react: &dyn Fn(&Value) -> Reaction,
    sender: &Sender<Got>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let request = Request::read(&mut reader)?;
    let body = serde_json::from_str(&request.body).ok()?;
    let reaction = react(&body);
    let got = Got {
        key: request.header("idempotency-key").to_owned(),
        body,
        reaction,
    };
    sender.send(got).ok()?;
    match reaction {
        Reaction::Reset => {}
        Reaction::Hang => thread::sleep(PATIENCE),
        Reaction::Answer(text) => {
            let text = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            reader.get_mut().write_all(text.as_bytes()).ok()?;
        }
    }
    Some(())
}

/// An address with nothing behind it: a service or a receiver that is down. A free port would be
/// taken by the next test.
pub fn closed() -> String {
    "127.0.0.1:1".to_owned()
}

/// Services by name and URL, and how alerts are delivered. The alert of a service that is down fires
/// at the second failure.
pub fn config(folder: &Path, services: &[(&str, &str)], delivery: &str) -> PathBuf {
    let service = |(name, address): &(&str, &str)| {
        format!(
            "  - name: {name}
    probes: [ {{ name: home, http: {{ url: \"http://{address}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h }} ]
"
        )
    };
    let services: String = services.iter().map(service).collect();
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
{services}{delivery}"
    );
    write_config(folder, &text)
}

/// The same objective under another name and without alerts.
pub fn relax(path: &Path) {
    let text = fs::read_to_string(path).expect("readable");
    let other = text.replace(
        "name: errors, sli: success, target: 99.9%",
        "name: other, sli: success, alerts: false, target: 99.9%",
    );
    assert_ne!(text, other);
    fs::write(path, other).expect("written");
}
