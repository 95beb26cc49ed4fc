//! Incremental parser for an HTTP/1.1 response (RFC 9112). Pure.

use crate::chunks::Chunks;
use crate::head::{Framing, Head, Keep};
use http::HeaderMap;
use std::fmt;

/// Maximum size of a head, in bytes.
const HEAD_MAX: usize = 256 << 10;

/// The error for bytes that are not a valid response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Over,
}

/// A response that is being received.
#[derive(Debug)]
pub struct Response {
    /// Whether the request was a HEAD, whose response has no body.
    is_of_head: bool,
    keep: Keep,
    state: State,
    /// The beginning of an incomplete head.
    held: Vec<u8>,
    status: u16,
    headers: HeaderMap,
    is_reusable: bool,
    is_untouched: bool,
}

impl Response {
    /// The response to a request with this method.
    pub fn new(method: &http::Method, keep: Keep) -> Self {
        Self {
            is_of_head: method == http::Method::HEAD,
            keep,
            state: State::Head,
            held: Vec::new(),
            status: 0,
            headers: HeaderMap::new(),
            is_reusable: false,
            is_untouched: true,
        }
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    pub fn into_headers(self) -> HeaderMap {
        self.headers
    }

    pub const fn has_head(&self) -> bool {
        !matches!(self.state, State::Head)
    }

    /// Whether nothing of it has arrived.
    pub const fn is_untouched(&self) -> bool {
        self.is_untouched
    }

    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the connection can be used for another request.
    pub const fn is_reusable(&self) -> bool {
        self.is_reusable && self.is_over()
    }

    /// Processes the next bytes, and passes those of the body to `body`.
    pub fn feed(&mut self, mut bytes: &[u8], body: &mut impl FnMut(&[u8])) -> Result<(), Invalid> {
        self.is_untouched &= bytes.is_empty();
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Head => self.head(bytes)?,
                State::Length(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (part, rest) = bytes.split_at(bytes.len().min(most));
                    body(part);
                    *left -= part.len() as u64;
                    if *left == 0 {
                        self.state = State::Over;
                    }
                    rest
                }
                State::Chunked(chunks) => {
                    let rest = chunks.take(bytes, body)?;
                    if chunks.is_over() {
                        self.state = State::Over;
                    }
                    rest
                }
                State::UntilClose => {
                    body(bytes);
                    &[]
                }
                State::Over => {
                    // Unexpected data after the response.
                    self.is_reusable = false;
                    &[]
                }
            };
        }
        Ok(())
    }

    /// Handles the end of the connection. Returns whether the response is complete.
    pub fn close(&mut self) -> bool {
        if matches!(self.state, State::UntilClose) {
            self.state = State::Over;
        }
        self.is_reusable = false;
        self.is_over()
    }

    /// Processes bytes of the head, and returns those after it.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Invalid> {
        let known = self.held.len();
        let whole = if known == 0 {
            bytes
        } else {
            self.held.extend_from_slice(bytes);
            // A head ends with a line break.
            if !bytes.contains(&b'\n') && self.held.len() <= HEAD_MAX {
                return Ok(&[]);
            }
            &self.held
        };
        let Some((head, len)) = Head::parse(whole, self.is_of_head, self.keep)? else {
            if whole.len() > HEAD_MAX {
                return Err(Invalid("the header section is longer than 256 KiB"));
            }
            if known == 0 {
                self.held = without_empty_lines(bytes).to_vec();
            }
            return Ok(&[]);
        };
        self.held = Vec::new();
        let rest = bytes.get(len.saturating_sub(known)..).unwrap_or_default();
        if let Some(head) = head {
            self.begin(head);
        }
        Ok(rest)
    }

    fn begin(&mut self, head: Head) {
        self.status = head.status;
        self.headers = head.headers;
        self.is_reusable = head.is_reusable;
        self.state = match head.framing {
            Framing::Length(0) => State::Over,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunks::new()),
            Framing::UntilClose => State::UntilClose,
        };
    }
}

/// Empty lines before the status line are ignored (RFC 9112, section 2.2, for requests).
fn without_empty_lines(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\r\n").or(bytes.strip_prefix(b"\n")) {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::FIELDS_MAX;
    use http::Method;

    #[derive(Debug, PartialEq, Eq)]
    struct Read {
        status: u16,
        body: String,
        is_reusable: bool,
    }

    /// The response of a connection that is then closed; `None` if it is incomplete.
    fn read(bytes: &[u8], method: &Method, cut: usize) -> Result<Option<Read>, Invalid> {
        let mut response = Response::new(method, Keep::All);
        let mut body = Vec::new();
        for part in bytes.chunks(cut) {
            response.feed(part, &mut |data| body.extend_from_slice(data))?;
        }
        let is_reusable = response.is_reusable();
        Ok(response.close().then(|| Read {
            status: response.status(),
            body: String::from_utf8(body).expect("text"),
            is_reusable,
        }))
    }

    /// Reads with every split of the bytes.
    fn all(text: &str, method: &Method) -> Result<Option<Read>, Invalid> {
        let whole = read(text.as_bytes(), method, usize::MAX);
        for cut in 1..text.len() {
            assert_eq!(read(text.as_bytes(), method, cut), whole, "{cut}: {text}");
        }
        whole
    }

    fn get(text: &str) -> (u16, String, bool) {
        let read = all(text, &Method::GET).expect("valid").expect("complete");
        (read.status, read.body, read.is_reusable)
    }

    #[test]
    fn bodies_end_as_specified_by_their_heads() {
        for (text, status, body, is_reusable) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                true,
            ),
            (
                "\r\nHTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
                200,
                "",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                200,
                "ok",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                200,
                "ok",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nok",
                200,
                "ok",
                false,
            ),
            ("HTTP/1.1 500 No\r\n\r\nok", 500, "ok", false),
            (
                "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n",
                204,
                "",
                true,
            ),
            ("HTTP/1.1 304 No\r\n\r\n", 304, "", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                200,
                "ok",
                true,
            ),
            (
                "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
                101,
                "",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
                200,
                "ok",
                false,
            ),
        ] {
            assert_eq!(get(text), (status, body.to_owned(), is_reusable), "{text}");
        }
        let head = all(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
            &Method::HEAD,
        );
        assert!(head.expect("valid").expect("complete").is_reusable);
    }

    #[test]
    fn a_truncated_response_is_incomplete() {
        for whole in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ] {
            for end in 0..whole.len() {
                let read = all(&whole[..end], &Method::GET);
                assert_eq!(read, Ok(None), "{end}: {whole}");
            }
        }
    }

    /// As in probes.
    #[test]
    fn faults_that_other_clients_ignore_are_ignored() {
        let many = "X-A: a\r\n".repeat(FIELDS_MAX - 1);
        for fields in [
            "X-A: a\r\n b\r\n",
            "X-A: a\r\n\tb\r\n c\r\n",
            "X-A : a\r\n",
            "PHP Warning x\r\n",
            "Content-Length : 2\r\n",
            "X-A: a\nX-B: b\n",
            &many,
        ] {
            let text = format!("HTTP/1.1 200\r\n{fields}Content-Length:\r\n 2\r\n\r\nok");
            let whole = read(text.as_bytes(), &Method::GET, 100);
            let whole = whole.expect("valid").expect("complete");
            assert_eq!((whole.status, &*whole.body), (200, "ok"), "{fields:.60}");
        }
        for line in [
            "HTTP/1.1 200 O\x1bK\x7f",
            "HTTP/1.1 103 \x01\r\n\r\nHTTP/1.1 200 \x01",
            "HTTP/1.1 100 \x7f\r\n\r\n\r\n\nHTTP/1.1 200 O\x1bK",
            "\r\n\nHTTP/1.1 200 O\x1bK",
            "HTTP/1.1   200   OK",
        ] {
            let text = format!("{line}\r\nContent-Length: 2\r\n\r\nok");
            for size in [1, 15, 100] {
                let whole = read(text.as_bytes(), &Method::GET, size);
                let whole = whole.expect("valid").expect("complete");
                assert_eq!((whole.status, &*whole.body), (200, "ok"), "{line:?}");
            }
        }
        let mut response = Response::new(&Method::GET, Keep::All);
        let text = b"HTTP/1.1 200 OK\r\nX-A: a\r\n\t b\r\nContent-Length: 0\r\n\r\n";
        response.feed(text, &mut |_| {}).expect("valid");
        assert_eq!(response.into_headers()["x-a"], "a b");
    }

    #[test]
    fn an_invalid_response_is_rejected() {
        const NO_HTTP: &str = "it does not begin with `HTTP/1.1` or `HTTP/1.0`";
        const NO_LINE: &str = "a line does not end with CR LF";
        const NO_STATUS: &str = "the status line is invalid";
        const NO_LENGTH: &str = "the Content-Length is not a valid length";
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(HEAD_MAX));
        let many = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(FIELDS_MAX + 2));
        for (invalid, reason) in [
            ("SSH-2.0-x\r\n", NO_HTTP),
            ("\rHTTP/1.1 200 OK\r\n\r\n", NO_LINE),
            (" HTTP/1.1 200 OK\r\n\r\n", NO_HTTP),
            ("HTTP/2 200 OK\r\n\r\n", NO_HTTP),
            ("HTTP/1.1 2000 OK\r\n\r\n", NO_STATUS),
            ("HTTP/1.1 20\x1b OK\r\n\r\n", NO_STATUS),
            ("HTTP/1.1 200 O\0K\r\n\r\n", NO_STATUS),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
                "it has conflicting Content-Length values",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", NO_LENGTH),
            ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", NO_LENGTH),
            ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok", NO_LENGTH),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
                NO_LENGTH,
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "Transfer-Encoding is not valid in HTTP/1.0",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok",
                "the chunked encoding is invalid",
            ),
        ] {
            let found = all(invalid, &Method::GET);
            assert_eq!(found, Err(Invalid(reason)), "{invalid:.60}");
        }
        for (text, reason) in [
            (&long, "the header section is longer than 256 KiB"),
            (&many, "it has more than 2000 header fields"),
        ] {
            let found = read(text.as_bytes(), &Method::GET, 4096);
            assert_eq!(found, Err(Invalid(reason)));
        }
    }
}
