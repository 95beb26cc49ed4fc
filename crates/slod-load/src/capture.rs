//! Values of responses that later requests of a sequence use.

use http::{HeaderMap, HeaderName};
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
    Header(HeaderName),
    Body(Arc<dyn Extract>),
}

/// Finds a value in a body.
pub trait Extract: fmt::Debug + Send + Sync {
    fn extract(&self, body: &[u8]) -> Option<String>;
}

impl Capture {
    pub(crate) const fn is_of_body(&self) -> bool {
        matches!(self.from, Source::Body(_))
    }

    pub(crate) const fn is_of_header(&self) -> bool {
        matches!(self.from, Source::Header(_))
    }

    /// `None` if the response does not contain the value, or it is too long.
    pub(crate) fn find(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let value = match &self.from {
            Source::Header(name) => headers.get(name)?.to_str().ok()?.to_owned(),
            Source::Body(extract) => extract.extract(body)?,
        };
        (value.len() <= VALUE_MAX).then_some(value)
    }

    /// The cause of failure if the value is missing.
    pub(crate) const fn cause(&self) -> Cause {
        match self.from {
            Source::Header(_) => Cause::Header,
            Source::Body(_) => Cause::Body,
        }
    }
}
