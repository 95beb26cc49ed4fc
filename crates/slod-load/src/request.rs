//! Requests and sequences of requests, and their random choice.

use crate::capture::Capture;
use crate::message::Step;
use crate::template::{Reference, Template, Templated, Values};
use crate::watch::NewWatch;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
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
    pub made_headers: Vec<(HeaderName, Template)>,
    pub body: Templated<Bytes>,
    /// Statuses that count as success.
    pub statuses: Vec<RangeInclusive<u16>>,
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
        let headers = self.made_headers.iter().map(|(_, template)| template);
        headers
            .chain(self.uri.template())
            .chain(self.body.template())
    }

    fn uses_data(&self) -> bool {
        let mut references = self.templates().flat_map(Template::references);
        references.any(|one| matches!(one, Reference::Data(_)))
    }

    /// The path and the query; `None` if a required value is missing.
    pub(crate) fn uri(&self, values: Values<'_>) -> Option<Cow<'_, Uri>> {
        match &self.uri {
            Templated::Fixed(uri) => Some(Cow::Borrowed(uri)),
            Templated::Template(template) => template.fill(values)?.parse().ok().map(Cow::Owned),
        }
    }

    /// `None` if a required value is missing.
    pub(crate) fn body(&self, values: Values<'_>) -> Option<Bytes> {
        match &self.body {
            Templated::Fixed(body) => Some(body.clone()),
            Templated::Template(template) => Some(template.fill(values)?.into()),
        }
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
