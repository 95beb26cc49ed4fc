//! The head of an HTTP/1.1 response: its status, and where its body ends. Pure.

use crate::response::Invalid;
use http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{Header, ParserConfig};
use std::borrow::Cow;
use std::mem::MaybeUninit;

/// Maximum number of header fields, as in probes and in Node.
pub const FIELDS_MAX: usize = 2000;
/// Number of fields that a head is first parsed with, which needs no allocation.
const FIELDS_USUAL: usize = 100;
/// The offset of the reason phrase in a status line: `HTTP/1.1 200`.
const REASON_AT: usize = 12;

/// The status of a request that a rate limit rejected (RFC 6585).
pub const TOO_MANY_REQUESTS: u16 = 429;

/// Which headers of a response are needed, in addition to `Retry-After` of one with status 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    Cookies,
    All,
}

/// Where a body ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why a head could not be parsed.
enum Refused {
    /// Too many fields.
    Fields,
    StatusLine,
    Invalid(Invalid),
}

#[derive(Debug)]
pub struct Head {
    pub status: u16,
    /// The needed headers.
    pub headers: HeaderMap,
    pub framing: Framing,
    /// Whether the connection stays open after the body.
    pub is_reusable: bool,
}

/// The headers about the connection and the framing.
#[derive(Default)]
struct FramingHeaders {
    length: Option<u64>,
    /// Whether the last transfer coding is chunked; `None` without any.
    is_chunked: Option<bool>,
    close: bool,
    keep_alive: bool,
}

impl Refused {
    const fn of(error: httparse::Error) -> Self {
        use httparse::Error;
        let reason = match error {
            Error::TooManyHeaders => return Self::Fields,
            Error::Version => "it does not begin with `HTTP/1.1` or `HTTP/1.0`",
            Error::Status => return Self::StatusLine,
            Error::HeaderName => "a header name is invalid",
            Error::HeaderValue => "a header value is invalid",
            Error::NewLine => "a line does not end with CR LF",
            Error::Token => "it is not HTTP",
        };
        Self::Invalid(Invalid(reason))
    }

    const fn reason(self) -> Invalid {
        match self {
            Self::Fields => Invalid("it has more than 2000 header fields"),
            Self::StatusLine => Invalid("the status line is invalid"),
            Self::Invalid(invalid) => invalid,
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// The leniency of browsers, curl, Go and probes.
fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

impl Head {
    /// Parses the head at the start of `bytes`, and returns its length; `None` while it is incomplete. An
    /// informational response, which another one follows, has a length but no head.
    pub fn parse(
        bytes: &[u8],
        is_head_request: bool,
        keep: Keep,
    ) -> Result<Option<(Option<Self>, usize)>, Invalid> {
        let parsed = match Self::parse_any(bytes, is_head_request, keep) {
            Err(Refused::StatusLine) => {
                Self::parse_any(&with_printable_reason(bytes), is_head_request, keep)
            }
            parsed => parsed,
        };
        parsed.map_err(Refused::reason)
    }

    fn parse_any(
        bytes: &[u8],
        is_head_request: bool,
        keep: Keep,
    ) -> Result<Option<(Option<Self>, usize)>, Refused> {
        let mut usual = [const { MaybeUninit::uninit() }; FIELDS_USUAL];
        match Self::parse_within(bytes, is_head_request, keep, &mut usual) {
            Err(Refused::Fields) => {
                let mut all = vec![MaybeUninit::uninit(); FIELDS_MAX];
                Self::parse_within(bytes, is_head_request, keep, &mut all)
            }
            parsed => parsed,
        }
    }

    fn parse_within<'a>(
        bytes: &'a [u8],
        is_head_request: bool,
        keep: Keep,
        headers: &mut [MaybeUninit<Header<'a>>],
    ) -> Result<Option<(Option<Self>, usize)>, Refused> {
        let mut response = httparse::Response::new(&mut []);
        let parsed = lenient().parse_response_with_uninit_headers(&mut response, bytes, headers);
        let httparse::Status::Complete(len) = parsed.map_err(Refused::of)? else {
            return Ok(None);
        };
        let status = response.code.ok_or(Invalid("it has no status"))?;
        if matches!(status, 100 | 102..=199) {
            return Ok(Some((None, len)));
        }
        let seen = FramingHeaders::of(response.headers)?;
        let is_http_1_1 = response.version == Some(1);
        let framing = if matches!(status, 101 | 204 | 304) || is_head_request {
            Framing::Length(0)
        } else {
            seen.framing(is_http_1_1)?
        };
        let stays_open = !seen.close && (is_http_1_1 || seen.keep_alive);
        let head = Self {
            status,
            headers: keep.of(status, response.headers)?,
            framing,
            is_reusable: stays_open && status != 101 && framing != Framing::UntilClose,
        };
        Ok(Some((Some(head), len)))
    }
}

impl FramingHeaders {
    fn of(headers: &[Header<'_>]) -> Result<Self, Invalid> {
        let mut seen = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()) {
                for one in value.split(|byte| *byte == b',') {
                    seen.add_length(one.trim_ascii())?;
                }
            } else if name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str()) {
                let last = tokens(value).last().unwrap_or_default();
                seen.is_chunked = Some(last.eq_ignore_ascii_case(b"chunked"));
            } else if name.eq_ignore_ascii_case(CONNECTION.as_str()) {
                for token in tokens(value) {
                    seen.close |= token.eq_ignore_ascii_case(b"close");
                    seen.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        Ok(seen)
    }

    /// All values must be equal.
    fn add_length(&mut self, digits: &[u8]) -> Result<(), Invalid> {
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(digits).ok().filter(|_| is_number);
        let length = text.and_then(|text| text.parse().ok());
        let length = length.ok_or(Invalid("the Content-Length is not a valid length"))?;
        if self.length.is_some_and(|known| known != length) {
            return Err(Invalid("it has conflicting Content-Length values"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn framing(&self, is_http_1_1: bool) -> Result<Framing, Invalid> {
        match self.length {
            // HTTP/1.0 has no transfer codings.
            _ if self.is_chunked.is_some() && !is_http_1_1 => {
                Err(Invalid("Transfer-Encoding is not valid in HTTP/1.0"))
            }
            _ if self.is_chunked == Some(true) => Ok(Framing::Chunked),
            Some(length) if self.is_chunked.is_none() => Ok(Framing::Length(length)),
            _ => Ok(Framing::UntilClose),
        }
    }
}

/// Replaces control characters in the reason phrase by spaces. Clients ignore the phrase (RFC 9112, section
/// 4), as do probes.
fn with_printable_reason(head: &[u8]) -> Vec<u8> {
    let mut head = head.to_vec();
    let mut lines = head.split_mut(|byte| *byte == b'\n');
    // Empty lines before it are ignored.
    let line = lines.find(|line| !line.trim_ascii().is_empty());
    let reason = line.and_then(|line| line.get_mut(REASON_AT..));
    for byte in reason.unwrap_or_default() {
        if byte.is_ascii_control() && !matches!(*byte, 0 | b'\t' | b'\r') {
            *byte = b' ';
        }
    }
    head
}

/// Unfolds a value over several lines: each fold becomes a space (RFC 9112, section 5.2).
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    Cow::Owned(lines.collect::<Vec<_>>().join(&b' '))
}

/// The elements of a comma-separated list.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

impl Keep {
    fn of(self, status: u16, headers: &[Header<'_>]) -> Result<HeaderMap, Invalid> {
        let mut kept = HeaderMap::new();
        for Header { name, value } in headers {
            let is_wait =
                status == TOO_MANY_REQUESTS && name.eq_ignore_ascii_case(RETRY_AFTER.as_str());
            let is_kept = match self {
                _ if is_wait => true,
                Self::Nothing => false,
                Self::Cookies => name.eq_ignore_ascii_case(SET_COOKIE.as_str()),
                Self::All => true,
            };
            if is_kept {
                let name = HeaderName::from_bytes(name.as_bytes());
                let name = name.map_err(|_| Invalid("a header name is invalid"))?;
                let value = HeaderValue::from_bytes(&unfolded(value));
                let value = value.map_err(|_| Invalid("a header value is invalid"))?;
                kept.append(name, value);
            }
        }
        Ok(kept)
    }
}
