//! Sequential requests over an HTTP/2 connection.

use crate::body::Body;
use crate::connection::{FailedExchange, Retry};
use crate::counted::CountedStream;
use crate::message::Http2Message;
use crate::sources::source_of;
use bytes::Bytes;
use h2::Reason;
use http::HeaderMap;
use http::uri::Scheme;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use slod_core::outcome::Cause;
use std::error::Error;
use std::io;

/// Maximum size of the headers of a response, in bytes.
const HEADERS_MAX: u32 = 256 << 10;
/// Flow-control window: bytes of a body that a server may send before they are read, as in browsers.
const WINDOW: u32 = 6 << 20;

pub struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    pub scheme: Scheme,
}

/// Runs the tasks of a connection on the thread of its user.
#[derive(Clone, Copy)]
struct SameThread;

impl<F: Future + 'static> Executor<F> for SameThread {
    fn execute(&self, work: F) {
        tokio::task::spawn_local(async move {
            // Its errors are reported by the requests.
            work.await;
        });
    }
}

impl Http2 {
    pub async fn open(stream: CountedStream, scheme: Scheme) -> Result<Self, FailedExchange> {
        let mut builder = http2::Builder::new(SameThread);
        builder
            .max_header_list_size(HEADERS_MAX)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| failed_exchange(&error))?;
        // The task ends when the sender is dropped.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Self { sender, scheme })
    }

    pub async fn is_idle(&mut self) -> bool {
        !self.sender.is_closed() && self.sender.ready().await.is_ok()
    }

    /// Sends a request, and reads the response to the end.
    pub async fn exchange(
        &mut self,
        message: Http2Message,
        received: &mut Body,
    ) -> Result<(u16, HeaderMap), FailedExchange> {
        let sent = self.sender.send_request(message).await;
        let (head, mut body) = sent.map_err(|error| failed_exchange(&error))?.into_parts();
        while let Some(frame) = body.frame().await {
            // The response has begun, so the request was processed and must not be retried.
            let frame = frame.map_err(|error| {
                FailedExchange::failed(received.broken(cause(&error)), words(&error))
            })?;
            if let Some(data) = frame.data_ref() {
                received.push(data);
            }
        }
        received.end();
        Ok((head.status.as_u16(), head.headers))
    }
}

fn failed_exchange(error: &hyper::Error) -> FailedExchange {
    FailedExchange {
        retry: retry(error),
        ..FailedExchange::failed(cause(error), words(error))
    }
}

/// Whether a request without a response may be retried. Streams above the last one named in a GOAWAY, and
/// refused streams, were not processed.
fn retry(error: &hyper::Error) -> Retry {
    if let Some(http2) = source_of::<h2::Error>(error)
        && http2.is_remote()
        && (http2.is_reset() && http2.reason() == Some(Reason::REFUSED_STREAM)
            || http2.is_go_away() && http2.reason() == Some(Reason::NO_ERROR))
    {
        return Retry::Always;
    }
    match cause(error) {
        Cause::Closed | Cause::Reset => Retry::IfIdempotent,
        _ => Retry::Never,
    }
}

fn words(error: &hyper::Error) -> String {
    match cause(error) {
        Cause::Closed => {
            "the server closed the connection before its response was complete".to_owned()
        }
        Cause::Reset => "the connection was reset".to_owned(),
        _ => {
            let mut innermost: &dyn Error = error;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            innermost.to_string()
        }
    }
}

/// The cause of failure, as in probes: a connection that ends between two frames, or that the service ends
/// without an error, is closed.
fn cause(error: &hyper::Error) -> Cause {
    use io::ErrorKind::{BrokenPipe, TimedOut, UnexpectedEof};
    if error.is_timeout() {
        return Cause::Timeout;
    }
    let http2: Option<&h2::Error> = source_of(error);
    let io = http2.and_then(h2::Error::get_io);
    match (io.or_else(|| source_of(error)), http2) {
        (Some(io), _) => match io.kind() {
            TimedOut => Cause::Timeout,
            BrokenPipe | UnexpectedEof => Cause::Closed,
            _ => Cause::Reset,
        },
        (None, Some(http2)) => {
            let is_end = http2.is_remote() && http2.reason() == Some(Reason::NO_ERROR);
            if is_end {
                Cause::Closed
            } else {
                Cause::Protocol
            }
        }
        (None, None) if error.is_incomplete_message() || error.is_canceled() => Cause::Closed,
        (None, None) => Cause::Protocol,
    }
}
