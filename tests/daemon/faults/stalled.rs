//! A daemon that was paused attributes the delay to itself, not to the services.

use crate::server::{CLOSE, http, response};
use crate::support::{Daemon, PATIENCE, has_all, write_config};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const STALLED: &str = "slod_probe_void_total{service=\"web\",probe=\"home\",reason=\"stalled\"}";
const TIMEOUT: &str =
    "slod_probe_failures_total{service=\"web\",probe=\"home\",reason=\"timeout\"}";
const STATUS: &str = "slod_probe_failures_total{service=\"web\",probe=\"home\",reason=\"status\"}";
const MISSED: &str = "slod_probe_missed_total{service=\"web\",probe=\"home\"}";
const RUNS: &str = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";

#[test]
fn attempts_in_progress_during_a_pause_are_not_blamed_on_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sender, begun) = channel();
    let target = http(move |_| {
        let _ = sender.send(());
        thread::sleep(Duration::from_millis(300));
        response("200 OK", CLOSE, "")
    });
    let text = format!(
        "services:
  - name: web
    probes: [ {{ name: home, interval: 2s, timeout: 2s, http: {{ url: \"http://{target}/\" }} }} ]
    objectives: [ {{ name: fast, sli: latency, below: 1900ms, target: 99% }} ]
"
    );
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 1.0));
    // On a busy machine, an attempt may end before its pause.
    daemon.wait_for(|daemon| {
        while begun.try_recv().is_ok() {}
        begun.recv_timeout(PATIENCE).expect("an attempt");
        daemon.pause();
        thread::sleep(Duration::from_millis(4500));
        daemon.signal("CONT");
        begun.recv_timeout(PATIENCE).expect("the next attempt");
        daemon.metric(STALLED).filter(|void| *void >= 1.0)
    });
    daemon.wait_for(|daemon| daemon.metric(MISSED).filter(|missed| *missed >= 1.0));
    assert_eq!(daemon.metric(TIMEOUT), Some(0.0));
    let bad = daemon.metric("slod_slo_bad_events_total{service=\"web\",slo=\"fast\"}");
    assert_eq!(bad, Some(0.0), "nor is it slow");
    let outcomes = daemon.request("GET", "/api/v1/probes/web/home/outcomes");
    has_all(&outcomes, &["slod itself was stalled for"]);
}

/// The status of a response that arrived while slod was paused is known, and nothing else is.
#[test]
fn a_short_pause_causes_no_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "services:
  - name: web
    probes: [ {{ name: home, interval: 1s, timeout: 650ms, http: {{ url: \"http://{address}/\" }} }} ]
"
    );
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    // Attempts that began a while before their pause.
    let mut late = 0.0;
    let answers = ["HTTP/1.1 500 Broken", "HTTP/1.1 200 OK", ""];
    // Usually once each; on a busy machine, a pause may be longer than meant.
    for answer in answers.into_iter().cycle().take(60) {
        let waiting = Instant::now();
        let (mut stream, _) = listener.accept().expect("a connection");
        let begun = Instant::now();
        assert!(stream.read(&mut [0; 2048]).expect("a request") > 0);
        daemon.pause();
        let has_waited = begun - waiting < Duration::from_millis(20);
        if has_waited || begun.elapsed() > Duration::from_millis(200) {
            late += 1.0;
        }
        if !answer.is_empty() {
            write!(stream, "{answer}\r\nContent-Length: 0\r\n\r\n").expect("sent");
        }
        thread::sleep(Duration::from_millis(700));
        daemon.signal("CONT");
        // Keeps the connection open until the attempt has ended.
        let _ = stream.read(&mut [0; 16]);
        assert!(daemon.metric(TIMEOUT) <= Some(late));
        if daemon.metric(STATUS) >= Some(1.0) && daemon.metric(STALLED) >= Some(2.0) {
            return;
        }
    }
    let outcomes = daemon.request("GET", "/api/v1/probes/web/home/outcomes");
    panic!("{outcomes}");
}
