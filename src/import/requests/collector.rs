//! Requests as they are found, made fit to be sent again: those to one origin, without secrets and
//! without what belongs to a connection, equal ones as one with a weight.

use super::document::At;
use super::secrets::{hide, hide_body, hide_target};
use super::target::{Place, Target};
use super::text::{finish, reference};
use super::{Imported, ImportedRequest, LeftOut, REQUESTS_MAX, RequestsError, Shape};
use http::{HeaderName, Method};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Origin;

const HEADERS_MAX: usize = 100;
const HEADER_LENGTH_MAX: usize = 16 << 10;
const PATH_LENGTH_MAX: usize = 16 << 10;
const BODY_LENGTH_MAX: usize = 256 << 10;
/// All requests as text; a config may have 4 MiB.
const LENGTH_MAX: usize = 2 << 20;

/// Headers that the client sets for each connection, or that make an answer depend on a cache.
const LEFT_OUT: [&str; 19] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// A request as a file has it, with references for the variables of the file.
#[derive(Debug, Default)]
pub struct Draft {
    /// The time before it, behind another one.
    pub think: Option<Duration>,
    pub method: String,
    /// An address, or a path and query if the file names no origin.
    pub address: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub statuses: Vec<RangeInclusive<u16>>,
}

/// What makes two requests the same.
type Identity = (String, String, Vec<(String, String)>, Option<String>);

pub struct Collector {
    /// Becomes that of the first request.
    asked: Option<Origin>,
    /// Requests by origin, also of those that are not taken.
    origins: BTreeMap<String, u64>,
    /// Places of the requests that were taken.
    known: HashMap<Identity, usize>,
    length: usize,
    imported: Imported,
}

impl Collector {
    pub fn new(asked: Option<&Origin>, shape: Shape) -> Self {
        Self {
            asked: asked.cloned(),
            origins: BTreeMap::new(),
            known: HashMap::new(),
            length: 0,
            imported: Imported {
                shape,
                ..Imported::default()
            },
        }
    }

    /// Whether the requests to this origin are wanted, if it is known.
    pub fn is_asked(&self, origin: &Origin) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked == origin)
    }

    pub const fn shape(&self) -> Shape {
        self.imported.shape
    }

    pub fn leave_out(&mut self, reason: LeftOut) {
        *self.imported.left_out.entry(reason).or_default() += 1;
    }

    pub fn add(&mut self, at: &At<'_>, draft: Draft) -> Result<(), RequestsError> {
        let target = Target::parse(&draft.address);
        let mut target = target.ok_or_else(|| at.fault("has no valid URL"))?;
        if !self.takes(&target.place) {
            return Ok(());
        }
        // Relative to an address, `//host/path` would be another host.
        if target.path.starts_with("//") {
            target.path.insert_str(0, "/.");
        }
        let mut variables = BTreeSet::new();
        let request = request(draft, &target, &mut variables).map_err(|what| at.fault(what))?;
        self.imported.variables.append(&mut variables);
        self.merge(at, request)
    }

    fn takes(&mut self, place: &Place) -> bool {
        let origin = match place {
            Place::Unknown => return true,
            Place::OtherScheme => {
                self.leave_out(LeftOut::Scheme);
                return false;
            }
            Place::Origin(origin) => origin,
        };
        let name = origin.ascii_serialization();
        *self.origins.entry(name.clone()).or_default() += 1;
        let asked = self.asked.get_or_insert_with(|| origin.clone());
        let is_asked = asked == origin;
        if !is_asked {
            self.leave_out(LeftOut::Origin(name));
        }
        is_asked
    }

    fn merge(&mut self, at: &At<'_>, request: ImportedRequest) -> Result<(), RequestsError> {
        let ImportedRequest {
            method,
            path,
            headers,
            body,
            ..
        } = &request;
        let identity = (method.clone(), path.clone(), headers.clone(), body.clone());
        let shape = self.imported.shape;
        let requests = &mut self.imported.requests;
        if shape == Shape::Requests
            && let Some(known) = self
                .known
                .get(&identity)
                .and_then(|place| requests.get_mut(*place))
        {
            known.weight = known.weight.saturating_add(1);
            for status in request.expected_status {
                if !known.expected_status.contains(&status) {
                    known.expected_status.push(status);
                }
            }
            return Ok(());
        }
        self.length += length(&request);
        if self.length > LENGTH_MAX {
            return Err(at.fault("all requests up to this one are larger than 2 MiB"));
        }
        if requests.len() == REQUESTS_MAX {
            return Err(at.fault(match shape {
                Shape::Requests => "is one of more than 1,000 different requests",
                Shape::Steps => "is one of more than 1,000 steps",
            }));
        }
        self.known.insert(identity, requests.len());
        requests.push(request);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Imported, RequestsError> {
        self.imported.origin = self.asked.as_ref().map(Origin::ascii_serialization);
        let names: Vec<String> = self.origins.into_keys().collect();
        match self.asked {
            Some(asked) if self.imported.requests.is_empty() && !names.is_empty() => {
                let asked = asked.ascii_serialization();
                // The requests to it were left out for another reason.
                if names.contains(&asked) {
                    return Err(RequestsError::Empty);
                }
                Err(RequestsError::OtherOrigins {
                    asked,
                    others: names,
                })
            }
            _ if self.imported.requests.is_empty() => Err(RequestsError::Empty),
            _ => Ok(self.imported),
        }
    }
}

fn length(request: &ImportedRequest) -> usize {
    let headers = request.headers.iter();
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    request.path.len() + headers + request.body.as_ref().map_or(0, String::len)
}

fn request(
    draft: Draft,
    target: &Target,
    variables: &mut BTreeSet<String>,
) -> Result<ImportedRequest, String> {
    let method = method(&draft.method)?;
    if target.path.len() > PATH_LENGTH_MAX {
        return Err("has a path and query of more than 16 KiB".to_owned());
    }
    let mut headers = headers(draft.headers)?;
    if target.has_credentials && !headers.contains_key("authorization") {
        let authorization = reference("authorization");
        headers.insert("authorization".to_owned(), authorization);
    }
    let body = draft.body.filter(|body| !body.is_empty());
    if body
        .as_ref()
        .is_some_and(|body| body.len() > BODY_LENGTH_MAX)
    {
        return Err("has a body of more than 256 KiB".to_owned());
    }
    let media_type = headers.get("content-type").map_or("", String::as_str);
    let body = body.map(|body| finish(&hide_body(media_type, &body), variables));
    let mut statuses = draft.statuses;
    statuses.dedup();
    Ok(ImportedRequest {
        think: draft.think,
        method,
        path: finish(&hide_target(&target.path), variables),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, finish(&value, variables)))
            .collect(),
        body,
        weight: 1,
        expected_status: statuses,
    })
}

fn method(method: &str) -> Result<String, String> {
    let method = method.trim().to_ascii_uppercase();
    let is_valid = Method::from_bytes(method.as_bytes()).is_ok_and(|it| it != Method::CONNECT);
    if is_valid && method.len() <= 32 {
        Ok(method)
    } else {
        Err("expected a method such as GET or POST".to_owned())
    }
}

/// By name in lower case, as HTTP/2 writes them; values of one name are joined.
fn headers(all: Vec<(String, String)>) -> Result<BTreeMap<String, String>, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in all {
        let name = name.trim().to_ascii_lowercase();
        // `:authority` and the like are part of the request's line.
        if name.starts_with(':') || LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err("has an invalid name of a header".to_owned());
        }
        let value = value.trim();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("expected one line as value of the header {name}"));
        }
        let value = hide(&name, value);
        match headers.get_mut(&name) {
            Some(known) if *known == value => {}
            Some(known) => {
                known.push_str(if name == "cookie" { "; " } else { ", " });
                known.push_str(&value);
            }
            None => {
                headers.insert(name, value);
            }
        }
    }
    if headers.len() > HEADERS_MAX {
        return Err("has more than 100 headers".to_owned());
    }
    if headers
        .values()
        .any(|value| value.len() > HEADER_LENGTH_MAX)
    {
        return Err("has a header of more than 16 KiB".to_owned());
    }
    Ok(headers)
}
