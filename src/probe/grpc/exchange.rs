//! One gRPC call over a new HTTP/2 connection.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use super::GrpcProbe;
use super::message::{Received, Serving};
use super::status::Code;
use crate::outcome::{Cause, Measurement};
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::http2_error;
use crate::probe::http::polled::PolledConnection;
use crate::probe::http::read::AGENT;
use crate::probe::http::refusal::refusal;
use crate::probe::http::tap::{Start, Tap};
use crate::probe::quoted::quoted;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::{Scheme, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Bytes;
use percent_encoding::percent_decode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

const PATH: &str = "/grpc.health.v1.Health/Check";
/// Maximum size of the metadata that a server may send, in bytes.
const METADATA_MAX: u32 = 64 << 10;
/// The ALPN protocol that must be negotiated.
const HTTP2: &[u8] = b"h2";
const STATUS: &str = "grpc-status";
const WORDS: &str = "grpc-message";

/// The result of a call.
#[derive(Debug)]
pub struct Answer {
    pub code: Code,
    /// The server's message for the status.
    pub words: Vec<u8>,
    /// Only evaluated if the call succeeded.
    pub message: Result<Serving, Failure>,
}

/// Makes the call.
pub async fn exchange(probe: &GrpcProbe, progress: &mut Progress<'_>) -> Result<Answer, Failure> {
    let stream = probe.address.connect(probe.family, progress).await?;
    let Some((tls, name)) = &probe.tls else {
        return call(probe, stream, progress).await;
    };
    let stream = tls.handshake(stream, name.clone(), progress).await?;
    if stream.alpn() != Some(HTTP2) {
        let message = "TLS: the server did not choose HTTP/2 (the ALPN protocol `h2`), which gRPC requires (RFC 9113)";
        return Err(Failure::bad(Cause::Tls, message));
    }
    call(probe, stream, progress).await
}

async fn call(
    probe: &GrpcProbe,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    progress: &mut Progress<'_>,
) -> Result<Answer, Failure> {
    progress.enter(Measurement::Processing);
    let request = request(probe, progress)?;
    progress.record("request", || format!("{PATH} for {:?}", probe.service));
    let start = Start::default();
    let mut builder = Builder::new();
    builder
        .max_header_list_size(METADATA_MAX)
        .enable_push(false);
    let failed = |error: h2::Error, doing| {
        let foreign = || Some(Failure::bad(Cause::Protocol, foreign(&start.bytes())?));
        let known = start.tls_failure().or_else(foreign);
        known.unwrap_or_else(|| http2_error::explain(&error, doing))
    };
    let handshake = builder.handshake(Tap::new(stream, start.clone()));
    let (sender, connection) = handshake
        .await
        .map_err(|error| failed(error, "sending the request"))?;
    let exchanged = async {
        let (response, sender) = send(sender, request, probe.request.clone())
            .await
            .map_err(|error| failed(error, "waiting for the response"))?;
        let answer = receive(response, progress, &failed).await;
        // The connection stays open until the answer is complete.
        drop(sender);
        answer
    };
    PolledConnection::new(connection).during(exchanged).await
}

/// Describes the start of an answer that is not HTTP/2.
fn foreign(start: &[u8]) -> Option<String> {
    match start {
        [b'H', b'T', b'T', b'P', b'/', b'1', ..] => {
            Some("the server responds with HTTP/1.1 where it should speak HTTP/2".to_owned())
        }
        [0x15 | 0x16, 3, ..] => Some("the server uses TLS on this port: add `tls: {}`".to_owned()),
        _ => refusal(start, true),
    }
}

fn request(probe: &GrpcProbe, progress: &Progress<'_>) -> Result<Request<()>, Failure> {
    let unfit = |()| Failure::bad(Cause::Protocol, "the request is not valid in HTTP/2");
    let scheme = match probe.tls {
        Some(_) => Scheme::HTTPS,
        None => Scheme::HTTP,
    };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(probe.authority.clone())
        .path_and_query(PATH)
        .build()
        .map_err(|_| unfit(()))?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = probe.metadata.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let left = progress
        .deadline()
        .saturating_duration_since(Instant::now());
    let timeout = HeaderValue::try_from(format!("{}m", left.as_millis().min(99_999_999)));
    headers.insert("grpc-timeout", timeout.map_err(|_| unfit(()))?);
    let identity = HeaderValue::from_static("identity");
    headers.insert("grpc-accept-encoding", identity);
    Ok(request)
}

async fn send(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
) -> Result<(Response<RecvStream>, SendRequest<Bytes>), h2::Error> {
    let mut sender = sender.ready().await?;
    let (response, mut body) = sender.send_request(request, false)?;
    body.send_data(message, true)?;
    Ok((response.await?, sender))
}

async fn receive(
    response: Response<RecvStream>,
    progress: &mut Progress<'_>,
    failed: &impl Fn(h2::Error, &'static str) -> Failure,
) -> Result<Answer, Failure> {
    progress.enter(Measurement::Transfer);
    let (head, mut body) = response.into_parts();
    progress.record("response", || format!("HTTP/2 {}", head.status));
    check_head(head.status, &head.headers)?;
    let mut received = Received::default();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| failed(error, "reading the answer"))?;
        // Releases exactly what was received, which cannot fail.
        let _ = body.flow_control().release_capacity(piece.len());
        received.take(&piece)?;
    }
    let trailers = body
        .trailers()
        .await
        .map_err(|error| failed(error, "reading the trailers"))?;
    let message = received.finish();
    // An answer without a message may carry its status in the headers.
    let fields = trailers.as_ref().unwrap_or(&head.headers);
    let (code, words) = status(fields)?;
    Ok(Answer {
        code,
        words,
        message,
    })
}

/// Checks that the answer is gRPC.
fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key(STATUS) {
        return Ok(());
    }
    if status != StatusCode::OK {
        let message = format!("HTTP status {}, expected 200", status.as_u16());
        return Err(Failure::bad(Cause::Status, message));
    }
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.unwrap_or_default();
    let rest = kind.strip_prefix(b"application/grpc");
    if rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' '))) {
        return Ok(());
    }
    let seen = match kind {
        [] => "has no Content-Type".to_owned(),
        kind => format!("has the Content-Type {}", quoted(kind)),
    };
    let message = format!("the answer {seen}, expected `application/grpc`");
    Err(Failure::bad(Cause::Protocol, message))
}

fn status(fields: &HeaderMap) -> Result<(Code, Vec<u8>), Failure> {
    let invalid = |message: String| Failure::bad(Cause::Protocol, message);
    let Some(code) = fields.get(STATUS) else {
        let message = "the answer ended without `grpc-status`".to_owned();
        return Err(invalid(message));
    };
    let code = Code::parse(code.as_bytes()).ok_or_else(|| {
        let seen = quoted(code.as_bytes());
        invalid(format!("`grpc-status` is {seen}, which is not a number"))
    })?;
    let words = fields.get(WORDS).map(HeaderValue::as_bytes);
    let words = percent_decode(words.unwrap_or_default()).collect();
    Ok((code, words))
}
