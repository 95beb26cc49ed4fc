//! Reads a received response again from its start.

use hyper::body::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose request was already sent. It first returns the bytes received so far, then those that
/// follow, and discards writes. Nothing can be read before the request is written again, since hyper
/// expects that of a new connection.
pub struct Replay<S> {
    received: Bytes,
    stream: S,
    is_requested: bool,
    /// The reader that waits for the request.
    reader: Option<Waker>,
}

impl<S> Replay<S> {
    pub fn new(received: Bytes, stream: S) -> Self {
        Self {
            received,
            stream,
            is_requested: false,
            reader: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replay<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_requested {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.received.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, into);
        }
        let length = self.received.len().min(into.remaining());
        into.put_slice(&self.received[..length]);
        self.received.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: Unpin> AsyncWrite for Replay<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_requested = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(from.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
