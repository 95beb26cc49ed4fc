//! Load runs on the real binary: kept while the daemon writes, listed, reported and compared.

use crate::support::Daemon;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn config(folder: &Path) -> PathBuf {
    let text = "listen: 127.0.0.1:0
store: { path: slod.db }
services:
  - name: web
    probes: [ { name: home, http: { url: \"http://127.0.0.1:1/\" } } ]
";
    let file = folder.join("slod.yaml");
    std::fs::write(&file, text).expect("written");
    file
}

fn slod(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(args)
        .arg("--config")
        .arg(config)
        .output()
        .expect("runs");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Two minutes of 20 requests per second as oha writes them, with about a latency in milliseconds.
fn result(folder: &Path, latency: f64) -> PathBuf {
    let mut text = "request-start,request-duration,status\n".to_owned();
    for request in 0..2400_u32 {
        let spread = 1.0 + f64::from(request * 7919 % 101) / 200.0;
        let (start, took) = (f64::from(request) / 20.0, latency * spread / 1000.0);
        writeln!(text, "{start},{took},200").expect("written");
    }
    let file = folder.join(format!("{latency}.csv"));
    std::fs::write(&file, text).expect("written");
    file
}

#[test]
fn runs_are_kept_beside_a_daemon_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let daemon = Daemon::start(&config);
    for latency in [50.0, 51.0, 80.0] {
        let file = result(folder.path(), latency);
        let file = file.to_str().expect("a path");
        let (_, text) = slod(&config, &["import", "oha", file, "--service", "web"]);
        assert!(text.contains("kept as run"), "{text}");
    }
    let (code, text) = slod(&config, &["runs", "list"]);
    assert_eq!(
        (code, text.matches("imported").count()),
        (Some(0), 3),
        "{text}"
    );
    let (_, text) = slod(&config, &["runs", "show", "1"]);
    assert!(text.contains("2400"), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("has no baseline"), "{text}");
    assert_eq!(
        slod(&config, &["baseline", "record", "1"]),
        (Some(0), String::new())
    );
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "3"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("bad      p95") && text.contains("worse"),
        "{text}"
    );
    assert_eq!(slod(&config, &["runs", "delete", "3"]).0, Some(0));
    let (code, text) = slod(&config, &["runs", "show", "3"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no readable run 3"), "{text}");
    drop(daemon);
}
