//! The recent history of a service's own metrics.

use super::counts::{Counts, DRIFT_WINDOW, DRIFT_WINDOWS};
use super::numbers::{MetricNumber, MetricNumbers};
use super::process::{GROWTH_WINDOW, GROWTH_WINDOWS};
use super::provider::ProviderHistory;
use super::unread::Unread;
use crate::observe::scrape::BreakerView;
use crate::outcome::Timestamp;
use crate::signal::rules::{Breaker, PEAK_MINUTES, Pool};
use crate::signal::{HOUR, Keep, Rise, Track};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct MetricsHistory {
    pub(super) p95: Track,
    pub(super) errors: Counts,
    /// Requests per second, in windows of the same width as the tracks that they are compared with.
    pub(super) traffic: Track,
    pub(super) traffic_by_growth: Track,
    pub(super) traffic_by_minute: Track,
    pub(super) connections: Track,
    pub(super) connections_by_minute: Track,
    pub(super) queue: Track,
    pub(super) pool: Pool,
    /// The name of the fullest of several pools.
    pub(super) fullest_pool: Option<Arc<str>>,
    pub(super) breaker: Breaker,
    /// Breakers that are open or opened recently.
    pub(super) breakers: Vec<BreakerView>,
    pub(super) timeouts: Track,
    pub(super) provider: Option<ProviderHistory>,
    pub(super) unread: Unread,
    rises: Rises,
}

/// Increases of counters.
#[derive(Debug, Default)]
struct Rises {
    timeouts: Rise,
    llm_requests: Rise,
    llm_errors: Rise,
    llm_seconds: Rise,
    llm_timed: Rise,
}

impl Default for MetricsHistory {
    fn default() -> Self {
        let minutes = Track::by_minute;
        let grows = |keep| Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, keep);
        let drifts = || Track::new(DRIFT_WINDOW, DRIFT_WINDOWS, Keep::Mean);
        Self {
            p95: drifts(),
            errors: Counts::default(),
            traffic: drifts(),
            traffic_by_growth: grows(Keep::Mean),
            traffic_by_minute: minutes(HOUR, Keep::Mean),
            connections: grows(Keep::Lowest),
            connections_by_minute: minutes(PEAK_MINUTES, Keep::Mean),
            queue: minutes(HOUR, Keep::Lowest),
            pool: Pool::default(),
            fullest_pool: None,
            breaker: Breaker::default(),
            breakers: Vec::new(),
            timeouts: minutes(HOUR, Keep::Sum),
            provider: None,
            unread: Unread::default(),
            rises: Rises::default(),
        }
    }
}

impl MetricsHistory {
    pub(super) fn take(&mut self, at: Timestamp, numbers: &MetricNumbers) {
        use MetricNumber as N;
        let get = |one| numbers.get(one);
        self.p95.take(at, get(N::P95));
        self.errors.follow(at, get(N::Errors), get(N::Requests));
        for track in [
            &mut self.traffic,
            &mut self.traffic_by_growth,
            &mut self.traffic_by_minute,
        ] {
            track.take(at, get(N::Rate));
        }
        self.connections.take(at, get(N::Connections));
        self.connections_by_minute.take(at, get(N::Connections));
        self.queue.take(at, get(N::Queue));
        self.pool.take(at, get(N::PoolUsage), get(N::PoolWaiting));
        let is_open = get(N::BreakerOpen).map(|open| open > 0.0);
        self.breaker.take(at, is_open, get(N::BreakerTrips));
        let timeouts = self.rises.timeouts.step(at, get(N::Timeouts));
        self.timeouts.take(at, timeouts);
        self.take_provider(at, numbers);
    }

    fn take_provider(&mut self, at: Timestamp, numbers: &MetricNumbers) {
        use MetricNumber as N;
        let rises = &mut self.rises;
        let requests = rises.llm_requests.step(at, numbers.get(N::LlmRequests));
        let errors = rises.llm_errors.step(at, numbers.get(N::LlmErrors));
        let seconds = rises.llm_seconds.step(at, numbers.get(N::LlmSeconds));
        let timed = rises.llm_timed.step(at, numbers.get(N::LlmTimed));
        let latency = seconds.zip(timed).filter(|(_, timed)| *timed > 0.0);
        let latency = latency.map(|(seconds, timed)| seconds / timed);
        if requests.is_none() && latency.is_none() {
            return;
        }
        let provider = self.provider.get_or_insert_default();
        provider.take(at, errors, requests.or(timed), latency);
    }

    /// Discards growth before a deployment, as for processes.
    pub(super) fn deployed(&mut self, at: Timestamp) {
        for track in [&mut self.connections, &mut self.queue] {
            track.forget_before(at);
        }
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        self.errors.advance(now);
        if let Some(provider) = &mut self.provider {
            provider.advance(now);
        }
        for track in self.tracks() {
            track.take(now, None);
        }
    }

    fn tracks(&mut self) -> impl Iterator<Item = &mut Track> {
        [
            &mut self.p95,
            &mut self.traffic,
            &mut self.traffic_by_growth,
            &mut self.traffic_by_minute,
            &mut self.connections,
            &mut self.connections_by_minute,
            &mut self.queue,
            &mut self.timeouts,
            &mut self.unread.failed,
            &mut self.unread.failures,
        ]
        .into_iter()
        .chain(self.pool.tracks())
        .chain(self.breaker.tracks())
    }

    /// The maximum size in bytes.
    #[cfg(test)]
    pub(super) fn size(&mut self) -> usize {
        let provider = ProviderHistory::default().size();
        let counts = Counts::size();
        let tracks: usize = self.tracks().map(|track| track.size()).sum();
        let breakers = BreakerView::most_bytes();
        tracks + counts + provider + breakers + size_of::<Rises>()
    }
}
