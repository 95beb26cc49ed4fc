//! Servers with unusual responses, and servers that do not support gRPC.

use super::probe;
use crate::probing::{SHORT, TIMEOUT, attempt_kind, cause, message};
use crate::server::{Authority, Leaf, tcp};
use h2::server::SendResponse;
use http::{HeaderMap, Response};
use hyper::body::Bytes;
use slod::outcome::{Cause, Measurement, Verdict};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `SERVING` in a gRPC frame.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

/// The response of an HTTP/2 server.
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

/// A good response.
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

/// A good response with another body.
fn body(body: &'static [u8]) -> Odd {
    Odd { body, ..GOOD }
}

/// A good response with another content type.
fn of_type(head: &'static [(&'static str, &'static str)]) -> Odd {
    Odd { head, ..GOOD }
}

/// A good response with other trailers.
fn trailers(trailers: &'static [(&'static str, &'static str)]) -> Odd {
    let trailers = Some(trailers);
    Odd { trailers, ..GOOD }
}

/// Responses with this cause, each with a part of its message.
async fn judge(wanted: Option<Cause>, cases: &[(Odd, &str)]) {
    for (answer, reported) in cases {
        let address = odd(*answer).await;
        let (outcome, _) = probe(address, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), wanted, "{reported}: {outcome:?}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
    }
}

#[tokio::test]
async fn messages_are_checked() {
    const PROTO: &[(&str, &str)] = &[("content-type", "application/grpc+proto; charset=utf-8")];
    judge(None, &[(GOOD, ""), (of_type(PROTO), "")]).await;
    let unhealthy = [
        (
            body(&[0, 0, 0, 0, 2, 8, 2]),
            "NOT_SERVING, expected SERVING",
        ),
        (body(&[0, 0, 0, 0, 0]), "UNKNOWN, expected SERVING"),
    ];
    judge(Some(Cause::Status), &unhealthy).await;
    let invalid = [
        (body(&[0, 0, 0, 0, 2, 8, 99]), "the state 99 is unknown"),
        (body(b""), "there is no message"),
        (body(&SERVING[..6]), "the message is incomplete"),
        (body(&SERVING[..3]), "the message is incomplete"),
        (body(&[1, 0, 0, 0, 2, 8, 1]), "compressed"),
        (body(b"<html></html>"), "no valid gRPC frame"),
        (
            body(&[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 0]),
            "more than one message",
        ),
        (
            body(&[0, 0, 0, 0, 2, 0xff, 0xff]),
            "not a HealthCheckResponse",
        ),
    ];
    judge(Some(Cause::Protocol), &invalid).await;
    let large = body(&[0, 0x7f, 0xff, 0xff, 0xff, 8, 1]);
    judge(Some(Cause::BodyTooLarge), &[(large, "2147483647 bytes")]).await;
    let (outcome, story) = probe(odd(GOOD).await, "", TIMEOUT).await;
    assert_eq!((outcome.verdict, outcome.code), (Verdict::Good, Some(0)));
    assert!(outcome.measured.get(Measurement::Transfer).is_some());
    assert!(
        story.contains("expect ok: SERVING, expected SERVING"),
        "{story}"
    );
}

#[tokio::test]
async fn heads_and_trailers_are_checked() {
    const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
    const WEB: &[(&str, &str)] = &[("content-type", "application/grpc-web")];
    const UNAVAILABLE: &[(&str, &str)] = &[
        ("content-type", "application/grpc"),
        ("grpc-status", "14"),
        ("grpc-message", "no%20backend%0A"),
    ];
    let without = Odd {
        trailers: None,
        ..GOOD
    };
    let html = "has the Content-Type `text/html`, expected `application/grpc`";
    let web = "has the Content-Type `application/grpc-web`";
    let odd_number = "`+1`, which is not a number";
    let invalid = [
        (without, "without `grpc-status`"),
        (trailers(&[("grpc-message", "x")]), "without `grpc-status`"),
        (trailers(&[("grpc-status", "+1")]), odd_number),
        (of_type(HTML), html),
        (of_type(WEB), web),
        (of_type(&[]), "has no Content-Type"),
    ];
    judge(Some(Cause::Protocol), &invalid).await;
    let unknown = trailers(&[("grpc-status", "99")]);
    let unavailable = Odd {
        body: b"",
        head: UNAVAILABLE,
        ..without
    };
    let status = 503;
    let rejected = [
        (unknown, "gRPC status 99, expected OK"),
        (
            unavailable,
            "gRPC status UNAVAILABLE, expected OK: `no backend\\n`",
        ),
        (
            Odd {
                status,
                ..of_type(HTML)
            },
            "HTTP status 503, expected 200",
        ),
    ];
    judge(Some(Cause::Status), &rejected).await;
}

#[tokio::test]
async fn servers_without_grpc_fail_with_their_cause() {
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
    // An endless stream.
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
    let (authority, folder) = Authority::in_folder();
    // Does not support ALPN, and would continue.
    let (server, _) = authority.tls(Leaf::Good, b"").await;
    let yaml = format!("{{ address: \"{server}\", tls: {{ ca_file: ca.pem }} }}");
    let (outcome, _) = attempt_kind("grpc", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{outcome:?}");
    assert!(
        message(&outcome).contains("ALPN protocol `h2`"),
        "{outcome:?}"
    );
}
