//! The chart of each sign of a service, for its alert.

use super::ServiceHistory;
use crate::signal::{SignalKind, Track, kinds};
use crate::signals::chart;
use crate::signals::counts::DRIFT_WINDOW;
use crate::signals::own::MetricsHistory;
use crate::signals::provider::ProviderHistory;
use std::sync::Arc;

impl ServiceHistory {
    /// The track in which a sign was found, as a text chart; empty if it has none.
    pub(super) fn chart(&self, kind: &SignalKind, subject: &str) -> Arc<str> {
        if *kind == kinds::ERRORS_CLIMBING {
            return self.chart_of_errors();
        }
        let of_service = || self.own.as_ref().and_then(|own| of_metrics(own, kind));
        let of_process = || self.processes.get(subject)?.looked_at(kind);
        let track = match kind {
            &kinds::LATENCY_RISING | &kinds::LATENCY_UNUSUAL => Some(self.latency().0),
            &kinds::PROVIDER_SLOW | &kinds::PROVIDER_FAILING => self
                .provider(subject)
                .map(|provider| provider.looked_at(kind)),
            _ => of_process().or_else(of_service),
        };
        track.map_or_else(|| "".into(), chart::of_track)
    }

    fn chart_of_errors(&self) -> Arc<str> {
        let windows = self.errors().0.windows();
        let shares = windows
            .iter()
            .map(|one| (one.total > 0).then(|| one.errors as f64 / one.total as f64));
        chart::of_values(&shares.collect::<Vec<_>>(), DRIFT_WINDOW)
    }

    pub(super) fn provider(&self, probe: &str) -> Option<&ProviderHistory> {
        let of_probe = self.probes.providers.get(probe);
        of_probe.or_else(|| self.own.as_ref()?.provider.as_ref())
    }
}

fn of_metrics<'a>(own: &'a MetricsHistory, kind: &SignalKind) -> Option<&'a Track> {
    Some(match *kind {
        kinds::CONNECTIONS_GROWING => &own.connections,
        kinds::QUEUE_GROWING => &own.queue,
        kinds::POOL_EXHAUSTED => &own.pool.highest,
        kinds::BREAKER_OPEN => &own.breaker.open,
        kinds::CONNECTION_TIMEOUTS => &own.timeouts,
        kinds::LOAD_HIGH => &own.traffic_by_minute,
        kinds::THROUGHPUT_LOW => &own.traffic,
        _ => return None,
    })
}
