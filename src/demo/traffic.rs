//! Synthetic traffic of a simulated service, and its metrics page, like that of an application with
//! a client library.

use super::Profile;
use super::incident::Trouble;
use crate::observe::{HistogramView, RoleValue};
use crate::outcome::Timestamp;
use crate::roles::Role;
use crate::units::whole;
use fastrand::Rng;
use std::fmt::Write as _;
use std::time::Duration;

/// Synthetic requests per second at the busiest time of the day; a third of that at the quietest.
const RATE: f64 = 30.0;
/// Maximum number of response times drawn at once. With more requests, each stands for several.
const DRAWN: u64 = 200;
const BOUNDS: [f64; 8] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5];
const POOL: u64 = 20;

/// The roles with their names on the page. Requests and errors are one family.
const NAMES: [(Role, &str); 19] = [
    (Role::ActiveConnections, "http_requests_inprogress"),
    (Role::QueueDepth, "job_queue_depth"),
    (Role::DbPoolInUse, "db_pool_connections_in_use"),
    (Role::DbPoolMax, "db_pool_connections_max"),
    (Role::DbPoolWaiting, "db_pool_connections_waiting"),
    (Role::CircuitBreakerOpen, "circuit_breaker_open"),
    (Role::CircuitBreakerTrips, "circuit_breaker_trips_total"),
    (Role::CacheHits, "cache_hits_total"),
    (Role::CacheMisses, "cache_misses_total"),
    (Role::WorkerRestarts, "worker_restarts_total"),
    (Role::ConnectionTimeouts, "connection_timeouts_total"),
    (Role::LlmRequests, "llm_requests_total"),
    (Role::LlmErrors, "llm_errors_total"),
    (Role::LlmTokensIn, "llm_prompt_tokens_total"),
    (Role::LlmTokensOut, "llm_completion_tokens_total"),
    (Role::LlmRateLimitHits, "llm_rate_limit_hits_total"),
    (Role::RequestDuration, "http_request_duration_seconds"),
    (Role::LlmDuration, "llm_request_duration_seconds"),
    (Role::LlmTimeToFirstToken, "llm_time_to_first_token_seconds"),
];

/// The counts since the service started.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// The time up to which requests were counted, since the start.
    until: Duration,
    pub good: u64,
    pub failed: u64,
    trips: u64,
    is_open: bool,
    /// One for each bound, and a last one for requests above them.
    buckets: [u64; BOUNDS.len() + 1],
    seconds: f64,
    /// Requests in progress.
    pub busy: u64,
}

impl Traffic {
    /// Adds the requests up to `now`, since the service started.
    pub fn advance(
        &mut self,
        profile: Profile,
        trouble: Trouble,
        (now, at): (Duration, Timestamp),
        random: &mut Rng,
    ) {
        let load = super::profile::load(at);
        let rate = RATE * (1.0 + 2.0 * load) / 3.0;
        let span = now.saturating_sub(self.until).as_secs_f64();
        // Whole requests only: the fraction is counted next time.
        let requests = whole((span * rate).floor());
        self.until += Duration::from_secs_f64(requests as f64 / rate);
        let is_failing = matches!(trouble, Trouble::Failing);
        let drawn = requests.min(DRAWN);
        for number in 0..drawn {
            let mut took = profile.latency(at, random);
            if let Trouble::Slow(more) = trouble {
                took += more;
            }
            let times = requests / drawn + u64::from(number < requests % drawn);
            self.count(took.as_secs_f64(), is_failing && random.u8(0..4) > 0, times);
        }
        self.trips += u64::from(is_failing && !self.is_open);
        self.is_open = is_failing;
        let waits = if trouble == Trouble::None {
            0
        } else {
            POOL / 2
        };
        self.busy = 2 + whole(load * 8.0) + random.u64(..4) + waits;
    }

    fn count(&mut self, seconds: f64, is_failed: bool, times: u64) {
        if is_failed {
            self.failed += times;
        } else {
            self.good += times;
        }
        self.seconds += seconds * times as f64;
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += times;
    }

    /// The current value of a role.
    pub fn value(&self, role: Role) -> RoleValue {
        let (all, in_use) = (self.good + self.failed, self.busy.min(POOL));
        let gauge = |value: u64| RoleValue::Gauge(value as f64);
        let counter = |value: u64| RoleValue::Counter(value as f64);
        match role {
            Role::Requests | Role::LlmRequests => counter(all),
            Role::Errors | Role::LlmErrors | Role::ConnectionTimeouts => counter(self.failed),
            Role::ActiveConnections => gauge(self.busy),
            Role::QueueDepth | Role::DbPoolWaiting => gauge(self.busy.saturating_sub(POOL / 2 + 4)),
            Role::DbPoolInUse => gauge(in_use),
            Role::DbPoolMax => gauge(POOL),
            Role::CircuitBreakerOpen => gauge(self.is_open.into()),
            Role::CircuitBreakerTrips | Role::WorkerRestarts | Role::LlmRateLimitHits => {
                counter(self.trips)
            }
            Role::CacheHits => counter(self.good * 3 / 4),
            Role::CacheMisses => counter(self.good / 4),
            Role::LlmTokensIn => counter(self.good * 500),
            Role::LlmTokensOut => counter(self.good * 120),
            Role::RequestDuration | Role::LlmDuration | Role::LlmTimeToFirstToken => {
                RoleValue::Histogram(HistogramView {
                    bounds: BOUNDS.to_vec(),
                    counts: self.buckets.to_vec(),
                    sum: self.seconds,
                })
            }
        }
    }

    /// In text format 0.0.4.
    pub fn page(&self) -> String {
        let mut page = format!(
            "# TYPE http_requests_total counter\nhttp_requests_total{{status=\"200\"}} {}\nhttp_requests_total{{status=\"503\"}} {}\n",
            self.good, self.failed
        );
        for (role, name) in NAMES {
            // Writing to a string cannot fail.
            match self.value(role) {
                RoleValue::Gauge(value) => writeln!(page, "# TYPE {name} gauge\n{name} {value}"),
                RoleValue::Counter(value) => {
                    writeln!(page, "# TYPE {name} counter\n{name} {value}")
                }
                RoleValue::Histogram(histogram) => write_histogram(&mut page, name, &histogram),
            }
            .unwrap_or_default();
        }
        page
    }
}

fn write_histogram(page: &mut String, name: &str, histogram: &HistogramView) -> std::fmt::Result {
    writeln!(page, "# TYPE {name} histogram")?;
    let bounds = histogram.bounds.iter().map(|bound| format!("{bound:?}"));
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(&histogram.counts) {
        total += count;
        writeln!(page, "{name}_bucket{{le=\"{bound}\"}} {total}")?;
    }
    writeln!(page, "{name}_sum {}\n{name}_count {total}", histogram.sum)
}
