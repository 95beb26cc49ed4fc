//! The record of a load run.

use crate::format::count;
use crate::outcome::{Cause, Timestamp};
use crate::sample::{Sample, SeriesKey, SeriesKind};
use crate::stats::quantile::Histogram;
use crate::text::printable;
use std::time::Duration;

/// Minimum share of the failures that are attributed to one request.
const NEARLY_ALL: f64 = 0.9;

/// A span of a run, normally one second. Requests belong to the span in which they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadWindow {
    /// Time since the start of the run.
    pub start: Duration,
    pub length: Duration,
    /// The number of the stage in which it began.
    pub stage: usize,
    /// The planned level, on average: users, or starts per second.
    pub due: f64,
    /// Active users, or requests in flight, on average.
    pub active: f64,
    /// Requests started.
    pub started: u64,
    /// Starts that were due but not made, because the generator had no free user or its machine lacked
    /// resources.
    pub dropped: u64,
    /// Dropped starts due to a lack of ports, file descriptors, memory or the like on the generator's
    /// machine.
    pub lacking: u64,
    /// Requests retried because the service closed a keep-alive connection or did not process them.
    pub repeated: u64,
    /// Successful requests.
    pub good: u64,
    /// Completed requests of unknown success, of a service that does not count its errors.
    pub unjudged: u64,
    /// Failed requests, by cause.
    pub failed: Vec<(Cause, u64)>,
    /// Latencies of all requests from their intended start, by the codes of a
    /// [`Scale`](crate::stats::scale::Scale) without cuts.
    pub latency: Histogram,
    /// Latencies of the failed requests among them, as far as known.
    pub failed_latency: Histogram,
    /// How late the generator was: the 99th percentile over the starts, or over the moments at which it
    /// checked its clock, whichever is larger.
    pub lag: Duration,
    /// Share of the available CPU time that the generator used, from 0 to 1.
    pub generator_cpu: Option<f64>,
    pub transferred: Transferred,
}

/// Bytes that a load generator received and sent; `None` if it did not count them. slod counts HTTP messages with
/// their heads, without TLS; see [`RunRecord::counts_bodies_only`] for the other tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    pub received: Option<u64>,
    pub sent: Option<u64>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    /// A threshold with `abort` was exceeded.
    Aborted {
        why: String,
    },
    /// By the user.
    Interrupted,
    /// The load generator failed before the end.
    Failed {
        why: String,
    },
}

/// slod's own engine, the only one that reports how late requests were.
pub const SLOD: &str = "slod";

/// An engine with users only: a rate is what they reach together.
pub const LOCUST: &str = "locust";

pub const K6: &str = "k6";

/// The engine of a run whose load was generated externally and only observed by slod.
pub const OBSERVED: &str = "observed";

/// The scenario of a run that was imported from the results of another tool, which do not contain the plan.
pub const IMPORTED: &str = "imported";

/// The observed series with the number of an engine's workers on other machines.
pub const WORKERS: &str = "slod_load_workers";

/// A completed run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    pub service: String,
    pub scenario: super::Scenario,
    /// The load generator: `slod`, `locust`, `k6`, or [`OBSERVED`].
    pub engine: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub ending: Ending,
    /// In order, without gaps.
    pub windows: Vec<LoadWindow>,
    /// Figures of each request of the plan, in its order; empty if unknown.
    pub requests: Vec<RequestFigures>,
    /// A description of the first failure of each cause, as far as known.
    pub examples: Vec<(Cause, String)>,
    /// A description of the first resource that the generator's machine lacked.
    pub lack: Option<String>,
    /// Other runs that made load at the same time and are stored in the same place, such as `run 2 (stress of rag)`.
    pub concurrent: Vec<String>,
    /// Thresholds set by the user in addition to those of the config, as text.
    pub thresholds: Vec<String>,
    /// Samples of the service, its processes and the host during the run; may be empty.
    pub observed: Vec<ObservedSeries>,
}

impl RunRecord {
    /// A run without measurements.
    pub fn begun(
        service: impl Into<String>,
        scenario: super::Scenario,
        engine: impl Into<String>,
        from: Timestamp,
    ) -> Self {
        Self {
            service: service.into(),
            scenario,
            engine: engine.into(),
            from,
            to: from,
            ending: Ending::Completed,
            windows: Vec::new(),
            requests: Vec::new(),
            examples: Vec::new(),
            lack: None,
            concurrent: Vec::new(),
            thresholds: Vec::new(),
            observed: Vec::new(),
        }
    }

    /// The number of failed requests by cause, the most frequent first.
    pub fn causes(&self) -> Vec<(Cause, u64)> {
        let mut causes: Vec<(Cause, u64)> = Vec::new();
        for (cause, count) in self.windows.iter().flat_map(|one| &one.failed) {
            match causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, known)) => *known += count,
                None => causes.push((*cause, *count)),
            }
        }
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        causes
    }

    /// `most frequent cause: refused (first: connecting to ...) of GET /chat, which failed 56 of 56 times`; `None` if
    /// no request failed.
    pub fn main_cause_in_words(&self) -> Option<String> {
        let causes = self.causes();
        let (cause, _) = causes.first()?;
        let first = self.example(*cause);
        let first = first.map_or_else(String::new, |words| format!(" (first: {words})"));
        let often = if causes.len() > 1 {
            "most frequent "
        } else {
            ""
        };
        let of = self.main_failing().unwrap_or_default();
        Some(format!("{often}cause: {}{first}{of}", cause.label()))
    }

    /// ` of GET /chat, which failed 56 of 56 times`, if nearly all failures are of one of several requests.
    fn main_failing(&self) -> Option<String> {
        let all: u64 = self.requests.iter().map(RequestFigures::errors).sum();
        let one = self.requests.iter().max_by_key(|one| one.errors())?;
        let (errors, total) = (one.errors(), one.good + one.errors());
        let is_main =
            self.requests.len() > 1 && errors > 0 && errors as f64 >= NEARLY_ALL * all as f64;
        let name = printable(&one.name);
        is_main.then(|| {
            format!(
                " of {name}, which failed {} of {} times",
                count(errors),
                count(total)
            )
        })
    }

    /// What the responses with status 429 asked for; `None` if nothing read it.
    pub fn retry_after(&self) -> Option<RetryAfter> {
        let each = self.requests.iter().filter_map(|one| one.retry_after);
        each.reduce(RetryAfter::and)
    }

    /// A description of the first failure of a cause.
    pub fn example(&self, cause: Cause) -> Option<&str> {
        let mut examples = self.examples.iter();
        let found = examples.find(|(known, _)| *known == cause);
        found.map(|(_, words)| words.as_str())
    }
}

/// One request of the plan over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFigures {
    pub name: String,
    /// Successful requests.
    pub good: u64,
    /// Failed requests, by cause.
    pub failed: Vec<(Cause, u64)>,
    /// Failures because the response did not meet a condition of `expect` other than its status, by the
    /// condition.
    pub unmet: Vec<(String, u64)>,
    /// Failures because the response lacked a value for a later request, by the name of the value.
    pub missing: Vec<(String, u64)>,
    /// What responses with status 429 asked for; `None` if nothing read it.
    pub retry_after: Option<RetryAfter>,
    /// Latencies of all requests, as in a [`LoadWindow`].
    pub latency: Histogram,
    /// Times to the first token of streamed responses; empty if none was measured.
    pub first_token: Histogram,
    pub transferred: Transferred,
}

/// The `Retry-After` headers of responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryAfter {
    /// Responses with the header.
    pub count: u64,
    /// The shortest and the longest wait that was stated in seconds; `None` if all were dates.
    pub waits: Option<(Duration, Duration)>,
}

/// The samples of one series from `from` to `to` of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSeries {
    /// As on `/metrics`, such as `slod_process_memory_bytes{service="rag",process="app"}`.
    pub key: SeriesKey,
    pub kind: SeriesKind,
    /// Oldest first.
    pub samples: Vec<Sample>,
}

/// What is known about a run depends on its load generator.
impl RunRecord {
    /// Whether the planned load is known.
    pub fn is_planned(&self) -> bool {
        self.engine != OBSERVED && !self.is_imported()
    }

    /// Whether it was imported from the results of another tool, without samples of the service.
    pub fn is_imported(&self) -> bool {
        self.scenario.name == IMPORTED
    }

    /// Whether dropped starts were counted.
    pub fn counts_dropped(&self) -> bool {
        matches!(self.engine.as_str(), SLOD | K6)
    }

    /// Whether retried requests were counted.
    pub fn counts_repeated(&self) -> bool {
        self.engine == SLOD
    }

    /// Whether the bytes are those of bodies, without heads.
    pub fn counts_bodies_only(&self) -> bool {
        matches!(self.engine.as_str(), LOCUST | "oha" | "vegeta")
    }

    /// Whether the lateness of requests was measured.
    pub fn measures_lag(&self) -> bool {
        self.engine == SLOD
    }
}

impl RetryAfter {
    /// The header of one response; a date has no wait.
    pub fn of(wait: Option<Duration>) -> Self {
        Self {
            count: 1,
            waits: wait.map(|wait| (wait, wait)),
        }
    }

    /// These and other responses.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let waits = match (self.waits, other.waits) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (known, other) => known.or(other),
        };
        Self {
            count: self.count + other.count,
            waits,
        }
    }
}

impl Transferred {
    /// Bytes that were received, of a tool that does not count what it sends.
    pub const fn received(received: Option<u64>) -> Self {
        Self {
            received,
            sent: None,
        }
    }

    /// These and other bytes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (known, other) => known.or(other),
        };
        Self {
            received: sum(self.received, other.received),
            sent: sum(self.sent, other.sent),
        }
    }
}

impl RequestFigures {
    /// Whether the time to the first token was measured for any response.
    pub fn has_tokens(&self) -> bool {
        self.first_token.iter().next().is_some()
    }

    /// Requests that ended.
    pub fn completed(&self) -> u64 {
        self.good + self.errors()
    }

    pub fn errors(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}

/// The number of failures with a cause.
pub(super) fn failures_by(cause: Cause, failed: &[(Cause, u64)]) -> u64 {
    let of_cause = failed.iter().filter(|(one, _)| *one == cause);
    of_cause.map(|(_, count)| count).sum()
}

impl LoadWindow {
    /// Requests that ended.
    pub fn completed(&self) -> u64 {
        self.good + self.unjudged + self.errors()
    }

    /// Active users, or requests in flight; `None` if they were not counted, since responses imply earlier
    /// requests in flight.
    pub fn known_active(&self) -> Option<f64> {
        (self.active > 0.0 || self.completed() == 0).then_some(self.active)
    }

    pub fn errors(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}
