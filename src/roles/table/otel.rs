//! OpenTelemetry's semantic conventions as written by its Prometheus exporter: dots become underscores,
//! and the unit and `_total` are appended.

use super::{Ecosystem, row, row_ms};
use crate::roles::Role::{
    ActiveConnections, ConnectionTimeouts, DbPoolInUse, DbPoolMax, DbPoolWaiting, Errors,
    LlmDuration, LlmErrors, LlmRateLimitHits, LlmRequests, LlmTimeToFirstToken, LlmTokensIn,
    LlmTokensOut, RequestDuration, Requests,
};

pub const HTTP: Ecosystem = Ecosystem {
    name: "OpenTelemetry http.server",
    source: "https://opentelemetry.io/docs/specs/semconv/http/http-metrics/",
    rows: &[
        row(Requests, "http_server_request_duration_seconds_count"),
        row(
            Errors,
            r#"http_server_request_duration_seconds_count{http_response_status_code=~"5.."}"#,
        ),
        row(RequestDuration, "http_server_request_duration_seconds"),
        row(ActiveConnections, "http_server_active_requests"),
    ],
};

/// Before version 1.23 of the conventions, in milliseconds.
pub const HTTP_BEFORE_1_23: Ecosystem = Ecosystem {
    name: "OpenTelemetry http.server before 1.23",
    source: "https://github.com/open-telemetry/semantic-conventions docs/http/http-metrics.md",
    rows: &[
        row(Requests, "http_server_duration_milliseconds_count"),
        row(
            Errors,
            r#"http_server_duration_milliseconds_count{http_status_code=~"5.."}"#,
        ),
        row_ms(RequestDuration, "http_server_duration_milliseconds"),
    ],
};

/// The state attribute was originally named `state`, and the unit of the usage was not an annotation:
/// Python's exporter appends it.
pub const DATABASE: Ecosystem = Ecosystem {
    name: "OpenTelemetry db.client.connection",
    source: "https://opentelemetry.io/docs/specs/semconv/database/database-metrics/",
    rows: &[
        row(
            DbPoolInUse,
            r#"db_client_connection_count{db_client_connection_state="used"}"#,
        ),
        row(DbPoolInUse, r#"db_client_connection_count{state="used"}"#),
        row(DbPoolInUse, r#"db_client_connections_usage{state="used"}"#),
        row(
            DbPoolInUse,
            r#"db_client_connections_usage_connections{state="used"}"#,
        ),
        row(DbPoolMax, "db_client_connection_max"),
        row(DbPoolMax, "db_client_connections_max"),
        row(DbPoolWaiting, "db_client_connection_pending_requests"),
        row(DbPoolWaiting, "db_client_connections_pending_requests"),
        row(ConnectionTimeouts, "db_client_connection_timeouts_total"),
        row(ConnectionTimeouts, "db_client_connections_timeouts_total"),
    ],
};

/// A successful operation has no `error_type`, or an empty one. The type is the name of the client
/// library's exception, or the status. The names with `inference` were introduced in 2026. The unit in
/// `..._usage_token` is that of OpenLLMetry.
pub const GEN_AI: Ecosystem = Ecosystem {
    name: "OpenTelemetry gen_ai",
    source: "https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/",
    rows: &[
        row(
            LlmRequests,
            "gen_ai_client_operation_duration_seconds_count",
        ),
        row(
            LlmRequests,
            "gen_ai_client_inference_duration_seconds_count",
        ),
        row(LlmRequests, "gen_ai_server_request_duration_seconds_count"),
        row(
            LlmErrors,
            r#"gen_ai_client_operation_duration_seconds_count{error_type!=""}"#,
        ),
        row(
            LlmErrors,
            r#"gen_ai_client_inference_duration_seconds_count{error_type!=""}"#,
        ),
        row(
            LlmErrors,
            r#"gen_ai_server_request_duration_seconds_count{error_type!=""}"#,
        ),
        row(
            LlmRateLimitHits,
            r#"gen_ai_client_operation_duration_seconds_count{error_type=~"RateLimitError|429"}"#,
        ),
        row(
            LlmRateLimitHits,
            r#"gen_ai_client_inference_duration_seconds_count{error_type=~"RateLimitError|429"}"#,
        ),
        row(
            LlmTokensIn,
            r#"gen_ai_client_token_usage_sum{gen_ai_token_type="input"}"#,
        ),
        row(
            LlmTokensIn,
            r#"gen_ai_client_token_usage_token_sum{gen_ai_token_type="input"}"#,
        ),
        row(
            LlmTokensIn,
            "gen_ai_client_inference_usage_input_tokens_total",
        ),
        row(
            LlmTokensOut,
            r#"gen_ai_client_token_usage_sum{gen_ai_token_type="output"}"#,
        ),
        row(
            LlmTokensOut,
            r#"gen_ai_client_token_usage_token_sum{gen_ai_token_type="output"}"#,
        ),
        row(
            LlmTokensOut,
            "gen_ai_client_inference_usage_output_tokens_total",
        ),
        row(LlmDuration, "gen_ai_client_operation_duration_seconds"),
        row(LlmDuration, "gen_ai_client_inference_duration_seconds"),
        row(LlmDuration, "gen_ai_server_request_duration_seconds"),
        row(
            LlmTimeToFirstToken,
            "gen_ai_server_time_to_first_token_seconds",
        ),
        row(
            LlmTimeToFirstToken,
            "gen_ai_client_operation_time_to_first_chunk_seconds",
        ),
        row(
            LlmTimeToFirstToken,
            "gen_ai_client_inference_time_to_first_chunk_seconds",
        ),
    ],
};
