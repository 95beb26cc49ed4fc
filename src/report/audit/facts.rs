//! What the checklist is answered from.

use crate::trend::GrowthVerdict;
use std::time::Duration;

/// Everything that was measured of a service. What is not known is absent.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// How far back the history was read.
    pub span: Duration,
    pub addresses: Vec<AddressFacts>,
    /// Whether the service's own metrics are read.
    pub has_metrics: bool,
    pub pool: Option<PoolFacts>,
    /// Cache lookups that found something, and those that did not.
    pub cache: Option<(f64, f64)>,
    /// Whether states or trips of circuit breakers are known.
    pub has_breaker: bool,
    /// How often breakers opened.
    pub breaker_trips: Option<f64>,
    /// Attempts that were answered with status 429, and whether one of the looks of now had
    /// `Retry-After`.
    pub refused: u64,
    /// Bytes written to disks, and requests answered, in the span.
    pub written: Option<(f64, f64)>,
    /// How the memory of its processes changed in the span.
    pub memory: Option<GrowthVerdict>,
    /// Groups of processes that run in containers.
    pub containers: Vec<ContainerFacts>,
    /// Groups of processes that do not.
    pub bare_processes: usize,
}

impl Facts {
    /// That no address answers, if so.
    pub(super) fn unanswered(&self) -> Option<String> {
        if self.addresses.iter().any(|one| one.answer.is_ok()) {
            return None;
        }
        let AddressFacts { url, answer, .. } = self.addresses.first()?;
        let reason = answer.as_ref().err()?;
        Some(match self.addresses.len() {
            1 => format!("{url} does not answer: {reason}"),
            all => format!("none of {all} addresses answers; {url}: {reason}"),
        })
    }
}

/// What the address of a probe answered, and how fast it was.
#[derive(Clone, Debug)]
pub struct AddressFacts {
    pub probe: String,
    pub url: String,
    /// The reason why there is no answer.
    pub answer: Result<AnswerFacts, String>,
    /// Over the last hour.
    pub p50: Option<Duration>,
    pub p95: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub struct AnswerFacts {
    pub status: u16,
    pub length: u64,
    pub asked_compressed: bool,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub cache_control: Option<String>,
    pub has_validator: bool,
    pub retry_after: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct PoolFacts {
    pub max: Option<f64>,
    /// The highest of the span.
    pub in_use: f64,
    /// Requests that waited for a connection: likewise.
    pub waiting: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct ContainerFacts {
    pub process: String,
    pub memory_limit: Option<f64>,
    pub cpu_limit: Option<f64>,
    pub pids_limit: Option<f64>,
}
