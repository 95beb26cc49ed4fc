//! How runs end: without a success, and after an abort.

use super::config;
use crate::server::{http, response};
use crate::support::slod;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_run_without_a_success_fails_with_and_without_thresholds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path());
    let text = std::fs::read_to_string(&file).expect("there");
    let load = |thresholds: &[&str]| {
        let base = ["load", "baseline", "--service", "web", "--plain"];
        let short = ["--users", "2", "--run-time", "1s"];
        let run = || slod(&file, &[&base[..], &short[..], thresholds].concat());
        // A second in which the machine was busy is not judged.
        let is_judged = |(_, shown): &(_, String)| !shown.contains("the generator was the limit");
        let mut runs = std::iter::repeat_with(run).take(5);
        runs.find(is_judged).expect("one that is judged")
    };
    // Nothing listens on port 1.
    for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
        let (code, shown) = load(thresholds);
        assert_eq!(code, Some(99), "{shown}");
        let first = "baseline of web: no request succeeded: all 2 failed; cause: refused (first: ";
        assert!(shown.contains(first), "{shown}");
    }
    for (status, expected) in [("500 No", 99), ("200 OK", 0)] {
        let server = http(move |_| response(status, "", "ok"));
        let text = text.replace("127.0.0.1:1/", &format!("{server}/"));
        std::fs::write(&file, text).expect("written");
        for thresholds in [&[][..], &["--threshold", "avg<1h"]] {
            let (code, shown) = load(thresholds);
            assert_eq!(code, Some(expected), "{status}: {shown}");
        }
    }
    let (code, shown) = slod(&file, &["runs", "show", "1"]);
    assert_eq!(code, Some(99), "{shown}");
}

/// Takes six seconds per response. Returns its address, and when the last request arrived.
fn slow_server() -> (std::net::SocketAddr, Arc<Mutex<Instant>>) {
    let last = Arc::new(Mutex::new(Instant::now()));
    let seen = last.clone();
    let address = http(move |_| {
        *seen.lock().expect("no panic") = Instant::now();
        thread::sleep(Duration::from_secs(6));
        response("200 OK", "", "ok")
    });
    (address, last)
}

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
    // Random arrivals, five per second: three seconds without any mean that the plan has ended.
    while last.lock().expect("no panic").elapsed() < Duration::from_secs(3) {
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
