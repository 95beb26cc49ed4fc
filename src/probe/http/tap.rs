//! What the other side sent first, for messages.

use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a connection that are remembered.
const START_MAX: usize = 1024;
const HTTP10: &[u8] = b"HTTP/1.0";

/// The first bytes that the other side sent.
#[derive(Clone, Debug, Default)]
pub struct Start(Arc<Mutex<Vec<u8>>>);

impl Start {
    /// Remembers bytes, and says where in them the version of an HTTP/1.0 answer ends.
    fn note(&self, bytes: &[u8]) -> Option<usize> {
        let mut start = self.0.lock();
        let before = start.len();
        let room = START_MAX.saturating_sub(start.len());
        start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let digit = (HTTP10.len() - 1).checked_sub(before)?;
        start.starts_with(HTTP10).then_some(digit)
    }

    /// Which HTTP/1 the answer says it is in.
    pub fn version(&self) -> &'static str {
        let start = self.0.lock();
        if start.starts_with(HTTP10) {
            "HTTP/1.0"
        } else {
            "HTTP/1.1"
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().clone()
    }
}

/// A connection that remembers its [`Start`] and corrects two things that other clients take and
/// hyper does not: chunks in HTTP/1.0, and more than one space before the status code. The
/// connection serves one answer, so that nothing else depends on the version.
pub struct Tap<S> {
    stream: S,
    start: Start,
    begun: bool,
}

impl<S> Tap<S> {
    pub fn new(stream: S, start: Start) -> Self {
        Self {
            stream,
            start,
            begun: false,
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
        let result = Pin::new(&mut self.stream).poll_read(cx, into);
        let read = &mut into.filled_mut()[before..];
        if let Some(digit) = self.start.note(read) {
            read[digit] = b'1';
        }
        if !self.begun {
            close_gap(read);
        }
        self.begun |= !into.filled()[before..].is_empty();
        result
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

/// Moves further spaces before the status code to the front, as empty lines, which hyper skips.
fn close_gap(start: &mut [u8]) {
    let code = HTTP10.len() + 1;
    let spaces = start.iter().skip(code).take_while(|byte| **byte == b' ');
    let gap = spaces.count();
    if gap > 0 && start.starts_with(b"HTTP/1.") && start[code - 1] == b' ' {
        start.copy_within(..code, gap);
        start[..gap].fill(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// What comes through a tap when the answer arrives in pieces of this size.
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
    async fn further_spaces_before_the_status_become_empty_lines() {
        let (read, _) = through(b"HTTP/1.0   200  OK\r\n\r\nHTTP/1.1  5", 100).await;
        assert_eq!(read, b"\n\nHTTP/1.1 200  OK\r\n\r\nHTTP/1.1  5");
        let (read, _) = through(b"HTTP/1.1          ", 100).await;
        assert_eq!(read.len(), 18);
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
