//! Causes of failure of broken connections, which must match those of probes.

use super::server::{Ending, breaking, forgetful, refusing};
use super::*;
use http::header::CONNECTION;
use http::uri::Scheme;
use std::sync::atomic::{AtomicU64, Ordering};

/// An HTTP/2 connector without TLS.
pub struct Http2(pub To);

#[async_trait]
impl Connect for Http2 {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        Ok(OpenConnection {
            protocol: Protocol::Http2(Scheme::HTTP),
            ..self.0.connect().await?
        })
    }
}

async fn cause(connect: impl Connect + 'static) -> Vec<(Cause, u64)> {
    let mut plan = plan(([127, 0, 0, 1], 1).into(), EVEN, &[(20.0, 20.0, 100)]);
    plan.connect = Arc::new(connect);
    finished(plan).await.requests[0].failed.clone()
}

#[tokio::test]
async fn a_closed_connection_is_distinguished_from_a_reset_one() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin".as_slice();
    for (sent, ending, expected) in [
        (b"".as_slice(), Ending::Closed, Cause::Closed),
        (
            b"HTTP/1.1 200 OK\r\nContent-L",
            Ending::Closed,
            Cause::Closed,
        ),
        (head, Ending::Closed, Cause::Protocol),
        (b"", Ending::Reset, Cause::Reset),
        (head, Ending::Reset, Cause::Reset),
    ] {
        let found = cause(To(breaking(sent, ending))).await;
        let sent = String::from_utf8_lossy(sent);
        assert_eq!(found, [(expected, 2)], "{sent:?} {ending:?}");
    }
}

#[tokio::test]
async fn closed_and_reset_connections_are_distinguished_in_http2() {
    // An empty SETTINGS frame, and GOAWAY with the codes NO_ERROR and INTERNAL_ERROR.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let goaway = |code| {
        [
            &settings[..],
            &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code],
        ]
        .concat()
    };
    for (sent, ending, expected) in [
        (settings.to_vec(), Ending::Closed, Cause::Closed),
        (settings.to_vec(), Ending::Reset, Cause::Reset),
        (goaway(0), Ending::Closed, Cause::Closed),
        (goaway(2), Ending::Closed, Cause::Protocol),
    ] {
        let found = cause(Http2(To(breaking(&sent, ending)))).await;
        assert_eq!(found, [(expected, 2)], "{sent:?} {ending:?}");
    }
}

/// The results of one user with sequential requests over a keep-alive connection; overlapping requests
/// would use several connections.
struct Found {
    requests: u64,
    failed: Vec<(Cause, u64)>,
    repeated: u64,
    examples: Vec<(Cause, String)>,
}

async fn found(connect: impl Connect + 'static, method: Method) -> Found {
    let sent = Request {
        method,
        ..request("/")
    };
    found_of(connect, sent).await
}

async fn found_of(connect: impl Connect + 'static, sent: Request) -> Found {
    let think = Duration::from_millis(5);
    let stages = [(1.0, 1.0, 500)];
    let mut plan = plan(([127, 0, 0, 1], 1).into(), Model::Closed { think }, &stages);
    plan.connect = Arc::new(connect);
    plan.mix = Arc::new(Mix::new(vec![alone(sent, 1)]).expect("one"));
    let finished = finished(plan).await;
    let found = Found {
        requests: finished.requests[0].completed(),
        failed: finished.requests[0].failed.clone(),
        repeated: sum(&finished.windows, |one| one.repeated),
        examples: finished.examples,
    };
    assert!(found.requests > 2, "{}", found.requests);
    found
}

#[tokio::test]
async fn idempotent_requests_are_retried_if_a_keep_alive_connection_is_reset() {
    let gets = found(To(forgetful()), Method::GET).await;
    assert_eq!((gets.failed, gets.repeated), (vec![], gets.requests - 1));
    let posts = found(To(forgetful()), Method::POST).await;
    let failed = vec![(Cause::Reset, posts.requests / 2)];
    assert_eq!((posts.failed, posts.repeated), (failed, 0));
    let words =
        "the connection was reset before the response; it was kept alive, and POST is not retried";
    assert_eq!(posts.examples, [(Cause::Reset, words.to_owned())]);
}

#[tokio::test]
async fn a_connection_is_not_used_after_a_request_that_closes_it() {
    let mut post = Request {
        method: Method::POST,
        ..request("/")
    };
    let close = HeaderValue::from_static("Close");
    post.headers.insert(CONNECTION, close);
    let all = found_of(To(forgetful()), post).await;
    assert_eq!((all.failed, all.repeated), (vec![], 0));
}

#[tokio::test]
async fn unprocessed_streams_are_retried_with_any_method() {
    let refused = |stream| vec![0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, 7];
    // The last processed stream is the previous one.
    let going_away = |stream| vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, stream - 2, 0, 0, 0, 0];
    let failed = |stream| vec![0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, 2];
    for method in [Method::GET, Method::POST] {
        for refuse in [refused, going_away] {
            let all = found(Http2(To(refusing(refuse))), method.clone()).await;
            assert_eq!((all.failed, all.repeated), (vec![], all.requests - 1));
        }
        let all = found(Http2(To(refusing(failed))), method).await;
        let failed = vec![(Cause::Protocol, all.requests / 2)];
        assert_eq!((all.failed, all.repeated), (failed, 0));
    }
}

/// The frames of a response without a body whose head has this many fields of 1,033 bytes each, as HTTP/2 counts
/// them.
fn with_head(stream: u8, fields: usize) -> Vec<u8> {
    // Status 200, and literal fields with the name `a`. A length of 1,000 is 127 and 873 more.
    let mut block = vec![0x88];
    for _ in 0..fields {
        block.extend([0, 1, b'a', 0x7f, 0xe9, 6]);
        block.extend([b'x'; 1000]);
    }
    let parts: Vec<_> = block.chunks(16_000).collect();
    let mut frames = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let [high, low] = u16::try_from(part.len()).expect("short").to_be_bytes();
        // HEADERS with END_STREAM, then CONTINUATION; the last one with END_HEADERS.
        let (kind, ends) = if number == 0 { (1, 1) } else { (9, 0) };
        let is_last = number + 1 == parts.len();
        let flags = if is_last { ends | 4 } else { ends };
        frames.extend([0, high, low, kind, flags, 0, 0, 0, stream]);
        frames.extend_from_slice(part);
    }
    frames
}

#[tokio::test]
async fn a_large_head_over_http2_is_rejected() {
    let fitting = found(
        Http2(To(refusing(|stream| with_head(stream, 250)))),
        Method::GET,
    )
    .await;
    assert_eq!(fitting.failed, []);
    let larger = found(
        Http2(To(refusing(|stream| with_head(stream, 260)))),
        Method::GET,
    )
    .await;
    let failed = larger.failed.iter().map(|(cause, _)| *cause);
    assert_eq!(failed.collect::<Vec<_>>(), [Cause::Protocol]);
}

/// A machine without a free port, half of the time.
struct Lacking(To, AtomicU64);

#[async_trait]
impl Connect for Lacking {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        match self.1.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Err(ConnectError::NoResources("no port is left".to_owned())),
            _ => self.0.connect().await,
        }
    }
}

#[tokio::test]
async fn a_start_without_resources_is_dropped_and_not_late() {
    let address = serve(fifo(|| Duration::ZERO));
    let mut plan = plan(address, EVEN, &[(40.0, 40.0, 1000)]);
    plan.connect = Arc::new(Lacking(To(address), AtomicU64::new(0)));
    plan.keep_alive = false;
    let found = finished(plan).await;
    let windows = &found.windows;
    assert_eq!(sum(windows, |one| one.lacking), 20);
    assert_eq!(sum(windows, |one| one.dropped), 20);
    assert_eq!(sum(windows, |one| one.started), 20);
    assert_eq!(sum(windows, |one| one.good), 20);
    let lag = windows.iter().map(|one| one.lag).max();
    assert!(lag < Some(Duration::from_mins(1)), "{lag:?}");
    assert_eq!(found.lack.as_deref(), Some("no port is left"));
    assert_eq!(found.examples, []);
}
