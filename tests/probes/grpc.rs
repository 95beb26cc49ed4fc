//! The grpc probe against servers of grpcio, and against HTTP/2 servers of odd answers.

use crate::probing::{attempt_kind, cause, read_kind};
use crate::server::{Authority, Leaf, tcp};
use h2::server::SendResponse;
use http::{HeaderMap, Response};
use hyper::body::Bytes;
use slod::outcome::{Cause, Measurement, Outcome, Verdict};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TIMEOUT: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);
/// `SERVING` in its frame.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

async fn probe(address: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ address: \"{address}\" {keys} }}");
    attempt_kind("grpc", &yaml, timeout, Path::new("")).await
}

fn message(outcome: &Outcome) -> &str {
    outcome.detail.message.as_deref().unwrap_or_default()
}

/// What an HTTP/2 server answers.
#[derive(Clone, Copy)]
struct Odd {
    status: u16,
    head: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    /// `None` ends the stream with the body.
    trailers: Option<&'static [(&'static str, &'static str)]>,
}

const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc")];
const OK: &[(&str, &str)] = &[("grpc-status", "0")];

/// A good answer.
const GOOD: Odd = Odd {
    status: 200,
    head: GRPC,
    body: SERVING,
    trailers: Some(OK),
};

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter();
    let parsed =
        pairs.map(|(name, value)| (name.parse().expect("valid"), value.parse().expect("valid")));
    parsed.collect()
}

async fn odd(answer: Odd) -> SocketAddr {
    tcp(move |stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((_, respond))) = connection.accept().await {
            send(respond, answer);
        }
    })
    .await
}

fn send(mut respond: SendResponse<Bytes>, answer: Odd) {
    let mut head = Response::new(());
    *head.status_mut() = answer.status.try_into().expect("a status");
    *head.headers_mut() = fields(answer.head);
    let ends = answer.body.is_empty() && answer.trailers.is_none();
    let mut body = respond.send_response(head, ends).expect("open");
    if !answer.body.is_empty() {
        let bytes = Bytes::from_static(answer.body);
        body.send_data(bytes, answer.trailers.is_none())
            .expect("open");
    }
    if let Some(trailers) = answer.trailers {
        body.send_trailers(fields(trailers)).expect("open");
    }
}

/// A good answer apart from one thing.
fn with(change: fn(&mut Odd)) -> Odd {
    let mut answer = GOOD;
    change(&mut answer);
    answer
}

/// Answers, each with its cause and a part of its message.
async fn judge(cases: &[(Odd, Option<Cause>, &str)]) {
    for (answer, wanted, reported) in cases {
        let address = odd(*answer).await;
        let (outcome, _) = probe(address, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), *wanted, "{reported}: {outcome:?}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
    }
}

#[tokio::test]
async fn messages_are_judged() {
    judge(&[
        (GOOD, None, ""),
        (
            with(|odd| odd.head = &[("content-type", "application/grpc+proto; charset=utf-8")]),
            None,
            "",
        ),
        (
            with(|odd| odd.body = &[0, 0, 0, 0, 2, 8, 2]),
            Some(Cause::Status),
            "NOT_SERVING, expected SERVING",
        ),
        (
            with(|odd| odd.body = &[0, 0, 0, 0, 2, 8, 99]),
            Some(Cause::Protocol),
            "the state 99 is not known",
        ),
        (
            with(|odd| odd.body = &[0, 0, 0, 0, 0]),
            Some(Cause::Status),
            "UNKNOWN, expected SERVING",
        ),
        (
            with(|odd| odd.body = b""),
            Some(Cause::Protocol),
            "there is no message",
        ),
        (
            with(|odd| odd.body = &SERVING[..6]),
            Some(Cause::Protocol),
            "the message is incomplete",
        ),
        (
            with(|odd| odd.body = &SERVING[..3]),
            Some(Cause::Protocol),
            "the message is incomplete",
        ),
        (
            with(|odd| odd.body = &[1, 0, 0, 0, 2, 8, 1]),
            Some(Cause::Protocol),
            "compressed",
        ),
        (
            with(|odd| odd.body = b"<html></html>"),
            Some(Cause::Protocol),
            "not framed as gRPC",
        ),
        (
            with(|odd| odd.body = &[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 0]),
            Some(Cause::Protocol),
            "more than one message",
        ),
        (
            with(|odd| odd.body = &[0, 0x7f, 0xff, 0xff, 0xff, 8, 1]),
            Some(Cause::BodyTooLarge),
            "2147483647 bytes",
        ),
        (
            with(|odd| odd.body = &[0, 0, 0, 0, 2, 0xff, 0xff]),
            Some(Cause::Protocol),
            "no HealthCheckResponse",
        ),
    ])
    .await;
    let (outcome, story) = probe(odd(GOOD).await, "", TIMEOUT).await;
    assert_eq!((outcome.verdict, outcome.code), (Verdict::Good, Some(0)));
    assert!(outcome.measured.get(Measurement::Transfer).is_some());
    assert!(
        story.contains("expect ok: SERVING, expected SERVING"),
        "{story}"
    );
}

#[tokio::test]
async fn heads_and_trailers_are_judged() {
    judge(&[
        (
            with(|odd| odd.trailers = None),
            Some(Cause::Protocol),
            "without `grpc-status`",
        ),
        (
            with(|odd| odd.trailers = Some(&[("grpc-message", "x")])),
            Some(Cause::Protocol),
            "without `grpc-status`",
        ),
        (
            with(|odd| odd.trailers = Some(&[("grpc-status", "+1")])),
            Some(Cause::Protocol),
            "`+1`, which is no number",
        ),
        (
            with(|odd| odd.trailers = Some(&[("grpc-status", "99")])),
            Some(Cause::Status),
            "gRPC status 99, expected OK",
        ),
        (
            with(|odd| {
                odd.head = &[
                    ("content-type", "application/grpc"),
                    ("grpc-status", "14"),
                    ("grpc-message", "no%20backend%0A"),
                ];
                odd.body = b"";
                odd.trailers = None;
            }),
            Some(Cause::Status),
            "gRPC status UNAVAILABLE, expected OK: `no backend\\n`",
        ),
        (
            with(|odd| {
                odd.status = 503;
                odd.head = &[("content-type", "text/html")];
            }),
            Some(Cause::Status),
            "HTTP status 503, expected 200",
        ),
        (
            with(|odd| odd.head = &[("content-type", "text/html")]),
            Some(Cause::Protocol),
            "is `text/html`, expected `application/grpc`",
        ),
        (
            with(|odd| odd.head = &[("content-type", "application/grpc-web")]),
            Some(Cause::Protocol),
            "is `application/grpc-web`",
        ),
        (
            with(|odd| odd.head = &[]),
            Some(Cause::Protocol),
            "has no content type",
        ),
    ])
    .await;
}

#[tokio::test]
async fn servers_that_speak_no_grpc() {
    let http1 = tcp(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let (outcome, _) = probe(http1, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
    assert!(message(&outcome).contains("HTTP/1.1"), "{outcome:?}");
    let garbage = tcp(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(&[0xff; 1000]).await;
    })
    .await;
    let (outcome, _) = probe(garbage, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
    let ssh = tcp(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-x\r\n").await;
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
    })
    .await;
    let (outcome, _) = probe(ssh, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
    assert!(message(&outcome).contains("`SSH-2.0-x`"), "{outcome:?}");
    let closing = tcp(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
    })
    .await;
    let (outcome, _) = probe(closing, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Closed), "{outcome:?}");
    let silent = tcp(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let (outcome, _) = probe(silent, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    // A stream that never ends.
    let open = tcp(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
        let mut bodies = Vec::new();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut head = Response::new(());
            *head.headers_mut() = fields(GRPC);
            let mut body = respond.send_response(head, false).expect("open");
            let _ = body.send_data(Bytes::from_static(SERVING), false);
            bodies.push(body);
        }
    })
    .await;
    let (outcome, _) = probe(open, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
}

#[tokio::test]
async fn tls_without_http2_is_bad() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    // Knows no ALPN, and would go on.
    let (server, _) = authority.tls(Leaf::Good, b"").await;
    let yaml = format!("{{ address: \"{server}\", tls: {{ ca_file: ca.pem }} }}");
    let (outcome, _) = attempt_kind("grpc", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{outcome:?}");
    assert!(
        message(&outcome).contains("ALPN protocol `h2`"),
        "{outcome:?}"
    );
}

#[test]
fn faults_of_the_config_are_reported() {
    for (yaml, fault) in [
        ("{ service: a }", "address"),
        ("{ address: a.test }", "a host and a port"),
        ("{ address: 'a.test:1', tls: }", "`tls` has no value"),
        (
            "{ address: 'a.test:1', metadata: { Content-Type: a } }",
            "is set by gRPC itself",
        ),
        (
            "{ address: 'a.test:1', metadata: { grpc-timeout: 1S } }",
            "is set by gRPC itself",
        ),
        (
            "{ address: 'a.test:1', metadata: { 'a b': c } }",
            "not valid as a name",
        ),
        (
            "{ address: 'a.test:1', metadata: { a-bin: '-' } }",
            "not Base64",
        ),
        (
            "{ address: 'a.test:1', metadata: { a: \"b\\n\" } }",
            "not valid in metadata",
        ),
        (
            "{ address: 'a.test:1', expect: { code: UNIMPLEMENT } }",
            "did you mean",
        ),
        (
            "{ address: 'a.test:1', expect: { serving: SERVIN } }",
            "did you mean",
        ),
        (
            "{ address: 'a.test:1', expect: { code: UNIMPLEMENTED, serving: SERVING } }",
            "only an answer with the status OK has a state",
        ),
        (
            "{ address: 'a.test:1', authority: 'a@b' }",
            "a host with or without a port",
        ),
    ] {
        let (_, faults) = read_kind("grpc", yaml, Path::new(""));
        let shown = format!("{faults:?}");
        assert!(shown.contains(fault), "{yaml}: {shown}");
    }
    let yaml = "{ address: 'a.test:1', service: a.B, tls: {}, metadata: { authorization: 'Bearer ${TOKEN}' } }";
    let (read, faults) = read_kind("grpc", yaml, Path::new(""));
    assert!(faults.is_empty(), "{faults:?}");
    let read = read.expect("valid");
    assert_eq!(read.target(), "a.test:1 a.B (TLS)");
    assert!(!format!("{read:?}").contains("from-the-environment"));
}

/// `tests/tools/grpc_server.py`; ended whatever happens to the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// With the addresses of its three servers; `None` if grpcio is not installed.
    fn start(folder: &Path) -> Option<(Self, [SocketAddr; 3])> {
        let tool = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools/grpc_server.py");
        let mut command = Command::new("python3");
        command
            .arg(tool)
            .args([folder.join("chain.pem"), folder.join("key.pem")]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let stdout = child.stdout.take().expect("piped");
        let server = Self(child);
        let mut ports = String::new();
        BufReader::new(stdout)
            .read_line(&mut ports)
            .expect("a line");
        let ports: Vec<u16> = ports
            .split_whitespace()
            .filter_map(|port| port.parse().ok())
            .collect();
        let ports: [u16; 3] = ports.try_into().ok()?;
        Some((server, ports.map(|port| ([127, 0, 0, 1], port).into())))
    }
}

#[tokio::test]
async fn servers_of_grpcio_are_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let (certificate, key) = authority.issue(Leaf::Good);
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("chain.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.path().join(name), pem).expect("written");
    }
    let Some((_running, [plain, secure, empty])) = Server::start(folder.path()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "grpcio-health-checking is needed in CI"
        );
        return eprintln!("not tested, because grpcio-health-checking is not installed");
    };
    let guarded = ", metadata: { x-guard: on, authorization: 'Bearer ${TOKEN}' }";
    let wrong = ", metadata: { x-guard: on, authorization: Bearer x, a-bin: AAEC }";
    let tls = ", tls: { ca_file: ca.pem }";
    for (server, keys, wanted, reported) in [
        (plain, "", None, ""),
        (plain, ", service: up", None, ""),
        (plain, ", authority: other.test", None, ""),
        (plain, guarded, None, ""),
        (
            plain,
            wrong,
            Some(Cause::Status),
            "UNAUTHENTICATED, expected OK: `no token, 100 % sure`",
        ),
        (
            plain,
            ", service: down",
            Some(Cause::Status),
            "NOT_SERVING, expected SERVING",
        ),
        (
            plain,
            ", service: down, expect: { serving: NOT_SERVING }",
            None,
            "",
        ),
        (
            plain,
            ", service: other",
            Some(Cause::Status),
            "(the server does not know `service`)",
        ),
        (
            plain,
            ", service: other, expect: { code: NOT_FOUND }",
            None,
            "",
        ),
        (
            empty,
            "",
            Some(Cause::Status),
            "(the server has no health service)",
        ),
        (secure, tls, None, ""),
        (secure, ", tls: {}", Some(Cause::Certificate), ""),
        (plain, tls, Some(Cause::Tls), ""),
    ] {
        let yaml = format!("{{ address: \"{server}\" {keys} }}");
        let (outcome, story) = attempt_kind("grpc", &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), wanted, "{keys}: {outcome:?} {story}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
        assert!(!story.contains("from-the-environment"), "{story}");
    }
}
