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

#[test]
fn no_secret_of_a_request_leaves_with_an_export_or_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("slod.yaml");
    std::fs::write(
        folder.path().join("path"),
        "http://127.0.0.1:1/hooks/s3cretpath",
    )
    .expect("written");
    let text = |address: &str| {
        format!(
            "listen: 127.0.0.1:0
store: {{ path: slod.db }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]
    load:
      {address}
      method: POST
      body: '{{ \"key\": \"s3cretbody\" }}'
      bearer: s3crettoken
      headers: {{ X-Api-Key: s3cretkey, Accept: text/plain }}
"
        )
    };
    std::fs::write(&file, text("url: http://127.0.0.1:1/chat")).expect("written");
    for tool in ["locust", "k6"] {
        for more in [&[][..], &["--kubernetes", "2"]] {
            let args = [&["export", tool, "baseline", "--service", "web"], more].concat();
            let (code, script) = slod(&file, &args);
            assert_eq!(code, Some(0), "{script}");
            assert!(
                script.contains("/chat") && script.contains("LOAD_BODY"),
                "{script}"
            );
            assert!(!script.contains("s3cret"), "{script}");
        }
    }
    std::fs::write(&file, text("url_file: path")).expect("written");
    let (code, refused) = slod(&file, &["export", "k6", "baseline", "--service", "web"]);
    assert!(code == Some(2) && !refused.contains("s3cret"), "{refused}");
    let quick = [
        "load",
        "baseline",
        "--service",
        "web",
        "--users",
        "1",
        "--run-time",
        "1s",
    ];
    let (_, shown) = slod(&file, &quick);
    assert!(
        shown.contains("refused") && !shown.contains("s3cret"),
        "{shown}"
    );
}
