//! The head of a response of HTTP/1.1: its status, and where its body ends. Pure.

use crate::response::Invalid;
use http::header::{CONNECTION, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{Header, ParserConfig};
use std::borrow::Cow;
use std::mem::MaybeUninit;

/// Fields of a head at most, as of the probes; Node takes as many.
pub const FIELDS_MAX: usize = 2000;
/// A head is read with room for so many first, which costs no memory of its own.
const FIELDS_USUAL: usize = 100;
/// Where the words of a status line begin: `HTTP/1.1 200`.
const WORDS_AT: usize = 12;

/// Which headers of a response somebody needs.
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

/// Why there is no head.
enum Refused {
    /// More fields than there is room for.
    Fields,
    StatusLine,
    Invalid(Invalid),
}

#[derive(Debug)]
pub struct Head {
    pub status: u16,
    /// Those that are kept.
    pub headers: HeaderMap,
    pub framing: Framing,
    /// Whether the connection stays open behind the body.
    pub is_reusable: bool,
}

/// What the headers say about the connection.
#[derive(Default)]
struct Said {
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
            Error::HeaderName => "the name of a header is not valid",
            Error::HeaderValue => "the value of a header is not valid",
            Error::NewLine => "a line does not end with CR and LF",
            Error::Token => "it is no HTTP",
        };
        Self::Invalid(Invalid(reason))
    }

    const fn reason(self) -> Invalid {
        match self {
            Self::Fields => Invalid("the head has more than 2000 fields"),
            Self::StatusLine => Invalid("its status line is not valid"),
            Self::Invalid(invalid) => invalid,
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// What browsers, curl, Go and the probes overlook.
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
    /// Reads the head at the begin of `bytes` and its length; `None` while it is not complete. An
    /// informational response, which another one follows, has a length and no head.
    pub fn parse(
        bytes: &[u8],
        is_of_head: bool,
        keep: Keep,
    ) -> Result<Option<(Option<Self>, usize)>, Invalid> {
        let parsed = match Self::parse_any(bytes, is_of_head, keep) {
            Err(Refused::StatusLine) => Self::parse_any(&with_plain_words(bytes), is_of_head, keep),
            parsed => parsed,
        };
        parsed.map_err(Refused::reason)
    }

    fn parse_any(
        bytes: &[u8],
        is_of_head: bool,
        keep: Keep,
    ) -> Result<Option<(Option<Self>, usize)>, Refused> {
        let mut usual = [const { MaybeUninit::uninit() }; FIELDS_USUAL];
        match Self::parse_within(bytes, is_of_head, keep, &mut usual) {
            Err(Refused::Fields) => {
                let mut all = vec![MaybeUninit::uninit(); FIELDS_MAX];
                Self::parse_within(bytes, is_of_head, keep, &mut all)
            }
            parsed => parsed,
        }
    }

    fn parse_within<'a>(
        bytes: &'a [u8],
        is_of_head: bool,
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
        let said = Said::of(response.headers)?;
        let is_newer = response.version == Some(1);
        let framing = if matches!(status, 101 | 204 | 304) || is_of_head {
            Framing::Length(0)
        } else {
            said.framing(is_newer)?
        };
        let stays = !said.close && (is_newer || said.keep_alive);
        let head = Self {
            status,
            headers: keep.of(response.headers)?,
            framing,
            is_reusable: stays && status != 101 && framing != Framing::UntilClose,
        };
        Ok(Some((Some(head), len)))
    }
}

impl Said {
    fn of(headers: &[Header<'_>]) -> Result<Self, Invalid> {
        let mut said = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()) {
                for one in value.split(|byte| *byte == b',') {
                    said.add_length(one.trim_ascii())?;
                }
            } else if name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str()) {
                let last = tokens(value).last().unwrap_or_default();
                said.is_chunked = Some(last.eq_ignore_ascii_case(b"chunked"));
            } else if name.eq_ignore_ascii_case(CONNECTION.as_str()) {
                for token in tokens(value) {
                    said.close |= token.eq_ignore_ascii_case(b"close");
                    said.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        Ok(said)
    }

    /// All of them must be the same.
    fn add_length(&mut self, digits: &[u8]) -> Result<(), Invalid> {
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(digits).ok().filter(|_| is_number);
        let length = text.and_then(|text| text.parse().ok());
        let length = length.ok_or(Invalid("its Content-Length is no length"))?;
        if self.length.is_some_and(|known| known != length) {
            return Err(Invalid("it has different values of Content-Length"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn framing(&self, is_newer: bool) -> Result<Framing, Invalid> {
        match self.length {
            // HTTP/1.0 has no transfer codings.
            _ if self.is_chunked.is_some() && !is_newer => {
                Err(Invalid("Transfer-Encoding in HTTP/1.0"))
            }
            _ if self.is_chunked == Some(true) => Ok(Framing::Chunked),
            Some(length) if self.is_chunked.is_none() => Ok(Framing::Length(length)),
            _ => Ok(Framing::UntilClose),
        }
    }
}

/// A head with spaces for control characters in the words behind its status, which clients ignore (RFC
/// 9112, section 4), as the probes have it.
fn with_plain_words(head: &[u8]) -> Vec<u8> {
    let mut head = head.to_vec();
    let mut lines = head.split_mut(|byte| *byte == b'\n');
    // Empty lines before it are ignored.
    let line = lines.find(|line| !line.trim_ascii().is_empty());
    let words = line.and_then(|line| line.get_mut(WORDS_AT..));
    for byte in words.unwrap_or_default() {
        if byte.is_ascii_control() && !matches!(*byte, 0 | b'\t' | b'\r') {
            *byte = b' ';
        }
    }
    head
}

/// A value over several lines as one: each fold is a space (RFC 9112, section 5.2).
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    Cow::Owned(lines.collect::<Vec<_>>().join(&b' '))
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

impl Keep {
    fn of(self, headers: &[Header<'_>]) -> Result<HeaderMap, Invalid> {
        let mut kept = HeaderMap::new();
        for Header { name, value } in headers {
            let is_kept = match self {
                Self::Nothing => false,
                Self::Cookies => name.eq_ignore_ascii_case(SET_COOKIE.as_str()),
                Self::All => true,
            };
            if is_kept {
                let name = HeaderName::from_bytes(name.as_bytes());
                let name = name.map_err(|_| Invalid("the name of a header is not valid"))?;
                let value = HeaderValue::from_bytes(&unfolded(value));
                let value = value.map_err(|_| Invalid("the value of a header is not valid"))?;
                kept.append(name, value);
            }
        }
        Ok(kept)
    }
}
