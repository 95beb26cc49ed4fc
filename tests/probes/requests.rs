//! Requests are sent as configured, and cookies are kept across redirects.

use crate::probing::{TIMEOUT, attempt, attempt_in, read};
use crate::server::{Authority, http, ok, redirect};
use slod::outcome::Verdict;
use std::path::Path;

/// The request that a server received from a probe with these keys.
async fn sent(keys: &str) -> String {
    let (address, seen) = http(|_| ok("")).await;
    let yaml = format!("{{ url: \"http://{address}/\", {keys} }}");
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    seen.lock().expect("no panic").pop().expect("a request")
}

#[tokio::test]
async fn unquoted_values_keep_their_spelling() {
    let request = sent(
        "bearer: 1e10, headers: { X-Api-Version: 1.10, X-Pin: 0x1F, X-Phone: +49301234, X-Long: 12345678901234567890, X-Inf: .inf, X-Bool: True, X-Day: 2026-11-27 }",
    )
    .await;
    for line in [
        "Authorization: Bearer 1e10\r\n",
        "X-Api-Version: 1.10\r\n",
        "X-Pin: 0x1F\r\n",
        "X-Phone: +49301234\r\n",
        "X-Long: 12345678901234567890\r\n",
        "X-Inf: .inf\r\n",
        "X-Bool: True\r\n",
        "X-Day: 2026-11-27\r\n",
    ] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
    let request = sent("method: POST, body: 1.10").await;
    assert!(request.ends_with("\r\n\r\n1.10"), "{request}");
    let request = sent("basic_auth: { username: 007, password: 12345678901234567890 }").await;
    assert!(
        request.contains("Basic MDA3OjEyMzQ1Njc4OTAxMjM0NTY3ODkw\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn connection_headers_are_sent_as_written() {
    let request = sent("headers: { Connection: \"keep-alive, TE\", TE: \"trailers, gzip\", Accept-Encoding: zstd }").await;
    for line in [
        "Connection: keep-alive, TE\r\n",
        "Te: trailers, gzip\r\n",
        "Accept-Encoding: zstd\r\n",
    ] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
    let request = sent("method: POST, body: abc, headers: { Transfer-Encoding: chunked }").await;
    assert!(
        request.contains("Transfer-Encoding: chunked\r\n") && !request.contains("Content-Length"),
        "{request}"
    );
    let request = sent("method: POST, body: abc, headers: { Content-Length: 3 }").await;
    assert!(
        request.contains("Content-Length: 3\r\n") && request.ends_with("abc"),
        "{request}"
    );
}

#[tokio::test]
async fn an_upgrade_can_be_expected() {
    let answer = |request: &str| -> Vec<u8> {
        if request.to_ascii_lowercase().contains("connection: upgrade") {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                .to_vec()
        } else {
            b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
    };
    let keys = "headers: { Connection: Upgrade, Upgrade: websocket }, expect: { status: 101, headers: { Upgrade: ^websocket$ } }";
    let (address, _) = http(answer).await;
    let yaml = format!("{{ url: \"http://{address}/\", {keys} }}");
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    // HTTP/2 has no upgrades, so it is not offered.
    let (authority, folder) = Authority::in_folder();
    let (address, _) = authority
        .https(crate::server::Leaf::Good, false, answer)
        .await;
    let yaml = format!("{{ url: \"https://{address}/\", tls: {{ ca_file: ca.pem }}, {keys} }}");
    let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
}

#[tokio::test]
async fn a_host_header_becomes_the_authority_over_http2() {
    let (authority, folder) = Authority::in_folder();
    let address = authority.http2().await;
    let yaml = format!(
        "{{ url: \"https://localhost:{}/x\", ip_version: 4, headers: {{ Host: lab.test }}, tls: {{ ca_file: ca.pem }}, expect: {{ body: [ \"^HTTP/2.0 https://lab.test/x$\" ] }} }}",
        address.port()
    );
    let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert!(
        sent("headers: { Host: lab.test }")
            .await
            .contains("\r\nHost: lab.test\r\n")
    );
}

#[tokio::test]
async fn cookies_are_kept_within_an_attempt_and_no_longer() {
    let (address, seen) = http(|request| {
        let to = |path: &str, cookie: &str| {
            let line = format!("Location: {path}\r\nSet-Cookie: {cookie}\r\n");
            String::from_utf8_lossy(&redirect(302, path))
                .replace(&format!("Location: {path}\r\n"), &line)
                .into_bytes()
        };
        match request.split(' ').nth(1) {
            _ if request.contains("sid=1") => ok("welcome"),
            Some("/other") => redirect(302, "/"),
            _ => to("/", "sid=1; Path=/; HttpOnly"),
        }
    })
    .await;
    let keys = "headers: { Cookie: \"theme=dark; sid=old\" }, expect: { body: welcome }";
    for _ in 0..2 {
        let (outcome, story) = attempt(
            &format!("{{ url: \"http://{address}/\", {keys} }}"),
            TIMEOUT,
        )
        .await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
        assert!(
            !story.contains("sid=1") && !story.contains("theme"),
            "{story}"
        );
        let mut seen = seen.lock().expect("no panic");
        let requests: Vec<_> = seen.drain(..).collect();
        assert_eq!(requests.len(), 2, "every attempt starts without cookies");
        assert!(
            requests[0].contains("Cookie: theme=dark; sid=old\r\n"),
            "{}",
            requests[0]
        );
        assert!(
            requests[1].contains("Cookie: theme=dark; sid=1\r\n"),
            "{}",
            requests[1]
        );
    }
}

#[tokio::test]
async fn redirects_are_followed_as_in_browsers() {
    let (address, seen) = http(|request| match request.split(' ').nth(1) {
        Some("/utf8") => redirect(302, "/caf\u{e9}"),
        Some("/latin1") => b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9?\xfc\r\n\r\n".to_vec(),
        Some("/empty") => redirect(302, ""),
        _ => ok(""),
    })
    .await;
    let at = |path: &str, keys: &str| format!("{{ url: \"http://{address}{path}\", {keys} }}");
    for (path, wanted) in [
        ("/utf8", "GET /caf%C3%A9 "),
        ("/latin1", "GET /caf%E9?%FC "),
    ] {
        let (outcome, story) = attempt(&at(path, ""), TIMEOUT).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
        let landed = seen.lock().expect("no panic").pop().expect("followed");
        assert!(landed.starts_with(wanted), "{landed}");
    }
    let (outcome, story) = attempt(&at("/empty", "expect: { status: 302 }"), TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
}

#[test]
fn unusual_requests_are_valid() {
    for keys in [
        "method: purge",
        "method: TRACE",
        "http_version: 2, proxy: \"http://p.test:3128\"",
        "basic_auth: { username: sk_key, password: \"\" }",
        "expect: { status: [200, 204], body: x }",
        "expect: { status: [200, 301] }",
        "expect: { status: 301 }, follow_redirects: false",
        "expect: { status: 204, headers: { X-A: b } }",
    ] {
        let yaml = format!("{{ url: \"https://a.test/\", {keys} }}");
        let (_, faults) = read(&yaml, Path::new("/nonexistent"));
        assert!(faults.is_empty(), "{yaml}: {faults:?}");
    }
}
