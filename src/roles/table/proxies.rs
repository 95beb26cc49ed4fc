//! Proxies and data stores whose metrics represent a service.

use super::{Ecosystem, row, row_ms};
use crate::roles::Role::{
    ActiveConnections, CacheHits, CacheMisses, CircuitBreakerOpen, CircuitBreakerTrips,
    ConnectionTimeouts, DbPoolInUse, DbPoolMax, DbPoolWaiting, Errors, QueueDepth, RequestDuration,
    Requests,
};

/// Times are in milliseconds. Requests to the admin page, which exposes the metrics, do not count.
pub const ENVOY: Ecosystem = Ecosystem {
    name: "Envoy",
    source: "https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats; https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats",
    rows: &[
        row(
            Requests,
            r#"envoy_http_downstream_rq_completed{envoy_http_conn_manager_prefix!="admin"}"#,
        ),
        row(
            Errors,
            r#"envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix!="admin",envoy_response_code_class="5"}"#,
        ),
        row_ms(
            RequestDuration,
            r#"envoy_http_downstream_rq_time{envoy_http_conn_manager_prefix!="admin"}"#,
        ),
        row(
            ActiveConnections,
            r#"envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix!="admin"}"#,
        ),
        row(QueueDepth, "envoy_cluster_upstream_rq_pending_active"),
        row(
            CircuitBreakerOpen,
            r#"{__name__=~"envoy_cluster_circuit_breakers_(default|high)_(cx|cx_pool|rq|rq_pending|rq_retry)_open"}"#,
        ),
        row(
            CircuitBreakerTrips,
            r#"{__name__=~"envoy_cluster_upstream_(cx|rq_pending)_overflow"}"#,
        ),
        row(
            ConnectionTimeouts,
            "envoy_cluster_upstream_cx_connect_timeout",
        ),
    ],
};

/// The entry points `traefik` and `metrics` are those of its dashboard and of the page itself. Before
/// version 3, the open connections had another name.
pub const TRAEFIK: Ecosystem = Ecosystem {
    name: "Traefik",
    source: "https://doc.traefik.io/traefik/observability/metrics/overview/",
    rows: &[
        row(
            Requests,
            r#"traefik_entrypoint_requests_total{entrypoint!~"traefik|metrics"}"#,
        ),
        row(
            Errors,
            r#"traefik_entrypoint_requests_total{entrypoint!~"traefik|metrics",code=~"5.."}"#,
        ),
        row(
            RequestDuration,
            r#"traefik_entrypoint_request_duration_seconds{entrypoint!~"traefik|metrics"}"#,
        ),
        row(
            ActiveConnections,
            r#"traefik_open_connections{entrypoint!~"traefik|metrics"}"#,
        ),
        row(
            ActiveConnections,
            r#"traefik_entrypoint_open_connections{entrypoint!~"traefik|metrics"}"#,
        ),
    ],
};

/// The frontend of the page itself usually has one of these names. It exposes averages of times only.
pub const HAPROXY: Ecosystem = Ecosystem {
    name: "HAProxy",
    source: "https://github.com/haproxy/haproxy addons/promex/README",
    rows: &[
        row(
            Requests,
            r#"haproxy_frontend_http_requests_total{proxy!~"stats|prometheus|metrics"}"#,
        ),
        row(
            Errors,
            r#"haproxy_frontend_http_responses_total{proxy!~"stats|prometheus|metrics",code="5xx"}"#,
        ),
        row(
            ActiveConnections,
            r#"haproxy_frontend_current_sessions{proxy!~"stats|prometheus|metrics"}"#,
        ),
        row(QueueDepth, "haproxy_backend_current_queue"),
    ],
};

pub const INGRESS_NGINX: Ecosystem = Ecosystem {
    name: "ingress-nginx",
    source: "https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/",
    rows: &[
        row(Requests, "nginx_ingress_controller_requests"),
        row(
            Errors,
            r#"nginx_ingress_controller_requests{status=~"5.."}"#,
        ),
        row(
            RequestDuration,
            "nginx_ingress_controller_request_duration_seconds",
        ),
        row(
            ActiveConnections,
            r#"nginx_ingress_controller_nginx_process_connections{state="active"}"#,
        ),
    ],
};

/// The stub status contains neither response statuses nor times.
pub const NGINX: Ecosystem = Ecosystem {
    name: "nginx-prometheus-exporter",
    source: "https://github.com/nginx/nginx-prometheus-exporter collector/nginx.go",
    rows: &[
        row(Requests, "nginx_http_requests_total"),
        row(ActiveConnections, "nginx_connections_active"),
    ],
};

/// The database `pgbouncer` is its admin console. Spreaker's exporter uses another name for the
/// size.
pub const PGBOUNCER: Ecosystem = Ecosystem {
    name: "pgbouncer_exporter",
    source: "https://github.com/prometheus-community/pgbouncer_exporter collector.go; https://github.com/spreaker/prometheus-pgbouncer-exporter prometheus_pgbouncer_exporter/collector.py",
    rows: &[
        row(
            DbPoolInUse,
            r#"pgbouncer_pools_server_active_connections{database!="pgbouncer"}"#,
        ),
        row(
            DbPoolMax,
            r#"pgbouncer_databases_pool_size{name!="pgbouncer"}"#,
        ),
        row(
            DbPoolMax,
            r#"pgbouncer_databases_database_pool_size{database!="pgbouncer"}"#,
        ),
        row(
            DbPoolWaiting,
            r#"pgbouncer_pools_client_waiting_connections{database!="pgbouncer"}"#,
        ),
        row(
            ActiveConnections,
            r#"pgbouncer_pools_client_active_connections{database!="pgbouncer"}"#,
        ),
    ],
};

/// Each connection uses one of `max_connections`, whether it is active or not. `disabled` refers to
/// the tracking of its activity.
pub const POSTGRES: Ecosystem = Ecosystem {
    name: "postgres_exporter",
    source: "https://github.com/prometheus-community/postgres_exporter cmd/postgres_exporter/queries.go",
    rows: &[
        row(DbPoolInUse, "pg_stat_activity_count"),
        row(DbPoolMax, "pg_settings_max_connections"),
        row(ActiveConnections, "pg_stat_activity_count"),
    ],
};

pub const REDIS: Ecosystem = Ecosystem {
    name: "redis_exporter",
    source: "https://github.com/oliver006/redis_exporter exporter/exporter.go",
    rows: &[
        row(CacheHits, "redis_keyspace_hits_total"),
        row(CacheMisses, "redis_keyspace_misses_total"),
        row(ActiveConnections, "redis_connected_clients"),
    ],
};
