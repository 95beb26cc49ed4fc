//! The JVM: Micrometer, as exposed by Spring Boot at `/actuator/prometheus`.

use super::{Ecosystem, row};
use crate::roles::Role::{
    ActiveConnections, CacheHits, CacheMisses, CircuitBreakerOpen, ConnectionTimeouts, DbPoolInUse,
    DbPoolMax, DbPoolWaiting, Errors, LlmDuration, LlmErrors, LlmRequests, LlmTokensIn,
    LlmTokensOut, QueueDepth, RequestDuration, Requests,
};

/// Without `percentiles-histogram`, the duration has a count and a sum but no buckets.
pub const MICROMETER: Ecosystem = Ecosystem {
    name: "Micrometer (Spring Boot, HikariCP)",
    source: "https://github.com/micrometer-metrics/micrometer micrometer-core/src/main/java/io/micrometer/core/instrument/binder; https://github.com/brettwooldridge/HikariCP src/main/java/com/zaxxer/hikari/metrics/micrometer/MicrometerMetricsTracker.java",
    rows: &[
        row(Requests, "http_server_requests_seconds_count"),
        row(
            Errors,
            r#"http_server_requests_seconds_count{outcome="SERVER_ERROR"}"#,
        ),
        row(
            Errors,
            r#"http_server_requests_seconds_count{status=~"5.."}"#,
        ),
        row(RequestDuration, "http_server_requests_seconds"),
        row(ActiveConnections, "tomcat_connections_current_connections"),
        row(QueueDepth, "executor_queued_tasks"),
        row(DbPoolInUse, "hikaricp_connections_active"),
        row(DbPoolMax, "hikaricp_connections_max"),
        row(DbPoolWaiting, "hikaricp_connections_pending"),
        row(ConnectionTimeouts, "hikaricp_connections_timeout_total"),
        row(CacheHits, r#"cache_gets_total{result="hit"}"#),
        row(CacheMisses, r#"cache_gets_total{result="miss"}"#),
    ],
};

/// Timers of Micrometer with attributes of OpenTelemetry. An operation without an error has the error `none`.
pub const SPRING_AI: Ecosystem = Ecosystem {
    name: "Spring AI",
    source: "https://docs.spring.io/spring-ai/reference/observability/metrics.html",
    rows: &[
        row(LlmRequests, "gen_ai_client_operation_seconds_count"),
        row(
            LlmErrors,
            r#"gen_ai_client_operation_seconds_count{error!~"none|"}"#,
        ),
        row(
            LlmTokensIn,
            r#"gen_ai_client_token_usage_total{gen_ai_token_type="input"}"#,
        ),
        row(
            LlmTokensOut,
            r#"gen_ai_client_token_usage_total{gen_ai_token_type="output"}"#,
        ),
        row(LlmDuration, "gen_ai_client_operation_seconds"),
    ],
};

/// One series per breaker and state, with 1 for the current state.
pub const RESILIENCE4J: Ecosystem = Ecosystem {
    name: "resilience4j",
    source: "https://github.com/resilience4j/resilience4j resilience4j-micrometer/src/main/java/io/github/resilience4j/micrometer/tagged/CircuitBreakerMetricNames.java",
    rows: &[row(
        CircuitBreakerOpen,
        r#"resilience4j_circuitbreaker_state{state=~"open|forced_open"}"#,
    )],
};
