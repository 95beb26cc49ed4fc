//! Counts the bytes of connections.

use crate::plan::Stream;
use slod_core::load::Transferred;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::ops::AddAssign;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of HTTP messages with their heads, without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCounts {
    pub received: u64,
    pub sent: u64,
}

impl AddAssign for ByteCounts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.sent += other.sent;
    }
}

impl From<ByteCounts> for Transferred {
    fn from(counts: ByteCounts) -> Self {
        Self {
            received: Some(counts.received),
            sent: Some(counts.sent),
        }
    }
}

/// The counts of successive connections. An exchange that ends by its deadline is counted, too, since they do not
/// belong to the connection.
#[derive(Clone, Debug, Default)]
pub struct SharedCounts(Rc<Cell<ByteCounts>>);

impl SharedCounts {
    /// Returns the counts since the last call.
    pub fn take(&self) -> ByteCounts {
        self.0.take()
    }

    fn add(&self, received: usize, sent: usize) {
        let mut counts = self.0.get();
        counts += ByteCounts {
            received: received as u64,
            sent: sent as u64,
        };
        self.0.set(counts);
    }
}

/// A connection that counts its bytes.
pub struct CountedStream {
    pub stream: Box<dyn Stream>,
    pub counts: SharedCounts,
}

impl CountedStream {
    fn inner(&mut self) -> Pin<&mut dyn Stream> {
        Pin::new(&mut *self.stream)
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.counts.add(0, count);
        }
        written
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.inner().poll_read(cx, buffer);
        self.counts.add(buffer.filled().len() - before, 0);
        read
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.inner().poll_write(cx, data);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.inner().poll_write_vectored(cx, data);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
