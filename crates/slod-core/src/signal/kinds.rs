//! Every warning sign there is.

use super::SignalKind;
use crate::alert::Urgency;

macro_rules! signals {
    ($($constant:ident, $name:literal, $title:literal, $alert:literal, $meaning:literal;)+) => {
        $(pub const $constant: SignalKind = SignalKind {
            name: $name,
            title: $title,
            alert: $alert,
            urgency: Urgency::Ticket,
            meaning: $meaning,
        };)+

        /// In the order in which they are shown.
        pub const SIGNALS: [&SignalKind; [$($name),+].len()] = [$(&$constant),+];
    };
}

signals! {
    LATENCY_RISING, "latency_rising", "Response times increasing", "SlodLatencyRising", "The 95th percentile of the response time rises over two hours, and not because of more traffic.";
    ERRORS_CLIMBING, "errors_climbing", "Error rate climbing", "SlodErrorsClimbing", "The share of failed requests rises over two hours by at least half a percentage point.";
    MEMORY_GROWING, "memory_growing", "Memory usage growing", "SlodMemoryGrowing", "Memory that is of no file grows over hours, and it is neither a warm-up nor a single step.";
    THREADS_GROWING, "threads_growing", "Threads growing", "SlodThreadsGrowing", "The number of threads grows over hours.";
    OPEN_FILES_GROWING, "open_files_growing", "Open files growing", "SlodOpenFilesGrowing", "The number of open files grows over hours.";
    CONNECTIONS_GROWING, "connections_growing", "Connections growing", "SlodConnectionsGrowing", "The number of open connections grows over hours.";
    QUEUE_GROWING, "queue_growing", "Queue growing", "SlodQueueGrowing", "What waits to be processed grows over hours.";
    POOL_EXHAUSTED, "pool_exhausted", "Database connection pool exhausted", "SlodPoolExhausted", "All database connections are in use, or nearly all, in three of five minutes.";
    CPU_HIGH, "cpu_high", "CPU usage above 80 %", "SlodCpuHigh", "The processors of the host, or those that a container may use, are busy for more than 80 % in three of five minutes.";
    THROTTLED, "throttled", "Throttled by its limit", "SlodThrottled", "A container reaches its limit of processor time in more than a quarter of the periods while response times rise.";
    OUT_OF_MEMORY, "out_of_memory", "Killed for lack of memory", "SlodOutOfMemory", "The kernel killed a process of the container in the last ten minutes.";
    BREAKER_OPEN, "breaker_open", "Circuit breakers frequently open", "SlodBreakerOpen", "A circuit breaker was open for more than 5 % of the last ten minutes, or opened three times.";
    CONNECTION_TIMEOUTS, "connection_timeouts", "Connection timeouts", "SlodConnectionTimeouts", "At least three connections timed out in the last ten minutes.";
    RESTARTED, "restarted", "Restarted", "SlodRestarted", "The processes were replaced in the last ten minutes.";
    LOAD_HIGH, "load_high", "Load above the expected peak", "SlodLoadHigh", "More requests arrive than the service's `load` expects at the peak, in three of five minutes.";
    RATE_LIMIT_NEAR, "rate_limit_near", "AI provider's rate limit near", "SlodRateLimitNear", "Less than a tenth of a rate limit of the AI provider is left.";
    CERTIFICATE_ENDING, "certificate_ending", "Certificate about to end", "SlodCertificateEnding", "The certificate of a probed address ends within 14 days.";
    COVERAGE_LOST, "coverage_lost", "Coverage lost", "SlodCoverageLost", "Less than half of the last hour was observed.";
    DISK_FULL_SOON, "disk_full_soon", "Disk full soon", "SlodDiskFullSoon", "A file system is full to more than 80 % and will be full within a day at its present pace, or has less than 5 % left.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_fit_their_places() {
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
