//! Requests, alone and in sequences, and which of them comes next.

use crate::capture::Capture;
use crate::template::{Made, Reference, Template, Values};
use crate::watch::NewWatch;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use std::fmt;
use std::ops::RangeInclusive;

/// One request of a run.
#[derive(Clone)]
pub struct Request {
    /// For reports.
    pub name: String,
    pub method: Method,
    /// The path and the query.
    pub uri: Made<Uri>,
    /// With `Host`.
    pub headers: HeaderMap,
    /// Those that differ each time; they replace others of their name.
    pub made_headers: Vec<(HeaderName, Template)>,
    pub body: Made<Bytes>,
    /// Statuses of a success.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// What is taken from a successful answer, for later requests of the sequence.
    pub captures: Vec<Capture>,
    /// Reads the answer while it arrives.
    pub watch: Option<NewWatch>,
}

/// Requests that one user makes in their order: the first that fails ends the sequence.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub steps: Vec<Request>,
    /// How often it is chosen, in relation to the others.
    pub weight: u32,
}

/// All sequences of a run.
#[derive(Debug)]
pub struct Mix {
    sequences: Vec<Placed>,
    /// The sum of all weights.
    total: u64,
}

/// A sequence with what is known of it before the run.
#[derive(Debug)]
pub struct Placed {
    pub steps: Vec<Request>,
    /// The number of its first request among all of the run.
    pub first: usize,
    pub uses_data: bool,
    /// The sum of all weights up to and with its own.
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

pub type Message = http::Request<Full<Bytes>>;

impl Request {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.made_headers.iter().map(|(_, template)| template);
        headers
            .chain(self.uri.template())
            .chain(self.body.template())
    }

    fn uses_data(&self) -> bool {
        let mut references = self.templates().flat_map(Template::references);
        references.any(|one| matches!(one, Reference::Data(_)))
    }

    /// The path and the query; `None` if a value for it is missing.
    pub(crate) fn uri(&self, values: Values<'_>) -> Option<Uri> {
        match &self.uri {
            Made::Fixed(uri) => Some(uri.clone()),
            Made::Template(template) => template.fill(values)?.parse().ok(),
        }
    }

    /// As it is sent; `None` if a value for it is missing, or is not valid in a header.
    pub(crate) fn message(&self, values: Values<'_>) -> Option<Message> {
        let body = match &self.body {
            Made::Fixed(body) => body.clone(),
            Made::Template(template) => template.fill(values)?.into(),
        };
        let mut message = http::Request::new(Full::new(body));
        *message.method_mut() = self.method.clone();
        *message.uri_mut() = self.uri(values)?;
        let headers = message.headers_mut();
        *headers = self.headers.clone();
        for (name, template) in &self.made_headers {
            let mut value = HeaderValue::try_from(template.fill(values)?).ok()?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Some(message)
    }

    pub(crate) fn is_expected(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| range.contains(&status))
    }
}

impl Mix {
    /// `None` without any request.
    pub fn new(sequences: Vec<Sequence>) -> Option<Self> {
        let (mut total, mut first) = (0, 0);
        let sequences = sequences.into_iter().filter(|one| !one.steps.is_empty());
        let sequences: Vec<Placed> = sequences
            .map(|Sequence { steps, weight }| {
                total += u64::from(weight);
                let place = first;
                first += steps.len();
                Placed {
                    first: place,
                    uses_data: steps.iter().any(Request::uses_data),
                    until: total,
                    steps,
                }
            })
            .collect();
        (total > 0).then_some(Self { sequences, total })
    }

    /// All requests, in the order of their numbers.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.sequences.iter().flat_map(|one| &one.steps)
    }

    /// A sequence at random, by the weights.
    pub(crate) fn choose(&self, random: &mut fastrand::Rng) -> &Placed {
        if let [only] = self.sequences.as_slice() {
            return only;
        }
        let at = random.u64(..self.total);
        let chosen = self.sequences.partition_point(|one| one.until <= at);
        &self.sequences[chosen]
    }
}
