//! Values of responses that later requests of a sequence use.

use crate::location;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use slod_core::outcome::Cause;
use std::fmt;
use std::sync::Arc;

/// Maximum number of inspected bytes of a body.
pub const BODY_MAX: usize = 1 << 20;
/// Maximum size of a value, in bytes.
const VALUE_MAX: usize = 16 << 10;

/// A value to capture from a response.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The name shown in reports.
    pub name: String,
    pub from: Source,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// The value of a header, or what `part` finds in it. That of a `Location` is resolved against the request's
    /// target, and a part of it is percent-decoded.
    Header {
        name: HeaderName,
        part: Option<Arc<dyn Extract>>,
    },
    /// The value of the cookie with this name, percent-decoded: the one that the response sets, or else the one that
    /// the user already has.
    Cookie(String),
    Body(Arc<dyn Extract>),
}

/// Finds a value in a body or a header.
pub trait Extract: fmt::Debug + Send + Sync {
    fn extract(&self, text: &[u8]) -> Option<String>;
}

impl Capture {
    pub(crate) const fn is_of_body(&self) -> bool {
        matches!(self.from, Source::Body(_))
    }

    pub(crate) const fn is_of_header(&self) -> bool {
        matches!(self.from, Source::Header { .. } | Source::Cookie(_))
    }

    /// `None` if the response does not contain the value, or it is too long. `target` is that of the request;
    /// `cookies` are those of the user, as in the header of a request.
    pub(crate) fn find(
        &self,
        headers: &HeaderMap,
        target: &str,
        cookies: impl FnOnce() -> Option<HeaderValue>,
        body: &[u8],
    ) -> Option<String> {
        let value = match &self.from {
            Source::Header { name, part } => {
                let whole = headers.get(name)?;
                match (part, *name == LOCATION) {
                    (None, false) => whole.to_str().ok()?.to_owned(),
                    (None, true) => location::resolved(whole.to_str().ok()?, target),
                    (Some(part), false) => part.extract(whole.as_bytes())?,
                    (Some(part), true) => location::decoded(&part.extract(whole.as_bytes())?),
                }
            }
            Source::Cookie(name) => {
                let set = headers.get_all(SET_COOKIE).iter();
                let set = set.filter_map(|one| one.to_str().ok()?.split(';').next());
                let set = set.filter_map(|pair| value_of(pair, name)).next_back();
                set.or_else(|| {
                    let cookies = cookies()?;
                    let mut pairs = cookies.to_str().ok()?.split(';');
                    pairs.find_map(|pair| value_of(pair, name))
                })?
            }
            Source::Body(extract) => extract.extract(body)?,
        };
        (value.len() <= VALUE_MAX).then_some(value)
    }

    /// The cause of failure if the value is missing.
    pub(crate) const fn cause(&self) -> Cause {
        match self.from {
            Source::Header { .. } | Source::Cookie(_) => Cause::Header,
            Source::Body(_) => Cause::Body,
        }
    }
}

/// The decoded value of a cookie `NAME=VALUE`, if it has this name. Quotes are no part of a value (RFC 6265, section
/// 4.1.1).
fn value_of(pair: &str, name: &str) -> Option<String> {
    let (found, value) = pair.split_once('=')?;
    let value = value.trim().trim_matches('"');
    let is_named = found.trim() == name && !value.is_empty();
    is_named.then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
}
