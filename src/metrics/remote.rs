//! Metrics of remote write, by destination.

use prometheus::{
    GaugeVec, IntCounterVec, IntGaugeVec, Registry, register_gauge_vec_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_vec_with_registry,
};

/// Metrics with the label `remote`.
#[derive(Clone, Debug)]
pub struct RemoteCounters {
    pub sent: IntCounterVec,
    pub dropped: IntCounterVec,
    pub failures: IntCounterVec,
    pub pending: IntGaugeVec,
    pub success_at: GaugeVec,
}

/// The reasons for dropping samples.
pub const REJECTED: &str = "rejected";
pub const QUEUE_FULL: &str = "queue_full";
pub const REMOVED: &str = "removed";

impl RemoteCounters {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        const REMOTE: &[&str] = &["remote"];
        Ok(Self {
            sent: register_int_counter_vec_with_registry!(
                "slod_remote_write_samples_total",
                "Samples that a destination of remote write accepted.",
                REMOTE,
                registry
            )?,
            dropped: register_int_counter_vec_with_registry!(
                "slod_remote_write_samples_dropped_total",
                "Samples that a destination of remote write did not get, by reason: `rejected` by the destination with a status 4xx other than 429, `queue_full` after it was not available for long, `removed` by a reload that removed or changed the destination.",
                &["remote", "reason"],
                registry
            )?,
            failures: register_int_counter_vec_with_registry!(
                "slod_remote_write_failures_total",
                "Failed requests to a destination of remote write, which are retried.",
                REMOTE,
                registry
            )?,
            pending: register_int_gauge_vec_with_registry!(
                "slod_remote_write_samples_pending",
                "Samples that wait for a destination of remote write.",
                REMOTE,
                registry
            )?,
            success_at: register_gauge_vec_with_registry!(
                "slod_remote_write_last_success_timestamp_seconds",
                "When a destination of remote write last accepted samples.",
                REMOTE,
                registry
            )?,
        })
    }

    /// Initializes the metrics of a destination to zero.
    pub fn start(&self, remote: &str) {
        for counter in [&self.sent, &self.failures] {
            counter.with_label_values(&[remote]);
        }
        for reason in [REJECTED, QUEUE_FULL, REMOVED] {
            self.dropped.with_label_values(&[remote, reason]);
        }
        self.pending.with_label_values(&[remote]);
        self.success_at.with_label_values(&[remote]);
    }
}
