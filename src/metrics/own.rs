//! The daemon's own metrics, in a registry of the `prometheus` crate.

use crate::exposition::{Head, Histogram as Buckets, Labels, MetricKind, Sink};
use crate::notify::Counters;
use crate::outcome::Timestamp;
use crate::store::StoreStats;
use crate::version;
use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};
use std::sync::Arc;

/// Instruments that the daemon's parts hold. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SelfMetrics {
    registry: Registry,
    /// Time from a tick to the start of its probe.
    pub schedule_lag: Histogram,
    /// How long a thread had waited for a processor when an attempt on it ended.
    pub wakeup_lag: Histogram,
    pub probes_in_flight: IntGauge,
    pub vantage_lost: IntGauge,
    pub vantage_judged_early: IntCounter,
    reload_successful: IntGauge,
    reload_success_at: Gauge,
    store_size: IntGauge,
    store_backlog: IntGauge,
    store_commit: Gauge,
    store_commits: IntCounter,
    store_lost: IntCounter,
    store_lost_alerts: IntCounter,
    store_lost_samples: IntCounter,
    store_excess_samples: IntCounter,
    store_series: IntGauge,
    store_unreadable: IntGauge,
    store_future: IntGauge,
    store_failing: IntGauge,
    web_auth_failures: IntCounterVec,
    /// Logins that were refused unseen, because too many had failed.
    pub web_auth_limited: IntCounter,
    /// What deliveries count.
    pub notifiers: Counters,
    notices_lost: IntCounter,
    /// What the counters hold already: two scrapes at once must not add twice.
    counted: Arc<Mutex<StoreStats>>,
}

/// From well below a tick's grain to a whole default interval.
const LAG_BOUNDS: [f64; 11] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0,
];

/// How clients prove who they are, apart from certificates.
const AUTH_METHODS: [&str; 3] = ["basic", "bearer", "heartbeat"];

fn judged_early() -> Result<IntCounter, prometheus::Error> {
    IntCounter::new(
        "slod_vantage_judged_early_total",
        "Failures that were judged before the control probes had shown whether the local network had failed, because more than 10,000 waited: void, unless enough was known.",
    )
}

impl SelfMetrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let lag = HistogramOpts::new(
            "slod_schedule_lag_seconds",
            "Time from a tick to the start of its probe.",
        );
        let wakeup_lag = HistogramOpts::new(
            "slod_schedule_wakeup_lag_seconds",
            "How long the thread of an attempt had waited for a processor when the attempt ended, within 10 ms: the part of the measured duration that slod's own scheduling added. 0 below 2 ms.",
        );
        let own = Self {
            schedule_lag: Histogram::with_opts(lag.buckets(LAG_BOUNDS.to_vec()))?,
            wakeup_lag: Histogram::with_opts(wakeup_lag.buckets(LAG_BOUNDS.to_vec()))?,
            probes_in_flight: IntGauge::new(
                "slod_probes_in_flight",
                "Probes that are currently running.",
            )?,
            vantage_lost: IntGauge::new(
                "slod_vantage_lost",
                "Whether most control probes fail, so that the local network is considered down: 1 yes, 0 no.",
            )?,
            vantage_judged_early: judged_early()?,
            reload_successful: IntGauge::new(
                "slod_config_last_reload_successful",
                "Whether the last attempt to load the config was successful: 1 yes, 0 no.",
            )?,
            reload_success_at: Gauge::new(
                "slod_config_last_reload_success_timestamp_seconds",
                "When the config was last loaded successfully.",
            )?,
            store_size: IntGauge::new(
                "slod_store_size_bytes",
                "Bytes on disk, including the write-ahead log.",
            )?,
            store_backlog: IntGauge::new(
                "slod_store_backlog_outcomes",
                "Outcomes waiting to be committed.",
            )?,
            store_commit: Gauge::new(
                "slod_store_commit_seconds",
                "How long the last commit took.",
            )?,
            store_commits: IntCounter::new("slod_store_commits_total", "Commits since the start.")?,
            store_lost: IntCounter::new(
                "slod_store_lost_outcomes_total",
                "Outcomes that were dropped because the backlog was full.",
            )?,
            store_lost_alerts: IntCounter::new(
                "slod_store_lost_alerts_total",
                "Changes of alerts that were not recorded because the backlog was full.",
            )?,
            store_lost_samples: IntCounter::new(
                "slod_store_lost_samples_total",
                "Samples that were dropped because the backlog was full.",
            )?,
            store_excess_samples: IntCounter::new(
                "slod_store_excess_samples_total",
                "Samples that were not kept because 20,000 other series have samples.",
            )?,
            store_series: IntGauge::new(
                "slod_store_series",
                "Gauges and counters that have samples, once one was committed.",
            )?,
            store_unreadable: IntGauge::new(
                "slod_store_unreadable_blocks",
                "Stored hours that cannot be decoded and are skipped.",
            )?,
            store_future: IntGauge::new(
                "slod_store_future_outcomes",
                "Stored outcomes whose time is in the future, because the clock was ahead: not counted yet.",
            )?,
            store_failing: IntGauge::new(
                "slod_store_failing",
                "Whether the last attempt to write failed: 1 yes, 0 no.",
            )?,
            web_auth_failures: IntCounterVec::new(
                Opts::new(
                    "slod_web_auth_failures_total",
                    "Requests with a wrong password or token: of a user (`basic`), of a token in the config (`bearer`), or of a heartbeat.",
                ),
                &["method"],
            )?,
            web_auth_limited: IntCounter::new(
                "slod_web_auth_limited_total",
                "Requests whose password or token was not checked, because too many had failed.",
            )?,
            notifiers: Counters::new()?,
            notices_lost: IntCounter::new(
                "slod_notices_lost_total",
                "Notices that were dropped because too many waited.",
            )?,
            counted: Arc::default(),
            registry,
        };
        for method in AUTH_METHODS {
            own.web_auth_failures.with_label_values(&[method]);
        }
        own.register()?;
        Ok(own)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let build = Opts::new("slod_build_info", "Version of slod: always 1.")
            .const_label("version", version::VERSION)
            .const_label("revision", version::REVISION)
            .const_label("rustversion", version::RUSTC);
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        let instruments: [Box<dyn Collector>; 29] = [
            Box::new(build),
            Box::new(process),
            Box::new(self.schedule_lag.clone()),
            Box::new(self.wakeup_lag.clone()),
            Box::new(self.probes_in_flight.clone()),
            Box::new(self.vantage_lost.clone()),
            Box::new(self.vantage_judged_early.clone()),
            Box::new(self.reload_successful.clone()),
            Box::new(self.reload_success_at.clone()),
            Box::new(self.store_size.clone()),
            Box::new(self.store_backlog.clone()),
            Box::new(self.store_commit.clone()),
            Box::new(self.store_commits.clone()),
            Box::new(self.store_lost.clone()),
            Box::new(self.store_lost_alerts.clone()),
            Box::new(self.store_lost_samples.clone()),
            Box::new(self.store_excess_samples.clone()),
            Box::new(self.store_series.clone()),
            Box::new(self.store_unreadable.clone()),
            Box::new(self.store_future.clone()),
            Box::new(self.store_failing.clone()),
            Box::new(self.web_auth_failures.clone()),
            Box::new(self.web_auth_limited.clone()),
            Box::new(self.notifiers.attempts.clone()),
            Box::new(self.notifiers.failures.clone()),
            Box::new(self.notifiers.given_up.clone()),
            Box::new(self.notifiers.template_failures.clone()),
            Box::new(self.notifiers.queue.clone()),
            Box::new(self.notices_lost.clone()),
        ];
        instruments
            .into_iter()
            .try_for_each(|instrument| self.registry.register(instrument))
    }

    /// Notes how an attempt to load the config ended.
    pub fn reloaded(&self, successful: bool, now: Timestamp) {
        self.reload_successful.set(i64::from(successful));
        if successful {
            self.reload_success_at.set(now.as_secs_f64());
        }
    }

    /// Counts a wrong password or token.
    pub fn web_auth_failed(&self, method: &str) {
        self.web_auth_failures.with_label_values(&[method]).inc();
    }

    /// Takes over what the store counted.
    pub fn store(&self, stats: &StoreStats) {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.store_size.set(whole(stats.size_bytes));
        self.store_backlog.set(whole(stats.backlog as u64));
        self.store_commit.set(stats.last_commit_seconds);
        let mut counted = self.counted.lock();
        let add = |counter: &IntCounter, total: u64, held: &mut u64| {
            counter.inc_by(total.saturating_sub(*held));
            *held = total.max(*held);
        };
        add(&self.store_commits, stats.commits, &mut counted.commits);
        add(&self.store_lost, stats.lost_total, &mut counted.lost_total);
        let held = &mut counted.lost_alerts_total;
        add(&self.store_lost_alerts, stats.lost_alerts_total, held);
        let held = &mut counted.lost_samples_total;
        add(&self.store_lost_samples, stats.lost_samples_total, held);
        let held = &mut counted.excess_samples_total;
        add(&self.store_excess_samples, stats.excess_samples_total, held);
        let held = &mut counted.lost_deliveries_total;
        add(&self.notices_lost, stats.lost_deliveries_total, held);
        drop(counted);
        self.store_series.set(whole(stats.series as u64));
        self.store_unreadable.set(whole(stats.unreadable_blocks));
        self.store_failing
            .set(i64::from(stats.last_error.is_some()));
    }

    /// Notes how many stored outcomes are of the future.
    pub fn future_outcomes(&self, outcomes: u64) {
        self.store_future
            .set(i64::try_from(outcomes).unwrap_or(i64::MAX));
    }

    /// Names and helps of all instruments, for the generated docs. A family is there with its first
    /// child only, so that a receiver is counted, of which there is none without a config.
    pub fn declared(&self) -> Vec<MetricFamily> {
        self.notifiers.start("");
        self.families()
    }

    fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// Writes every instrument.
    pub fn write(&self, sink: &mut dyn Sink) {
        for family in self.families() {
            write_family(sink, &family);
        }
    }
}

fn write_family(sink: &mut dyn Sink, family: &MetricFamily) {
    let name = family.name();
    sink.family(&Head {
        name,
        kind: kind(family),
        unit: unit(name),
        help: family.help(),
    });
    for metric in family.get_metric() {
        let mut labels = Labels::default();
        for pair in metric.get_label() {
            labels.push(pair.name(), pair.value());
        }
        match kind(family) {
            MetricKind::Histogram => write_histogram(sink, &mut labels, metric),
            MetricKind::Counter => sink.value(&labels, metric.get_counter().get_value()),
            MetricKind::Gauge | MetricKind::Summary => {
                sink.value(&labels, metric.get_gauge().get_value());
            }
        }
    }
}

/// The crate's buckets are cumulative and leave out +Inf; a sink takes counts per bucket.
fn write_histogram(sink: &mut dyn Sink, labels: &mut Labels, metric: &Metric) {
    let histogram = metric.get_histogram();
    let mut before = 0;
    let mut buckets: Vec<u64> = Vec::new();
    let mut finite = histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite());
    for bucket in finite.clone() {
        buckets.push(bucket.cumulative_count() - before);
        before = bucket.cumulative_count();
    }
    buckets.push(histogram.get_sample_count() - before);
    let bounds = &mut finite.by_ref().map(prometheus::proto::Bucket::upper_bound);
    let sum = histogram.get_sample_sum();
    sink.histogram(
        labels,
        Buckets {
            bounds,
            buckets: &buckets,
            sum,
        },
    );
}

/// How the page names the kind of an instrument.
pub fn kind(family: &MetricFamily) -> MetricKind {
    match family.get_field_type() {
        MetricType::COUNTER => MetricKind::Counter,
        MetricType::HISTOGRAM => MetricKind::Histogram,
        _ => MetricKind::Gauge,
    }
}

/// The base unit that a name ends in.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let known = ["seconds", "bytes", "ratio"];
    known
        .into_iter()
        .find(|unit| name.ends_with(unit))
        .unwrap_or("")
}
