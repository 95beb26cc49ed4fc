//! What k6 cannot be made to do on demand, with the stand-in in `tests/tools/engines`.

use super::{config, finished, load, report, run, service, slod};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// `slod` with the stand-in on its PATH.
fn with_stand_in(config: &Path) -> Command {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/engines");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(std::env::split_paths(&path));
    let mut command = slod(config, &load("quick", "web", "k6", &[]));
    command.env("PATH", std::env::join_paths(folders).expect("valid"));
    command
}

#[test]
fn a_run_whose_tool_dies_has_no_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), service::start().0);
    let mut command = with_stand_in(&config);
    let child = command.env("STAND_IN_DIES_AFTER", "2.5").spawn();
    let (code, text) = finished(child.expect("starts"));
    assert_eq!(code, Some(70), "{text}");
    for expected in ["cannot be judged: k6 ended with exit code 107", "TypeError"] {
        assert!(text.contains(expected), "{text}");
    }
    let report = report(&config);
    assert_eq!(report["ending"]["state"], "failed", "{report:#}");
    let seen = report["total"]["requests"].as_u64().expect("a number");
    assert!((40..=50).contains(&seen), "{seen} of 20 per second");
}

#[test]
fn a_process_that_the_tool_left_behind_is_not_waited_for() {
    let cases = [
        (
            "open",
            Some(99),
            "k6 left a process behind that keeps its output open",
        ),
        (
            "writing",
            Some(70),
            "cannot be judged: k6 ended, but a process that it left behind still wrote results",
        ),
    ];
    for (leaves, expected, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path(), service::start().0);
        let began = Instant::now();
        let mut command = with_stand_in(&config);
        let child = command.env("STAND_IN_LEAVES", leaves).spawn();
        let (code, text) = finished(child.expect("starts"));
        assert_eq!(code, expected, "{text}");
        assert!(text.contains(words), "{text}");
        // The stand-in runs for 4 s; the process stays alive for 40 s.
        let took = began.elapsed();
        assert!(took < Duration::from_secs(38), "{took:?}");
        let requests = report(&config)["total"]["requests"].as_u64();
        assert!(requests.is_some_and(|seen| seen >= 80), "{text}");
    }
}

#[test]
fn a_missing_tool_is_reported_with_install_instructions() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service::start();
    let config = config(folder.path(), address);
    for (engine, wanted) in [("k6", "Install k6 0.34"), ("locust", "pip install locust")] {
        let mut command = slod(&config, &load("quick", "web", engine, &[]));
        let child = command.env("PATH", folder.path()).spawn();
        let (code, text) = finished(child.expect("starts"));
        assert!(code == Some(2) && text.contains(wanted), "{text}");
    }
    for args in [&["--expect-workers", "2"][..], &["--", "--out", "cloud"]] {
        let (code, text) = run(&config, &load("quick", "web", "slod", args));
        assert!(
            code == Some(2) && text.contains("--engine locust or k6"),
            "{text}"
        );
    }
    let (_, text) = run(
        &config,
        &load("quick", "web", "locust", &["--no-keep-alive"]),
    );
    assert!(text.contains("not possible with Locust"), "{text}");
    assert_eq!(counts.total(), 0);
}

#[test]
fn arguments_that_would_replace_the_planned_load_are_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), "127.0.0.1:9".parse().expect("valid"));
    for (engine, argument, more) in [
        ("k6", "--vus", &["--vus", "3"][..]),
        ("k6", "--duration", &["--duration=5s"]),
        ("k6", "-u10", &["-u10"]),
        ("locust", "-t", &["-t", "5s"]),
    ] {
        let args = [&["--"][..], more].concat();
        let (code, text) = super::run(&config, &load("quick", "web", engine, &args));
        assert_eq!(code, Some(2), "{text}");
        let said = format!("slod: {argument} after `--` would override the load of the scenario");
        assert!(text.contains(&said), "{text}");
    }
}
