//! Recordings and descriptions of a service, read into requests for load scenarios. Pure: the
//! caller reads the file.

mod collector;
mod document;
mod har;
mod multipart;
mod openapi;
mod postman;
mod schema;
mod secrets;
mod target;
mod text;
mod yaml;

pub use secrets::{hide_body, hide_target, is_secret};
pub use text::{Marked, NOT_IN_TARGET};

use collector::Collector;
use document::At;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Origin;

/// The largest file in bytes.
pub const SIZE_MAX: usize = 64 << 20;
/// Different requests of one file.
pub const REQUESTS_MAX: usize = 1_000;

/// A format that requests are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HAR 1.2, as browsers and proxies write it.
    Har,
    /// A Postman collection v2.1.
    Postman,
    /// An `OpenAPI` 3 document, as JSON or YAML.
    OpenApi,
}

/// What the requests of a file become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Requests with weights, which users choose from at random.
    #[default]
    Requests,
    /// One sequence in the order of the file, with the times between its requests as far as the
    /// file has them, and without images, styles, scripts and fonts.
    Steps,
}

/// A request as the config writes it: in every text, `${NAME}` is a variable of the environment
/// and `$${` a literal `${`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRequest {
    /// The time before it, behind another one of a sequence.
    pub think: Option<Duration>,
    pub method: String,
    /// With the query.
    pub path: String,
    /// No name twice.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// How often it was recorded.
    pub weight: u32,
    /// Statuses of a success; empty if the file names none.
    pub expected_status: Vec<RangeInclusive<u16>>,
}

/// What a file contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub shape: Shape,
    /// In the order of the recording or collection; those of a description by their paths. At
    /// least one.
    pub requests: Vec<ImportedRequest>,
    /// Where all of them go to; `None` if the file does not name it.
    pub origin: Option<String>,
    /// The variables that the requests need: secrets, and values that the file does not contain.
    pub variables: BTreeSet<String>,
    /// What was not taken, with its count.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// What could not be taken, at its place.
    pub remarks: Vec<Remark>,
    /// How many more there are than are kept.
    pub more_remarks: u64,
}

/// What cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where it is, such as `log.entries[3].request.url`; empty for the whole file.
    pub place: String,
    pub what: String,
}

/// What is wrong with a section `load`, as a config.
pub type Check<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It was sent to another origin.
    Origin(String),
    /// Its address is neither `http` nor `https`.
    Scheme,
    /// It uploads a file, which is not part of the file that was read.
    Upload,
    /// It needs a body, and the description has no example of one.
    Body,
    /// An image, a style, a script or a font, which is no step of a user.
    Asset,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestsError {
    /// What is wrong with it, or with the first of its requests if none of them can be taken.
    Invalid(Remark),
    /// It has no request to the origin that was asked for, only to these.
    OtherOrigins {
        asked: String,
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

    /// The requests of a file to one origin. Without `origin`, it is that of the first request. What
    /// cannot be taken, or sent with a config, is left out with a remark.
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
    /// As the section `load` of a service, with a comment about what it needs and lacks. With
    /// `has_server`, the address of the service is known elsewhere.
    pub fn to_yaml(&self, has_server: bool) -> String {
        yaml::write(self, has_server)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => write!(f, "sent to {origin}"),
            Self::Scheme => f.write_str("neither http nor https"),
            Self::Upload => f.write_str("uploads a file"),
            Self::Body => {
                f.write_str("needs a body in a format that the document has no example of")
            }
            Self::Asset => f.write_str("image, style, script or font"),
        }
    }
}

impl fmt::Display for RequestsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(remark) => remark.fmt(f),
            Self::OtherOrigins { asked, others } => {
                write!(f, "has no request to {asked}, only to ")?;
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

/// The first few.
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
