//! One request and its answer over an established connection.

use super::polled::PolledConnection;
use super::proxy::Proxy;
use super::refusal::refusal;
use super::replay::Replay;
use super::request::Request;
use super::tap::{Start, Tap};
use super::{Version, excerpt, http2_error};
use crate::outcome::{Cause, Measurement, Verdict};
use crate::probe::dial::{Failure, Progress};
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Response, StatusCode, response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use slod_load::{FIELDS_MAX, source_of};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

/// Maximum size of an answer's head in bytes, as in Chrome; Go and curl allow more.
const HEAD_MAX: u32 = 256 * 1024;
/// How long to wait for a body that is only used for a message.
const EXCERPT_WITHIN: Duration = Duration::from_millis(500);

type Message = hyper::Request<Full<Bytes>>;

/// Processes an answer while its connection is open.
pub trait Receive: Send {
    type Answer: Send;

    /// Reads the answer. The phase is [`Measurement::Transfer`].
    fn receive(
        self,
        response: Response<Incoming>,
        progress: &mut Progress<'_>,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// How a request is sent over its connection.
pub struct Sent<'a> {
    /// Whether HTTP/2 was chosen, by ALPN or by the config.
    pub http2: bool,
    /// The proxy that forwards the request; `None` for a tunnel.
    pub forwarded_by: Option<&'a Proxy>,
}

/// Sends the request and receives the answer.
pub async fn exchange<S, R>(
    request: &Request,
    stream: S,
    sent: Sent<'_>,
    receive: R,
    progress: &mut Progress<'_>,
) -> Result<R::Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Receive,
{
    let first = begin(request, &sent, progress)?;
    let start = Start::default();
    let stream = Tap::new(stream, start.clone());
    let pending = Pending {
        receive,
        start: &start,
        http2: sent.http2,
        progress,
    };
    // Futures that are large or rare are boxed: every attempt reserves memory for the others.
    if sent.http2 {
        return Box::pin(over_http2(first, stream, pending)).await;
    }
    let handshake = http1_builder().handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| not_sent(&error))?;
    let mut polled = PolledConnection::new(connection);
    let answered = polled.during(sender.send_request(first)).await;
    match answered {
        Err(error) if error.is_parse_too_large() => {
            let parts = polled.into_connection().into_parts();
            let replay = Replay::new(parts.read_buf, parts.io.into_inner());
            let repeated = message(request, &sent)?;
            Box::pin(with_many_fields(repeated, replay, pending)).await
        }
        answered => polled.during(pending.answer(answered)).await,
    }
}

/// Enters the phase of the request, and builds its message.
fn begin(
    request: &Request,
    sent: &Sent<'_>,
    progress: &mut Progress<'_>,
) -> Result<Message, Failure> {
    progress.enter(Measurement::Processing);
    let message = message(request, sent)?;
    progress.record("request", || {
        format!(
            "{} {} ({})",
            request.method,
            request.shown(),
            if sent.http2 { "HTTP/2" } else { "HTTP/1.1" }
        )
    });
    Ok(message)
}

/// The answer to a request for another protocol.
pub struct Switched<S> {
    pub head: response::Parts,
    /// The connection, with the received bytes that follow the head; the beginning of the body if the server did not
    /// switch protocols.
    pub rest: Result<(S, Bytes), Vec<u8>>,
}

/// Sends a request to switch to another protocol, over HTTP/1.1.
pub async fn switch<S>(
    request: &Request,
    stream: S,
    progress: &mut Progress<'_>,
) -> Result<Switched<Tap<S>>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let sent = Sent {
        http2: false,
        forwarded_by: None,
    };
    let message = begin(request, &sent, progress)?;
    let start = Start::default();
    let stream = TokioIo::new(Tap::new(stream, start.clone()));
    let handshake = http1_builder().handshake(stream).await;
    let (mut sender, connection) = handshake.map_err(|error| not_sent(&error))?;
    let mut polled = PolledConnection::new(connection);
    let answered = polled.during(sender.send_request(message)).await;
    let (head, body) = answered
        .map_err(|error| answer_failure(&error, &start, false))?
        .into_parts();
    progress.code = Some(head.status.as_u16().into());
    progress.record("response", || {
        format!("{} {}", start.version(), head.status)
    });
    let rest = if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let parts = polled.into_connection().into_parts();
        Ok((parts.io.into_inner(), parts.read_buf))
    } else {
        let until = progress.deadline().min(Instant::now() + EXCERPT_WITHIN);
        Err(polled.during(beginning(body, until)).await)
    };
    Ok(Switched { head, rest })
}

/// The beginning of a body that is only used for a message: what arrives in time.
async fn beginning(mut body: Incoming, until: Instant) -> Vec<u8> {
    let mut received = Vec::new();
    while received.len() <= excerpt::USED
        && let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await
    {
        let part = frame.into_data().unwrap_or_default();
        received.extend_from_slice(&part[..part.len().min(excerpt::USED + 1 - received.len())]);
    }
    received
}

/// A request whose answer is expected.
struct Pending<'a, 'p, R> {
    receive: R,
    start: &'a Start,
    http2: bool,
    progress: &'a mut Progress<'p>,
}

impl<R: Receive> Pending<'_, '_, R> {
    /// Processes the answer, whose head has been received.
    async fn answer(self, sent: hyper::Result<Response<Incoming>>) -> Result<R::Answer, Failure> {
        let response = sent.map_err(|error| answer_failure(&error, self.start, self.http2))?;
        let version = if self.http2 {
            "HTTP/2"
        } else {
            self.start.version()
        };
        let (progress, status) = (self.progress, response.status());
        progress.enter(Measurement::Transfer);
        progress.code = Some(status.as_u16().into());
        progress.record("response", || format!("{version} {status}"));
        self.receive.receive(response, progress).await
    }
}

async fn over_http2<S, R>(
    message: Message,
    stream: S,
    pending: Pending<'_, '_, R>,
) -> Result<R::Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Receive,
{
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_header_list_size(HEAD_MAX);
    let handshake = builder.handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| not_sent(&error))?;
    let answer = async { pending.answer(sender.send_request(message).await).await };
    // Fused, so that it is dropped when it ends: a request that is sent later fails only then.
    PolledConnection::new(connection.fuse())
        .during(answer)
        .await
}

/// Reads a head over HTTP/1.1 that has more than the hundred fields for which hyper has space on the stack;
/// memory for more is allocated in advance.
async fn with_many_fields<S, R>(
    message: Message,
    stream: S,
    pending: Pending<'_, '_, R>,
) -> Result<R::Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Receive,
{
    let mut builder = http1_builder();
    builder.max_headers(FIELDS_MAX);
    let handshake = builder.handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| not_sent(&error))?;
    let answer = async { pending.answer(sender.send_request(message).await).await };
    PolledConnection::new(connection).during(answer).await
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(HEAD_MAX as usize)
        // Violations that browsers, curl and Go accept.
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        // The spelling of most clients; some servers recognize no other.
        .title_case_headers(true);
    builder
}

fn message(request: &Request, sent: &Sent<'_>) -> Result<Message, Failure> {
    let target = |authority| format!("{}://{authority}{}", request.url.scheme(), request.path());
    let uri = match sent.forwarded_by {
        // The authority becomes `:authority`, which replaces Host.
        _ if sent.http2 => target(request.authority()),
        Some(_) => target(request.url_authority()),
        None => request.path().to_owned(),
    };
    let unfit = || Failure::bad(Cause::Protocol, "the address is not valid in a request");
    let mut message = hyper::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = uri.parse().map_err(|_| unfit())?;
    *message.headers_mut() = request.headers.clone();
    let headers = message.headers_mut();
    if sent.http2 {
        headers.remove(HOST);
    } else {
        let host = HeaderValue::try_from(request.authority()).map_err(|_| unfit())?;
        headers.entry(HOST).or_insert(host);
        // The server closes the connection, so that no local port stays in TIME_WAIT.
        let close = HeaderValue::from_static("close");
        headers.entry(CONNECTION).or_insert(close);
    }
    if let Some(cookies) = &request.cookies {
        headers.insert(COOKIE, cookies.clone());
    }
    if let Some(value) = sent
        .forwarded_by
        .and_then(|proxy| proxy.authorization.as_ref())
    {
        headers.insert(PROXY_AUTHORIZATION, value.clone());
    }
    if request.body.is_empty()
        && matches!(request.method, Method::POST | Method::PUT | Method::PATCH)
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(message)
}

/// Whether a TLS connection uses HTTP/2, by the config and the protocol chosen by ALPN. There is no prior
/// knowledge over TLS: clients reject a server that did not choose HTTP/2 (RFC 9113, section 3.2).
pub fn is_http2(version: Version, alpn: Option<&[u8]>) -> Result<bool, Failure> {
    let is_chosen = alpn == Some(b"h2");
    match version {
        Version::Http1 => Ok(false),
        Version::Auto => Ok(is_chosen),
        Version::Http2 if is_chosen => Ok(true),
        Version::Http2 => {
            let message = "TLS: the server did not choose HTTP/2 (the ALPN protocol `h2`), which `http_version: 2` requires (RFC 9113)";
            Err(Failure::bad(Cause::Tls, message))
        }
    }
}

fn not_sent(error: &hyper::Error) -> Failure {
    protocol_failure(error, "sending the request")
}

/// Explains why there is no answer, as precisely as the received bytes allow.
fn answer_failure(error: &hyper::Error, start: &Start, http2: bool) -> Failure {
    if let Some(failure) = start.tls_failure() {
        return failure;
    }
    let failure = protocol_failure(error, "waiting for the response");
    if error.is_parse_too_large() {
        let limits = format!("{FIELDS_MAX} fields or {} KiB", HEAD_MAX / 1024);
        let message = format!("the head of the response is larger than {limits}");
        return Failure::bad(Cause::Protocol, message);
    }
    let shown = http2 || failure.verdict == Verdict::Bad(Cause::Protocol);
    match refusal(&start.bytes(), http2).filter(|_| shown) {
        Some(message) => Failure::bad(Cause::Protocol, message),
        None => failure,
    }
}

/// Explains an error of hyper caused by the peer.
pub fn protocol_failure(error: &hyper::Error, doing: &str) -> Failure {
    if let Some(error) = source_of::<h2::Error>(error) {
        return http2_error::explain(error, doing);
    }
    if let Some(io) = source_of::<io::Error>(error) {
        if io.kind() == io::ErrorKind::UnexpectedEof {
            let message = format!("{doing}: the server closed the connection early");
            return Failure::bad(Cause::Protocol, message);
        }
        let failure = Failure::io(io, doing);
        // Only hyper's chunk decoder reports invalid data in this way; neither TLS nor the system does.
        let is_framing = matches!(
            io.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        );
        if is_framing && failure.verdict == Verdict::Bad(Cause::Protocol) {
            let message =
                format!("{doing}: its chunked encoding (`Transfer-Encoding: chunked`) is invalid");
            return Failure::bad(Cause::Protocol, message);
        }
        return failure;
    }
    if error.is_parse() {
        let message = format!("{doing}: its head is invalid HTTP");
        return Failure::bad(Cause::Protocol, message);
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Failure::bad(
            Cause::Closed,
            format!("{doing}: the server closed the connection before the response was complete"),
        );
    }
    let reason =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    Failure::bad(Cause::Protocol, format!("{doing}: {reason}"))
}
