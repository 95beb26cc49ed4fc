//! Locust workers: separate processes, as on other machines.

use super::tools::is_installed;
use super::{config, finished, load, report, service, slod};
use crate::support::{Running, free_port, wait_for};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Without its own locustfile, it gets the master's, which Locust writes into the directory of temporary files under the
/// same name for each worker: workers of one machine overwrite the file that others are reading.
fn worker(port: &str, machine: &Path, own: Option<&Path>) -> Running {
    let file = own.unwrap_or(Path::new("-"));
    std::fs::create_dir(machine).expect("created");
    let child = Command::new("locust")
        .env("TMPDIR", machine)
        .arg("-f")
        .arg(file)
        .args(["--worker", "--master-host", "127.0.0.1"])
        .args(["--master-port", port])
        // Workers have a separate environment.
        .env("X_API_KEY", "s3cretkey")
        .env("LOAD_PASSWORD", "s3cretbody")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.expect("starts"))
}

#[test]
fn a_lost_worker_reduces_the_load_without_improving_the_verdict() {
    if !is_installed("locust") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service::start();
    let config = config(folder.path(), address);
    let port = free_port().to_string();
    let more = [
        "--expect-workers",
        "2",
        "--users",
        "6",
        "--run-time",
        "12s",
        "--",
        "--master-bind-host",
        "127.0.0.1",
        "--master-bind-port",
        &port,
    ];
    let mut command = slod(&config, &load("quick", "web", "locust", &more));
    let mut child = command.spawn().expect("starts");
    let [lost, _kept] = ["a", "b"].map(|name| worker(&port, &folder.path().join(name), None));
    let mut has_ended = || child.try_wait().expect("our child").is_some();
    wait_for(|| (counts.total() > 100 || has_ended()).then_some(()));
    drop(lost);
    let before = counts.total();
    let (code, text) = finished(child);
    let is_known = text.contains("cannot be judged: 1 of 2 workers were lost after");
    assert!(is_known, "{code:?} {text}");
    assert_eq!(counts.of("chat 401"), 0, "{}", counts.all());
    let report = report(&config);
    let seen = report["total"]["requests"].as_u64().expect("a number");
    // What the lost worker had not reported is lost: up to three seconds of 3 users.
    let made = counts.total();
    assert!(
        made > before && seen <= made && made - seen <= 140,
        "{seen} of {made}"
    );
    let observed = report["observed"].as_array().expect("a list");
    let workers = observed.iter().find(|one| {
        one["series"]
            .as_str()
            .is_some_and(|name| name.starts_with("slod_load_workers"))
    });
    let workers = workers.expect("sampled");
    assert!(
        workers["first"] == 2.0 && workers["last"] == 1.0,
        "{workers}"
    );
    thread::sleep(Duration::from_millis(300));
    assert_eq!(counts.total(), made, "a worker goes on");
}

#[test]
fn a_worker_with_another_locustfile_reduces_the_load_without_improving_the_verdict() {
    if !is_installed("locust") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = service::start();
    let config = config(folder.path(), address);
    let other = folder.path().join("other.py");
    let text = "from locust import HttpUser, task\nclass Other(HttpUser):\n    @task\n    def other(self): pass\n";
    std::fs::write(&other, text).expect("written");
    let port = free_port().to_string();
    let bind = format!("--master-bind-port={port}");
    let workers = ["--expect-workers", "2", "--users", "6", "--run-time", "11s"];
    let more = [
        &workers[..],
        &["--", "--master-bind-host", "127.0.0.1", &bind],
    ]
    .concat();
    let mut command = slod(&config, &load("quick", "web", "locust", &more));
    let child = command.spawn().expect("starts");
    let _own = worker(&port, &folder.path().join("a"), Some(&other));
    let _same = worker(&port, &folder.path().join("b"), None);
    let (code, text) = finished(child);
    assert!(
        text.contains(&format!("--master-host THIS_HOST --master-port {port}`")),
        "{code:?} {text}"
    );
    // Three, or fewer on average if the machine is busy.
    assert!(
        text.contains(" of the planned 6 users in "),
        "{code:?} {text}"
    );
}
