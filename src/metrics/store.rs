//! Metrics of the store.

use crate::store::StoreStats;
use parking_lot::Mutex;
use prometheus::{
    Gauge, IntCounter, IntGauge, Registry, register_gauge_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
};

#[derive(Debug)]
pub(super) struct StoreMetrics {
    size: IntGauge,
    backlog: IntGauge,
    commit: Gauge,
    commits: IntCounter,
    lost: IntCounter,
    lost_alerts: IntCounter,
    lost_samples: IntCounter,
    excess_samples: IntCounter,
    lost_notices: IntCounter,
    series: IntGauge,
    unreadable: IntGauge,
    future: IntGauge,
    failing: IntGauge,
    /// What is already counted: concurrent scrapes must not add it twice.
    counted: Mutex<StoreStats>,
}

impl StoreMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name, help| register_int_gauge_with_registry!(name, help, registry);
        let counter = |name, help| register_int_counter_with_registry!(name, help, registry);
        Ok(Self {
            size: gauge(
                "slod_store_size_bytes",
                "Size on disk, including the write-ahead log.",
            )?,
            backlog: gauge(
                "slod_store_backlog_outcomes",
                "Outcomes waiting to be committed.",
            )?,
            commit: register_gauge_with_registry!(
                "slod_store_commit_seconds",
                "Duration of the last commit.",
                registry
            )?,
            commits: counter("slod_store_commits_total", "Commits since the start.")?,
            lost: counter(
                "slod_store_lost_outcomes_total",
                "Outcomes dropped because the backlog was full.",
            )?,
            lost_alerts: counter(
                "slod_store_lost_alerts_total",
                "Alert state changes dropped because the backlog was full.",
            )?,
            lost_samples: counter(
                "slod_store_lost_samples_total",
                "Samples dropped because the backlog was full.",
            )?,
            excess_samples: counter(
                "slod_store_excess_samples_total",
                "Samples that were not stored because 20,000 other series have samples.",
            )?,
            lost_notices: counter(
                "slod_notices_lost_total",
                "Notices dropped because too many were waiting.",
            )?,
            series: gauge(
                "slod_store_series",
                "Gauges and counters that have committed samples.",
            )?,
            unreadable: gauge(
                "slod_store_unreadable_blocks",
                "Stored hours that cannot be decoded and are skipped.",
            )?,
            future: gauge(
                "slod_store_future_outcomes",
                "Stored outcomes with a time in the future, because the clock was ahead; not counted yet.",
            )?,
            failing: gauge(
                "slod_store_failing",
                "Whether the last write failed: 1 yes, 0 no.",
            )?,
            counted: Mutex::default(),
        })
    }

    /// Updates the metrics from the store's statistics.
    pub(super) fn take(&self, stats: &StoreStats) {
        self.size.set(whole(stats.size_bytes));
        self.backlog.set(whole(stats.backlog as u64));
        self.commit.set(stats.last_commit_seconds);
        self.series.set(whole(stats.series as u64));
        self.unreadable.set(whole(stats.unreadable_blocks));
        self.failing.set(i64::from(stats.last_error.is_some()));
        self.count(stats);
    }

    fn count(&self, stats: &StoreStats) {
        type Total = fn(&mut StoreStats) -> &mut u64;
        let counters: [(&IntCounter, Total); 6] = [
            (&self.commits, |stats| &mut stats.commits),
            (&self.lost, |stats| &mut stats.lost_total),
            (&self.lost_alerts, |stats| &mut stats.lost_alerts_total),
            (&self.lost_samples, |stats| &mut stats.lost_samples_total),
            (&self.excess_samples, |stats| {
                &mut stats.excess_samples_total
            }),
            (&self.lost_notices, |stats| &mut stats.lost_deliveries_total),
        ];
        let (mut held, mut stats) = (self.counted.lock(), stats.clone());
        for (counter, of) in counters {
            let (held, total) = (of(&mut held), *of(&mut stats));
            counter.inc_by(total.saturating_sub(*held));
            *held = total.max(*held);
        }
    }

    /// Sets the number of stored outcomes in the future.
    pub(super) fn future(&self, outcomes: u64) {
        self.future.set(whole(outcomes));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
