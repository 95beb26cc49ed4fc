//! Errors in the keys of probes are reported at their position, and explained.

use crate::probing::{read, read_kind};
use slod::diagnostic::Diagnostic;
use std::path::Path;

#[test]
fn faults_of_the_config_are_reported_at_their_place() {
    reported(
        "conflict",
        &[
            "bearer: a, basic_auth: { username: u, password: p }",
            "body: a, body_file: b",
            "bearer: a, headers: { Authorization: b }",
            r#"http_version: 2, proxy: "http://p.test:3128""#,
            "method: HEAD, expect: { body_not: DOWN }",
            "method: TRACE, body: x",
            "expect: { status: [204, 304], body: x }",
        ],
    );
    reported(
        "invalid-value",
        &[
            r#"url: "ftp://a.test/""#,
            "expect: { status: [99] }",
            "expect: { body: [ '(' ] }",
            "expect: { json: { status: ok } }",
            r#"headers: { "bad name": x }"#,
            r#"headers: { Host: "http://a.test/" }"#,
            r#"proxy: "https://p.test""#,
            "http_version: 3",
            "http_version: 2, headers: { Upgrade: websocket }",
            r#"http_version: 2, headers: { Host: "a b" }"#,
            "body: abc, headers: { Content-Length: 4 }",
            "headers: { Transfer-Encoding: chunked }",
            "body: a, headers: { Transfer-Encoding: gzip }",
            "body: a, headers: { Transfer-Encoding: chunked, Content-Length: 1 }",
            r#"basic_auth: { username: "a:b", password: c }"#,
            r#"bearer: """#,
            r#"bearer: "a b""#,
            "method: CONNECT",
            "method: get",
            "headers: { X-A: ~ }",
            "expect: { json: { \"$['\\\\u\": 1 } }",
            "expect: { json_not: errors }",
        ],
    );
    reported("missing-key", &["tls: { cert_file: none.pem }"]);
    reported("unreadable-file", &["tls: { ca_file: none.pem }"]);
    reported("insecure-tls", &["tls: { insecure: true }"]);
    reported("open-credentials", &["bearer: abc"]);
    reported("duplicate-key", &["headers: { X-A: 1, x-a: 2 }"]);
    reported(
        "not-sent",
        &["http_version: 2, headers: { Connection: close }"],
    );
    reported("redirect-followed", &["expect: { status: [301, 307-308] }"]);
    reported("credentials-in-url", &[r#"url: "http://u:p@a.test/""#]);
    reported(
        "unset-variable",
        &[r#"url: "ftp://a.test/", bearer: "${UNSET}""#],
    );
}

/// Checks that each of these keys of an `http` probe has a fault with this code and a position.
fn reported(code: &str, cases: &[&str]) {
    for keys in cases {
        let address = if keys.contains("url:") {
            ""
        } else {
            "url: \"http://a.test/\","
        };
        let yaml = format!("{{ {address} {keys} }}");
        let (_, faults) = read(&yaml, Path::new("/nonexistent"));
        let is_it = |fault: &Diagnostic| fault.code == code && fault.place.is_some();
        assert!(faults.iter().any(is_it), "{yaml}: {faults:?}");
    }
}

/// Each reason for which a URL cannot be parsed has its own help, which never quotes a variable.
#[test]
fn an_invalid_url_is_explained() {
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
        ("http://a:0/", "a port from 1 to 65535"),
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
        ("tcp://db:5432", "without a scheme"),
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

/// No attempt could connect to an address of the other IP version, so that each one would count against the service.
#[test]
fn an_address_of_another_ip_version_is_reported() {
    let codes = |kind: &str, yaml: &str| -> Vec<_> {
        let (_, faults) = read_kind(kind, yaml, Path::new(""));
        faults.into_iter().map(|fault| fault.code).collect()
    };
    for (kind, key, four, six) in [
        ("http", "url", "http://127.0.0.1/", "http://[::1]/"),
        (
            "http",
            "url: \"http://a.test/\", proxy",
            "http://127.0.0.1:3128",
            "http://[::1]:3128",
        ),
        ("tcp", "address", "127.0.0.1:80", "[::1]:80"),
        ("grpc", "address", "127.0.0.1:80", "[::1]:80"),
        ("dns", "name: a.test, server", "127.0.0.1", "[::1]"),
        ("icmp", "host", "127.0.0.1", "::1"),
        ("websocket", "url", "ws://127.0.0.1/", "ws://[::1]/"),
    ] {
        let with = |value: &str, version| {
            codes(
                kind,
                &format!("{{ {key}: \"{value}\", ip_version: {version} }}"),
            )
        };
        assert_eq!(with(four, "6"), ["conflict"], "{kind} {key}");
        assert_eq!(with(six, "4"), ["conflict"], "{kind} {key}");
        for (value, version) in [(four, "4"), (six, "6"), (four, "any")] {
            assert!(with(value, version).is_empty(), "{kind} {key} {value}");
        }
    }
    // Only redirects are followed over the network.
    let local = r#"{ url: "http://127.0.0.1/", unix_socket: /run/a.sock, ip_version: 6 }"#;
    assert!(codes("http", local).is_empty());
}

/// A token in a URL is an inline secret, unless it comes from a variable or a file.
#[test]
fn a_token_in_a_url_is_reported_but_not_shown() {
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
        assert!(!names.contains(&kind.name), "{} twice", kind.name);
        names.push(kind.name);
        assert!(kind.summary.ends_with('.') && !kind.keys.is_empty());
        assert!(
            kind.keys.iter().all(|key| key.doc().ends_with('.')),
            "{}",
            kind.name
        );
    }
    let kind = slod::probe::KINDS[0];
    let (probe, faults) = read(kind.example, Path::new(""));
    assert!(faults.is_empty(), "{faults:?}");
    assert!(probe.is_some_and(|probe| probe.target().starts_with("http")));
}
