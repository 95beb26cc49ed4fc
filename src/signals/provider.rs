//! The recent history of an AI provider: by a probe that requests it, or by a service's own
//! metrics.

use super::counts::{DRIFT_WINDOW, DRIFT_WINDOWS};
use crate::outcome::Timestamp;
use crate::signal::{Keep, RECENT, SignalKind, Track, kinds};

#[derive(Debug)]
pub(super) struct ProviderHistory {
    pub(super) failed: Track,
    pub(super) requests: Track,
    /// Logarithms of durations in seconds.
    pub(super) latency: Track,
}

impl Default for ProviderHistory {
    fn default() -> Self {
        let minutes = || Track::by_minute(RECENT, Keep::Sum);
        Self {
            failed: minutes(),
            requests: minutes(),
            latency: Track::new(DRIFT_WINDOW, DRIFT_WINDOWS, Keep::Mean),
        }
    }
}

impl ProviderHistory {
    /// Takes the requests since the last call.
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        failed: Option<f64>,
        requests: Option<f64>,
        latency: Option<f64>,
    ) {
        self.failed.take(at, failed);
        self.requests.take(at, requests);
        self.latency.take(at, latency.map(f64::ln));
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        for track in [&mut self.failed, &mut self.requests, &mut self.latency] {
            track.take(now, None);
        }
    }

    /// The track that a sign evaluates.
    pub(super) fn looked_at(&self, kind: &SignalKind) -> &Track {
        if *kind == kinds::PROVIDER_SLOW {
            &self.latency
        } else {
            &self.failed
        }
    }

    /// The maximum size in bytes.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.failed.size() + self.requests.size() + self.latency.size()
    }
}
