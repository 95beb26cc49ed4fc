//! Records the first bytes that the peer sends, and a TLS error after them, for messages.

use super::status_line::StatusLines;
use crate::probe::dial::Failure;
use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Maximum number of bytes that are kept.
const START_MAX: usize = 1024;
const HTTP10: &[u8] = b"HTTP/1.0";

/// The first bytes that the peer sent, and the TLS error that ended the connection.
#[derive(Clone, Debug, Default)]
pub struct Start(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    tls: Option<Failure>,
}

impl Start {
    fn note(&self, bytes: &[u8]) {
        let start = &mut self.0.lock().bytes;
        let room = START_MAX.saturating_sub(start.len());
        start.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The HTTP/1 version that the answer states.
    pub fn version(&self) -> &'static str {
        if self.0.lock().bytes.starts_with(HTTP10) {
            "HTTP/1.0"
        } else {
            "HTTP/1.1"
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }

    /// The TLS error of the connection, such as the rejection of a client certificate, which arrives after the
    /// handshake. The HTTP/2 library does not pass it on.
    pub fn tls_failure(&self) -> Option<Failure> {
        self.0.lock().tls.clone()
    }
}

/// A connection that records its [`Start`] and corrects status lines. It carries only one answer, so
/// that nothing else depends on the version.
pub struct Tap<S> {
    stream: S,
    start: Start,
    status_lines: StatusLines,
}

impl<S> Tap<S> {
    pub fn new(stream: S, start: Start) -> Self {
        Self {
            stream,
            start,
            status_lines: StatusLines::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        loop {
            if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, into)) {
                self.start.0.lock().tls = Failure::secured(&error);
                return Poll::Ready(Err(error));
            }
            let read = &mut into.filled_mut()[before..];
            self.start.note(read);
            let (read, kept) = (read.len(), self.status_lines.correct(read));
            into.set_filled(before + kept);
            // Zero bytes mean the end of the stream, so a read whose bytes were all removed is
            // repeated.
            if kept > 0 || read == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// The output of a tap for an answer that arrives in chunks of this size.
    async fn through(answer: &'static [u8], size: usize) -> (Vec<u8>, Start) {
        let pieces = answer.chunks(size).map(Ok::<_, io::Error>);
        let stream = tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces));
        let start = Start::default();
        let mut read = Vec::new();
        let mut tap = Tap::new(stream, start.clone());
        tap.read_to_end(&mut read).await.expect("in memory");
        (read, start)
    }

    #[tokio::test]
    async fn http10_passes_for_http11() {
        for size in [1, 7, 8, 100] {
            let (read, start) = through(b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.0", size).await;
            assert_eq!(read, b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.0", "{size}");
            assert_eq!(start.version(), "HTTP/1.0");
            let (read, start) = through(b"HTTP/1.1 200 OK\r\n", size).await;
            assert_eq!(
                (read.as_slice(), start.version()),
                (b"HTTP/1.1 200 OK\r\n".as_slice(), "HTTP/1.1")
            );
        }
    }

    #[tokio::test]
    async fn the_original_bytes_are_recorded() {
        for size in [1, 5, 13, 100] {
            let (read, start) = through(b"HTTP/1.0    200 O\x1bK\r\n", size).await;
            assert_eq!(read, b"HTTP/1.1 200 O K\r\n", "{size}");
            assert_eq!(start.bytes(), b"HTTP/1.0    200 O\x1bK\r\n", "{size}");
        }
    }

    #[test]
    fn only_the_start_is_remembered() {
        let start = Start::default();
        for _ in 0..100 {
            start.note(&[b'x'; 100]);
        }
        assert_eq!(start.bytes().len(), START_MAX);
    }
}
