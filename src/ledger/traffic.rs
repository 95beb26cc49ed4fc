//! Objectives of real traffic: from a service's own metrics, live and stored, to tallies.

use super::service::ServiceState;
use super::snapshot::Uncounted;
use crate::observe::{HistogramView, ServiceMetrics};
use crate::outcome::Timestamp;
use crate::roles::Role;
use crate::sample::SeriesKey;
use crate::slo::traffic::{Reading, TrafficCounter};
use crate::slo::{EventSource, Objective, Sli, Tally};
use crate::store::{SeriesId, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The progress of an objective of real traffic.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    counter: TrafficCounter,
    /// When the first reading was taken.
    pub(super) since: Option<Timestamp>,
    /// When the last metrics taken were scraped.
    scraped: Option<Timestamp>,
    /// When the last metrics counted were scraped.
    counted: Option<Timestamp>,
    /// Why the last metrics were not counted.
    pub(super) uncounted: Option<Uncounted>,
}

impl Traffic {
    /// Takes the published metrics of a service, each scrape once.
    fn take(
        &mut self,
        objective: &Objective,
        at: Timestamp,
        metrics: &ServiceMetrics,
    ) -> Vec<(Timestamp, Tally)> {
        if metrics.at.is_none() {
            // The scrapes have failed for so long that the last values are too old.
            if let Some(error) = &metrics.scrape.error {
                self.lack(at, &format!("its metrics cannot be read: {error}"), true);
            }
            return Vec::new();
        }
        if metrics.at <= self.scraped {
            return Vec::new();
        }
        self.scraped = metrics.at;
        match reading(objective.sli, metrics) {
            Ok(reading) => {
                self.uncounted = None;
                self.counted = metrics.at;
                self.since = self.since.or(Some(at));
                self.counter.take(objective.sli, at, reading).collect()
            }
            Err(missing) => {
                if self.lack(at, &missing, false) {
                    let (service, name) = (&metrics.service, &objective.name);
                    tracing::warn!("{service}/{name}: nothing is counted: {missing}");
                }
                // What happens meanwhile stays unknown.
                self.counter = TrafficCounter::default();
                Vec::new()
            }
        }
    }

    /// Notes why the metrics are not counted. Returns whether the reason is new.
    fn lack(&mut self, at: Timestamp, why: &str, is_unreadable: bool) -> bool {
        let known = self.uncounted.as_ref();
        if known.is_some_and(|known| *known.why == *why) {
            return false;
        }
        let since = known.map_or_else(|| self.counted.unwrap_or(at), |known| known.since);
        let why = why.into();
        self.uncounted = Some(Uncounted {
            since,
            why,
            is_unreadable,
        });
        true
    }
}

impl ServiceState {
    /// Counts a service's own metrics for the objectives of real traffic.
    pub(super) fn take_metrics(&mut self, at: Timestamp, metrics: &ServiceMetrics) {
        for objective in &mut self.objectives {
            if objective.traffic.is_none() {
                continue;
            }
            let state = Arc::make_mut(objective);
            let objective = state.tracker.objective().clone();
            let Some(traffic) = state.traffic.as_deref_mut() else {
                continue;
            };
            for (at, tally) in traffic.take(&objective, at, metrics) {
                state.tracker.add(0, at, Some(tally));
            }
        }
    }
}

/// The values that an objective reads from its service's metrics, or what is missing.
fn reading(sli: Sli, metrics: &ServiceMetrics) -> Result<Reading, String> {
    let number = |role: Role| metrics.number(role);
    let needed = |role: Role| {
        let missing = || format!("the metrics have no `{}`", role.name());
        number(role).ok_or_else(missing)
    };
    match sli {
        Sli::Latency { below, .. } => {
            let missing = || format!("the metrics have no `{}`", Role::RequestDuration.name());
            let histogram = metrics.histogram(Role::RequestDuration);
            let histogram = histogram.ok_or_else(missing)?;
            Ok(Reading {
                all: Some(histogram.counts.iter().sum::<u64>() as f64),
                part: Some(within(histogram, below)?),
            })
        }
        Sli::Throughput(_) => Ok(Reading {
            all: Some(needed(Role::Requests)?),
            part: number(Role::Errors),
        }),
        Sli::Availability | Sli::Success | Sli::Freshness => Ok(Reading {
            all: Some(needed(Role::Requests)?),
            part: Some(needed(Role::Errors)?),
        }),
    }
}

/// The number of requests that took at most `below`.
fn within(histogram: &HistogramView, below: Duration) -> Result<f64, String> {
    let below = below.as_secs_f64();
    let bounds = &histogram.bounds;
    if let Some(at) = bounds.iter().position(|bound| is_same(*bound, below)) {
        return Ok(histogram.counts[..=at].iter().sum::<u64>() as f64);
    }
    let next = bounds.partition_point(|bound| *bound < below);
    if bounds.is_empty() {
        let role = Role::RequestDuration.name();
        return Err(format!("the series of `{role}` have no bucket in common"));
    }
    let near = bounds[next.saturating_sub(1)..bounds.len().min(next + 1)].iter();
    let near: Vec<_> = near.map(|bound| format!("{bound}s")).collect();
    Err(format!(
        "no bucket of `{}` ends at {below}s; the nearest are {}",
        Role::RequestDuration.name(),
        near.join(" and ")
    ))
}

fn is_same(bound: f64, seconds: f64) -> bool {
    (bound - seconds).abs() <= 1e-9 * seconds
}

/// The series that the two counters of a [`Reading`] are restored from.
type TrafficSeries = [Option<SeriesId>; 2];

/// Finds the series of objectives of real traffic in a store.
pub struct TrafficHistory {
    ids: BTreeMap<SeriesKey, SeriesId>,
}

impl TrafficHistory {
    /// Finds the series of the services' own metrics.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let series = store.series()?.into_iter();
        let own = series.filter(|info| info.key.name().starts_with("slod_service_"));
        Ok(Self {
            ids: own.map(|info| (info.key, info.id)).collect(),
        })
    }

    /// Returns the tallies of an objective of real traffic in `from..to`, in order of time; empty
    /// for other objectives.
    pub fn tallies(
        &self,
        store: &Store,
        service: &str,
        objective: &Objective,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        if objective.source != EventSource::Metrics {
            return Ok(Vec::new());
        }
        let [all, part] = self.kept(service, objective.sli);
        let mut readings: BTreeMap<Timestamp, Reading> = BTreeMap::new();
        let mut read = |id: Option<SeriesId>, take: fn(&mut Reading, f64)| {
            let Some(id) = id else { return Ok(()) };
            store.for_each_point(id, from, to, |point| {
                take(readings.entry(point.at).or_default(), point.last);
                true
            })
        };
        read(all, |reading, value| reading.all = Some(value))?;
        read(part, |reading, value| reading.part = Some(value))?;
        let mut counter = TrafficCounter::default();
        let tallies = readings.into_iter();
        let tallies = tallies.flat_map(|(at, reading)| counter.take(objective.sli, at, reading));
        Ok(tallies.collect())
    }

    fn kept(&self, service: &str, sli: Sli) -> TrafficSeries {
        let id = |name: &str| {
            let key = SeriesKey::new(name, [("service", service)]);
            self.ids.get(&key).copied()
        };
        match sli {
            Sli::Latency { below, .. } => [
                id("slod_service_request_duration_seconds_count"),
                self.bucket(service, below.as_secs_f64()),
            ],
            Sli::Throughput(_) | Sli::Availability | Sli::Success | Sli::Freshness => [
                id("slod_service_requests_total"),
                id("slod_service_errors_total"),
            ],
        }
    }

    fn bucket(&self, service: &str, below: f64) -> Option<SeriesId> {
        let ends_there = |key: &SeriesKey| {
            let bound = key.label("le").and_then(|bound| bound.parse().ok());
            key.name() == "slod_service_request_duration_seconds_bucket"
                && key.label("service") == Some(service)
                && bound.is_some_and(|bound| is_same(bound, below))
        };
        let mut found = self.ids.iter().filter(|(key, _)| ends_there(key));
        found.next().map(|(_, id)| *id)
    }
}
