//! What exactly is wrong with an answer that is not valid HTTP.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a connection that are remembered.
const START_MAX: usize = 1024;
/// Characters of it that are shown.
const SHOWN_MAX: usize = 40;

/// The first bytes that the other side sent.
#[derive(Clone, Debug, Default)]
pub struct Start(Arc<Mutex<Vec<u8>>>);

impl Start {
    fn note(&self, bytes: &[u8]) {
        let mut start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = START_MAX.saturating_sub(start.len());
        start.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A connection that remembers its [`Start`].
pub struct Tap<S> {
    stream: S,
    start: Start,
}

impl<S> Tap<S> {
    pub fn new(stream: S, start: Start) -> Self {
        Self { stream, start }
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
        self.start.note(&into.filled()[before..]);
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

/// Why the answer that starts like this is not valid in the HTTP that was spoken; `None` if its
/// start does not show it.
pub fn refusal(start: &[u8], http2: bool) -> Option<String> {
    let is_http1 = start.starts_with(b"HTTP/1.");
    if http2 {
        return is_http1.then(|| {
            "the server answers in HTTP/1.1, but `http_version: 2` was configured".to_owned()
        });
    }
    match start {
        [] => None,
        [0x15 | 0x16, 3, ..] => Some("the server speaks TLS on this port: use https".to_owned()),
        // The SETTINGS frame that opens a connection.
        [0, 0, _, 4, ..] => Some(
            "the server speaks HTTP/2 without TLS on this port: set `http_version: 2`".to_owned(),
        ),
        _ if !is_http1 => Some(format!(
            "the answer starts with {}, not with `HTTP/1.1`",
            quoted(first_line(start))
        )),
        _ => status_fault(first_line(start)).or_else(|| field_fault(start)),
    }
}

fn status_fault(line: &[u8]) -> Option<String> {
    let rest = line.get(b"HTTP/1.1".len()..)?;
    let code = rest.strip_prefix(b" ").and_then(|rest| rest.get(..3));
    let valid = code.is_some_and(|code| code[0] != b'0' && code.iter().all(u8::is_ascii_digit));
    (!valid).then(|| format!("the status line {} has no status code", quoted(line)))
}

/// Fields whose values decide where the answer ends.
fn field_fault(start: &[u8]) -> Option<String> {
    let mut lines = start.split(|byte| *byte == b'\n');
    let version = lines.next()?;
    let fields = lines
        .map(<[u8]>::trim_ascii)
        .take_while(|line| !line.is_empty());
    let mut length: Option<&[u8]> = None;
    for line in fields {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str().as_bytes())
            && version.starts_with(b"HTTP/1.0")
        {
            return Some("the answer is HTTP/1.0, which has no Transfer-Encoding".to_owned());
        }
        if !name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes()) {
            continue;
        }
        let number = value.iter().all(u8::is_ascii_digit) && !value.is_empty();
        if !number {
            return Some(format!(
                "Content-Length is {}, which is not a number",
                quoted(value)
            ));
        }
        if length.is_some_and(|length| length != value) {
            return Some("the answer has two different values of Content-Length".to_owned());
        }
        length = Some(value);
    }
    None
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What a server wrote, short and without control characters.
pub fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.chars().take(SHOWN_MAX).collect();
    let more = if shown.len() < text.len() {
        "\u{2026}"
    } else {
        ""
    };
    format!("`{}{more}`", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_is_named() {
        let table: [(&[u8], bool, &str); 12] = [
            (
                b"SSH-2.0-OpenSSH_9.6\r\n",
                false,
                "starts with `SSH-2.0-OpenSSH_9.6`, not with",
            ),
            (b"HTTP/2 200 OK\r\n", false, "starts with `HTTP/2 200 OK`"),
            (b"\x15\x03\x01\x00\x02\x02\x50", false, "use https"),
            (b"\0\0\x12\x04\0\0\0", false, "`http_version: 2`"),
            (b"HTTP/1.1 400 Bad Request\r\n", true, "answers in HTTP/1.1"),
            (
                b"HTTP/1.1 abc\r\n\r\n",
                false,
                "`HTTP/1.1 abc` has no status code",
            ),
            (b"HTTP/1.1 \r\n\r\n", false, "has no status code"),
            (b"HTTP/1.1 099 Odd\r\n\r\n", false, "has no status code"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                false,
                "Content-Length is `-1`",
            ),
            (
                b"HTTP/1.1 200 OK\ncontent-length : 2\nContent-Length: 3\n\n",
                false,
                "two different",
            ),
            (
                b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                false,
                "is HTTP/1.0",
            ),
            (b"\x1b[31m\0\r\n", false, "`\\u{1b}[31m\\0`"),
        ];
        for (start, http2, wanted) in table {
            let told = refusal(start, http2).unwrap_or_default();
            assert!(told.contains(wanted), "{told}");
        }
    }

    #[test]
    fn a_valid_start_is_no_fault() {
        for start in [
            b"".as_slice(),
            b"HTTP/1.1 200\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nContent-Length: x",
        ] {
            assert_eq!(refusal(start, false), None);
        }
        assert_eq!(refusal(b"\0\0\x12\x04", true), None);
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
