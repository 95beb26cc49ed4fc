//! Python web frameworks, and libraries used with them.

use super::{Ecosystem, row};
use crate::roles::Role::{
    ActiveConnections, DbPoolInUse, DbPoolMax, Errors, QueueDepth, RequestDuration, Requests,
};

/// Many applications that use only a client library also use the name `http_requests_total`; only
/// the status label differs: `status` here, `code` in Go's promhttp, `status_code` and `http_status`
/// elsewhere. The status may be a class such as `5xx`.
pub const FASTAPI: Ecosystem = Ecosystem {
    name: "FastAPI instrumentator or client library",
    source: "https://github.com/trallnag/prometheus-fastapi-instrumentator src/prometheus_fastapi_instrumentator/metrics.py; https://github.com/prometheus/client_golang prometheus/promhttp/instrument_server.go",
    rows: &[
        row(Requests, "http_requests_total"),
        row(Errors, r#"http_requests_total{status=~"5.."}"#),
        row(Errors, r#"http_requests_total{code=~"5.."}"#),
        row(Errors, r#"http_requests_total{status_code=~"5.."}"#),
        row(Errors, r#"http_requests_total{http_status=~"5.."}"#),
        row(RequestDuration, "http_request_duration_highr_seconds"),
        row(RequestDuration, "http_request_duration_seconds"),
        row(ActiveConnections, "http_requests_inprogress"),
        row(ActiveConnections, "http_requests_in_progress"),
        row(ActiveConnections, "http_requests_in_flight"),
        row(ActiveConnections, "in_flight_requests"),
    ],
};

/// `starlette_exporter`, and `starlette-prometheus`, which has its own names for responses and
/// times.
pub const STARLETTE: Ecosystem = Ecosystem {
    name: "starlette_exporter",
    source: "https://github.com/stephenhillier/starlette_exporter starlette_exporter/middleware.py; https://github.com/perdy/starlette-prometheus starlette_prometheus/middleware.py",
    rows: &[
        row(Requests, "starlette_requests_total"),
        row(Errors, r#"starlette_requests_total{status_code=~"5.."}"#),
        row(Errors, r#"starlette_responses_total{status_code=~"5.."}"#),
        row(RequestDuration, "starlette_request_duration_seconds"),
        row(
            RequestDuration,
            "starlette_requests_processing_time_seconds",
        ),
        row(ActiveConnections, "starlette_requests_in_progress"),
    ],
};

pub const FLASK: Ecosystem = Ecosystem {
    name: "prometheus_flask_exporter",
    source: "https://github.com/rycus86/prometheus_flask_exporter prometheus_flask_exporter/__init__.py",
    rows: &[
        row(Requests, "flask_http_request_total"),
        row(Errors, r#"flask_http_request_total{status=~"5.."}"#),
        row(RequestDuration, "flask_http_request_duration_seconds"),
    ],
};

/// The view `prometheus-django-metrics` is the page itself. The library counts the duration of a
/// request twice if its view raises an exception.
pub const DJANGO: Ecosystem = Ecosystem {
    name: "django-prometheus",
    source: "https://github.com/django-commons/django-prometheus django_prometheus/middleware.py",
    rows: &[
        row(
            Requests,
            r#"django_http_responses_total_by_status_view_method_total{view!="prometheus-django-metrics"}"#,
        ),
        row(
            Errors,
            r#"django_http_responses_total_by_status_view_method_total{view!="prometheus-django-metrics",status=~"5.."}"#,
        ),
        row(
            RequestDuration,
            r#"django_http_requests_latency_seconds_by_view_method{view!="prometheus-django-metrics"}"#,
        ),
    ],
};

/// `SQLAlchemy` itself exposes no metrics. These are names that applications use for
/// `pool.checkedout()`, `pool.size()` and their `max_overflow`. The latter is added to the size,
/// since the pool may exceed it by this number, or without limit if it is -1.
pub const SQLALCHEMY: Ecosystem = Ecosystem {
    name: "SQLAlchemy pool",
    source: "https://docs.sqlalchemy.org/en/20/core/pooling.html QueuePool",
    rows: &[
        row(DbPoolInUse, "sqlalchemy_pool_checked_out"),
        row(DbPoolInUse, "sqlalchemy_pool_checkedout"),
        row(DbPoolInUse, "db_pool_checked_out"),
        row(
            DbPoolMax,
            r#"{__name__=~"sqlalchemy_pool_(size|max_overflow)"}"#,
        ),
        row(DbPoolMax, r#"{__name__=~"db_pool_(size|max_overflow)"}"#),
    ],
};

pub const CELERY: Ecosystem = Ecosystem {
    name: "celery-exporter",
    source: "https://github.com/danihodovic/celery-exporter src/exporter.py",
    rows: &[row(QueueDepth, "celery_queue_length")],
};
