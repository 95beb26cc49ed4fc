//! Imports recordings and descriptions of a service as requests for load scenarios. Pure: the caller
//! reads the file.

mod captures;
mod collector;
mod credentials;
mod document;
mod har;
mod multipart;
mod openapi;
mod postman;
mod schema;
mod secrets;
mod target;
mod text;
mod webhooks;
mod yaml;

pub use secrets::{hide_body, hide_target, is_secret, segments};
pub use text::{NOT_IN_TARGET, TextPart};

use collector::Collector;
use document::At;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Origin;

/// Maximum size of a file in bytes.
pub const SIZE_MAX: usize = 64 << 20;
/// Maximum number of different requests in a file.
pub const REQUESTS_MAX: usize = 1_000;

/// A format of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HAR 1.2, written by browsers and proxies.
    Har,
    /// A Postman collection v2.1.
    Postman,
    /// An `OpenAPI` 3 document, as JSON or YAML.
    OpenApi,
}

/// The form of the imported requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Requests with weights, which users choose from at random.
    #[default]
    Requests,
    /// One sequence in the order of the file, with the recorded times between its requests if
    /// available, and without images, styles, scripts and fonts.
    Steps,
}

/// A request as written in the config: in every text, `${NAME}` is an environment variable and `$${`
/// a literal `${`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRequest {
    /// The time between the previous request of a sequence and this one.
    pub think: Option<Duration>,
    pub method: String,
    /// Including the query.
    pub path: String,
    /// No duplicate names.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// Number of times it was recorded.
    pub weight: u32,
    /// The statuses of a success; empty if the file defines none.
    pub expected_status: Vec<RangeInclusive<u16>>,
    /// The values of its response that later steps send.
    pub captures: Vec<ImportedCapture>,
}

/// Keys of a capture in the config, and their values.
pub type CaptureKeys = Vec<(&'static str, String)>;

/// A value of a response, available as `${captured.NAME}` in later steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCapture {
    pub name: String,
    /// The keys of the config that say where it is, such as `json`, and their values.
    pub keys: CaptureKeys,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub shape: Shape,
    /// In the order of the recording or collection; for a description, ordered by path. Never empty.
    pub requests: Vec<ImportedRequest>,
    /// The origin of all requests; `None` if the file does not contain it.
    pub origin: Option<String>,
    /// The variables that the requests need: secrets, and values that the file does not contain.
    pub variables: BTreeSet<String>,
    /// Number of requests left out, by reason.
    pub left_out: BTreeMap<SkipReason, u64>,
    /// Errors in requests, with their positions.
    pub remarks: Vec<Remark>,
    /// Number of remarks beyond the maximum.
    pub more_remarks: u64,
}

/// A remark on something that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The position, such as `log.entries[3].request.url`; empty for the whole file.
    pub place: String,
    pub what: String,
}

/// Returns the error of a section `load` in a config; `None` if it is valid.
pub type Check<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a request was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// It was sent to another origin.
    Origin(String),
    /// Its address is neither `http` nor `https`.
    Scheme,
    /// It uploads a file, which the imported file does not contain.
    Upload,
    /// It needs a body, and the description has no example of one.
    Body,
    /// An image, a style, a script or a font, which is not a step of a user.
    Asset,
}

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestsError {
    /// The error of the file, or of its first request if none can be imported.
    Invalid(Remark),
    /// It has no request to the requested origin, only to these.
    OtherOrigins {
        wanted: String,
        others: Vec<String>,
    },
    Empty,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Har, Self::Postman, Self::OpenApi];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Har => "har",
            Self::Postman => "postman",
            Self::OpenApi => "openapi",
        }
    }

    /// Imports the requests of a file to one origin. Without `origin`, the origin of the first
    /// request is used. What cannot be imported, or is invalid in a config, is left out with a
    /// remark.
    pub fn read(
        self,
        file: &[u8],
        origin: Option<&Origin>,
        shape: Shape,
        check: Check<'_>,
    ) -> Result<Imported, RequestsError> {
        let value = match self {
            Self::Har | Self::Postman => document::json(document::text(file)?)?,
            Self::OpenApi => document::json_or_yaml(document::text(file)?)?,
        };
        let value = document::without_references(value)?;
        let (root, mut collector) = (At::root(&value), Collector::new(origin, shape));
        match self {
            Self::Har => har::read(&root, &mut collector)?,
            Self::Postman => postman::read(&root, &mut collector)?,
            Self::OpenApi => openapi::read(&root, &mut collector)?,
        }
        collector.finish(check)
    }
}

impl Imported {
    /// Formats the section `load` of a service, with a comment on what it requires and lacks.
    /// `has_server` means that the address of the service is configured elsewhere.
    pub fn to_yaml(&self, has_server: bool) -> String {
        yaml::write(self, has_server)
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => write!(f, "sent to {origin}"),
            Self::Scheme => f.write_str("neither http nor https"),
            Self::Upload => f.write_str("uploads a file"),
            Self::Body => {
                f.write_str("needs a body in a format for which the document has no example")
            }
            Self::Asset => f.write_str("image, style, script or font"),
        }
    }
}

impl fmt::Display for RequestsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(remark) => remark.fmt(f),
            Self::OtherOrigins { wanted, others } => {
                write!(f, "has no request to {wanted}, only to ")?;
                list(f, others)
            }
            Self::Empty => f.write_str("has no requests"),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, what } = self;
        match place.as_str() {
            "" => f.write_str(what),
            _ => write!(f, "{place}: {what}"),
        }
    }
}

/// The first few origins.
fn list(f: &mut fmt::Formatter<'_>, origins: &[String]) -> fmt::Result {
    const SHOWN: usize = 5;
    let shown = origins.len().min(SHOWN);
    f.write_str(&origins[..shown].join(", "))?;
    match origins.len() - shown {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl std::error::Error for RequestsError {}

#[cfg(test)]
mod tests;
