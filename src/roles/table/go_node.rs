//! Go, gRPC, Node.js and Rust.

use super::{Ecosystem, row};
use crate::roles::Role::{
    ActiveConnections, CircuitBreakerTrips, DbPoolInUse, DbPoolMax, Errors, RequestDuration,
    Requests,
};

/// `collectors.NewDBStatsCollector`. A maximum of 0 means unlimited.
pub const GO_SQL: Ecosystem = Ecosystem {
    name: "Go sql.DB",
    source: "https://github.com/prometheus/client_golang prometheus/collectors/dbstats_collector.go",
    rows: &[
        row(DbPoolInUse, "go_sql_in_use_connections"),
        row(DbPoolMax, "go_sql_max_open_connections"),
    ],
};

/// The errors are those for which OpenTelemetry makes the server responsible. Go writes them in other
/// letters than other languages. Health checks, such as those of a `grpc` probe, do not count.
pub const GRPC: Ecosystem = Ecosystem {
    name: "gRPC server",
    source: "https://github.com/grpc-ecosystem/go-grpc-middleware providers/prometheus/server_metrics.go; https://github.com/lchenn/py-grpc-prometheus py_grpc_prometheus/server_metrics.py; https://opentelemetry.io/docs/specs/semconv/rpc/grpc/",
    rows: &[
        row(
            Requests,
            r#"grpc_server_handled_total{grpc_service!="grpc.health.v1.Health"}"#,
        ),
        row(
            Errors,
            r#"grpc_server_handled_total{grpc_service!="grpc.health.v1.Health",grpc_code=~"Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss"}"#,
        ),
        row(
            Errors,
            r#"grpc_server_handled_total{grpc_service!="grpc.health.v1.Health",grpc_code=~"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"}"#,
        ),
        row(
            RequestDuration,
            r#"grpc_server_handling_seconds{grpc_service!="grpc.health.v1.Health"}"#,
        ),
    ],
};

pub const AXUM: Ecosystem = Ecosystem {
    name: "axum-prometheus",
    source: "https://github.com/Ptrskay3/axum-prometheus README.md",
    rows: &[
        row(Requests, "axum_http_requests_total"),
        row(Errors, r#"axum_http_requests_total{status=~"5.."}"#),
        row(RequestDuration, "axum_http_requests_duration_seconds"),
        row(ActiveConnections, "axum_http_requests_pending"),
    ],
};

/// A histogram whose count is the number of requests; the socket metrics are those of prom-client.
pub const EXPRESS: Ecosystem = Ecosystem {
    name: "express-prom-bundle or prom-client",
    source: "https://github.com/jochen-schweizer/express-prom-bundle src/index.js; https://github.com/siimon/prom-client lib/metrics/processHandles.js",
    rows: &[
        row(Requests, "http_request_duration_seconds_count"),
        row(
            Errors,
            r#"http_request_duration_seconds_count{status_code=~"5.."}"#,
        ),
        row(
            Errors,
            r#"http_request_duration_seconds_count{code=~"5.."}"#,
        ),
        row(
            Errors,
            r#"http_request_duration_seconds_count{status=~"5.."}"#,
        ),
        row(RequestDuration, "http_request_duration_seconds"),
        row(
            ActiveConnections,
            r#"nodejs_active_handles{type=~"Socket|TLSSocket"}"#,
        ),
        row(
            ActiveConnections,
            r#"nodejs_active_resources{type=~"TCPSocketWrap|TLSWrap"}"#,
        ),
    ],
};

/// Counts the events of each circuit, but exposes no state.
pub const OPOSSUM: Ecosystem = Ecosystem {
    name: "opossum",
    source: "https://github.com/nodeshift/opossum-prometheus index.js",
    rows: &[row(CircuitBreakerTrips, r#"circuit{event="open"}"#)],
};
