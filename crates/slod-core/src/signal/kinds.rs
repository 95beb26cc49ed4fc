//! All warning signs.

use super::SignalKind;
use super::threshold::{Side, Threshold, Unit};
use crate::alert::Urgency;
use std::time::Duration;

macro_rules! signals {
    ($($constant:ident, $name:literal, $title:literal, $alert:literal, $threshold:expr, $meaning:literal;)+) => {
        $(pub const $constant: SignalKind = SignalKind {
            name: $name,
            title: $title,
            alert: $alert,
            urgency: Urgency::Ticket,
            threshold: $threshold,
            meaning: $meaning,
        };)+

        /// In display order.
        pub const SIGNALS: [&SignalKind; [$($name),+].len()] = [$(&$constant),+];
    };
}

/// A rise by this share within the evaluated time range.
const fn rise(share: f64) -> Threshold {
    Threshold::single(Side::Above, Unit::Share, share, (0.001, 10.0))
}

const fn above(begins: f64, ends: f64) -> Threshold {
    Threshold::above(begins, ends, 1.0)
}

const fn below(begins: f64, ends: f64) -> Threshold {
    Threshold::below(begins, ends)
}

/// At least this many times.
const fn times(count: f64) -> Threshold {
    Threshold::single(Side::Above, Unit::Count, count, (1.0, 1_000_000.0))
}

/// Fewer than this many days are left.
const fn days(count: f64) -> Threshold {
    const DAY: f64 = crate::units::DAY.as_secs() as f64;
    Threshold::single(
        Side::Below,
        Unit::Span,
        count * DAY,
        (DAY / 24.0, 365.0 * DAY),
    )
}

/// For longer than this.
const fn longer_than(span: Duration) -> Threshold {
    let seconds = span.as_secs() as f64;
    Threshold::single(Side::Above, Unit::Span, seconds, (10.0, 86_400.0))
}

signals! {
    LATENCY_RISING, "latency_rising", "Response times increasing", "SlodLatencyRising", Some(rise(0.1)), "The 95th percentile of the response time rises by more than this share over two hours, and traffic does not explain it. Measured by the service's own metrics, or by its probes.";
    LATENCY_UNUSUAL, "latency_unusual", "Response times unusual", "SlodLatencyUnusual", Some(Threshold::above(0.25, 0.15, 100.0)), "The 95th percentile of the response time in the last hour exceeds the usual level for this time of day and week by more than this share and by more than chance. Requires three days of history.";
    ERRORS_CLIMBING, "errors_climbing", "Error rate climbing", "SlodErrorsClimbing", Some(rise(0.005)), "The share of failed requests rises by more than this over two hours. Measured by the service's own metrics, or by its probes.";
    MEMORY_GROWING, "memory_growing", "Memory usage growing", "SlodMemoryGrowing", Some(rise(0.05)), "Memory that is not backed by files grows by more than this share over several hours, and it is neither a warm-up nor a single step.";
    THREADS_GROWING, "threads_growing", "Threads growing", "SlodThreadsGrowing", Some(rise(0.2)), "The number of threads grows by more than this share over several hours.";
    OPEN_FILES_GROWING, "open_files_growing", "Open files growing", "SlodOpenFilesGrowing", Some(rise(0.2)), "The number of open files grows by more than this share over several hours.";
    CONNECTIONS_GROWING, "connections_growing", "Connections growing", "SlodConnectionsGrowing", Some(rise(0.2)), "The number of open connections grows by more than this share over several hours.";
    QUEUE_GROWING, "queue_growing", "Queue growing", "SlodQueueGrowing", Some(rise(0.2)), "The length of the queue grows by more than this share within an hour.";
    METRICS_UNREADABLE, "metrics_unreadable", "Own metrics unreadable", "SlodMetricsUnreadable", Some(Threshold::single(Side::Above, Unit::Share, 0.5, (0.01, 0.99))), "More than this share of the scrapes of the service's own metrics failed in three of five minutes, and at least two of them. Signs that need these metrics are unknown meanwhile.";
    POOL_EXHAUSTED, "pool_exhausted", "Database connection pool exhausted", "SlodPoolExhausted", Some(above(0.9, 0.8)), "In three of five minutes, all database connections of the pool are in use, requests wait for a connection, or more than this share of the pool is in use.";
    CPU_HIGH, "cpu_high", "CPU usage high", "SlodCpuHigh", Some(above(0.8, 0.7)), "In three of five minutes, CPU usage exceeds this share: of the host, of a container relative to its limit, or of one service relative to the host.";
    CPU_HIGH_AT_PEAK, "cpu_high_at_peak", "CPU usage high at peak load", "SlodCpuHighAtPeak", Some(Threshold::single(Side::Above, Unit::Share, 0.7, (0.01, 1.0))), "In at least 20 of the last 30 minutes, the load was at the peak of the service's `load` and its CPU usage exceeded this share.";
    THROTTLED, "throttled", "Throttled by its CPU limit", "SlodThrottled", Some(above(0.25, 0.15)), "A container reaches its CPU limit in more than this share of the scheduling periods while response times rise.";
    OUT_OF_MEMORY, "out_of_memory", "Killed for lack of memory", "SlodOutOfMemory", Some(times(1.0)), "The kernel killed a process of the container for lack of memory at least this many times in the last ten minutes.";
    BREAKER_OPEN, "breaker_open", "Circuit breakers frequently open", "SlodBreakerOpen", Some(Threshold::single(Side::Above, Unit::Share, 0.05, (0.001, 1.0))), "A circuit breaker was open for more than this share of the last ten minutes, or opened three times.";
    CONNECTION_TIMEOUTS, "connection_timeouts", "Connection timeouts", "SlodConnectionTimeouts", Some(times(3.0)), "At least this many connections timed out in the last ten minutes.";
    RESTARTED, "restarted", "Restarted", "SlodRestarted", Some(times(1.0)), "The processes were replaced at least this many times in the last ten minutes.";
    PROCESS_GONE, "process_gone", "Process gone", "SlodProcessGone", Some(longer_than(Duration::from_mins(1))), "Processes that matched have ended, and none has been running for longer than this. Not during maintenance, and not in the ten minutes after a deployment.";
    LOAD_HIGH, "load_high", "Load above the expected peak", "SlodLoadHigh", Some(Threshold::above(1.0, 0.9, 100.0)), "In three of five minutes, the request rate exceeds the expected peak of the service's `load`, or the requests in progress exceed its peak number of users. As a share of the peak.";
    THROUGHPUT_LOW, "throughput_low", "Throughput low", "SlodThroughputLow", Some(below(0.5, 0.7)), "The request rate is below this share of the usual level for this time of day and week, although the service's probes succeed. Requires a week of history of the service's own metrics.";
    RATE_LIMIT_NEAR, "rate_limit_near", "AI provider's rate limit near", "SlodRateLimitNear", Some(below(0.1, 0.15)), "Less than this share of a rate limit of the AI provider is left.";
    PROVIDER_SLOW, "provider_slow", "AI provider slow", "SlodProviderSlow", Some(Threshold::above(1.0, 0.5, 100.0)), "Requests to an AI provider took longer in the last 15 minutes than in the two hours before by more than this share (100% is twice as long) and by more than chance.";
    PROVIDER_FAILING, "provider_failing", "AI provider failing", "SlodProviderFailing", Some(above(0.2, 0.1)), "At least three requests to an AI provider and more than this share of them failed in the last ten minutes. If there were few requests, also by more than chance.";
    CERTIFICATE_ENDING, "certificate_ending", "Certificate about to expire", "SlodCertificateEnding", Some(days(14.0)), "The certificate of a probed address expires within this time. The default is a quarter of its validity if that is shorter: 14d for a certificate of 90 days, and 36h for one of six days.";
    COVERAGE_LOST, "coverage_lost", "Coverage lost", "SlodCoverageLost", Some(below(0.5, 0.6)), "Less than this share of the last hour was observed.";
    DISK_FULL_SOON, "disk_full_soon", "Disk full soon", "SlodDiskFullSoon", Some(days(1.0)), "A file system is at least half full and will be full within this time even at the lower confidence bound of its growth, or has less than 5% of its space or of its files (inodes) left.";
}

/// Signs that require a service's own metrics.
pub const OF_METRICS: [&SignalKind; 8] = [
    &METRICS_UNREADABLE,
    &CONNECTIONS_GROWING,
    &QUEUE_GROWING,
    &POOL_EXHAUSTED,
    &BREAKER_OPEN,
    &CONNECTION_TIMEOUTS,
    &THROUGHPUT_LOW,
    &LOAD_HIGH,
];
/// Signs that compare with the `load` expected for a service.
pub const OF_LOAD: [&SignalKind; 2] = [&LOAD_HIGH, &CPU_HIGH_AT_PEAK];
/// Signs that only the host has.
pub const OF_HOST: [&SignalKind; 1] = [&DISK_FULL_SOON];
/// Signs of a service that require its `processes`.
pub const OF_PROCESSES: [&SignalKind; 9] = [
    &MEMORY_GROWING,
    &THREADS_GROWING,
    &OPEN_FILES_GROWING,
    &CPU_HIGH,
    &CPU_HIGH_AT_PEAK,
    &THROTTLED,
    &OUT_OF_MEMORY,
    &RESTARTED,
    &PROCESS_GONE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::FOLLOW_FROM_FAILURES;
    use std::collections::BTreeSet;

    #[test]
    fn the_signs_that_pages_explain_exist() {
        for name in FOLLOW_FROM_FAILURES {
            assert!(SIGNALS.iter().any(|kind| kind.name == name), "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: BTreeSet<_> = SIGNALS.iter().map(|kind| kind.name).collect();
        let alerts: BTreeSet<_> = SIGNALS.iter().map(|kind| kind.alert).collect();
        assert_eq!((names.len(), alerts.len()), (SIGNALS.len(), SIGNALS.len()));
        for kind in SIGNALS {
            assert!(
                kind.name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_')
            );
            assert!(kind.alert.starts_with("Slod") && kind.meaning.ends_with('.'));
        }
    }
}
