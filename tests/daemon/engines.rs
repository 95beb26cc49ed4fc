//! Load runs that Locust and k6 make, on the real binary. Both tools cannot be installed where the
//! tests run: `tests/tools/engines` has stand-ins, which send the load of the script that slod gives
//! them and write what the tools document.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A service that counts: every tenth request fails, and so does one without the key.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    failed: AtomicU64,
    without_key: AtomicU64,
}

fn service() -> (SocketAddr, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    let counts = Arc::new(Counts::default());
    let shared = counts.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = shared.clone();
            thread::spawn(move || serve(&stream, &counts));
        }
    });
    (address, counts)
}

fn serve(mut stream: &TcpStream, counts: &Counts) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut has_key, mut length, mut lines) = (false, 0, 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            lines += 1;
            has_key |= line == "x-api-key: s3cretkey";
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a number");
            }
        }
        assert!(lines > 0);
        reader.read_exact(&mut vec![0; length]).expect("a body");
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        counts
            .without_key
            .fetch_add(u64::from(!has_key), Ordering::SeqCst);
        let status = if number % 10 == 9 {
            counts.failed.fetch_add(1, Ordering::SeqCst);
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        thread::sleep(Duration::from_millis(20));
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn config(folder: &Path, address: SocketAddr) -> PathBuf {
    let text = format!(
        "listen: 127.0.0.1:0
store: {{ path: slod.db }}
scenarios:
  - name: quick
    think: 50ms
    users: [ {{ name: low, to: 2, for: 2s }}, {{ name: high, to: 6, for: 3s }} ]
  - name: rates
    rate: [ {{ name: low, to: 20/s, for: 3s }}, {{ name: high, to: 40/s, for: 4s }} ]
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://{address}/\" }} }} ]
    load:
      url: http://{address}
      headers: {{ X-Api-Key: s3cretkey }}
      requests: [ {{ name: chat, method: POST, path: /chat, json: {{ password: s3cretbody }} }} ]
"
    );
    let file = folder.join("slod.yaml");
    std::fs::write(&file, text).expect("written");
    file
}

/// `slod` with the stand-ins on its PATH.
fn slod(config: &Path, args: &[&str]) -> Command {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/engines");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(std::env::split_paths(&path));
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    let (own, passed) = match args.iter().position(|one| *one == "--") {
        Some(place) => args.split_at(place),
        None => (args, &[][..]),
    };
    command
        .args(own)
        .arg("--config")
        .arg(config)
        .args(passed)
        .env("PATH", std::env::join_paths(folders).expect("valid"))
        .current_dir(config.parent().expect("a folder"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn finished(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("ends");
    let text = [output.stdout, output.stderr].concat();
    let code = output.status.code();
    (code, String::from_utf8_lossy(&text).into_owned())
}

fn run(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    finished(slod(config, args).spawn().expect("starts"))
}

fn report(config: &Path) -> Value {
    let (_, text) = run(config, &["runs", "show", "1", "--format", "json"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A run of the scenario `quick`, or of a built-in one.
fn load<'a>(scenario: &'a str, engine: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["load", scenario, "--service", "web", "--engine", engine];
    args.extend(more);
    args
}

fn is_load(requests: u64) -> bool {
    (20..2000).contains(&requests)
}

#[test]
fn the_run_of_either_tool_is_what_the_service_counted() {
    for engine in ["k6", "locust"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (address, counts) = service();
        let config = config(folder.path(), address);
        let more = [
            "--out",
            "out",
            "--threshold",
            "errors<50%",
            "--",
            "--tag",
            "team=web",
        ];
        let args = load("quick", engine, &more);
        let (code, text) = run(&config, &args);
        assert_eq!(code, Some(0), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        let (made, failed) = (
            counts.requests.load(Ordering::SeqCst),
            counts.failed.load(Ordering::SeqCst),
        );
        assert!(is_load(made) && failed > 0, "{made} {failed}: {text}");
        assert_eq!(counts.without_key.load(Ordering::SeqCst), 0, "{engine}");
        let report = report(&config);
        assert_eq!(report["engine"], engine);
        assert_eq!(report["total"]["requests"], made, "{report:#}");
        assert_eq!(report["requests"][0]["name"], "chat");
        assert_eq!(report["requests"][0]["requests"], made);
        assert_eq!(report["ending"]["state"], "completed", "{text}");
        let p50 = report["total"]["p50_seconds"].as_f64().expect("measured");
        assert!((0.02..0.5).contains(&p50), "{p50}");
        let windows = report["windows"].as_array().expect("a list");
        assert!(windows.len() >= 5, "{report:#}");
        let has = |level: f64| windows.iter().any(|one| one["due"] == level);
        assert!(has(2.0) && has(6.0), "{report:#}");
        let series = report["observed"].as_array().expect("a list");
        assert!(!series.is_empty());
        let log = std::fs::read_to_string(folder.path().join(format!("out/{engine}.log")));
        let log = log.expect("a log");
        assert!(log.contains("team=web") && !log.contains("s3cret"), "{log}");
    }
}

/// k6 has rates; users of Locust reach them together.
#[test]
fn either_tool_makes_the_load_of_a_rate() {
    for engine in ["k6", "locust"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (address, counts) = service();
        let config = config(folder.path(), address);
        let args = load("rates", engine, &["--threshold", "errors<50%"]);
        let (code, text) = run(&config, &args);
        assert_eq!(code, Some(0), "{text}");
        let made = counts.requests.load(Ordering::SeqCst);
        let report = report(&config);
        assert_eq!(report["total"]["requests"], made, "{report:#}");
        let windows = report["windows"].as_array().expect("a list");
        let rate = |due: f64| {
            let meant = windows.iter().filter(|one| one["due"] == due);
            let counts: Vec<u64> = meant.filter_map(|one| one["requests"].as_u64()).collect();
            // The first second of a stage is not all of its level.
            counts[1..].iter().sum::<u64>() as f64 / (counts.len() - 1) as f64
        };
        let (low, high) = (rate(20.0), rate(40.0));
        assert!((14.0..26.0).contains(&low), "{engine}: {low} {text}");
        assert!((30.0..50.0).contains(&high), "{engine}: {high} {text}");
        assert_eq!(report["total"]["dropped"], 0);
        if engine == "locust" {
            assert!(text.contains("Locust has users, not rates"), "{text}");
        }
    }
}

#[test]
fn a_tool_that_dies_half_way_is_no_verdict_on_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service();
    let config = config(folder.path(), address);
    let child = slod(&config, &load("quick", "k6", &[]))
        .env("STAND_IN_DIES_AFTER", "2.5")
        .spawn();
    let (code, text) = finished(child.expect("starts"));
    assert_eq!(code, Some(70), "{text}");
    for expected in ["cannot be judged: k6 ended with exit code 107", "TypeError"] {
        assert!(text.contains(expected), "{text}");
    }
    let report = report(&config);
    assert_eq!(report["ending"]["state"], "failed", "{report:#}");
    let seen = report["total"]["requests"].as_u64().expect("a number");
    let made = counts.requests.load(Ordering::SeqCst);
    // Requests in flight died with it.
    assert!(
        seen > 10 && seen <= made && made - seen <= 20,
        "{seen} of {made}"
    );
}

#[test]
fn a_process_that_the_tool_left_behind_is_not_waited_for() {
    let cases = [
        (
            "open",
            Some(0),
            "k6 left a process behind, which keeps its output open",
        ),
        (
            "writing",
            Some(70),
            "cannot be judged: k6 ended, but a process that it left behind still wrote results",
        ),
    ];
    for (leaves, expected, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let (address, _) = service();
        let config = config(folder.path(), address);
        let began = Instant::now();
        let mut command = slod(
            &config,
            &load("quick", "k6", &["--threshold", "errors<50%"]),
        );
        let child = command.env("STAND_IN_LEAVES", leaves).spawn();
        let (code, text) = finished(child.expect("starts"));
        assert_eq!(code, expected, "{text}");
        assert!(text.contains(words), "{text}");
        // The plan has 5 s; the process stays for 40.
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            began.elapsed()
        );
        let requests = report(&config)["total"]["requests"].as_u64();
        assert!(requests.is_some_and(is_load), "{text}");
    }
}

#[test]
fn a_tool_that_is_missing_is_named_with_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service();
    let config = config(folder.path(), address);
    for (engine, wanted) in [("k6", "Install k6 0.34"), ("locust", "pip install locust")] {
        let mut command = slod(&config, &load("quick", engine, &[]));
        let child = command.env("PATH", folder.path()).spawn();
        let (code, text) = finished(child.expect("starts"));
        assert!(code == Some(2) && text.contains(wanted), "{text}");
    }
    for args in [&["--expect-workers", "2"][..], &["--", "--out", "cloud"]] {
        let (code, text) = run(&config, &load("quick", "slod", args));
        assert!(
            code == Some(2) && text.contains("--engine locust or k6"),
            "{text}"
        );
    }
    let (_, text) = run(&config, &load("quick", "locust", &["--no-keep-alive"]));
    assert!(text.contains("not possible with Locust"), "{text}");
    assert_eq!(counts.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn an_interrupt_ends_the_tool_gently_and_reports() {
    for engine in ["k6", "locust"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (address, counts) = service();
        let config = config(folder.path(), address);
        let args = load("baseline", engine, &["--users", "3"]);
        let child = slod(&config, &args).spawn().expect("starts");
        wait_for(|| counts.requests.load(Ordering::SeqCst) > 5);
        thread::sleep(Duration::from_millis(1500));
        let id = child.id().to_string();
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("sent");
        let (code, text) = finished(child);
        assert_eq!(code, Some(105), "{text}");
        let report = report(&config);
        assert_eq!(report["ending"]["state"], "interrupted");
        let made = counts.requests.load(Ordering::SeqCst);
        assert_eq!(report["total"]["requests"], made, "{engine}: {text}");
        thread::sleep(Duration::from_millis(300));
        assert_eq!(counts.requests.load(Ordering::SeqCst), made, "it goes on");
    }
}

#[test]
fn the_tool_ends_with_slod() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, counts) = service();
    let config = config(folder.path(), address);
    let args = load("baseline", "k6", &["--users", "3"]);
    let mut child = slod(&config, &args).spawn().expect("starts");
    wait_for(|| counts.requests.load(Ordering::SeqCst) > 5);
    child.kill().expect("killed");
    child.wait().expect("ends");
    thread::sleep(Duration::from_millis(500));
    let made = counts.requests.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(counts.requests.load(Ordering::SeqCst), made, "it goes on");
}

#[test]
fn a_lost_worker_is_less_load_and_no_better_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = service();
    let config = config(folder.path(), address);
    // Workers have an environment of their own: here that of the test.
    let more = ["--expect-workers", "2", "--run-time", "12s"];
    let mut command = slod(&config, &load("quick", "locust", &more));
    command
        .env("X_API_KEY", "s3cretkey")
        .env("LOAD_PASSWORD", "s3cretbody");
    let child = command.env("STAND_IN_LOSES_AFTER", "6").spawn();
    let (code, text) = finished(child.expect("starts"));
    assert!(
        text.contains("locust -f - --worker --master-host"),
        "{text}"
    );
    assert!(
        text.contains("cannot be judged: 1 of 2 workers were lost after"),
        "{code:?} {text}"
    );
    let report = report(&config);
    assert!(
        report["total"]["requests"].as_u64().is_some_and(is_load),
        "{report:#}"
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
}

fn wait_for(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "it takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}
