//! Cross-origin requests that browsers send on behalf of pages.

use super::fixture::Files;
use crate::support::{Daemon, PATIENCE};
use std::io::{Read, Write};
use std::net::TcpStream;

/// The status of a request with these headers.
fn ask(daemon: &Daemon, request: &str, headers: &[&str]) -> String {
    let mut stream = TcpStream::connect(daemon.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("valid");
    let headers = [headers, &[""]].concat().join("\r\n");
    write!(
        stream,
        "{request} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: 0\r\n\r\n"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn writes_are_accepted_only_from_programs_and_own_pages() {
    let files = Files::new();
    let web = "{ allowed_hosts: [ slod.example.com ] }";
    let daemon = files.start("127.0.0.1:0", web);
    let at = format!("Host: {}", daemon.address);
    let own = format!("Origin: http://{}", daemon.address);
    let local = "Host: localhost";
    let (evil, from_evil) = ("Host: evil.example", "Origin: http://evil.example");
    let cases: [(&[&str], &str); 19] = [
        (&[&at], "200"),
        (&[&at, &own], "200"),
        (&[&at, &own, "Sec-Fetch-Site: same-origin"], "200"),
        (&[local], "200"),
        (&["Host: [::1]:9771"], "200"),
        (&["Host: slod.example.com"], "200"),
        (&["Host: slod", "Origin: http://slod"], "403"),
        (
            &["Host: proxy.test", "Origin: https://slod.example.com"],
            "403",
        ),
        (&[local, "Origin: https://slod.example.com"], "200"),
        (&[&at, "Origin: https://evil.example"], "403"),
        (&[&at, "Origin: null"], "403"),
        (&[&at, "Sec-Fetch-Site: cross-site"], "403"),
        (&[&at, "Sec-Fetch-Site: same-site"], "403"),
        (&[evil, from_evil], "403"),
        (&[evil], "403"),
        (&["Host: evil.example:9771"], "403"),
        (&["Host: 127.0.0.1.evil.example"], "403"),
        (&[&at, "Content-Type: text/plain"], "415"),
        (
            &[&at, "Content-Type: application/x-www-form-urlencoded"],
            "415",
        ),
    ];
    for (headers, expected) in cases {
        assert_eq!(
            ask(&daemon, "POST /-/reload", headers),
            expected,
            "{headers:?}"
        );
    }
    for request in [
        "POST /api/v1/heartbeat/web/open",
        "POST /api/v1/heartbeat/web/guarded",
        "POST /api/v1/corrections",
        "DELETE /api/v1/corrections/1",
        "PUT /",
    ] {
        let foreign = [&*at, "Origin: https://evil.example"];
        assert_eq!(ask(&daemon, request, &foreign), "403", "{request}");
    }
    let open = "POST /api/v1/heartbeat/web/open";
    assert_eq!(ask(&daemon, open, &["Host: evil.example"]), "403");
    assert_eq!(ask(&daemon, open, &[&at]), "204");
    // Browsers do not send a token on their own.
    let guarded = "POST /api/v1/heartbeat/web/guarded";
    let token = [
        "Host: slod.monitoring.svc",
        "Authorization: Bearer job-token",
    ];
    assert_eq!(ask(&daemon, guarded, &token), "204");
}

#[test]
fn programs_can_use_any_host_name_and_browsers_only_known_ones() {
    let files = Files::new();
    let daemon = files.start("127.0.0.1:0", "{ allowed_hosts: [ Slod.Example.com. ] }");
    let (evil, from_evil) = ("Host: evil.example", "Origin: http://evil.example");
    let cases: [(&[&str], &str); 9] = [
        (&["Host: slod.monitoring.svc:9771"], "200"),
        (
            &["Host: slod.monitoring.svc", "User-Agent: Prometheus/3"],
            "200",
        ),
        (&[evil, "Accept-Language: en"], "403"),
        (&[evil, "Sec-Fetch-Site: same-origin"], "403"),
        (&[evil, "Referer: http://evil.example/"], "403"),
        (&[evil, from_evil], "403"),
        (&["Host: localhost", "Accept-Language: en"], "200"),
        (&["Host: slod.example.com", "Accept-Language: en"], "200"),
        (
            &[
                "Host: 192.0.2.1",
                "Accept-Language: en",
                "Sec-Fetch-Site: cross-site",
            ],
            "200",
        ),
    ];
    for (headers, expected) in cases {
        for path in ["/", "/metrics", "/api/v1/services"] {
            let answer = ask(&daemon, &format!("GET {path}"), headers);
            assert_eq!(answer, expected, "{path} {headers:?}");
        }
    }
    let probe = ask(
        &daemon,
        "GET /-/ready",
        &["Host: evil.example", "Accept-Language: en"],
    );
    assert_eq!(probe, "200");
}
