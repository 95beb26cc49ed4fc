//! How the web server handles clients that misbehave, disconnect early or are numerous.

use super::{daemon, raw, status};
use crate::support::PATIENCE;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Like `nc -N` and socat.
#[test]
fn a_client_that_closes_its_side_after_the_request_gets_the_whole_answer() {
    let (daemon, _folder) = daemon();
    for path in ["/", "/metrics", "/services/web", "/api/v1/services"] {
        for _ in 0..20 {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let answer = raw(&daemon, request.as_bytes());
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            assert_eq!(status(head), "200", "{path}: {answer}");
            let head = head.to_ascii_lowercase();
            let is_whole = match head.split_once("content-length: ") {
                Some((_, rest)) => rest.lines().next() == Some(&body.len().to_string()),
                None => body.ends_with("\r\n0\r\n\r\n"),
            };
            assert!(is_whole, "{path}: {head} {} bytes", body.len());
        }
    }
}

/// A client that disconnects does not undo anything: the change, its consequences and its author are
/// kept.
#[test]
fn a_change_is_completed_after_its_client_disconnects() {
    const TIMES: usize = 5;
    let (daemon, _folder) = daemon();
    let silence = r#"{"matchers":["service=web"],"to":"2099-01-01T00:00:00Z","author":"ada","reason":"upgrade"}"#;
    let correction = r#"{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T01:00:00Z","services":["web"],"author":"ada","reason":"upgrade"}"#;
    let hang_up = |path: &str, body: &str| {
        let mut stream = TcpStream::connect(daemon.address).expect("it listens");
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/json\r\n"
        };
        let length = body.len();
        write!(stream, "POST {path} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {length}\r\n\r\n{body}").expect("sent");
        std::thread::sleep(Duration::from_millis(2));
    };
    let count = |path: &str, text: &str| daemon.request("GET", path).matches(text).count();
    let made_and_audited = || {
        let audited = |act: &str| count("/api/v1/audit?limit=1000", act);
        [
            (
                daemon.log().matches("config reloaded").count(),
                audited("\"reload\""),
            ),
            (
                count("/api/v1/silences", "\"upgrade\""),
                audited("\"silence.add\""),
            ),
            (
                count("/api/v1/corrections", "\"upgrade\""),
                audited("\"correction.add\""),
            ),
        ]
    };
    // A request whose client disconnects before it is handled changes nothing.
    for _ in 0..10 * TIMES {
        hang_up("/-/reload", "");
        hang_up("/api/v1/silences", silence);
        hang_up("/api/v1/corrections", correction);
        let all = made_and_audited();
        if all.iter().all(|(_, audited)| *audited >= TIMES) {
            break;
        }
    }
    daemon.wait_for(|_| {
        let all = made_and_audited();
        let is_whole = |(made, audited): &(usize, usize)| made == audited && *made >= TIMES;
        all.iter().all(is_whole).then_some(())
    });
}

#[test]
fn five_thousand_idle_connections_do_not_keep_prometheus_out() {
    rlimit::increase_nofile_limit(8192).expect("the limit can be raised");
    let (daemon, _folder) = daemon();
    let idle: Vec<_> = (0..5000)
        .filter_map(|_| TcpStream::connect(daemon.address).ok())
        .collect();
    assert!(idle.len() > 4000, "{} connections", idle.len());
    for stream in idle.iter().step_by(7) {
        // Some of them start a request and never finish it.
        let mut stream = stream;
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nX-Slow:");
    }
    // The default scrape timeout of Prometheus.
    let timeout = Duration::from_secs(10);
    let took = (0..5).map(|_| {
        let started = Instant::now();
        assert_eq!(status(&daemon.request("GET", "/metrics")), "200");
        started.elapsed()
    });
    let slowest = took.max().expect("several");
    assert!(slowest < timeout, "{slowest:?}");
    let fds = daemon.metric("process_open_fds").expect("on Linux");
    assert!(fds < 1200.0, "{fds} file descriptors");
    drop(idle);
}

#[test]
fn an_http2_connection_has_few_streams() {
    const MAX_CONCURRENT_STREAMS: &[u8] = &[0, 3];
    let (daemon, _folder) = daemon();
    let mut stream = TcpStream::connect(daemon.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("valid");
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .expect("sent");
    stream.write_all(&settings).expect("sent");
    // RFC 9113, section 6.5.1: the server starts with its settings, six bytes each.
    let mut head = [0; 9];
    stream.read_exact(&mut head).expect("a frame");
    assert_eq!(head[3], 4, "settings");
    let mut frame = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    stream.read_exact(&mut frame).expect("the settings");
    let streams = frame
        .chunks(6)
        .find(|setting| setting[..2] == *MAX_CONCURRENT_STREAMS);
    assert_eq!(streams.expect("a limit")[2..], [0, 0, 0, 16]);
}

#[test]
fn garbage_and_giants_are_refused_and_the_daemon_goes_on() {
    let (daemon, _folder) = daemon();
    let giant = "x".repeat(1 << 20);
    let cases = [
        format!("GET /{giant} HTTP/1.1\r\nHost: t\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: t\r\nX: {giant}\r\n\r\n"),
        "\u{0}\u{1}\u{2} garbage\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: t\r\n\r\nGARBAGE\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET /../../etc/passwd HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    for case in &cases {
        let answer = raw(&daemon, case.as_bytes());
        assert!(!answer.contains("root:"), "{answer}");
    }
    let large = format!(
        "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{giant}",
        giant.len()
    );
    let answer = raw(&daemon, large.as_bytes());
    assert!(["413", "nothing"].contains(&status(&answer)), "{answer}");
    assert_eq!(status(&daemon.request("GET", "/metrics")), "200");
}
