//! Collects requests and makes them repeatable: only those to one origin, without secrets and
//! connection-specific headers. Identical requests are merged into one with a weight.

use super::credentials::Credentials;
use super::document::At;
use super::secrets::{hide, hide_body, hide_target};
use super::target::{Place, Target};
use super::text::finish;
use super::{
    Check, Imported, ImportedCapture, ImportedRequest, REQUESTS_MAX, Remark, RequestsError, Shape,
    SkipReason,
};
use http::{HeaderName, Method};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Origin;

const HEADERS_MAX: usize = 100;
const HEADER_LENGTH_MAX: usize = 16 << 10;
const PATH_LENGTH_MAX: usize = 16 << 10;
const BODY_LENGTH_MAX: usize = 256 << 10;
/// Maximum size of all requests as text; a config may have 4 MiB.
const LENGTH_MAX: usize = 2 << 20;
/// Maximum number of remarks; further ones are counted.
const REMARKS_MAX: usize = 100;

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

/// A request as in the file, with references for the variables of the file.
#[derive(Debug, Default)]
pub struct Draft {
    /// The time between the previous request and this one.
    pub think: Option<Duration>,
    pub method: String,
    /// An address, or a path and query if the file contains no origin.
    pub address: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub statuses: Vec<RangeInclusive<u16>>,
    /// What distinguishes its credentials from those of other requests, if they are not in the headers; they become
    /// a variable.
    pub credentials: Option<String>,
}

/// The fields by which requests are identical.
type Identity = (String, String, Vec<(String, String)>, Option<String>);

pub struct Collector {
    /// The requested origin; set to that of the first request if none was given.
    origin: Option<Origin>,
    /// Number of requests by origin, including those that are left out.
    origins: BTreeMap<String, u64>,
    /// Indexes of the imported requests.
    known: HashMap<Identity, usize>,
    credentials: Credentials,
    length: usize,
    imported: Imported,
    /// The position of each imported request.
    places: Vec<String>,
    /// Why the first request that could not be imported is invalid.
    fault: Option<Remark>,
}

impl Collector {
    pub fn new(origin: Option<&Origin>, shape: Shape) -> Self {
        Self {
            origin: origin.cloned(),
            origins: BTreeMap::new(),
            known: HashMap::new(),
            credentials: Credentials::default(),
            length: 0,
            imported: Imported {
                shape,
                ..Imported::default()
            },
            places: Vec::new(),
            fault: None,
        }
    }

    /// Whether requests to this origin are wanted, if that is known yet.
    pub fn is_wanted(&self, origin: &Origin) -> bool {
        self.origin.as_ref().is_none_or(|wanted| wanted == origin)
    }

    pub const fn shape(&self) -> Shape {
        self.imported.shape
    }

    pub fn leave_out(&mut self, reason: SkipReason) {
        *self.imported.left_out.entry(reason).or_default() += 1;
    }

    /// Adds a remark if a request, or everything in a folder, could not be imported.
    pub fn take(&mut self, read: Result<(), RequestsError>) -> Result<(), RequestsError> {
        let Err(RequestsError::Invalid(fault)) = read else {
            return read;
        };
        self.remark(fault.place.clone(), format!("left out: {}", fault.what));
        self.fault.get_or_insert(fault);
        Ok(())
    }

    pub fn remark(&mut self, place: String, what: String) {
        if self.imported.remarks.len() < REMARKS_MAX {
            self.imported.remarks.push(Remark { place, what });
        } else {
            self.imported.more_remarks += 1;
        }
    }

    pub fn add(&mut self, at: &At<'_>, mut draft: Draft) -> Result<(), RequestsError> {
        let target = Target::parse(&draft.address);
        let mut target = target.ok_or_else(|| at.fault("has no valid URL"))?;
        if !self.takes(&target.place) {
            return Ok(());
        }
        // As a relative reference, `//host/path` would refer to another host.
        if target.path.starts_with("//") {
            target.path.insert_str(0, "/.");
        }
        draft.credentials = draft.credentials.or(target.credentials.take());
        self.credentials.hide(&mut draft);
        let (mut variables, mut remarks) = (BTreeSet::new(), Vec::new());
        let request = request(draft, &target, &mut variables, &mut remarks);
        self.merge(at, request.map_err(|what| at.fault(what))?)?;
        self.imported.variables.append(&mut variables);
        for what in remarks {
            self.remark(at.place().to_owned(), what);
        }
        Ok(())
    }

    /// Number of imported requests.
    pub const fn count(&self) -> usize {
        self.imported.requests.len()
    }

    /// Adds a capture to an imported request.
    pub fn capture(&mut self, step: usize, capture: ImportedCapture) {
        if let Some(request) = self.imported.requests.get_mut(step) {
            request.captures.push(capture);
        }
    }

    fn takes(&mut self, place: &Place) -> bool {
        let origin = match place {
            Place::Unknown => return true,
            Place::OtherScheme => {
                self.leave_out(SkipReason::Scheme);
                return false;
            }
            Place::Origin(origin) => origin,
        };
        let name = origin.ascii_serialization();
        *self.origins.entry(name.clone()).or_default() += 1;
        let is_wanted = self.origin.get_or_insert_with(|| origin.clone()) == origin;
        if !is_wanted {
            self.leave_out(SkipReason::Origin(name));
        }
        is_wanted
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
        if self.length + length(&request) > LENGTH_MAX {
            return Err(at.fault("the requests up to this one are larger than 2 MiB in total"));
        }
        if requests.len() == REQUESTS_MAX {
            return Err(at.fault(match shape {
                Shape::Requests => "is one of more than 1,000 different requests",
                Shape::Steps => "is one of more than 1,000 steps",
            }));
        }
        self.length += length(&request);
        self.known.insert(identity, requests.len());
        requests.push(request);
        self.places.push(at.place().to_owned());
        Ok(())
    }

    /// Leaves out requests that are invalid in a config. Each request is checked separately, after those whose
    /// captures it uses, so that the time is proportional to their number.
    fn keep_valid(&mut self, check: Check<'_>) {
        if self.imported.requests.is_empty() || check(&self.imported.to_yaml(false)).is_none() {
            return;
        }
        let all = std::mem::take(&mut self.imported.requests);
        for (request, place) in all.into_iter().zip(std::mem::take(&mut self.places)) {
            let known = self.imported.requests.iter();
            let mut requests: Vec<_> = known.filter(|one| request.uses(one)).cloned().collect();
            requests.push(request);
            let mut alone = Imported {
                shape: self.imported.shape,
                origin: self.imported.origin.clone(),
                requests,
                ..Imported::default()
            };
            match check(&alone.to_yaml(false)) {
                None => self.imported.requests.extend(alone.requests.pop()),
                Some(what) => {
                    self.remark(place.clone(), format!("left out: {what}"));
                    self.fault.get_or_insert(Remark { place, what });
                }
            }
        }
    }

    pub fn finish(mut self, check: Check<'_>) -> Result<Imported, RequestsError> {
        self.imported.origin = self.origin.as_ref().map(Origin::ascii_serialization);
        self.keep_valid(check);
        if !self.imported.requests.is_empty() {
            return Ok(self.imported);
        }
        // The requests that could not be read may have been for the requested origin.
        if let Some(fault) = self.fault {
            return Err(RequestsError::Invalid(fault));
        }
        let others: Vec<String> = self.origins.into_keys().collect();
        match self.origin.as_ref().map(Origin::ascii_serialization) {
            // The requests to it were left out for another reason.
            Some(wanted) if !others.is_empty() && !others.contains(&wanted) => {
                Err(RequestsError::OtherOrigins { wanted, others })
            }
            _ => Err(RequestsError::Empty),
        }
    }
}

impl ImportedRequest {
    /// Whether it sends a value that another one captures.
    fn uses(&self, other: &Self) -> bool {
        let mut texts = self.headers.iter().map(|(_, value)| value);
        let mut sends = |reference: &str| {
            self.path.contains(reference)
                || self
                    .body
                    .as_ref()
                    .is_some_and(|body| body.contains(reference))
                || texts.any(|text| text.contains(reference))
        };
        let mut names = other.captures.iter().map(|capture| &capture.name);
        names.any(|name| sends(&format!("${{captured.{name}}}")))
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
    remarks: &mut Vec<String>,
) -> Result<ImportedRequest, String> {
    let method = method(&draft.method)?;
    if target.path.len() > PATH_LENGTH_MAX {
        return Err("has a path and query of more than 16 KiB".to_owned());
    }
    let headers = headers(draft.headers, remarks);
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
        path: finish(&hide_target(target.host(), &target.path), variables),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, finish(&value, variables)))
            .collect(),
        body,
        weight: 1,
        expected_status: statuses,
        captures: Vec::new(),
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

/// Names are in lower case, as in HTTP/2; values of the same name are joined. A header that cannot be sent
/// is left out with a remark.
fn headers(all: Vec<(String, String)>, remarks: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in all {
        let name = name.trim().to_ascii_lowercase();
        // `:authority` and similar are part of the request line.
        if name.starts_with(':') || LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if let Err(what) = add(&mut headers, &name, value.trim()) {
            remarks.push(what);
        }
    }
    headers
}

fn add(headers: &mut BTreeMap<String, String>, name: &str, value: &str) -> Result<(), String> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err("a header is left out: its name is not valid".to_owned());
    }
    let left_out = |why: &str| Err(format!("the header {name} is left out: {why}"));
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return left_out("its value has more than one line, or control characters");
    }
    let value = hide(name, value);
    let known = headers.get(name);
    if known.is_some_and(|known| *known == value) {
        return Ok(());
    }
    let separator = if name == "cookie" { "; " } else { ", " };
    let value = known.map_or_else(
        || value.clone(),
        |known| [known, separator, &*value].concat(),
    );
    if value.len() > HEADER_LENGTH_MAX {
        return left_out("it is longer than 16 KiB");
    }
    if known.is_none() && headers.len() == HEADERS_MAX {
        return left_out("the request has more than 100 headers");
    }
    headers.insert(name.to_owned(), value);
    Ok(())
}
