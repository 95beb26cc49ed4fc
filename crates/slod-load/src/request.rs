//! Requests and sequences of requests, and their random choice.

use crate::capture::Capture;
use crate::condition::Conditions;
use crate::message::Step;
use crate::plan::Credentials;
use crate::template::{Reference, Template, Templated, Values};
use crate::watch::NewWatch;
use bytes::Bytes;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Uri};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// One request of a run.
#[derive(Clone)]
pub struct Request {
    /// The name shown in reports.
    pub name: String,
    /// Think time before this request, if it follows another one in a sequence. `None` means that of the
    /// scenario.
    pub think: Option<Duration>,
    pub method: Method,
    /// The path and the query.
    pub uri: Templated<Uri>,
    /// Includes `Host`.
    pub headers: HeaderMap,
    /// Headers with templates. They replace fixed headers of the same name.
    pub templated_headers: Vec<(HeaderName, Template)>,
    /// Adds the `Authorization` header.
    pub credentials: Option<Arc<dyn Credentials>>,
    pub body: Templated<Bytes>,
    /// Statuses that count as success.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Further conditions for success.
    pub conditions: Option<Arc<dyn Conditions>>,
    /// Values to capture from a successful response, for later requests of the sequence.
    pub captures: Vec<Capture>,
    /// Processes the response while it arrives.
    pub watch: Option<NewWatch>,
}

/// Requests that one user makes in order. The first failure ends the sequence.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub steps: Vec<Request>,
    /// The relative frequency with which it is chosen.
    pub weight: u32,
}

/// All sequences of a run.
#[derive(Debug)]
pub struct Mix {
    sequences: Vec<PlannedSequence>,
    /// The sum of all weights.
    total: u64,
}

/// A sequence with data computed before the run.
#[derive(Debug)]
pub struct PlannedSequence {
    pub steps: Vec<Step>,
    /// The number of its first request among all requests of the run.
    pub first: usize,
    pub uses_data: bool,
    /// The cumulative weight up to and including this sequence.
    until: u64,
}

/// Values of headers and bodies may be secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Request {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.templated_headers.iter().map(|(_, template)| template);
        headers
            .chain(self.uri.template())
            .chain(self.body.template())
    }

    fn uses_data(&self) -> bool {
        let mut references = self.templates().flat_map(Template::references);
        references.any(|one| matches!(one, Reference::Data(_)))
    }

    /// The path and the query; `None` if a required value is missing, or the target of another server.
    pub(crate) fn uri(&self, values: Values<'_>) -> Option<Cow<'_, Uri>> {
        match &self.uri {
            Templated::Fixed(uri) => Some(Cow::Borrowed(uri)),
            Templated::Template(template) => {
                let target = template.fill(values)?;
                let uri: Uri = target.parse().ok()?;
                let is_own = !template.starts_with_target() || self.is_own(&target, &uri);
                is_own.then_some(Cow::Owned(uri))
            }
        }
    }

    /// Whether a target is a path, or a URL of the same server. The scheme may differ: services behind a
    /// proxy that terminates TLS redirect to `http`.
    fn is_own(&self, target: &str, uri: &Uri) -> bool {
        let (Some(found), Some(_)) = (uri.authority(), uri.scheme()) else {
            // Two slashes begin with the name of a server.
            return target.starts_with('/') && !target.starts_with("//");
        };
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        let own: Option<Authority> = host.and_then(|host| host.parse().ok());
        own.is_some_and(|own| is_same_server(found, &own))
    }

    /// `None` if a required value is missing.
    pub(crate) fn body(&self, values: Values<'_>) -> Option<Bytes> {
        match &self.body {
            Templated::Fixed(body) => Some(body.clone()),
            Templated::Template(template) => Some(template.fill(values)?.into()),
        }
    }

    /// Whether the body of the response is inspected once it is complete.
    pub fn needs_body(&self) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_some_and(|all| all.need_body())
            || self.captures.iter().any(Capture::is_of_body)
    }

    /// Whether all headers of the response are needed.
    pub(crate) fn needs_headers(&self) -> bool {
        self.conditions.is_some() || self.captures.iter().any(Capture::is_of_header)
    }

    pub(crate) fn is_expected(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| range.contains(&status))
    }
}

/// Whether host and port are equal. A URL may omit its default port.
fn is_same_server(found: &Authority, own: &Authority) -> bool {
    let is_default = |port: u16| matches!(port, 80 | 443);
    let ports = (found.port_u16(), own.port_u16());
    let has_same_port = match ports {
        (Some(one), Some(other)) => one == other,
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => is_default(one),
    };
    has_same_port && found.host().eq_ignore_ascii_case(own.host())
}

impl Mix {
    /// `None` without any request.
    pub fn new(sequences: Vec<Sequence>) -> Option<Self> {
        let (mut total, mut first) = (0, 0);
        let sequences = sequences.into_iter().filter(|one| !one.steps.is_empty());
        let sequences: Vec<PlannedSequence> = sequences
            .map(|Sequence { steps, weight }| {
                total += u64::from(weight);
                let place = first;
                first += steps.len();
                PlannedSequence {
                    first: place,
                    uses_data: steps.iter().any(Request::uses_data),
                    until: total,
                    steps: steps.into_iter().map(Step::new).collect(),
                }
            })
            .collect();
        (total > 0).then_some(Self { sequences, total })
    }

    /// All requests, in the order of their numbers.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let steps = self.sequences.iter().flat_map(|one| &one.steps);
        steps.map(|step| &step.request)
    }

    /// Chooses a random sequence, by weight.
    pub(crate) fn choose(&self, random: &mut fastrand::Rng) -> &PlannedSequence {
        if let [only] = self.sequences.as_slice() {
            return only;
        }
        let at = random.u64(..self.total);
        let chosen = self.sequences.partition_point(|one| one.until <= at);
        &self.sequences[chosen]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Escape, TemplatePart};
    use http::HeaderValue;

    #[test]
    fn a_captured_target_must_be_one_of_the_same_server() {
        let part = TemplatePart::Value {
            of: Reference::Captured(0),
            escape: Escape::Target,
        };
        let target = |host: &'static str, location: &str| {
            let request = Request {
                uri: Templated::Template(Template::new(vec![part.clone()])),
                headers: HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]),
                ..crate::tests::request("/")
            };
            let values = Values {
                captured: &[Some(location.to_owned())],
                row: None,
            };
            let uri = request.uri(values)?.into_owned();
            Some(
                uri.path_and_query()
                    .map_or("/", |one| one.as_str())
                    .to_owned(),
            )
        };
        for (location, expected) in [
            ("/chats/7?a=b%20c#end", Some("/chats/7?a=b%20c")),
            ("http://a.example:8000/x", Some("/x")),
            ("https://A.example:8000/x", Some("/x")),
            ("http://a.example:8000", Some("/")),
            ("/a b", Some("/a%20b")),
            ("http://b.example:8000/x", None),
            ("http://a.example:9000/x", None),
            ("http://a.example/x", None),
            ("//a.example:8000/x", None),
            ("next", None),
            ("?page=2", None),
            ("", None),
        ] {
            let found = target("a.example:8000", location);
            assert_eq!(found.as_deref(), expected, "{location}");
        }
        let found = target("a.example", "http://a.example:80/x");
        assert_eq!(found.as_deref(), Some("/x"));
    }
}
