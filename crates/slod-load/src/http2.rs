//! Requests over a connection of HTTP/2, one after the other.

use crate::body::Body;
use crate::connection::{Repeat, Unanswered};
use crate::message::Http2Message;
use crate::plan::Stream;
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

/// Bytes of the headers of a response at most.
const HEADERS_MAX: u32 = 256 << 10;
/// Bytes of a body that a server may send before they are read, as browsers allow.
const WINDOW: u32 = 6 << 20;

pub struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    pub scheme: Scheme,
}

/// Runs the work of a connection on the thread of its user.
#[derive(Clone, Copy)]
struct OwnThread;

impl<F: Future + 'static> Executor<F> for OwnThread {
    fn execute(&self, work: F) {
        tokio::task::spawn_local(async move {
            // Its errors are those of the requests.
            work.await;
        });
    }
}

impl Http2 {
    pub async fn open(stream: Box<dyn Stream>, scheme: Scheme) -> Result<Self, Unanswered> {
        let mut builder = http2::Builder::new(OwnThread);
        builder
            .max_header_list_size(HEADERS_MAX)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| unanswered(&error))?;
        // It ends with its sender.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Self { sender, scheme })
    }

    pub async fn is_idle(&mut self) -> bool {
        !self.sender.is_closed() && self.sender.ready().await.is_ok()
    }

    /// Sends a request, and reads the response to its end.
    pub async fn exchange(
        &mut self,
        message: Http2Message,
        kept: &mut Body,
    ) -> Result<(u16, HeaderMap), Unanswered> {
        let sent = self.sender.send_request(message).await;
        let (head, mut body) = sent.map_err(|error| unanswered(&error))?.into_parts();
        while let Some(frame) = body.frame().await {
            // The service has answered: this is no request that came too late for it.
            let frame = frame
                .map_err(|error| Unanswered::failed(kept.broken(cause(&error)), words(&error)))?;
            if let Some(data) = frame.data_ref() {
                kept.take(data);
            }
        }
        kept.end();
        Ok((head.status.as_u16(), head.headers))
    }
}

fn unanswered(error: &hyper::Error) -> Unanswered {
    Unanswered {
        repeat: repeat(error),
        ..Unanswered::failed(cause(error), words(error))
    }
}

/// Of a request whose answer has not begun. Streams above the last one that a GOAWAY names end with it:
/// where the connection ends because the service closes it, they were not processed, as refused streams.
fn repeat(error: &hyper::Error) -> Repeat {
    if let Some(http2) = source_of::<h2::Error>(error)
        && http2.is_remote()
        && (http2.is_reset() && http2.reason() == Some(Reason::REFUSED_STREAM)
            || http2.is_go_away() && http2.reason() == Some(Reason::NO_ERROR))
    {
        return Repeat::Always;
    }
    match cause(error) {
        Cause::Closed | Cause::Reset => Repeat::IfIdempotent,
        _ => Repeat::Never,
    }
}

fn words(error: &hyper::Error) -> String {
    match cause(error) {
        Cause::Closed => {
            "the server closed the connection before its answer was complete".to_owned()
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

/// As attempts of a probe have it: what ends between two frames is closed, and so is what the service
/// ends without an error.
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

/// The first error of a type in a chain of sources.
fn source_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
