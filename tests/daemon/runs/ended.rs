//! How runs end: without a success, and after an abort.

use super::config;
use crate::support::slod;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Responds to requests with a status, until it is dropped with its process.
fn server(status: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            thread::spawn(move || {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_run_without_a_success_fails_with_and_without_thresholds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path());
    let text = std::fs::read_to_string(&file).expect("there");
    let load = |thresholds: &[&str]| {
        let base = ["load", "baseline", "--service", "web", "--plain"];
        let short = ["--users", "2", "--run-time", "1s"];
        slod(&file, &[&base[..], &short[..], thresholds].concat())
    };
    // Nothing listens on port 1.
    for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
        let (code, shown) = load(thresholds);
        assert_eq!(code, Some(99), "{shown}");
        let first = "baseline of web: no request succeeded: all 2 failed; cause: refused (first: ";
        assert!(shown.contains(first), "{shown}");
    }
    for (status, expected) in [("500 No", 99), ("200 OK", 0)] {
        let text = text.replace("127.0.0.1:1/", &format!("{}/", server(status)));
        std::fs::write(&file, text).expect("written");
        for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
            let (code, shown) = load(thresholds);
            assert_eq!(code, Some(expected), "{status}: {shown}");
        }
    }
    let (code, shown) = slod(&file, &["runs", "show", "1"]);
    assert_eq!(code, Some(99), "{shown}");
}

/// Takes four seconds per response. Returns its address, and when the last request arrived.
fn slow_server() -> (std::net::SocketAddr, Arc<Mutex<Instant>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    let last = Arc::new(Mutex::new(Instant::now()));
    let seen = last.clone();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let seen = seen.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    *seen.lock().expect("no panic") = Instant::now();
                    thread::sleep(Duration::from_secs(4));
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, last)
}

/// An abort ends the run; the first Ctrl-C after it does not interrupt the report.
#[test]
fn a_ctrl_c_after_an_abort_keeps_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, last) = slow_server();
    let file = config(folder.path());
    let text = std::fs::read_to_string(&file).expect("there");
    let text = text.replace("127.0.0.1:1/", &format!("{address}/"));
    std::fs::write(&file, text).expect("written");
    let mut run = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["load", "throughput", "--service", "web", "--rate", "5/s"])
        .args(["--run-time", "90s", "--threshold", "avg<100ms", "--abort"])
        .args(["--plain", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs");
    let began = Instant::now();
    // Random arrivals, five per second: two seconds without any mean that the plan has ended.
    while last.lock().expect("no panic").elapsed() < Duration::from_secs(2) {
        assert!(began.elapsed() < Duration::from_secs(80), "no abort");
        thread::sleep(Duration::from_millis(20));
    }
    let pid = i32::try_from(run.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::INT)
        .expect("signalled");
    let mut shown = String::new();
    let mut stdout = run.stdout.take().expect("piped");
    stdout.read_to_string(&mut shown).expect("text");
    let status = run.wait().expect("ends");
    assert_eq!(status.code(), Some(99), "{shown}");
    assert!(shown.contains("aborted: avg < 100ms was missed"), "{shown}");
    assert!(shown.contains("THRESHOLDS"), "{shown}");
}
