//! The daemon's own metrics, in a registry of the `prometheus` crate.

use super::gathered;
use super::remote::RemoteCounters;
use super::store::StoreMetrics;
use crate::config::Shard;
use crate::exposition::Sink;
use crate::notify::Counters;
use crate::outcome::Timestamp;
use crate::store::StoreStats;
use crate::version;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    histogram_opts, register_gauge_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};
use std::sync::Arc;

/// Instruments used by the parts of the daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SelfMetrics {
    registry: Registry,
    /// Time from a tick to the start of its probe.
    pub schedule_lag: Histogram,
    /// How long the thread of an attempt had waited for a CPU when the attempt ended.
    pub wakeup_lag: Histogram,
    pub probes_in_flight: IntGauge,
    pub vantage_lost: IntGauge,
    pub vantage_judged_early: IntCounter,
    reload_successful: IntGauge,
    reload_success_at: Gauge,
    shards: IntGaugeVec,
    web_auth_failures: IntCounterVec,
    /// Logins rejected without a check, because too many had failed.
    pub web_auth_limited: IntCounter,
    /// Counters of deliveries.
    pub notifiers: Counters,
    pub remotes: RemoteCounters,
    store: Arc<StoreMetrics>,
}

/// From well below a tick's resolution to a default interval.
const LAG_BOUNDS: [f64; 11] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0,
];

/// Authentication methods other than certificates.
const AUTH_METHODS: [&str; 3] = ["basic", "bearer", "heartbeat"];

impl SelfMetrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name, help| register_int_gauge_with_registry!(name, help, registry);
        let counter = |name, help| register_int_counter_with_registry!(name, help, registry);
        let lag = |name, help| {
            let options = histogram_opts!(name, help, LAG_BOUNDS.to_vec());
            register_histogram_with_registry!(options, registry)
        };
        let own = Self {
            schedule_lag: lag(
                "slod_schedule_lag_seconds",
                "Delay from the scheduled time of an attempt to its start.",
            )?,
            wakeup_lag: lag(
                "slod_schedule_wakeup_lag_seconds",
                "How long the thread of an attempt waited for a CPU at the end of the attempt, accurate to 10 ms: the part of the measured duration added by slod's own scheduling. 0 if below 2 ms.",
            )?,
            probes_in_flight: gauge("slod_probes_in_flight", "Number of running probes.")?,
            vantage_lost: gauge(
                "slod_vantage_lost",
                "Whether most control probes fail, so that the local network is considered down: 1 yes, 0 no.",
            )?,
            vantage_judged_early: counter(
                "slod_vantage_judged_early_total",
                "Failures that were judged before the control probes showed whether the local network was down, because more than 10,000 were waiting; void unless enough control probes had finished.",
            )?,
            reload_successful: gauge(
                "slod_config_last_reload_successful",
                "Whether the last attempt to load the config was successful: 1 yes, 0 no.",
            )?,
            reload_success_at: register_gauge_with_registry!(
                "slod_config_last_reload_success_timestamp_seconds",
                "When the config was last loaded successfully.",
                registry
            )?,
            shards: register_int_gauge_vec_with_registry!(
                "slod_shards",
                "Number of daemons that the services of the config are divided among. The label `shard` is the number of this one.",
                &["shard"],
                registry
            )?,
            web_auth_failures: register_int_counter_vec_with_registry!(
                "slod_web_auth_failures_total",
                "Requests with a wrong password or token, by method: `basic` for users, `bearer` for tokens in the config, `heartbeat` for heartbeats.",
                &["method"],
                registry
            )?,
            web_auth_limited: counter(
                "slod_web_auth_limited_total",
                "Requests whose password or token was not checked, because too many had failed before.",
            )?,
            notifiers: Counters::register(&registry)?,
            remotes: RemoteCounters::register(&registry)?,
            store: Arc::new(StoreMetrics::register(&registry)?),
            registry,
        };
        own.register_program()?;
        own.divided(Shard::WHOLE);
        for method in AUTH_METHODS {
            own.web_auth_failures.with_label_values(&[method]);
        }
        Ok(own)
    }

    /// Registers the version, and the operating system's metrics of the process.
    fn register_program(&self) -> Result<(), prometheus::Error> {
        let build = Opts::new("slod_build_info", "Version of slod; always 1.")
            .const_label("version", version::VERSION)
            .const_label("revision", version::REVISION)
            .const_label("rustversion", version::RUSTC);
        register_int_gauge_with_registry!(build, self.registry)?.set(1);
        self.registry
            .register(Box::new(ProcessCollector::for_self()))
    }

    /// Records the result of loading the config.
    pub fn reloaded(&self, successful: bool, now: Timestamp) {
        self.reload_successful.set(i64::from(successful));
        if successful {
            self.reload_success_at.set(now.as_secs_f64());
        }
    }

    /// Sets which part of the services this daemon observes.
    pub fn divided(&self, shard: Shard) {
        self.shards.reset();
        let number = shard.number.to_string();
        let gauge = self.shards.with_label_values(&[number.as_str()]);
        gauge.set(shard.count.into());
    }

    /// Counts a wrong password or token.
    pub fn web_auth_failed(&self, method: &str) {
        self.web_auth_failures.with_label_values(&[method]).inc();
    }

    /// Updates the metrics of the store.
    pub fn store(&self, stats: &StoreStats) {
        self.store.take(stats);
    }

    /// Sets the number of stored outcomes in the future.
    pub fn future_outcomes(&self, outcomes: u64) {
        self.store.future(outcomes);
    }

    /// Declarations of all instruments, for the generated docs. A family only exists with a child, so a
    /// receiver and a destination are added for those that have none without a config.
    pub fn declared(&self) -> Vec<MetricFamily> {
        self.notifiers.start("");
        self.remotes.start("");
        self.registry.gather()
    }

    /// Writes every instrument.
    pub fn write(&self, sink: &mut dyn Sink) {
        for family in self.registry.gather() {
            gathered::write(sink, &family);
        }
    }
}
