//! The `http` probe against real servers: what is sent, what is expected, and where secrets are sent.

use crate::probing::{TIMEOUT, attempt, attempt_in, cause, read};
use crate::server::{http, ok, redirect};
use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::{Cause, Measurement, Timestamp, Verdict};
use slod::probe::{Attempt, Trace};
use std::fs;

#[tokio::test]
async fn a_good_answer_has_phases_and_steps() {
    let (address, seen) = http(|_| ok("{\"status\":\"ok\"}")).await;
    let yaml = format!(
        "{{ url: \"http://localhost:{}/health?x=1\", ip_version: 4, expect: {{ json: {{ \"$.status\": ok }} }} }}",
        address.port()
    );
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    for phase in [
        Measurement::Connect,
        Measurement::Processing,
        Measurement::Transfer,
    ] {
        assert!(outcome.measured.get(phase).is_some(), "{phase:?}");
    }
    assert_eq!(outcome.measured.get(Measurement::Tls), None);
    assert_eq!(outcome.code, Some(200));
    for topic in ["resolve", "connect", "request", "response", "expect"] {
        assert!(story.contains(topic), "{topic} in\n{story}");
    }
    let seen = seen.lock().expect("no panic")[0].clone();
    assert!(seen.starts_with("GET /health?x=1 HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains("User-Agent: slod/") && seen.contains("Connection: close"),
        "{seen}"
    );
}

#[tokio::test]
async fn every_expectation_is_checked() {
    let (address, _) = http(|_| {
        b"HTTP/1.1 201 Created\r\nContent-Length: 17\r\nX-State: ready\r\n\r\n{\"n\":3,\"a\":[1,2]}"
            .to_vec()
    })
    .await;
    let url = format!("url: \"http://{address}/\"");
    let cases = [
        ("{ status: 201 }", None),
        ("{ status: [200, 202-299] }", Some(Cause::Status)),
        ("{ headers: { X-State: ^ready$ } }", None),
        ("{ headers: { X-State: gone } }", Some(Cause::Header)),
        ("{ headers: { X-Missing: . } }", Some(Cause::Header)),
        ("{ headers_not: { X-State: gone, X-Missing: . } }", None),
        ("{ headers_not: { X-State: ^rea } }", Some(Cause::Header)),
        ("{ body: [ '\"n\":3', 'a' ] }", None),
        ("{ body: [ nothing ] }", Some(Cause::Body)),
        ("{ body_not: [ '\"n\"' ] }", Some(Cause::Body)),
        ("{ json: { \"$.n\": \">= 3\", \"$.a[*]\": \"> 0\" } }", None),
        ("{ json: { \"$.n\": 4 } }", Some(Cause::Body)),
        ("{ json: { \"$.none\": 4 } }", Some(Cause::Body)),
        ("{ json_not: [ $.none, '$.a[?@ > 2]' ] }", None),
        ("{ json_not: '$.a[?@ > 1]' }", Some(Cause::Body)),
    ];
    for (expect, wanted) in cases {
        let (outcome, story) = attempt(&format!("{{ {url}, expect: {expect} }}"), TIMEOUT).await;
        assert_eq!(cause(&outcome), wanted, "{expect}\n{story}");
        assert_eq!(
            outcome.detail.message.is_some(),
            wanted.is_some(),
            "{expect}"
        );
    }
}

#[tokio::test]
async fn credentials_are_sent_and_never_reported() {
    let (address, seen) = http(|_| ok("")).await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("token"), "from-a-file\n").expect("written");
    let cases = [
        (
            "bearer: \"${TOKEN}\"",
            "Authorization: Bearer from-the-environment",
        ),
        ("bearer_file: token", "Authorization: Bearer from-a-file"),
        (
            "basic_auth: { username: me, password: secret }",
            "Authorization: Basic bWU6c2VjcmV0",
        ),
        (
            "headers: { X-Api-Key: from-a-header }",
            "X-Api-Key: from-a-header",
        ),
    ];
    for (key, wanted) in cases {
        let yaml = format!("{{ url: \"http://{address}/\", {key} }}");
        let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
        assert_eq!(outcome.verdict, Verdict::Good);
        let sent = seen.lock().expect("no panic").pop().expect("a request");
        assert!(sent.contains(wanted), "{sent}");
        let (probe, _) = read(&yaml, folder.path());
        let reported = format!("{story} {outcome:?} {probe:?}");
        for secret in [
            "from-the-environment",
            "from-a-file",
            "bWU6c2VjcmV0",
            "from-a-header",
        ] {
            assert!(!reported.contains(secret), "{reported}");
        }
    }
}

/// Values from the environment or from files are never shown, even if the service repeats them.
#[tokio::test]
async fn secrets_of_a_config_are_never_shown() {
    let (address, _) = http(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = format!("HTTP/1.1 200 OK\r\nX-Path: {path}\r\n\r\n");
        [
            answer.into_bytes(),
            b"{\"a\": \"hunter2-and-more\", \"b\": 123 }".to_vec(),
        ]
        .concat()
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("url"),
        format!("http://{address}/hook/hunter3-from-file\n"),
    )
    .expect("written");
    let env = |_: &str| Some("hunter2-and-more".to_owned());
    for keys in [
        format!("url: \"http://{address}/hook/${{TOKEN}}/x\""),
        "url_file: url".to_owned(),
        format!(
            "url: \"http://{address}/\", bearer: \"${{TOKEN}}\", expect: {{ body: \"^${{TOKEN}}$\" }}"
        ),
        format!(
            "url: \"http://{address}/\", expect: {{ json: {{ \"$.a\": \"${{TOKEN}}!\", \"$.b\": \"${{TOKEN}}\" }} }}"
        ),
        format!(
            "url: \"http://{address}/${{TOKEN}}\", expect: {{ headers: {{ X-Path: nothing }} }}"
        ),
    ] {
        let source = Source::new(
            "test",
            format!("services: [{{ name: a, probes: [{{ name: p, http: {{ {keys} }} }}] }}]"),
        );
        let loaded = Config::load(&source, folder.path(), &env);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{keys}: {:?}", loaded.diagnostics));
        let probe = &config.probes().next().expect("one").probe;
        let mut attempt = Attempt::new(Timestamp(0), TIMEOUT, Trace::listening());
        let outcome = probe.run(&mut attempt).await;
        let steps: Vec<_> = attempt
            .trace
            .steps()
            .iter()
            .map(|step| &step.text)
            .collect();
        let shown = format!("{} {:?} {steps:?}", probe.target(), outcome.detail);
        assert!(!shown.contains("hunter"), "{keys}: {shown}");
        assert!(
            shown.contains("${TOKEN}") || shown.contains("<secret>"),
            "{keys}: {shown}"
        );
    }
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_to_other_origins() {
    let (other, other_seen) = http(|_| ok("there")).await;
    let (address, seen) = http(move |request| match request.split(' ').nth(1) {
        Some("/away") => redirect(302, &format!("http://{other}/landed")),
        Some("/move") => redirect(307, &format!("http://{other}/landed")),
        Some("/post") => redirect(303, "/here"),
        Some("/keep") => redirect(307, "/here"),
        Some("/loop") => redirect(302, "/loop"),
        Some("/file") => redirect(302, "file:///etc/passwd"),
        _ => ok("here"),
    })
    .await;
    let at = |path: &str, more: &str| {
        format!(
            "{{ url: \"http://{address}{path}\", bearer: hush, headers: {{ Cookie: c, X-Plain: p, Accept-Language: de }}, {more} }}"
        )
    };

    let (outcome, story) = attempt(&at("/away", ""), TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let landed = other_seen
        .lock()
        .expect("no panic")
        .pop()
        .expect("followed");
    assert!(
        landed.contains("Accept-Language: de") && !landed.contains("hush"),
        "{landed}"
    );
    assert!(
        !landed.contains("X-Plain") && !landed.contains("Cookie"),
        "{landed}"
    );
    let (outcome, story) = attempt(&at("/move", "method: POST, body: b0dy"), TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let landed = other_seen.lock().expect("no panic").pop();
    let landed = landed.expect("followed");
    assert!(
        landed.starts_with("POST /landed") && !landed.contains("b0dy"),
        "{landed}"
    );

    attempt(&at("/post", "method: POST, body: b"), TIMEOUT).await;
    assert!(
        seen.lock()
            .expect("no panic")
            .pop()
            .expect("followed")
            .starts_with("GET /here")
    );
    attempt(&at("/keep", "method: POST, body: b"), TIMEOUT).await;
    let kept = seen.lock().expect("no panic").pop().expect("followed");
    assert!(
        kept.starts_with("POST /here") && kept.contains("hush") && kept.ends_with("\r\n\r\nb"),
        "{kept}"
    );

    let (outcome, _) = attempt(&at("/loop", "max_redirects: 3"), TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Redirect));
    let (outcome, _) = attempt(&at("/file", ""), TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Redirect));
    let (outcome, _) = attempt(
        &at("/loop", "follow_redirects: false, expect: { status: 302 }"),
        TIMEOUT,
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good);
}
