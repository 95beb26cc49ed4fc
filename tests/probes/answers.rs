//! Responses that are unusual but that clients accept, and bodies that must be decoded to be checked.

mod encodings;

use crate::probing::{SHORT, TIMEOUT, attempt, cause, message};
use crate::server::{http, read_request, tcp};
use slod::outcome::{Cause, Verdict};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// A complete response with these fields and this body.
fn with(fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n").into_bytes();
    answer.extend(body);
    answer
}

/// The cause and message of a probe that gets `answer`, with additional config keys.
async fn cause_of(answer: Vec<u8>, keys: &str) -> (Option<Cause>, String) {
    let (address, _) = http(move |_| answer.clone()).await;
    let yaml = format!("{{ url: \"http://{address}/\", {keys} }}");
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    let message = outcome.detail.message.clone().unwrap_or_default();
    (cause(&outcome), format!("{message}\n{story}"))
}

#[tokio::test]
async fn heads_that_other_clients_accept_are_accepted() {
    let many = |count: usize| {
        let fields = (0..count).map(|n| format!("X-{n}: v\r\n"));
        fields.collect::<Vec<_>>().concat()
    };
    let long = format!("X-Long: {}\r\n", "v".repeat(200_000));
    for (fields, wanted) in [
        (many(101), "X-100: v"),
        (many(1900), "X-1899: v"),
        (long, "X-Long: v"),
        ("X-Fold: a;\r\n  b\r\n".to_owned(), "X-Fold: ^a; +b$"),
        ("X-Space : x\r\n".to_owned(), "X-Space: ^x$"),
        (
            "PHP Warning: something\r\nX-After: y\r\n".to_owned(),
            "X-After: y",
        ),
        (
            "X-[odd]: x\r\nno colon at all\r\nX-After: y\r\n".to_owned(),
            "X-After: y",
        ),
        (": empty name\r\nX-After: y\r\n".to_owned(), "X-After: y"),
    ] {
        let keys = format!("expect: {{ headers: {{ {wanted} }}, body: ^ok$ }}");
        let (seen, story) = cause_of(with(&fields, b"ok"), &keys).await;
        assert_eq!(seen, None, "{wanted}: {story}");
    }
    let (seen, story) = cause_of(
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "expect: { status: 999 }",
    )
    .await;
    assert_eq!(seen, None, "{story}");
    let wide = b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let (seen, story) = cause_of(wide, "expect: { body: ^ok$ }").await;
    assert_eq!(seen, None, "{story}");
    for line in [
        "HTTP/1.1 200 O\x1bK",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 O\x1b\x7fK",
        "HTTP/1.1 103 \x1b\r\nLink: x\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1  200 \x01",
    ] {
        let answer = format!("{line}\r\nContent-Length: 2\r\n\r\nok");
        let (seen, story) = cause_of(answer.into_bytes(), "expect: { body: ^ok$ }").await;
        assert_eq!(seen, None, "{line:?}: {story}");
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let (seen, story) = cause_of(old.to_vec(), "expect: { body: ^ok$ }").await;
    assert_eq!(seen, None, "{story}");
    assert!(story.contains("HTTP/1.0 200 OK"), "{story}");
    let (seen, story) = cause_of(with(&many(2001), b"ok"), "").await;
    assert_eq!(seen, Some(Cause::Protocol));
    assert!(
        story.contains("larger than 2000 fields or 256 KiB"),
        "{story}"
    );
}

#[tokio::test]
async fn rejections_are_reported() {
    for (answer, says) in [
        (
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "starts with `SSH-2.0-OpenSSH_9.6`",
        ),
        ("HTTP/1.1 abc\r\n\r\n", "`HTTP/1.1 abc` has no status code"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "two different",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "Content-Length is `x`",
        ),
    ] {
        let (seen, story) = cause_of(answer.as_bytes().to_vec(), "").await;
        assert_eq!(seen, Some(Cause::Protocol), "{answer:?}: {story}");
        assert!(story.contains(says), "{answer:?}: {story}");
    }
    let plain = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (seen, story) = cause_of(plain, "http_version: 2").await;
    assert_eq!(seen, Some(Cause::Protocol), "{story}");
    assert!(story.contains("responds with HTTP/1.1"), "{story}");
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_is_no_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    for version in ["1.1", "2"] {
        let yaml = format!("{{ url: \"http://{address}/\", http_version: \"{version}\" }}");
        for _ in 0..10 {
            let (outcome, story) = attempt(&yaml, TIMEOUT).await;
            let verdict = outcome.verdict;
            assert_ne!(verdict, Verdict::Bad(Cause::Timeout), "{version}: {story}");
        }
    }
}

#[tokio::test]
async fn integers_are_compared_as_integers() {
    let body = br#"{"id": 9007199254740993, "version": "1.1", "error": null}"#;
    let verdict = async |condition: &str| {
        let (address, _) = http(move |_| with("", body)).await;
        let yaml =
            format!("{{ url: \"http://{address}/\", expect: {{ json: {{ {condition} }} }} }}");
        attempt(&yaml, TIMEOUT).await.0.verdict
    };
    for (condition, good) in [
        ("\"$.id\": 9007199254740992", false),
        ("\"$.id\": 9007199254740993", true),
        ("\"$.id\": \"> 9007199254740992\"", true),
        ("\"$.version\": \"1.10\"", false),
        ("\"$.version\": 1.10", false),
        ("\"$.version\": 1.1", true),
        ("\"$.error\": null", true),
        ("\"$.error\": ~", true),
        ("\"$.id\": null", false),
    ] {
        assert_eq!(
            verdict(condition).await == Verdict::Good,
            good,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn the_body_of_a_followed_redirect_does_not_count() {
    for rest in [
        "Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnot zip",
        "Content-Length: 10\r\n\r\ncut",
        "Content-Length: 99999999\r\n\r\n",
    ] {
        let redirect = format!("HTTP/1.1 302 Found\r\nLocation: /there\r\n{rest}");
        let (address, _) = http(move |request| {
            if request.starts_with("GET /there ") {
                with("", b"ok")
            } else {
                redirect.clone().into_bytes()
            }
        })
        .await;
        let yaml = format!("{{ url: \"http://{address}/\", expect: {{ body: ok }} }}");
        let (outcome, story) = attempt(&yaml, TIMEOUT).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{rest}: {story}");
    }
}

#[tokio::test]
async fn an_unexpected_status_decides_whatever_happens_to_its_body() {
    for rest in [
        "Content-Length: 10\r\n\r\ncut",
        "Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnot zip",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let answer = format!("HTTP/1.1 503 Service Unavailable\r\n{rest}");
        for keys in ["", "expect: { body: ok }"] {
            let (seen, story) = cause_of(answer.clone().into_bytes(), keys).await;
            assert_eq!(seen, Some(Cause::Status), "{rest}: {story}");
            let begin = "status 503, expected 200-299; ";
            assert!(story.starts_with(begin), "{rest}: {story}");
        }
    }
    let large = "x".repeat(2000);
    let answer = format!("HTTP/1.1 500 Internal Server Error\r\n\r\n{large}");
    let (seen, story) = cause_of(answer.into_bytes(), "body_limit: 1KiB").await;
    assert_eq!(seen, Some(Cause::Status), "{story}");
    let endless = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nwait";
        let _ = stream.write_all(head).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (outcome, story) = attempt(&format!("{{ url: \"http://{endless}/\" }}"), SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Status), "{story}");
    let wanted = "status 503, expected 200-299; its body did not end by the timeout";
    assert_eq!(message(&outcome), wanted);
}

#[tokio::test]
async fn a_failure_quotes_what_the_body_says() {
    let status = |status: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
        (head + body).into_bytes()
    };
    let error = "{\"error\": \"no database\"}";
    let page = "<html><title>502 Bad Gateway</title>";
    for (answer, keys, wanted) in [
        (
            status("503", error),
            "",
            "status 503, expected 200-299; the body is `{\"error\": \"no database\"}`",
        ),
        (
            status("502", page),
            "expect: { body: ok }",
            "status 502, expected 200-299; the page is titled `502 Bad Gateway`",
        ),
        (
            status("404", "no user hunter2"),
            "method: POST, body: user=hunter2",
            "status 404, expected 200-299\n",
        ),
        (
            status("403", "<html><title>s3cret-&quot;k&quot;</title>"),
            "headers: { X-Api-Key: 's3cret-\"k\"' }",
            "status 403, expected 200-299\n",
        ),
        (
            status("404", "no path /?code=x1234"),
            "",
            "status 404, expected 200-299\n",
        ),
        (
            status("200", "ok\n"),
            "expect: { body: ^ok$ }",
            "the body does not match /^ok$/; the body is `ok\\n`",
        ),
        (
            status("200", error),
            "expect: { json: { $.status: up } }",
            "$.status is nothing, expected up; the body is `{\"error\"",
        ),
        (
            status("200", "{\"token\": \"abc\"}"),
            "expect: { body: ready }",
            "the body does not match /ready/\n",
        ),
        (
            status("201", "{\"token\": \"abc\"}"),
            "expect: { status: 200 }",
            "status 201, expected 200\n",
        ),
        (
            status("401", "{\"error\": \"invalid token\"}"),
            "",
            "status 401, expected 200-299; the body is `{\"error\": \"invalid token\"}`",
        ),
        (
            status("200", error),
            "expect: { headers: { X-A: b } }",
            "header x-a is missing, expected /b/\n",
        ),
    ] {
        let (address, _) = http(move |_| answer.clone()).await;
        let yaml = format!("{{ url: \"http://{address}/?code=x1234\", {keys} }}");
        let (outcome, story) = attempt(&yaml, TIMEOUT).await;
        let said = format!("{}\n", message(&outcome));
        assert!(said.starts_with(wanted), "{said}{story}");
    }
}
