//! The http probe against real servers: what is sent, what is expected, where secrets go.

use crate::probing::{attempt, attempt_in, cause, read, read_kind};
use crate::server::{Authority, Leaf, http, ok, redirect};
use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::{Cause, Measurement, Timestamp, Verdict};
use slod::probe::{Attempt, KINDS, Trace};
use std::fs;
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_good_answer_has_its_phases_and_its_story() {
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
async fn every_expectation_is_held_against_the_answer() {
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
        ("{ body: [ '\"n\":3', 'a' ] }", None),
        ("{ body: [ nothing ] }", Some(Cause::Body)),
        ("{ body_not: [ '\"n\"' ] }", Some(Cause::Body)),
        ("{ json: { \"$.n\": \">= 3\", \"$.a[*]\": \"> 0\" } }", None),
        ("{ json: { \"$.n\": 4 } }", Some(Cause::Body)),
        ("{ json: { \"$.none\": 4 } }", Some(Cause::Body)),
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

/// What comes from the environment or from a file is shown nowhere, also where the service repeats
/// it.
#[tokio::test]
async fn secrets_of_a_config_turn_up_in_no_text() {
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
        let source = Source {
            name: "test".to_owned(),
            text: format!("services: [{{ name: a, probes: [{{ name: p, http: {{ {keys} }} }}] }}]"),
        };
        let loaded = Config::load(&source, folder.path(), &env, KINDS);
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

#[tokio::test]
async fn https_is_verified_and_its_certificate_known() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    let (address, _) = authority.https(Leaf::Good, false, |_| ok("")).await;
    let yaml = |host: &str, tls: &str| {
        format!(
            "{{ url: \"https://{host}:{}/\", ip_version: 4, tls: {{ {tls} }} }}",
            address.port()
        )
    };
    for host in ["localhost", "127.0.0.1"] {
        let (outcome, story) =
            attempt_in(&yaml(host, "ca_file: ca.pem"), TIMEOUT, folder.path()).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
        assert!(
            outcome.measured.get(Measurement::Tls).is_some()
                && outcome.detail.tls_not_after.is_some()
        );
        assert!(story.contains("TLS 1.3, TLS13_"), "{story}");
    }
    // Not trusted: the system does not know this authority; the date is known all the same.
    let (outcome, _) = attempt_in(
        &yaml("localhost", "insecure: false"),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Certificate));
    assert!(outcome.detail.tls_not_after.is_some());
    let (outcome, _) =
        attempt_in(&yaml("localhost", "insecure: true"), TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good);
    // The name to verify is the one that is sent.
    let (outcome, _) = attempt_in(
        &yaml("127.0.0.1", "ca_file: ca.pem, server_name: localhost"),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good);
}

#[tokio::test]
async fn a_bad_certificate_is_reported_with_its_end() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    for (leaf, until) in [
        (Leaf::Expired, Some(1_609_459_200)),
        (Leaf::Elsewhere, None),
    ] {
        let (address, _) = authority.https(leaf, false, |_| ok("")).await;
        let yaml = format!(
            "{{ url: \"https://127.0.0.1:{}/\", tls: {{ ca_file: ca.pem }} }}",
            address.port()
        );
        let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), Some(Cause::Certificate), "{story}");
        let reported = outcome.detail.tls_not_after.expect("known");
        assert!(until.is_none_or(|until| until == reported), "{reported}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_its_origin() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = authority.issue(Leaf::Good);
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("me.pem", certificate.pem()),
        ("me.key", key.serialize_pem()),
    ] {
        fs::write(folder.path().join(name), pem).expect("written");
    }
    let (address, _) = authority.https(Leaf::Good, true, |_| ok("")).await;
    let yaml = |tls: &str| {
        format!(
            "{{ url: \"https://127.0.0.1:{}/\", tls: {{ ca_file: ca.pem, {tls} }} }}",
            address.port()
        )
    };
    let (outcome, story) = attempt_in(
        &yaml("cert_file: me.pem, key_file: me.key"),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let (outcome, _) = attempt_in(&yaml(""), TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{outcome:?}");
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    let address = authority.http2().await;
    for version in ["auto", "2"] {
        let yaml = format!(
            "{{ url: \"https://127.0.0.1:{}/\", http_version: {version:?}, tls: {{ ca_file: ca.pem }}, expect: {{ body: [ ^HTTP/2 ] }} }}",
            address.port()
        );
        let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    }
}

/// Browsers and curl refuse it; a server that knows no ALPN would go on.
#[tokio::test]
async fn http2_over_tls_must_be_chosen_by_the_server() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    let address = authority.http2_with(&[]).await;
    let yaml = format!(
        "{{ url: \"https://127.0.0.1:{}/\", http_version: 2, tls: {{ ca_file: ca.pem }} }}",
        address.port()
    );
    let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{story}");
    let message = outcome.detail.message.expect("a sentence");
    assert!(message.contains("ALPN protocol `h2`"), "{message}");
}

#[tokio::test]
async fn a_proxy_forwards_and_tunnels() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    let (target, _) = authority
        .https(Leaf::Good, false, |_| ok("tunnelled"))
        .await;
    let (proxy, seen) = proxy().await;
    let through = |url: String| {
        format!(
            "{{ url: \"{url}\", proxy: \"http://{proxy}\", proxy_auth: {{ username: u, password: hush }}, tls: {{ ca_file: ca.pem }} }}"
        )
    };

    let (outcome, story) = attempt_in(
        &through("http://never.test/x".into()),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let asked = seen.lock().expect("no panic").pop().expect("asked");
    assert!(
        asked.starts_with("GET http://never.test/x HTTP/1.1")
            && asked.contains("Proxy-Authorization: Basic dTpodXNo"),
        "{asked}"
    );

    let (outcome, story) = attempt_in(
        &through(format!("https://127.0.0.1:{}/", target.port())),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert!(
        seen.lock()
            .expect("no panic")
            .pop()
            .expect("asked")
            .starts_with("CONNECT 127.0.0.1:")
    );

    let (outcome, _) = attempt_in(
        &through("https://127.0.0.1:1/".into()),
        TIMEOUT,
        folder.path(),
    )
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Proxy));
    let nobody = "{ url: \"http://never.test/\", proxy: \"http://127.0.0.1:1\" }";
    assert_eq!(cause(&attempt(nobody, TIMEOUT).await.0), Some(Cause::Proxy));
}

#[tokio::test]
async fn a_slow_tunnel_is_a_part_of_tls() {
    const SLOW: Duration = Duration::from_millis(300);
    let authority = Authority::new();
    let (target, _) = authority.https(Leaf::Good, false, |_| ok("")).await;
    let address = crate::server::tcp(move |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::server::read_request(&mut stream).await;
        tokio::time::sleep(SLOW).await;
        let mut onward = tokio::net::TcpStream::connect(target).await.expect("there");
        // Lines may end with LF alone.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\n\n").await;
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let yaml = format!(
        "{{ url: \"https://127.0.0.1/\", proxy: \"http://{address}\", tls: {{ insecure: true }} }}"
    );
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let spent = |phase| outcome.measured.get(phase).expect("it was entered");
    assert!(
        spent(Measurement::Connect) < SLOW && spent(Measurement::Tls) >= SLOW,
        "{story}"
    );

    let (outcome, _) = attempt(&yaml, SLOW / 2).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout));
    let message = outcome.detail.message.expect("a sentence");
    assert!(
        message.contains("the proxy's response to CONNECT"),
        "{message}"
    );
}

/// Answers plain requests itself and tunnels to 127.0.0.1.
async fn proxy() -> (std::net::SocketAddr, crate::server::Seen) {
    let seen = crate::server::Seen::default();
    let log = seen.clone();
    let address = crate::server::tcp(move |mut stream| {
        let log = log.clone();
        async move {
            use tokio::io::AsyncWriteExt;
            let request = crate::server::read_request(&mut stream).await;
            let target = request
                .strip_prefix("CONNECT ")
                .and_then(|rest| rest.split(' ').next())
                .map(str::to_owned);
            log.lock().expect("no panic").push(request);
            let Some(target) = target else {
                let _ = stream.write_all(&ok("forwarded")).await;
                return;
            };
            match tokio::net::TcpStream::connect(target).await {
                Ok(mut onward) => {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        .await;
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                }
                Err(_) => drop(stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await),
            }
        }
    })
    .await;
    (address, seen)
}

#[test]
fn faults_of_the_config_are_reported_at_their_place() {
    let cases = [
        ("{ url: \"ftp://a.test/\" }", "invalid-value"),
        ("{ url: \"http://u:p@a.test/\" }", "credentials-in-url"),
        (
            "{ url: \"http://a.test/\", bearer: a, basic_auth: { username: u, password: p } }",
            "conflict",
        ),
        (
            "{ url: \"http://a.test/\", expect: { status: [99] } }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", expect: { body: [ '(' ] } }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", expect: { json: { status: ok } } }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", headers: { \"bad name\": x } }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", headers: { Host: \"http://a.test/\" } }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", tls: { cert_file: none.pem } }",
            "missing-key",
        ),
        (
            "{ url: \"http://a.test/\", tls: { ca_file: none.pem } }",
            "unreadable-file",
        ),
        (
            "{ url: \"http://a.test/\", tls: { insecure: true } }",
            "insecure-tls",
        ),
        (
            "{ url: \"http://a.test/\", bearer: abc }",
            "open-credentials",
        ),
        (
            "{ url: \"http://a.test/\", proxy: \"https://p.test\" }",
            "invalid-value",
        ),
        (
            "{ url: \"http://a.test/\", body: a, body_file: b }",
            "conflict",
        ),
        (
            "{ url: \"ftp://a.test/\", bearer: \"${UNSET}\" }",
            "unset-variable",
        ),
        (
            "{ url: \"http://a.test/\", http_version: 3 }",
            "invalid-value",
        ),
    ];
    for (yaml, code) in cases {
        let (_, faults) = read(yaml, Path::new("/nonexistent"));
        assert!(
            faults
                .iter()
                .any(|fault| fault.code == code && fault.place.is_some()),
            "{yaml}: {faults:?}"
        );
    }
}

/// Each cause of an address that cannot be read has its own help, which quotes nothing of a variable.
#[test]
fn a_fault_of_an_address_is_explained() {
    let help_of = |kind: &str, yaml: &str| {
        let (_, faults) = read_kind(kind, yaml, Path::new(""));
        assert_eq!(faults.len(), 1, "{yaml}: {faults:?}");
        faults[0].help.clone().unwrap_or_default()
    };
    for (url, expected) in [
        ("ftp://a.test/", "with the scheme http or https"),
        ("localhost:8080", "with the scheme http or https"),
        ("a.test/x", "with the scheme http or https"),
        ("http://a.test:99999/", "a port from 1 to 65535"),
        ("http://a.test:x/", "a port from 1 to 65535"),
        ("http:///", "a host, such as"),
        ("http://256.1.1.1:80/", "four numbers from 0 to 255"),
        ("http://u@app.1:80/x", "last label is not a number"),
        ("http://xn--a.test?x", "valid Punycode"),
        ("http://[fe80::1%25lo]:80/", "without a zone"),
        ("http://[::1:80/", "in brackets"),
        ("http://a b/", "letters, digits"),
        (
            "http://${TOKEN}:99999/",
            "such as https://example.org/health",
        ),
    ] {
        let help = help_of("http", &format!("{{ url: \"{url}\" }}"));
        assert!(help.contains(expected), "{url}: {help}");
        assert!(!help.contains("environment"), "{help}");
    }
    for (address, expected) in [
        ("db", "such as db.example.org:5432"),
        ("db:0", "a port from 1 to 65535"),
        ("db:65536", "a port from 1 to 65535"),
        ("[fe80::1%lo]:1", "without a zone"),
        ("::1:80", "in brackets"),
        ("256.1.1.1:80", "four numbers from 0 to 255"),
        ("${TOKEN} x:80", "such as db.example.org:5432"),
    ] {
        let help = help_of("tcp", &format!("{{ address: \"{address}\" }}"));
        assert!(help.contains(expected), "{address}: {help}");
    }
    for address in ["app.1:80", "xn--a.test:80", "my_app:80"] {
        let (probe, faults) = read_kind(
            "tcp",
            &format!("{{ address: \"{address}\" }}"),
            Path::new(""),
        );
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(probe.expect("valid").target(), address);
    }
}

/// A token in an address is a secret that stands in the config, unless it comes from elsewhere.
#[test]
fn a_token_in_an_address_is_reported_and_not_shown() {
    for (query, is_secret) in [
        ("token=hunter2", true),
        ("a=b&api_key=hunter2", true),
        ("X-Amz-Signature=hunter2", true),
        ("accessToken=hunter2", true),
        ("sig=hunter2&sv=1", true),
        ("key=${TOKEN}", false),
        ("token=", false),
        ("monkey=hunter2&tokens=3&q=token", false),
    ] {
        let yaml = format!("{{ url: \"https://a.test/x?{query}\" }}");
        let (probe, faults) = read(&yaml, Path::new(""));
        let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        let expected = if is_secret {
            &["secret-in-url"][..]
        } else {
            &[]
        };
        assert_eq!(codes, expected, "{query}");
        assert!(!faults.iter().any(|fault| fault.message.contains("hunter2")));
        assert!(probe.is_some());
    }
}

#[test]
fn the_registry_is_complete() {
    let mut names = Vec::new();
    for kind in slod::probe::KINDS {
        assert!(!names.contains(&kind.name()), "{} twice", kind.name());
        names.push(kind.name());
        assert!(kind.summary().ends_with('.') && !kind.keys().is_empty());
        assert!(
            kind.keys().iter().all(|key| key.doc().ends_with('.')),
            "{}",
            kind.name()
        );
    }
    let kind = slod::probe::KINDS[0];
    let (probe, faults) = read(kind.example(), Path::new(""));
    assert!(faults.is_empty(), "{faults:?}");
    assert!(probe.is_some_and(|probe| probe.target().starts_with("http")));
}
