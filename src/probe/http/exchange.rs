//! One request and its answer over a connection that is there already.

use super::proxy::Proxy;
use super::request::Request;
use super::{HttpProbe, Version, body};
use crate::outcome::{Cause, Phase};
use crate::probe::dial::{Failure, Progress, source_of};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of an answer's head.
const HEAD_MAX: u32 = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub head: response::Parts,
    /// Empty unless an expectation needs it.
    pub body: Vec<u8>,
}

/// How a request goes over its connection.
pub struct Line<'a> {
    /// Whether ALPN or the config chose HTTP/2.
    pub http2: bool,
    /// The proxy that forwards the request, if it is not a tunnel.
    pub forwarded_by: Option<&'a Proxy>,
}

/// Sends the request and reads the answer to its end.
pub async fn exchange<S>(
    probe: &HttpProbe,
    request: &Request,
    stream: S,
    line: Line<'_>,
    progress: &mut Progress<'_>,
) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    progress.enter(Phase::Processing);
    let message = message(request, &line)?;
    progress.tell("request", || {
        format!(
            "{} {} ({})",
            request.method,
            request.shown(),
            if line.http2 { "HTTP/2" } else { "HTTP/1.1" }
        )
    });
    let io = TokioIo::new(stream);
    let failed = |error: hyper::Error| protocol_failure(&error, "sending the request");
    if line.http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_header_list_size(HEAD_MAX);
        let (mut sender, connection) = builder.handshake(io).await.map_err(failed)?;
        drive(connection, async {
            receive(probe, sender.send_request(message).await, progress).await
        })
        .await
    } else {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_MAX as usize);
        let (mut sender, connection) = builder.handshake(io).await.map_err(failed)?;
        drive(connection, async {
            receive(probe, sender.send_request(message).await, progress).await
        })
        .await
    }
}

/// Runs the connection only while its exchange needs it: no task of its own, nothing left behind.
async fn drive<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
    let mut open = true;
    std::future::poll_fn(|cx| {
        if open && connection.as_mut().poll(cx).is_ready() {
            open = false;
        }
        match exchange.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending if open => {
                // The exchange may just have given the connection something to do.
                if connection.as_mut().poll(cx).is_ready() {
                    open = false;
                    return exchange.as_mut().poll(cx);
                }
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn receive(
    probe: &HttpProbe,
    answer: Result<hyper::Response<Incoming>, hyper::Error>,
    progress: &mut Progress<'_>,
) -> Result<Answer, Failure> {
    let answer = answer.map_err(|error| protocol_failure(&error, "waiting for the answer"))?;
    progress.enter(Phase::Transfer);
    let (head, incoming) = answer.into_parts();
    progress.detail.http_status = Some(head.status.as_u16());
    progress.tell("response", || format!("{:?} {}", head.version, head.status));
    let (body, length) = body::read(
        incoming,
        &head.headers,
        probe.body_limit,
        probe.expect.wants_body(),
    )
    .await?;
    progress.leave();
    progress.tell("body", || format!("{length} bytes"));
    Ok(Answer { head, body })
}

fn message(request: &Request, line: &Line<'_>) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let uri = if line.http2 || line.forwarded_by.is_some() {
        format!(
            "{}://{}{}",
            request.url.scheme(),
            request.authority(),
            request.path()
        )
    } else {
        request.path().to_owned()
    };
    let unfit = || Failure::bad(Cause::Protocol, "the address cannot be requested");
    let mut message = hyper::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = uri.parse().map_err(|_| unfit())?;
    *message.headers_mut() = request.headers.clone();
    let headers = message.headers_mut();
    if !line.http2 {
        let host = HeaderValue::try_from(request.authority()).map_err(|_| unfit())?;
        headers.entry(HOST).or_insert(host);
        // One-shot: the server closes, so that no port of ours waits in TIME_WAIT.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(value) = line
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

/// Whether a connection speaks HTTP/2, by the config and what ALPN chose.
pub fn is_http2(version: Version, alpn: Option<&[u8]>) -> bool {
    match version {
        Version::Http1 => false,
        Version::Http2 => true,
        Version::Auto => alpn == Some(b"h2"),
    }
}

/// What hyper found wrong with the other side.
pub fn protocol_failure(error: &hyper::Error, doing: &str) -> Failure {
    if let Some(io) = source_of::<io::Error>(error) {
        if io.kind() == io::ErrorKind::UnexpectedEof {
            let message = format!("{doing}: the server closed the connection before its end");
            return Failure::bad(Cause::Protocol, message);
        }
        return match source_of::<rustls::Error>(io)
            .or_else(|| io.get_ref().and_then(|inner| inner.downcast_ref()))
        {
            Some(_) => Failure::tls(io),
            None => Failure::io(io, doing),
        };
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Failure::bad(
            Cause::Reset,
            format!("{doing}: the server closed the connection before the answer was complete"),
        );
    }
    let reason =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    Failure::bad(Cause::Protocol, format!("{doing}: {reason}"))
}
