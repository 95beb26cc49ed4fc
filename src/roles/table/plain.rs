//! Names that follow Prometheus' naming conventions and do not belong to a library.

use super::{Ecosystem, row};
use crate::roles::Role::{
    ActiveConnections, CacheHits, CacheMisses, CircuitBreakerOpen, CircuitBreakerTrips,
    ConnectionTimeouts, DbPoolInUse, DbPoolMax, DbPoolWaiting, LlmDuration, LlmErrors,
    LlmRateLimitHits, LlmRequests, LlmTimeToFirstToken, LlmTokensIn, LlmTokensOut, QueueDepth,
    WorkerRestarts,
};

/// Python circuit-breaker libraries such as pybreaker and purgatory have no metrics; applications
/// use names like these. A `circuit_breaker_state` without a label `state` is a number, with 0 for
/// closed.
pub const PLAIN: Ecosystem = Ecosystem {
    name: "common names",
    source: "https://prometheus.io/docs/practices/naming/",
    rows: &[
        row(ActiveConnections, "http_connections_active"),
        row(ActiveConnections, "active_connections"),
        row(QueueDepth, "job_queue_depth"),
        row(QueueDepth, "queue_depth"),
        row(QueueDepth, "queue_length"),
        row(QueueDepth, "queue_size"),
        row(DbPoolInUse, "db_pool_connections_in_use"),
        row(DbPoolInUse, "db_pool_in_use"),
        row(DbPoolMax, "db_pool_connections_max"),
        row(DbPoolMax, "db_pool_max"),
        row(DbPoolWaiting, "db_pool_connections_waiting"),
        row(DbPoolWaiting, "db_pool_waiting"),
        row(CircuitBreakerOpen, "circuit_breaker_open"),
        row(CircuitBreakerOpen, r#"circuit_breaker_state{state="open"}"#),
        row(CircuitBreakerOpen, r#"circuit_breaker_state{state=""}"#),
        row(CircuitBreakerTrips, "circuit_breaker_trips_total"),
        row(CircuitBreakerTrips, "circuit_breaker_opened_total"),
        row(CacheHits, "cache_hits_total"),
        row(CacheMisses, "cache_misses_total"),
        row(WorkerRestarts, "worker_restarts_total"),
        row(ConnectionTimeouts, "connection_timeouts_total"),
        row(ConnectionTimeouts, "db_connection_timeouts_total"),
        row(LlmRequests, "llm_requests_total"),
        row(LlmErrors, "llm_errors_total"),
        row(LlmErrors, "llm_request_errors_total"),
        row(
            LlmTokensIn,
            r#"llm_tokens_total{direction=~"in|input|prompt"}"#,
        ),
        row(LlmTokensIn, r#"llm_tokens_total{type=~"in|input|prompt"}"#),
        row(LlmTokensIn, "llm_prompt_tokens_total"),
        row(
            LlmTokensOut,
            r#"llm_tokens_total{direction=~"out|output|completion"}"#,
        ),
        row(
            LlmTokensOut,
            r#"llm_tokens_total{type=~"out|output|completion"}"#,
        ),
        row(LlmTokensOut, "llm_completion_tokens_total"),
        row(LlmDuration, "llm_request_duration_seconds"),
        row(LlmTimeToFirstToken, "llm_time_to_first_token_seconds"),
        row(LlmRateLimitHits, "llm_rate_limit_hits_total"),
    ],
};
