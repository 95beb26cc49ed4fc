//! The configured requests of load runs.

use crate::probe::http::Expect;
use http::{HeaderName, Method};
use hyper::body::Bytes;
use slod_load::{Capture, Escape, Reference, Template, TemplatePart, Templated};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Requests that one user sends in order.
#[derive(Clone, Debug)]
pub struct SequenceSpec {
    pub weight: u32,
    /// At least one.
    pub steps: Vec<RequestSpec>,
}

#[derive(Clone)]
pub struct RequestSpec {
    /// Unique among all requests of the service.
    pub name: String,
    /// Think time before this request, instead of the scenario's.
    pub think: Option<Duration>,
    pub method: Method,
    /// Path and query.
    pub target: SpecText,
    pub headers: Vec<(HeaderName, SpecText)>,
    pub body: BodySpec,
    /// Its statuses are never empty.
    pub expect: Arc<Expect>,
    pub captures: Vec<CaptureSpec>,
}

#[derive(Clone)]
pub enum BodySpec {
    Empty,
    Json(SpecText),
    Text(SpecText),
    File(Bytes),
}

#[derive(Clone, Debug)]
pub struct CaptureSpec {
    pub capture: Capture,
    pub written: WrittenSource,
}

/// The source of a captured value as written in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenSource {
    Json(String),
    /// The name of a header, and an expression for its value.
    Header(String, Option<String>),
    Cookie(String),
    Regex(String),
}

/// The file whose rows are used, one per iteration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    pub path: PathBuf,
    pub columns: Vec<String>,
}

impl WrittenSource {
    pub const fn is_of_body(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Regex(_))
    }
}

/// A text that can contain values from the environment, the data file and earlier responses.
#[derive(Clone, Default)]
pub struct SpecText(pub Vec<SpecPart>);

#[derive(Clone)]
pub enum SpecPart {
    Plain(String),
    /// From the environment; treated as a secret.
    Variable {
        name: String,
        value: String,
    },
    Value {
        of: Reference,
        escape: Escape,
        /// As written in the config, such as `captured.token`.
        name: String,
    },
}

/// Omits the values of headers and bodies.
impl fmt::Debug for RequestSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSpec")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SpecText {
    pub fn has_references(&self) -> bool {
        let mut parts = self.0.iter();
        parts.any(|part| matches!(part, SpecPart::Value { .. }))
    }

    /// The text with each reference replaced by `with`.
    pub fn filled(&self, with: impl Fn(Escape) -> &'static str) -> String {
        let parts = self.0.iter().map(|part| match part {
            SpecPart::Plain(text) | SpecPart::Variable { value: text, .. } => text.as_str(),
            SpecPart::Value { escape, .. } => with(*escape),
        });
        parts.collect()
    }

    /// The text as written in the config, without values from the environment.
    pub fn shown(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            SpecPart::Plain(text) => text.clone(),
            SpecPart::Variable { name, .. } | SpecPart::Value { name, .. } => {
                format!("${{{name}}}")
            }
        });
        parts.collect()
    }

    /// Converts the text for the load engine: fixed if it has no references. `None` if `read` rejects it.
    pub fn templated<T>(&self, read: impl FnOnce(String) -> Option<T>) -> Option<Templated<T>> {
        if !self.has_references() {
            return read(self.filled(|_| "")).map(Templated::Fixed);
        }
        let parts = self.0.iter().map(|part| match part {
            SpecPart::Plain(text) | SpecPart::Variable { value: text, .. } => {
                TemplatePart::Plain(text.clone())
            }
            SpecPart::Value { of, escape, .. } => TemplatePart::Value {
                of: *of,
                escape: *escape,
            },
        });
        Some(Templated::Template(Template::new(parts.collect())))
    }
}
