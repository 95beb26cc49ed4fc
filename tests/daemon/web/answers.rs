//! Responses of each path, and reasons for rejecting a request.

use super::{answer, daemon, sent, status};
use crate::support::{Daemon, PATIENCE, has_all, next_page};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn browsers_get_an_error_page_and_programs_get_problem_json() {
    let (daemon, _folder) = daemon();
    let asked = |path: &str, accept: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        );
        answer(sent(&daemon, request.as_bytes()))
    };
    for (path, home) in [
        ("/nowhere", "./"),
        ("/services/none", "../"),
        ("/runs/x", "../"),
    ] {
        let page = asked(path, "text/html,application/xhtml+xml,*/*;q=0.8");
        assert_eq!(status(&page), "404", "{page}");
        assert!(
            page.to_ascii_lowercase()
                .contains("content-type: text/html"),
            "{page}"
        );
        assert!(
            page.contains(&format!("<a href=\"{home}\">All services</a>")),
            "{page}"
        );
        let problem = asked(path, "*/*");
        assert!(problem.contains("application/problem+json"), "{problem}");
    }
    let api = asked("/api/v1/services/none", "text/html");
    assert!(api.contains("application/problem+json"), "{api}");
}

#[test]
fn every_path_responds_as_documented() {
    let (daemon, _folder) = daemon();
    let outcomes = "/api/v1/probes/web/home/outcomes?limit=2";
    let failed = |daemon: &Daemon| {
        let answer = daemon.request("GET", outcomes);
        answer.matches("\"verdict\":\"status\"").count()
    };
    daemon.wait_for(|daemon| (failed(daemon) == 2).then_some(()));
    let answered = [
        ("GET", "/", "text/html"),
        ("HEAD", "/", "text/html"),
        ("GET", "/services/web", "text/html"),
        ("GET", "/style.css", "text/css"),
        ("GET", "/metrics", "text/plain; version=0.0.4"),
        ("GET", "/-/healthy", "text/plain"),
        ("GET", "/-/ready", "text/plain"),
        ("POST", "/-/reload", "text/plain"),
        ("GET", "/api/v1/services", "application/json"),
        ("GET", "/api/v1/services/web", "application/json"),
        ("GET", "/api/v1/objectives", "application/json"),
        ("GET", outcomes, "application/json"),
    ];
    let rejected = [
        ("GET", "/services/none", "404"),
        ("GET", "/-/reload", "405"),
        ("GET", "/api/v1/services/none", "404"),
        ("GET", "/api/v1/probes/web/none/outcomes", "404"),
        (
            "GET",
            "/api/v1/probes/web/home/outcomes?from=yesterday",
            "400",
        ),
        ("GET", "/nowhere", "404"),
        ("DELETE", "/metrics", "405"),
        ("BREW", "/metrics", "405"),
    ];
    let answered = answered.map(|(method, path, kind)| (method, path, "200", kind));
    let rejected =
        rejected.map(|(method, path, wanted)| (method, path, wanted, "application/problem+json"));
    for (method, path, wanted, kind) in answered.into_iter().chain(rejected) {
        let answer = daemon.request(method, path);
        assert_eq!(status(&answer), wanted, "{method} {path}: {answer}");
        let head = answer.to_ascii_lowercase();
        assert!(
            head.contains(&format!("content-type: {kind}")),
            "{method} {path}: {answer}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff")
                && head.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        assert!(!head.contains("\r\nserver:"), "{answer}");
    }
    assert!(
        daemon
            .request("DELETE", "/metrics")
            .to_ascii_lowercase()
            .contains("allow: get,head")
    );
    let problem = daemon.request("GET", "/api/v1/services/none");
    has_all(&problem, &["\"status\":404", "\"title\":"]);
}

/// A misspelled parameter must not look as if it had an effect.
#[test]
fn invalid_requests_are_rejected_with_a_reason() {
    let (daemon, _folder) = daemon();
    let expect = |answer: &str, wanted: &str, reason: &str| {
        assert_eq!(status(answer), wanted, "{answer}");
        assert!(answer.contains(reason), "{reason} in {answer}");
    };
    for (path, wanted, reason) in [
        (
            "/api/v1/services?service=web",
            "400",
            "this address takes no parameters",
        ),
        ("/api/v1/objectives?x=1", "400", "unknown parameter `x`"),
        ("/api/v1/runs?servce=web", "400", "did you mean `service`?"),
        (
            "/api/v1/audit?limit=0",
            "400",
            "`limit` must be from 1 to 10000",
        ),
        (
            "/api/v1/alerts?from=1&from=2",
            "400",
            "`from` is given twice",
        ),
        (
            "/api/v1/alerts?from=2026-11-01T14:00:00+01:00",
            "400",
            "%2B",
        ),
        (
            "/api/v1/silences/preview?match=a",
            "400",
            "unknown parameter `match`",
        ),
        ("/api/v1/markers?service=none", "404", "none"),
        ("/api/v1/runs?service=none", "404", "none"),
        ("/api/v1/series?service=none", "404", "none"),
        ("/api/v1/signals?service=none", "404", "none"),
        ("/runs?service=none", "404", "none"),
        ("/?utm_source=mail", "200", ""),
        ("/metrics?x=1", "200", ""),
        ("/-/healthy?x=1", "200", ""),
        ("/services/%ff", "400", "the address is not valid UTF-8"),
    ] {
        expect(&daemon.request("GET", path), wanted, reason);
    }
    let post = |headers: &str, body: &str| {
        let length = body.len();
        let head = "POST /api/v1/markers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        let request = format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}");
        // A client that has closed its side may get no response.
        answer(sent(&daemon, request.as_bytes()))
    };
    let json = "Content-Type: application/json\r\n";
    let marker = r#"{"service":"web","text":"a\u0000b\u202e\nc","author":"ada"}"#;
    expect(&post("", marker), "415", "application/json");
    let zipped = post(&format!("{json}Content-Encoding: gzip\r\n"), marker);
    expect(&zipped, "415", "accept-encoding: identity");
    expect(&post(json, &"x".repeat(70_000)), "413", "64 KiB");
    expect(
        &post(json, "[]"),
        "422",
        "expected a JSON object with `service`",
    );
    let old = r#"{"service":"web","text":"a","author":"ada","at":"1990-01-01T00:00:00Z"}"#;
    expect(&post(json, old), "422", "before the year 2000");
    let many = format!(
        r#"{{"service":"web","from":"2001-01-01T00:00:00Z","to":"2001-01-01T00:00:01Z","thresholds":[{}]}}"#,
        [r#""errors<5%""#; 21].join(",")
    );
    for (body, wanted, reason) in [
        (&*many, "422", "at most 20 conditions"),
        (r#"{"service":"web"}"#, "422", "`from` is missing"),
        (
            r#"{"service":"web","from":"2999-01-01T00:00:00Z"}"#,
            "422",
            "in the past",
        ),
        (
            r#"{"service":"web","from":"2001-01-01T00:00:00Z"}"#,
            "422",
            "at most 7d",
        ),
        (
            r#"{"service":"web","from":"2001-01-01T00:00:00Z","to":"2001-01-01T00:00:01Z","thresholds":["p95"]}"#,
            "422",
            "`thresholds`: ",
        ),
        (
            r#"{"service":"none","from":"2001-01-01T00:00:00Z","to":"2001-01-01T00:00:01Z"}"#,
            "404",
            "none",
        ),
    ] {
        let answer = daemon.post("/api/v1/runs", "application/json", body);
        expect(&answer, wanted, reason);
    }
    let added = daemon.post("/api/v1/markers", "application/json", marker);
    expect(&added, "201", "a\u{fffd}b\u{fffd} c");
}

#[test]
fn prometheus_gets_openmetrics_in_gzip_and_the_same_numbers() {
    let (daemon, _folder) = daemon();
    let ask = |extra: &str| {
        raw_bytes(
            &daemon,
            // HTTP/1.0 has no chunked encoding.
            &format!("GET /metrics HTTP/1.0\r\nHost: t\r\n{extra}\r\n"),
        )
    };
    let plain = String::from_utf8(ask(
        "Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\r\n",
    ))
    .expect("text");
    assert!(
        plain
            .to_ascii_lowercase()
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{plain}"
    );
    assert!(
        plain.trim_end().ends_with("# EOF") || plain.contains("# EOF"),
        "{plain}"
    );
    let zipped = ask("Accept-Encoding: gzip\r\n");
    let split = zipped
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    let head = String::from_utf8_lossy(&zipped[..split]).to_ascii_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[split..])
        .read_to_string(&mut text)
        .expect("gzip");
    assert!(text.contains("slod_build_info{"));
    let refused = String::from_utf8(ask("Accept-Encoding: gzip;q=0\r\n")).expect("text");
    assert!(refused.contains("slod_build_info{"));
}

fn raw_bytes(daemon: &Daemon, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(daemon.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("valid");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

/// Data in memory is served anyway.
#[test]
fn a_store_that_cannot_be_read_is_unavailable_and_the_rest_is_answered() {
    let (daemon, folder) = daemon();
    daemon.wait_for(|daemon| {
        let listed = daemon.request("GET", "/api/v1/probes/web/home/outcomes");
        listed.contains("expected").then_some(())
    });
    let store = folder.path().join("slod.db");
    let away = folder.path().join("away.db");
    let readers = [
        "/api/v1/probes/web/home/outcomes",
        "/api/v1/alerts?from=2026-01-01T00:00:00Z",
        "/api/v1/runs",
        "/api/v1/series",
        "/api/v1/notifications",
        "/api/v1/audit",
        "/api/v1/markers",
        "/runs",
        "/notifications",
    ];
    fs::rename(&store, &away).expect("moved");
    for path in readers {
        let answer = daemon.request("GET", path);
        assert_eq!(status(&answer), "503", "{path}: {answer}");
        assert!(answer.contains("the store cannot be read"), "{answer}");
    }
    for path in [
        "/",
        "/services/web",
        "/metrics",
        "/api/v1/services",
        "/api/v1/alerts",
        "/api/v1/health/web",
        "/api/v1/signals",
        "/badge/web/errors.svg",
        "/badge/web/errors.svg?v=2&show=budget",
    ] {
        let answer = daemon.request("GET", path);
        assert_eq!(status(&answer), "200", "{path}: {answer}");
    }
    fs::rename(&away, &store).expect("moved back");
    for path in readers {
        assert_eq!(status(&daemon.request("GET", path)), "200", "{path}");
    }
}

/// Also if more items have the same time than fit on a page.
#[test]
fn the_link_header_leads_to_the_next_page() {
    let (daemon, _folder) = daemon();
    let at = chrono::Utc::now().to_rfc3339();
    for version in ["a", "b", "c", "d", "e"] {
        let marker =
            format!(r#"{{"service":"web","version":"{version}","author":"ada","at":"{at}"}}"#);
        let added = daemon.post("/api/v1/markers", "application/json", &marker);
        assert_eq!(status(&added), "201", "{added}");
    }
    let mut path = "/api/v1/markers?service=web&to=2999-01-01T00:00:00Z&limit=2".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = daemon.request("GET", &path);
        assert_eq!(status(&answer), "200", "{answer}");
        let page = answer.split("\r\n\r\n").nth(1).expect("a body");
        let page: Vec<serde_json::Value> = serde_json::from_str(page).expect("a list");
        let versions = page.iter();
        seen.extend(versions.map(|one| one["version"].as_str().unwrap_or_default().to_owned()));
        match next_page(&path, &answer) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
    for path in [
        "/api/v1/markers?cursor=1",
        "/api/v1/alerts?from=2026-01-01T00:00:00Z&cursor=%7B%7D",
        "/api/v1/alerts?limit=2",
        "/api/v1/alerts?from=2026-01-01T00:00:00Z&limit=0",
    ] {
        assert_eq!(status(&daemon.request("GET", path)), "400", "{path}");
    }
}
