//! A store that another process holds, and a file that is not a store.

use crate::support::{Daemon, target, write_config};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn config(folder: &Path) -> PathBuf {
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://{}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99% }} ]
",
        target()
    );
    write_config(folder, &text)
}

const BACKLOG: &str = "slod_store_backlog_outcomes";
const LOST: &str = "slod_store_lost_outcomes_total";
const RUNS: &str = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";

#[test]
fn outcomes_wait_and_none_is_lost_while_another_process_locks_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path()));
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 1.0));
    let other = Connection::open(folder.path().join("slod.db")).expect("opens");
    other.busy_timeout(Duration::from_secs(10)).expect("set");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("it is free for a moment");
    let held = Instant::now();
    let before = daemon.metric(RUNS).expect("known");
    while held.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(500));
        assert!(daemon.metric(RUNS).is_some(), "it answers all the time");
    }
    let after = daemon.metric(RUNS).expect("known");
    assert!(
        after - before >= 20.0,
        "probing goes on: {before} to {after}"
    );
    assert!(
        daemon.metric(BACKLOG) >= Some(15.0),
        "{:?}",
        daemon.metric(BACKLOG)
    );
    let not_ready = daemon.request("GET", "/-/ready");
    assert!(
        not_ready.starts_with("HTTP/1.1 503") && not_ready.contains("database is locked"),
        "{not_ready}"
    );
    assert!(
        daemon
            .request("GET", "/-/healthy")
            .starts_with("HTTP/1.1 200")
    );
    let page = daemon.request("GET", "/");
    assert!(page.contains("The store cannot be written: "), "{page}");
    other.execute_batch("COMMIT").expect("let go");
    daemon.wait_for(|daemon| daemon.metric(BACKLOG).filter(|waiting| *waiting < 10.0));
    assert_eq!(daemon.metric(LOST), Some(0.0));
    daemon.wait_for(|daemon| {
        let ready = daemon.request("GET", "/-/ready");
        ready.starts_with("HTTP/1.1 200").then_some(())
    });
    let failing = daemon.log().matches("writing to the store failed").count();
    assert!(
        failing <= 2,
        "logged once and not every second:\n{}",
        daemon.log()
    );
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let kept: f64 = other
        .query_row("SELECT count(*) FROM outcome", [], |row| {
            row.get::<_, i64>(0)
        })
        .expect("readable") as f64;
    assert!(kept >= after, "{kept} kept of {after}");
}

/// The result of a start with this file.
fn start(folder: &Path) -> (Option<i32>, String) {
    let path = config(folder);
    let mut child = Command::new(env!("CARGO_BIN_EXE_slod"));
    child.args(["run", "--config"]).arg(&path);
    let ended = child.output().expect("it runs");
    (
        ended.status.code(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

#[test]
fn files_that_are_not_stores_are_rejected_and_left_unchanged() {
    for (name, bytes) in [
        (
            "garbage",
            b"this is no database, and never was one".repeat(200),
        ),
        ("cut", b"SQLite format 3\0".to_vec()),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("slod.db");
        fs::write(&file, &bytes).expect("written");
        let (code, reported) = start(folder.path());
        assert_eq!(code, Some(64), "{name}: {reported}");
        assert!(
            reported.contains("slod.db") || reported.contains("store"),
            "{name}: {reported}"
        );
        assert!(!reported.contains("panicked"), "{name}: {reported}");
        assert_eq!(fs::read(&file).expect("still there"), bytes, "{name}");
    }
}

/// Garbage in the log next to the file was never committed: SQLite ignores it.
#[test]
fn garbage_in_the_write_ahead_log_loses_no_committed_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path()));
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 10.0));
    daemon.signal("TERM");
    daemon.ended();
    let wal = folder.path().join("slod.db-wal");
    fs::write(
        &wal,
        b"\x37\x7f\x06\x82 nothing of this is a frame".repeat(500),
    )
    .expect("written");
    let daemon = Daemon::start(&config(folder.path()));
    let covered = "slod_slo_coverage_ratio{service=\"web\",slo=\"errors\",window=\"5m\"}";
    daemon.wait_for(|daemon| daemon.metric(covered).filter(|share| *share > 0.006));
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 1.0));
}

#[test]
fn a_file_size_limit_is_handled_like_a_full_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new("sh")
        .args([
            "-c",
            r#"ulimit -f 16 && exec timeout 60 "$0" run --config "$1""#,
        ])
        .arg(env!("CARGO_BIN_EXE_slod"))
        .arg(config(folder.path()))
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    // Not killed by SIGXFSZ, which a shell reports as 153.
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("slod.db"), "{said}");
}
