//! Delivery metrics of each receiver, and of the heartbeat.

use prometheus::{
    IntCounter, IntCounterVec, IntGaugeVec, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
};

/// Metrics with the label `notifier`, and those of the heartbeat.
#[derive(Clone, Debug)]
pub struct Counters {
    pub attempts: IntCounterVec,
    pub failures: IntCounterVec,
    pub given_up: IntCounterVec,
    pub withheld: IntCounterVec,
    pub template_failures: IntCounterVec,
    pub queue: IntGaugeVec,
    pub heartbeats: IntCounter,
    pub heartbeat_failures: IntCounter,
}

impl Counters {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| {
            register_int_counter_vec_with_registry!(name, help, &["notifier"], registry)
        };
        Ok(Self {
            attempts: counter(
                "slod_notifications_total",
                "Attempts to deliver a message to a receiver, successful or not.",
            )?,
            failures: counter(
                "slod_notification_failures_total",
                "Failed attempts to deliver a message.",
            )?,
            given_up: counter(
                "slod_notifications_given_up_total",
                "Messages that were not delivered, or not with all alerts or not to all recipients: rejected by the receiver, too large, retried for a day without success, or to a receiver that was removed from the config.",
            )?,
            withheld: counter(
                "slod_notification_notices_kept_back_total",
                "Alerts removed from messages waiting for a retry, because they were silenced or acknowledged in the meantime; escalations also because maintenance began.",
            )?,
            template_failures: counter(
                "slod_notification_template_failures_total",
                "Attempts to deliver a message with the default templates, because the receiver's own `title` or `text` could not be rendered.",
            )?,
            queue: register_int_gauge_vec_with_registry!(
                "slod_notification_queue_length",
                "Notices not delivered yet, including those waiting for others of their group.",
                &["notifier"],
                registry
            )?,
            heartbeats: register_int_counter_with_registry!(
                "slod_heartbeat_requests_total",
                "Requests to the address of `heartbeat`, successful or not.",
                registry
            )?,
            heartbeat_failures: register_int_counter_with_registry!(
                "slod_heartbeat_request_failures_total",
                "Failed requests to the address of `heartbeat`. Its service notifies you if they continue, but not if it does not know the address.",
                registry
            )?,
        })
    }

    /// Initializes the metrics of a receiver to zero.
    pub(crate) fn start(&self, receiver: &str) {
        let counters = [
            &self.attempts,
            &self.failures,
            &self.given_up,
            &self.withheld,
            &self.template_failures,
        ];
        for counter in counters {
            counter.with_label_values(&[receiver]);
        }
        self.queue.with_label_values(&[receiver]);
    }
}
