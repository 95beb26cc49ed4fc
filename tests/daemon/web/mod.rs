//! The web server of the daemon.

mod answers;
mod clients;

use crate::support::{Daemon, PATIENCE, target};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

fn daemon() -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nstore: {{ path: slod.db, retention: 40d }}\nservices:\n  - name: web\n    probes: [ {{ name: home, interval: 500ms, http: {{ url: \"http://{}/bad\" }} }} ]\n    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 30d }} ]\n",
        target()
    );
    fs::write(&file, text).expect("written");
    (Daemon::start(&file), folder)
}

/// Sends data that may not be a complete request, and reads until the server closes the connection.
fn raw(daemon: &Daemon, bytes: &[u8]) -> String {
    let stream = sent(daemon, bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    answer(stream)
}

fn sent(daemon: &Daemon, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(daemon.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("valid");
    // A server that rejects early may close before everything is sent.
    let _ = stream.write_all(bytes);
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}
