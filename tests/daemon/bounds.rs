//! Everything that unauthenticated clients can cause in the daemon and the command line is bounded.

use crate::server::{response, serve};
use crate::support::{Daemon, PATIENCE, next_page, target, write_config};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn daemon() -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let up = target();
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}\nservices: [ {{ name: web, probes: [ {{ name: home, http: {{ url: \"http://{up}/\" }} }} ], objectives: [] }} ]\n"
    );
    let path = write_config(folder.path(), &text);
    (Daemon::start(&path), folder)
}

#[test]
fn unfinished_requests_lose_their_place() {
    rlimit::increase_nofile_limit(8192).expect("the limit can be raised");
    let (daemon, _folder) = daemon();
    let head = "POST /api/v1/corrections HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{";
    let mut unfinished = Vec::new();
    for _ in 0..1500 {
        let mut stream = TcpStream::connect(daemon.address).expect("it listens");
        // The daemon may close it immediately.
        let _ = stream.write_all(head.as_bytes());
        unfinished.push(stream);
    }
    for _ in 0..5 {
        let fds = daemon.metric("process_open_fds").expect("on Linux");
        assert!(fds < 1200.0, "{fds} file descriptors");
    }
    drop(unfinished);
}

#[test]
fn connections_without_a_request_are_closed() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (daemon, _folder) = daemon();
    let started = Instant::now();
    let open = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(daemon.address).expect("it listens");
        stream.write_all(bytes).expect("sent");
        stream.set_read_timeout(Some(PATIENCE)).expect("valid");
        stream
    };
    let beginnings = [&b""[..], b"P", &PREFACE[..20], PREFACE, b"GET / HT"];
    for mut stream in beginnings.map(open) {
        let mut settings = Vec::new();
        stream.read_to_end(&mut settings).expect("it closes");
    }
    // 15 seconds, plus a margin.
    let took = started.elapsed();
    assert!(took < Duration::from_secs(40), "{took:?}");
}

/// Whether the daemon has an open connection to this address, according to the kernel.
fn is_connected(daemon: &Daemon, client: SocketAddr) -> bool {
    const ESTABLISHED: &str = "01";
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let ends = [port(daemon.address), port(client)];
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&ends[0]) && fields[2].ends_with(&ends[1]) && fields[3] == ESTABLISHED
    })
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    const REQUESTS: usize = 3000;
    let (daemon, _folder) = daemon();
    let one = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = TcpStream::connect(daemon.address).expect("it listens");
    client
        .set_write_timeout(Some(Duration::from_secs(1)))
        .expect("valid");
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("valid");
    // The daemon stops reading while it cannot write.
    let _ = client.write_all(&one.repeat(REQUESTS));
    // Ten seconds without progress, after the buffers are full.
    let own = client.local_addr().expect("connected");
    daemon.wait_for(|daemon| (!is_connected(daemon, own)).then_some(()));
    let mut answers = Vec::new();
    let _ = client.read_to_end(&mut answers);
    let heads = answers.windows(9).filter(|part| part == b"HTTP/1.1 ");
    assert!(heads.count() < REQUESTS, "all was sent in the end");
}

#[test]
fn invalid_hosts_are_rejected() {
    let (daemon, _folder) = daemon();
    for host in ["127.0.0.1:99999", "a b", "u@localhost", "999.1.1.1", "[::1"] {
        let mut stream = TcpStream::connect(daemon.address).expect("it listens");
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
}

/// A file that the config refers to is read again when it changes, without repeating every warning.
#[test]
fn a_reload_does_not_repeat_old_warnings() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef0123").expect("written");
    let text = "services: [ { name: a, probes: [ { name: p, http: { url: \"http://127.0.0.1:1/?key=hunter2\", bearer_file: token } } ] } ]
";
    let path = write_config(folder.path(), text);
    let daemon = Daemon::start(&path);
    let warnings = |daemon: &Daemon| daemon.log().matches("looks like a secret").count();
    assert_eq!(warnings(&daemon), 1, "{}", daemon.log());
    fs::write(&token, "another0123456789abcdef").expect("written");
    daemon.wait_for(|daemon| daemon.log().contains("config reloaded").then_some(()));
    assert_eq!(warnings(&daemon), 1, "{}", daemon.log());
    daemon.signal("HUP");
    daemon.wait_for(|daemon| (daemon.log().matches("config reloaded").count() == 2).then_some(()));
    assert_eq!(warnings(&daemon), 1, "only new ones are logged");
    assert!(!daemon.log().contains("hunter2"));
    assert!(!daemon.request("GET", "/services/a").contains("hunter2"));
}

#[test]
fn the_history_is_read_in_bounded_parts() {
    let (daemon, _folder) = daemon();
    let outcomes = |query: &str| {
        let path = format!("/api/v1/probes/web/home/outcomes{query}");
        daemon.request("GET", &path)
    };
    let whole =
        daemon.wait_for(|_| Some(outcomes("")).filter(|text| text.matches("\"at\"").count() > 3));
    assert!(whole.contains("application/json"), "{whole}");
    assert_eq!(outcomes("?limit=2").matches("\"at\"").count(), 2);
    for limit in ["0", "10001", "-1", "many"] {
        let refused = outcomes(&format!("?limit={limit}"));
        assert!(refused.starts_with("HTTP/1.1 400"), "{limit}: {refused}");
    }
    let backwards = outcomes("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z");
    assert!(backwards.starts_with("HTTP/1.1 400"), "{backwards}");
    let refused = outcomes("?from=2020-01-01T00:00:00Z");
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(refused.contains("longer than 31d"), "{refused}");
}

/// Results that do not fit into one response are continued at the URL in the `Link` header.
#[test]
fn the_parts_of_a_history_add_up_to_the_whole() {
    let (daemon, _folder) = daemon();
    let times = |answer: &str| {
        let parts = answer.split("\"at\":\"").skip(1);
        let times = parts.map(|part| part.split('"').next().expect("closed").to_owned());
        times.collect::<Vec<_>>()
    };
    let path = "/api/v1/probes/web/home/outcomes";
    let to = daemon.wait_for(|daemon| times(&daemon.request("GET", path)).get(7).cloned());
    let whole = times(&daemon.request("GET", &format!("{path}?to={to}")));
    assert!(whole.len() >= 7, "{whole:?}");
    let (mut next, mut parts) = (Some(format!("{path}?to={to}&limit=2")), Vec::new());
    while let Some(path) = next {
        let answer = daemon.request("GET", &path);
        let outcomes = times(&answer);
        assert!(!outcomes.is_empty() && outcomes.len() <= 2, "{answer}");
        next = next_page(&path, &answer);
        parts.splice(..0, outcomes);
    }
    assert_eq!(parts, whole);
}

/// Serves every connection with these bytes, followed by `more` until it is closed.
fn answering(bytes: Vec<u8>, more: Option<Vec<u8>>) -> SocketAddr {
    serve(move |mut stream| {
        let _ = stream.read(&mut [0; 2048]);
        let _ = stream.write_all(&bytes);
        while more
            .as_ref()
            .is_some_and(|more| stream.write_all(more).is_ok())
        {}
    })
}

fn slod(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    command.args(arguments).output().expect("the binary starts")
}

#[test]
fn status_trusts_no_answer() {
    let (daemon, _folder) = daemon();
    let answer = daemon.request("GET", "/api/v1/services");
    let body = answer.split_once("\r\n\r\n").expect("a head").1;
    let forged = body.replace(
        "\"web\"",
        "\"e\\u001b[2J\\u009b1mvil\\nforged 100%\\u202e\"",
    );
    assert_ne!(forged, body);
    let answer = response("200 OK", "", &forged);
    let address = answering(answer.into_bytes(), None).to_string();
    let output = slod(&["status", "--address", &address]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("vil forged 100%"), "{text}");
    let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(obeyed), "{text:?}");

    let endless = answering(
        b"HTTP/1.1 200 OK\r\n\r\n[".to_vec(),
        Some(vec![b' '; 1 << 20]),
    );
    let output = slod(&["status", "--address", &endless.to_string()]);
    let reason = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(64), "{reason}");
    let bounded = reason.contains("larger than 64 MiB") || reason.contains("request or response");
    assert!(bounded, "{reason}");
}

/// Regression test: four of these once blocked every other probe, and the daemon's shutdown.
#[test]
fn slow_expressions_delay_neither_other_probes_nor_a_stop() {
    // Not periodic, because otherwise the search would have few states.
    let mut random = fastrand::Rng::with_seed(1);
    let text: String = (0..900_000)
        .filter_map(|_| random.choice("word, ".bytes()).map(char::from))
        .collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
    let slow = answering([head.into_bytes(), text.into_bytes()].concat(), None);
    let up = target();
    let folder = tempfile::tempdir().expect("a folder");
    let probe = |number: usize| {
        format!(
            "  - {{ name: slow{number}, objectives: [], probes: [ {{ name: p, http: {{ url: \"http://{slow}/\", expect: {{ body: '(?-u)w[^0]{{1,2000}}[\\x80-\\xff]' }} }} }} ] }}\n"
        )
    };
    let probes: String = (0..4).map(probe).collect();
    let text = format!(
        "defaults: {{ interval: 1s, timeout: 900ms }}\nservices:\n  - {{ name: web, objectives: [], probes: [ {{ name: home, http: {{ url: \"http://{up}/\", expect: {{ body: ok }} }} }} ] }}\n{probes}"
    );
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    let runs = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";
    // Fewer on a busy machine.
    daemon.wait_for(|daemon| daemon.metric(runs).filter(|runs| *runs >= 2.0));
    let void = |page: &str, service: &str| {
        let prefix = format!("slod_probe_void_total{{service=\"{service}");
        let of_it = |line: &&str| line.starts_with(&prefix) && line.contains("\"resources\"");
        let lines = page.lines().filter(of_it);
        lines.filter(|line| !line.ends_with(" 0")).count()
    };
    let page = daemon.wait_for(|daemon| {
        let page = daemon.request("GET", "/metrics");
        (void(&page, "slow") > 0).then_some(page)
    });
    assert_eq!(void(&page, "web"), 0, "{page}");
    let started = Instant::now();
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_run_is_watched_for_a_day_at_most() {
    let (_daemon, folder) = daemon();
    let config = folder.path().join("slod.yaml");
    let config = config.to_str().expect("text");
    let refused = slod(&["observe", "-c", config, "--service", "web", "--for", "25h"]);
    assert_eq!(refused.status.code(), Some(2));
    let reason = String::from_utf8_lossy(&refused.stderr);
    assert!(reason.contains("at most 1d"), "{reason}");
}

#[test]
fn a_generated_load_is_bounded() {
    let (_daemon, folder) = daemon();
    let config = folder.path().join("slod.yaml");
    let config = config.to_str().expect("text");
    for (option, value, expected) in [
        ("--run-time", "25h", "a run must take from 1s to 1d"),
        ("--rate", "100001/s", "at most 100000"),
        ("--users", "10001", "10000"),
    ] {
        let arguments = [
            "load",
            "-c",
            config,
            "--service",
            "web",
            option,
            value,
            "stress",
        ];
        let refused = slod(&arguments);
        assert_eq!(refused.status.code(), Some(2), "{option}");
        let reason = String::from_utf8_lossy(&refused.stderr);
        assert!(reason.contains(expected), "{option}: {reason}");
    }
}

/// Responses that are read from the store use few threads, regardless of the number of clients.
#[test]
fn answers_from_the_store_take_few_threads() {
    let (daemon, _folder) = daemon();
    let threads = || {
        let status = format!("/proc/{}/status", daemon.id());
        let status = fs::read_to_string(status).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("Threads:"));
        let count = line.and_then(|line| line.split_whitespace().nth(1));
        count.expect("there").parse::<usize>().expect("a number")
    };
    let before = threads();
    for path in ["markers", "notifications", "audit", "series", "runs"] {
        let request = format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut clients = Vec::new();
        let mut most = 0;
        for _ in 0..300 {
            let mut stream = TcpStream::connect(daemon.address).expect("it listens");
            stream.write_all(request.as_bytes()).expect("sent");
            clients.push(stream);
            most = most.max(threads());
        }
        assert!(
            most < before + 20,
            "{path}: {most} threads, {before} before"
        );
    }
}
