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
/// Where the words of a status line begin at the earliest: `HTTP/1.1 200`.
const WORDS_AT: usize = 12;

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

    fn is_http1(&self) -> bool {
        self.0.lock().starts_with(b"HTTP/1.")
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().clone()
    }
}

/// A connection that remembers its [`Start`] and corrects what other clients take and hyper does not:
/// chunks in HTTP/1.0, more than one space before the status code, and control characters in the words
/// behind it, which clients ignore (RFC 9112, section 4). The connection serves one answer, so that
/// nothing else depends on the version.
pub struct Tap<S> {
    stream: S,
    start: Start,
    begun: bool,
    /// Bytes of the first line so far; nothing once it is over.
    line: Option<usize>,
}

impl<S> Tap<S> {
    pub fn new(stream: S, start: Start) -> Self {
        Self {
            stream,
            start,
            begun: false,
            line: Some(0),
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
        if let Some(before) = self.line {
            self.line = clean_words(read, before, &self.start);
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

/// Replaces control characters behind the status code by spaces; `before` bytes of the first line came
/// earlier. Returns how many did now, while the line goes on. NUL and CR stay, which are no mistakes of
/// a text but attacks on its readers.
fn clean_words(read: &mut [u8], before: usize, start: &Start) -> Option<usize> {
    let end = read.iter().position(|byte| *byte == b'\n');
    let length = end.unwrap_or(read.len());
    let line = &mut read[..length];
    if start.is_http1() {
        let words = line.get_mut(WORDS_AT.saturating_sub(before)..);
        for byte in words.unwrap_or_default() {
            if byte.is_ascii_control() && !matches!(*byte, 0 | b'\t' | b'\r') {
                *byte = b' ';
            }
        }
    }
    end.is_none().then_some(before + length)
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

    #[tokio::test]
    async fn control_characters_in_the_words_become_spaces() {
        for size in [1, 5, 13, 100] {
            let (read, start) = through(b"HTTP/1.0 200 O\x1b\x7fK\r\nX: \x1b\r\n", size).await;
            assert_eq!(read, b"HTTP/1.1 200 O  K\r\nX: \x1b\r\n", "{size}");
            assert!(start.bytes().contains(&0x1b), "as it was sent");
            for kept in [
                b"HTTP/1.1 200 O\0\rK\r\n".as_slice(),
                b"HTTP/1.1 2\x1b0 OK\r\n",
                b"\x15\x03\x01\0\x02\x02\x50\x01\x01\x01\x01\x01\x01\x01\n",
            ] {
                assert_eq!(through(kept, size).await.0, kept, "{size}");
            }
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
