//! Metric families of the services' own metrics.

use super::view::{QUANTILES, ServiceMetrics};
use crate::exposition::{Described, Family, Labels, Samples, Sink, histogram, summary};
use crate::observe::collector::write_some;
use crate::observe::view::SystemView;
use crate::roles::Role;

pub(super) fn write(sink: &mut dyn Sink, system: &SystemView) {
    for table in [SERVICE, SCRAPE] {
        write_some(sink, table, &system.services, |metrics| {
            Labels::new(&[("service", &metrics.service)])
        });
    }
}

type One = std::sync::Arc<ServiceMetrics>;

const LABELS: &[&str] = &["service"];

type Write = fn(&mut Samples<'_>, &One);

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    write: Write,
) -> Described<One> {
    (Family::gauge(name, unit, LABELS, help), write)
}

const fn counter(name: &'static str, help: &'static str, write: Write) -> Described<One> {
    (Family::counter(name, LABELS, help), write)
}

fn number(samples: &mut Samples<'_>, metrics: &ServiceMetrics, role: Role) {
    samples.value(metrics.number(role));
}

fn buckets(samples: &mut Samples<'_>, metrics: &ServiceMetrics, role: Role) {
    if let Some(histogram) = metrics.histogram(role) {
        let bounds = histogram.bounds.iter().copied();
        samples.histogram(bounds, &histogram.counts, histogram.sum);
    }
}

fn quantiles(samples: &mut Samples<'_>, values: Option<[f64; 3]>) {
    for (value, (_, name)) in values.iter().flatten().zip(QUANTILES) {
        samples.with("quantile", name, |samples| samples.value(Some(*value)));
    }
}

const QUANTILE_LABELS: &[&str] = &["service", "quantile"];

pub(super) const SERVICE: &[Described<One>] = &[
    gauge(
        "slod_service_requests_per_second",
        "",
        "Requests per second over the last minute, from the service's own metrics. Absent before the second scrape.",
        |samples, metrics| samples.value(metrics.requests_per_second),
    ),
    gauge(
        "slod_service_error_ratio",
        "ratio",
        "Ratio of failed requests over the last minute, from the service's own metrics. Absent without requests.",
        |samples, metrics| samples.value(metrics.error_ratio),
    ),
    summary(
        "slod_service_request_duration_quantile_seconds",
        "seconds",
        QUANTILE_LABELS,
        "Quantiles of the request duration over the last five minutes, estimated from the service's histogram in the same way as histogram_quantile.",
        |samples, metrics| quantiles(samples, metrics.quantiles),
    ),
    counter(
        "slod_service_requests_total",
        "Requests since slod started, from the service's own metrics.",
        |samples, metrics| number(samples, metrics, Role::Requests),
    ),
    counter(
        "slod_service_errors_total",
        "Failed requests since slod started, from the service's own metrics.",
        |samples, metrics| number(samples, metrics, Role::Errors),
    ),
    histogram(
        "slod_service_request_duration_seconds",
        "seconds",
        LABELS,
        "Duration of requests since slod started, in the buckets of the service's own histogram.",
        |samples, metrics| buckets(samples, metrics, Role::RequestDuration),
    ),
    gauge(
        "slod_service_active_connections",
        "",
        "Open connections, or requests in progress.",
        |samples, metrics| number(samples, metrics, Role::ActiveConnections),
    ),
    gauge(
        "slod_service_queue_depth",
        "",
        "Number of queued items.",
        |samples, metrics| number(samples, metrics, Role::QueueDepth),
    ),
    gauge(
        "slod_service_db_pool_usage_ratio",
        "ratio",
        "Database connections in use as a share of the pool's maximum; with several pools, of the fullest one. Absent for a pool without a limit.",
        |samples, metrics| samples.value(metrics.pool_usage()),
    ),
    gauge(
        "slod_service_db_pool_in_use",
        "",
        "Database connections in use.",
        |samples, metrics| number(samples, metrics, Role::DbPoolInUse),
    ),
    gauge(
        "slod_service_db_pool_max",
        "",
        "Maximum number of database connections in the pool; with several pools, of all of them.",
        |samples, metrics| number(samples, metrics, Role::DbPoolMax),
    ),
    gauge(
        "slod_service_db_pool_waiting",
        "",
        "Requests waiting for a database connection.",
        |samples, metrics| number(samples, metrics, Role::DbPoolWaiting),
    ),
    gauge(
        "slod_service_circuit_breaker_open",
        "",
        "Whether any circuit breaker is open or half-open: 1 yes, 0 no.",
        |samples, metrics| number(samples, metrics, Role::CircuitBreakerOpen),
    ),
    counter(
        "slod_service_circuit_breaker_trips_total",
        "Number of times that circuit breakers opened since slod started.",
        |samples, metrics| number(samples, metrics, Role::CircuitBreakerTrips),
    ),
    counter(
        "slod_service_cache_hits_total",
        "Cache hits since slod started.",
        |samples, metrics| number(samples, metrics, Role::CacheHits),
    ),
    counter(
        "slod_service_cache_misses_total",
        "Cache misses since slod started.",
        |samples, metrics| number(samples, metrics, Role::CacheMisses),
    ),
    counter(
        "slod_service_worker_restarts_total",
        "Worker processes replaced since slod started.",
        |samples, metrics| number(samples, metrics, Role::WorkerRestarts),
    ),
    counter(
        "slod_service_connection_timeouts_total",
        "Connections that timed out since slod started.",
        |samples, metrics| number(samples, metrics, Role::ConnectionTimeouts),
    ),
    counter(
        "slod_service_llm_requests_total",
        "Requests to a language model since slod started.",
        |samples, metrics| number(samples, metrics, Role::LlmRequests),
    ),
    counter(
        "slod_service_llm_errors_total",
        "Failed requests to a language model since slod started.",
        |samples, metrics| number(samples, metrics, Role::LlmErrors),
    ),
    (
        Family::counter(
            "slod_service_llm_tokens_total",
            &["service", "direction"],
            "Tokens sent to (input) and generated by (output) a language model since slod started.",
        ),
        |samples, metrics| {
            let directions = [("input", Role::LlmTokensIn), ("output", Role::LlmTokensOut)];
            for (direction, role) in directions {
                samples.with("direction", direction, |samples| {
                    number(samples, metrics, role);
                });
            }
        },
    ),
    histogram(
        "slod_service_llm_request_duration_seconds",
        "seconds",
        LABELS,
        "Duration of requests to a language model since slod started.",
        |samples, metrics| buckets(samples, metrics, Role::LlmDuration),
    ),
    histogram(
        "slod_service_llm_time_to_first_token_seconds",
        "seconds",
        LABELS,
        "Time to the first token of a language model, for requests since slod started.",
        |samples, metrics| buckets(samples, metrics, Role::LlmTimeToFirstToken),
    ),
    summary(
        "slod_service_llm_request_duration_quantile_seconds",
        "seconds",
        QUANTILE_LABELS,
        "Quantiles of the duration of requests to a language model over the last five minutes. Absent without requests.",
        |samples, metrics| quantiles(samples, metrics.llm_quantiles),
    ),
    summary(
        "slod_service_llm_time_to_first_token_quantile_seconds",
        "seconds",
        QUANTILE_LABELS,
        "Quantiles of the time to the first token of a language model over the last five minutes. Absent without requests.",
        |samples, metrics| quantiles(samples, metrics.first_token_quantiles),
    ),
    counter(
        "slod_service_llm_rate_limit_hits_total",
        "Requests to a language model that were rejected by a rate limit since slod started.",
        |samples, metrics| number(samples, metrics, Role::LlmRateLimitHits),
    ),
];

pub(super) const SCRAPE: &[Described<One>] = &[
    gauge(
        "slod_scrape_success",
        "",
        "Whether the last scrape of the service's own metrics succeeded: 1 yes, 0 no.",
        |samples, metrics| samples.count(u64::from(metrics.scrape.error.is_none())),
    ),
    gauge(
        "slod_scrape_duration_seconds",
        "seconds",
        "Duration of the last scrape of the service's own metrics.",
        |samples, metrics| samples.value(Some(metrics.scrape.took.as_secs_f64())),
    ),
    gauge(
        "slod_scrape_samples",
        "",
        "Number of samples in the last scrape.",
        |samples, metrics| samples.count(metrics.scrape.samples),
    ),
    gauge(
        "slod_scrape_samples_dropped",
        "",
        "Samples of the last scrape that matched a role but could not be used: invalid numbers, texts in JSON documents, negative counters, increases above 10^12, counters that lost a part of their value, invalid native histograms, timestamps far from the current time, duplicates, more than 64 labels, too many samples, and lines or messages that are too long.",
        |samples, metrics| samples.count(metrics.scrape.dropped.total()),
    ),
];
