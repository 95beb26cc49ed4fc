//! Sequential requests over an HTTP/1.1 connection.

use crate::body::Body;
use crate::connection::{FailedExchange, Retry};
use crate::counted::CountedStream;
use crate::response::{Invalid, Response};
use bytes::Bytes;
use slod_core::outcome::Cause;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Size of the read buffer, in bytes.
const READ: usize = 16 << 10;
/// Maximum size of a body that is sent together with its head.
pub const JOINED_MAX: usize = 16 << 10;

thread_local! {
    /// Received bytes, which are processed at once. A connection only keeps the beginning of an incomplete
    /// head.
    static ARRIVED: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A request in the form in which it is sent.
#[derive(Default)]
pub struct Outgoing {
    /// Includes the body if it is small.
    pub head: Vec<u8>,
    pub body: Bytes,
}

pub struct Http1 {
    stream: CountedStream,
    pub outgoing: Outgoing,
    /// Number of request bytes that were sent.
    sent: usize,
}

impl Outgoing {
    /// The remaining bytes after `sent` bytes.
    fn rest(&self, sent: usize) -> &[u8] {
        match sent.checked_sub(self.head.len()) {
            None => &self.head[sent..],
            Some(sent) => self.body.get(sent..).unwrap_or_default(),
        }
    }
}

impl Http1 {
    pub fn new(stream: CountedStream) -> Self {
        Self {
            stream,
            outgoing: Outgoing::default(),
            sent: 0,
        }
    }

    /// Whether it is still open, and no unexpected data arrived.
    pub async fn is_idle(&mut self) -> bool {
        poll_fn(|cx| {
            let read = ARRIVED.with_borrow_mut(|arrived| {
                Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(arrived))
            });
            Poll::Ready(read.is_pending())
        })
        .await
    }

    /// Sends `outgoing`, and reads the response to the end.
    pub async fn exchange(
        &mut self,
        response: &mut Response,
        body: &mut Body,
    ) -> Result<(), FailedExchange> {
        self.sent = 0;
        poll_fn(|cx| self.poll(cx, response, body)).await?;
        body.end();
        Ok(())
    }

    /// Whether the completed exchange left nothing unsent.
    pub fn is_reusable(&self, response: &Response) -> bool {
        response.is_reusable() && self.outgoing.rest(self.sent).is_empty()
    }

    /// Reads while sending: a server can reject a request before it has read all of it.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Response,
        body: &mut Body,
    ) -> Poll<Result<(), FailedExchange>> {
        let sent = self.poll_send(cx);
        let read = ARRIVED.with_borrow_mut(|arrived| self.poll_read(cx, arrived, response, body));
        match (read, sent) {
            (Poll::Pending, Poll::Ready(Err(error))) => {
                Poll::Ready(Err(broken(&error, response, body)))
            }
            (read, _) => read,
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        loop {
            let rest = self.outgoing.rest(self.sent);
            if rest.is_empty() {
                return stream.poll_flush(cx);
            }
            match ready!(stream.as_mut().poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                count => self.sent += count,
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        arrived: &mut [u8],
        response: &mut Response,
        body: &mut Body,
    ) -> Poll<Result<(), FailedExchange>> {
        let mut stream = Pin::new(&mut self.stream);
        while !response.is_over() {
            let mut buffer = ReadBuf::new(arrived);
            let read = ready!(stream.as_mut().poll_read(cx, &mut buffer));
            read.map_err(|error| broken(&error, response, body))?;
            if buffer.filled().is_empty() {
                let closed = response.close();
                if closed.map_err(|error| invalid(error, response, None))? {
                    break;
                }
                let closed = io::ErrorKind::UnexpectedEof.into();
                return Poll::Ready(Err(broken(&closed, response, body)));
            }
            let is_first = response.is_untouched();
            let fed = response.feed(buffer.filled(), &mut |data| body.push(data));
            fed.map_err(|error| {
                // Data that begins in the middle may begin in the middle of a secret.
                let quote = is_first.then(|| buffer.filled().to_vec());
                invalid(error, response, quote)
            })?;
        }
        Poll::Ready(Ok(()))
    }
}

/// Describes an invalid response.
fn invalid(error: Invalid, response: &Response, quote: Option<Vec<u8>>) -> FailedExchange {
    if response.has_head() {
        return FailedExchange::failed(Cause::Protocol, error.to_string());
    }
    let words = format!("the response is invalid: {error}");
    FailedExchange {
        quote,
        ..FailedExchange::failed(Cause::Protocol, words)
    }
}

/// Describes a broken exchange. The service may have closed an idle connection while the request was sent.
/// A body that ends early violates the protocol, as in probes.
fn broken(error: &io::Error, response: &Response, body: &Body) -> FailedExchange {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let (cause, words) = match error.kind() {
        TimedOut => (Cause::Timeout, "the connection timed out"),
        UnexpectedEof if response.has_head() => (
            body.broken(Cause::Protocol),
            "the server closed the connection before the end of the body",
        ),
        _ if response.has_head() => (
            body.broken(Cause::Reset),
            "the connection was reset within the body",
        ),
        UnexpectedEof => (
            Cause::Closed,
            "the server closed the connection before its response",
        ),
        _ => (Cause::Reset, "the connection was reset before the response"),
    };
    // A keep-alive connection may also end with a reset: by a load balancer that dropped its state, or by a
    // worker that exits before it has read all data.
    let has_ended = matches!(
        error.kind(),
        UnexpectedEof | BrokenPipe | ConnectionReset | ConnectionAborted
    );
    FailedExchange {
        retry: if has_ended && response.is_untouched() {
            Retry::IfIdempotent
        } else {
            Retry::Never
        },
        ..FailedExchange::failed(cause, words)
    }
}
