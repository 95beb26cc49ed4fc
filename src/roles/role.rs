//! The roles that a service's own metrics can have.

use std::fmt;

/// How the series of a role are combined and continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// A current value; matching series are summed.
    Gauge,
    /// A current upper limit; matching series are summed, and there is no limit if one of them is
    /// unlimited.
    Limit,
    /// 1 if any matching series is not 0, otherwise 0.
    State,
    /// Only increases, except for resets; the increases of matching series are summed.
    Counter,
    /// Counters per bucket, with bounds in seconds.
    Histogram,
}

macro_rules! roles {
    ($($variant:ident, $name:literal, $kind:ident, $meaning:literal;)+) => {
        /// The role of a series.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($variant),+ }

        impl Role {
            /// In display order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The name in the config and in metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            pub const fn kind(self) -> RoleKind {
                match self { $(Self::$variant => RoleKind::$kind),+ }
            }

            /// The description of its selector for the docs.
            pub const fn selector_meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!("Selector of ", $meaning)),+ }
            }

            /// The description of its `JSONPath` for the docs.
            pub const fn path_meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!("JSONPath of ", $meaning)),+ }
            }
        }
    };
}

roles! {
    Requests, "requests", Counter, "the requests that the service answered.";
    Errors, "errors", Counter, "the failed requests, which are part of `requests`.";
    RequestDuration, "request_duration", Histogram, "the duration of requests: a histogram, classic or native, named without `_bucket`.";
    ActiveConnections, "active_connections", Gauge, "the open connections, or of the requests in progress.";
    QueueDepth, "queue_depth", Gauge, "the number of items that wait to be processed.";
    DbPoolInUse, "db_pool_in_use", Gauge, "the database connections in use.";
    DbPoolMax, "db_pool_max", Limit, "the maximum number of database connections in the pool. 0, a negative or infinite number, and 2147483647 or more mean no limit.";
    DbPoolWaiting, "db_pool_waiting", Gauge, "the requests waiting for a database connection.";
    CircuitBreakerOpen, "circuit_breaker_open", State, "the states of circuit breakers: open if any of them is not 0.";
    CircuitBreakerTrips, "circuit_breaker_trips", Counter, "the number of times that circuit breakers opened.";
    CacheHits, "cache_hits", Counter, "the cache hits.";
    CacheMisses, "cache_misses", Counter, "the cache misses.";
    WorkerRestarts, "worker_restarts", Counter, "the number of times that worker processes were replaced.";
    ConnectionTimeouts, "connection_timeouts", Counter, "the connections to a database or another service that timed out.";
    LlmRequests, "llm_requests", Counter, "the requests to a language model.";
    LlmErrors, "llm_errors", Counter, "the failed requests to a language model.";
    LlmTokensIn, "llm_tokens_in", Counter, "the tokens sent to a language model.";
    LlmTokensOut, "llm_tokens_out", Counter, "the tokens that a language model generated.";
    LlmDuration, "llm_duration", Histogram, "the duration of requests to a language model: a histogram, classic or native, named without `_bucket`.";
    LlmTimeToFirstToken, "llm_time_to_first_token", Histogram, "the time to the first token: a histogram, classic or native, named without `_bucket`.";
    LlmRateLimitHits, "llm_rate_limit_hits", Counter, "the requests to a language model that were rejected by a rate limit.";
}

impl Role {
    pub const COUNT: usize = Self::ALL.len();

    /// The role of which this one is a part or with which it forms a ratio. Both must come from one
    /// library: an error ratio over the requests of another one would be wrong.
    pub const fn anchor(self) -> Option<Self> {
        Some(match self {
            Self::Errors => Self::Requests,
            Self::DbPoolMax | Self::DbPoolWaiting => Self::DbPoolInUse,
            Self::CacheMisses => Self::CacheHits,
            Self::LlmErrors => Self::LlmRequests,
            Self::LlmTokensOut => Self::LlmTokensIn,
            _ => return None,
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
