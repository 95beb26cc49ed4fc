//! Measurements that the checklist is answered from.

use crate::load::RetryAfter;
use crate::trend::GrowthVerdict;
use std::time::Duration;

/// Measurements of one service. Unknown ones are absent.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// How much of the history was read.
    pub span: Duration,
    pub addresses: Vec<AddressFacts>,
    /// Whether the service's own metrics are scraped.
    pub has_metrics: bool,
    pub pool: Option<PoolFacts>,
    /// Cache hits and misses.
    pub cache: Option<(f64, f64)>,
    /// Whether the metrics have states or trips of circuit breakers.
    pub has_breaker: bool,
    /// How often circuit breakers opened.
    pub breaker_trips: Option<f64>,
    /// Attempts answered with status 429.
    pub refused: u64,
    /// The newest load run in which requests were answered with status 429, or else the one with the highest
    /// rate.
    pub run: Option<RunFacts>,
    /// Bytes written to disks and requests answered, in the span.
    pub written: Option<(f64, f64)>,
    /// Trend of the memory of its processes in the span.
    pub memory: Option<GrowthVerdict>,
    /// Process groups that run in containers.
    pub containers: Vec<ContainerFacts>,
    /// Number of process groups outside of containers.
    pub bare_processes: usize,
}

impl Facts {
    /// Explains that no address answers; `None` if one does.
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

/// Response of a probe's address, and its latency.
#[derive(Clone, Debug)]
pub struct AddressFacts {
    pub url: String,
    /// The response, or why there is none.
    pub answer: Result<AnswerFacts, String>,
    /// Percentile over the last hour.
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
    /// Whether `Expires` is later than the response.
    pub expires_later: bool,
    pub has_validator: bool,
    pub retry_after: Option<String>,
}

/// What a load run shows about a rate limit.
#[derive(Clone, Debug)]
pub struct RunFacts {
    pub id: i64,
    pub scenario: String,
    pub requests: u64,
    /// Requests per second on average.
    pub rate: f64,
    /// Responses with status 429.
    pub rejected: u64,
    /// `None` if the load generator does not read it.
    pub retry_after: Option<RetryAfter>,
}

#[derive(Clone, Copy, Debug)]
pub struct PoolFacts {
    pub max: Option<f64>,
    /// Maximum over the span.
    pub in_use: f64,
    /// Maximum number of requests that waited for a connection.
    pub waiting: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct ContainerFacts {
    pub process: String,
    pub memory_limit: Option<f64>,
    pub cpu_limit: Option<f64>,
}
