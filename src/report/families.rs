//! The most important families of sampled series, and how to display them.

use crate::format::numbers::{self, fractional, seconds};
use crate::format::times;
use crate::outcome::Timestamp;
use crate::sample::{SeriesKey, SeriesKind};
use crate::units::whole;

/// How to display a family.
#[derive(Debug)]
pub struct DrawnFamily {
    pub title: &'static str,
    pub family: &'static str,
    pub show: fn(f64) -> String,
}

const fn family(title: &'static str, family: &'static str, show: fn(f64) -> String) -> DrawnFamily {
    DrawnFamily {
        title,
        family,
        show,
    }
}

pub const DRAWN: &[DrawnFamily] = &[
    family(
        "Requests per second",
        "slod_service_requests_total",
        fractional,
    ),
    family("Errors per second", "slod_service_errors_total", fractional),
    family(
        "Response time of real requests",
        "slod_service_request_duration_quantile_seconds",
        seconds,
    ),
    family(
        "Active connections",
        "slod_service_active_connections",
        fractional,
    ),
    family("Queue depth", "slod_service_queue_depth", fractional),
    family(
        "Database pool in use",
        "slod_service_db_pool_usage_ratio",
        numbers::share,
    ),
    family(
        "Circuit breaker open",
        "slod_service_circuit_breaker_open",
        fractional,
    ),
    family(
        "Connection timeouts per second",
        "slod_service_connection_timeouts_total",
        fractional,
    ),
    family(
        "AI response time",
        "slod_service_llm_request_duration_quantile_seconds",
        seconds,
    ),
    family(
        "AI time to first token",
        "slod_service_llm_time_to_first_token_quantile_seconds",
        seconds,
    ),
    family(
        "AI requests per second",
        "slod_service_llm_requests_total",
        fractional,
    ),
    family(
        "AI errors per second",
        "slod_service_llm_errors_total",
        fractional,
    ),
    family(
        "AI rate-limit hits per second",
        "slod_service_llm_rate_limit_hits_total",
        fractional,
    ),
    family(
        "AI tokens per second",
        "slod_service_llm_tokens_total",
        fractional,
    ),
    family("CPU", "slod_process_cpu_usage_ratio", numbers::share),
    family("Memory", "slod_process_resident_memory_bytes", bytes),
    family("Threads", "slod_process_threads", fractional),
    family("Open files", "slod_process_open_fds", fractional),
    family(
        "Container memory",
        "slod_container_memory_working_set_bytes",
        bytes,
    ),
    // Host series belong to no service: only runs show them.
    family("Host CPU", "slod_host_cpu_usage_ratio", numbers::share),
    family("Host memory", "slod_host_memory_used_bytes", bytes),
    family(
        "Host network, received per second",
        "slod_host_network_receive_bytes_total",
        bytes,
    ),
    family(
        "Host network, sent per second",
        "slod_host_network_transmit_bytes_total",
        bytes,
    ),
];

impl DrawnFamily {
    pub fn has(&self, key: &SeriesKey) -> bool {
        key.name() == self.family
    }

    /// The histogram from which the quantiles of the family are estimated; `None` if it has none.
    pub fn histogram(&self) -> Option<String> {
        let measured = self.family.strip_suffix("_quantile_seconds")?;
        Some(format!("{measured}_seconds"))
    }
}

/// The label values that distinguish a series from others of its family and service.
pub fn name(key: &SeriesKey) -> String {
    if let Some(quantile) = quantile(key) {
        return quantile.to_owned();
    }
    let own = key.labels().filter(|(name, _)| *name != "service");
    own.map(|(_, value)| value).collect::<Vec<_>>().join(" ")
}

/// `p50`, `p95` or `p99` if the series is an estimated quantile.
pub fn quantile(key: &SeriesKey) -> Option<&'static str> {
    match key.label("quantile")? {
        "0.5" => Some("p50"),
        "0.95" => Some("p95"),
        "0.99" => Some("p99"),
        _ => None,
    }
}

/// Formats a value of a series in its unit; for counters, its rate.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub fn format_value(key: &SeriesKey, kind: SeriesKind, value: f64) -> String {
    let amount = match key.unit() {
        Some("seconds") if is_moment(key.name()) => {
            return times::second(Timestamp::from_secs(value as i64).to_utc());
        }
        Some("seconds") if value >= 0.0 => seconds(value),
        Some("bytes") if value >= 0.0 => bytes(value),
        Some("ratio") if kind == SeriesKind::Gauge => numbers::share(value),
        _ => fractional(value),
    };
    match kind {
        SeriesKind::Gauge => amount,
        SeriesKind::Counter => format!("{amount}/s"),
    }
}

/// Whether the series is a Unix timestamp in seconds, by the naming conventions of Prometheus.
fn is_moment(name: &str) -> bool {
    let ends = [
        "_timestamp_seconds",
        "_boot_time_seconds",
        "_start_time_seconds",
    ];
    ends.iter().any(|end| name.ends_with(end))
}

fn bytes(value: f64) -> String {
    numbers::bytes(whole(value))
}
