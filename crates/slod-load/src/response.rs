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
    is_head_request: bool,
    keep: Keep,
    state: State,
    /// The beginning of an incomplete head.
    partial: Vec<u8>,
    /// Its length when it was last parsed.
    parsed: usize,
    status: u16,
    headers: HeaderMap,
    is_reusable: bool,
    is_untouched: bool,
}

impl Response {
    /// The response to a request with this method.
    pub fn new(method: &http::Method, keep: Keep) -> Self {
        Self {
            is_head_request: method == http::Method::HEAD,
            keep,
            state: State::Head,
            partial: Vec::new(),
            parsed: 0,
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
                    let rest = chunks.decode(bytes, body)?;
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
    pub fn close(&mut self) -> Result<bool, Invalid> {
        match self.state {
            State::UntilClose => self.state = State::Over,
            // The head does not end here, but what there is of it may be invalid.
            State::Head => {
                Head::parse(&self.partial, self.is_head_request, self.keep)?;
            }
            State::Length(_) | State::Chunked(_) | State::Over => {}
        }
        self.is_reusable = false;
        Ok(self.is_over())
    }

    /// Processes bytes of the head, and returns those after it.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Invalid> {
        let known = self.partial.len();
        let whole = if known == 0 {
            bytes
        } else {
            self.partial.extend_from_slice(bytes);
            let may_end = has_empty_line(&self.partial[known.saturating_sub(2)..]);
            // An invalid head is reported before its end, but a head that arrives in small parts is not parsed again
            // for each of them.
            let is_due = self.partial.len() >= (2 * self.parsed).min(HEAD_MAX + 1);
            if !may_end && !is_due {
                return Ok(&[]);
            }
            &self.partial
        };
        self.parsed = whole.len();
        let Some((head, len)) = Head::parse(whole, self.is_head_request, self.keep)? else {
            if whole.len() > HEAD_MAX {
                return Err(Invalid("the header section is longer than 256 KiB"));
            }
            if known == 0 {
                self.partial = without_empty_lines(bytes).to_vec();
            }
            return Ok(&[]);
        };
        self.partial = Vec::new();
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

/// Whether a line, such as the last one of a head, is empty.
fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests;
