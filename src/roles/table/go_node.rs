//! Go and Node.js.

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
