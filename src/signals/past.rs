//! Restores the histories of a daemon that starts, from the samples and outcomes of the last hours
//! in the store, so that trends continue immediately. Restarting slod does not restart the observed
//! services.

mod host;
mod series;

pub use host::replay_host;
pub(super) use series::Place;
pub use series::StoredSeries;

use super::numbers::{ContainerNumbers, MetricNumbers, ProcessNumbers};
use super::probes::Attempt;
use super::service::ServiceHistory;
use super::usual::HourlyPast;
use super::watcher::{LLM, Watcher, counts_llm, reported_after};
use crate::alert::SignTimings;
use crate::config::{Config, ServiceSpec};
use crate::outcome::{DurationOf, Record, Timestamp, millis};
use crate::sample::Sample;
use crate::signal::{Finding, SignalKind, kinds};
use crate::slo::correction::CorrectedTime;
use crate::store::{SeriesId, Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trends are evaluated over two hours, and confirmed over a third.
const SERVICES_BACK: Duration = Duration::from_hours(3);
/// Number of services read at a time: their samples of an hour are in memory together.
const BATCH: usize = 100;
/// Services not read within this time start with empty histories.
const BUDGET: Duration = Duration::from_secs(5);
/// Time between two evaluations of trends.
const STEP: Duration = Duration::from_mins(5);

/// The sampled values of a service at one time.
#[derive(Debug, Default)]
struct SampledNumbers {
    metrics: Option<MetricNumbers>,
    processes: BTreeMap<Arc<str>, ProcessNumbers>,
    containers: BTreeMap<Arc<str>, ContainerNumbers>,
}

impl SampledNumbers {
    fn set(&mut self, place: &Place, value: f64) {
        match place {
            Place::Metric(one) => self.metrics.get_or_insert_default().set(*one, value),
            Place::Process(name, one) => {
                let known = self.processes.entry(name.clone());
                known.or_default().set(*one, value);
            }
            Place::Container(name, one) => {
                let known = self.containers.entry(name.clone());
                known.or_default().set(*one, value);
            }
        }
    }

    fn feed(&self, at: Timestamp, history: &mut ServiceHistory) {
        if let Some(metrics) = &self.metrics {
            history.take_metrics(at, metrics);
        }
        for (name, process) in &self.processes {
            history.take_process(name, at, process);
        }
        for (name, container) in &self.containers {
            history.take_container(name, at, container);
        }
    }
}

/// Fills the histories of a daemon that starts at `now`.
pub(super) fn recall(
    watcher: &mut Watcher,
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    recall_within(BUDGET, watcher, config, store, now)
}

fn recall_within(
    budget: Duration,
    watcher: &mut Watcher,
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let started = Instant::now();
    let kept = StoredSeries::of(store)?;
    host::recall_host(watcher.host(), &kept, &config.signals, store, now)?;
    for specs in config.services.chunks(BATCH) {
        if started.elapsed() > budget {
            tracing::info!(
                "the history of some services was not loaded in time: their trends start anew"
            );
            break;
        }
        recall_services(watcher, specs, &kept, store, now)?;
    }
    let took = started.elapsed();
    tracing::debug!("loaded the history of trends in {} ms", took.as_millis());
    Ok(())
}

/// Returns when each service was last deployed within the time that trends look back.
pub(super) fn deploys(
    store: &Store,
    now: Timestamp,
) -> Result<BTreeMap<Arc<str>, Timestamp>, StoreError> {
    let span = (now.before(SERVICES_BACK), now);
    let mut last = BTreeMap::new();
    for marker in store.markers(None, span, MAX_DEPLOYS)? {
        last.entry(marker.service.as_str().into())
            .or_insert(marker.at);
    }
    Ok(last)
}

fn hours(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
    std::iter::successors(Some(from.hour()), |hour| Some(hour.after(HOUR)))
        .take_while(move |hour| *hour <= to)
}

fn recall_services(
    watcher: &mut Watcher,
    specs: &[ServiceSpec],
    kept: &StoredSeries,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = now.before(SERVICES_BACK);
    let nothing = BTreeMap::new();
    let places = |spec: &ServiceSpec| kept.by_service.get(&spec.name).unwrap_or(&nothing);
    let wanted: BTreeSet<SeriesId> = specs
        .iter()
        .flat_map(|spec| places(spec).keys().copied())
        .collect();
    for hour in hours(from, now) {
        let samples: BTreeMap<SeriesId, Vec<Sample>> =
            store.samples_of_hour(hour, &wanted)?.into_iter().collect();
        let span = (hour.max(from), hour.after(HOUR).min(now));
        for spec in specs {
            let rows = rows(places(spec), &samples, span);
            let outcomes = outcomes(store, spec, span)?;
            let mut judged = None;
            let mut judge = |history: &mut ServiceHistory, end: Timestamp| {
                // The end of an hour is also the end of a step.
                if end >= now.before(HOUR) && end.0.rem_euclid(millis(STEP)) == 0 {
                    history.move_on(end, end, spec);
                    history.judge_trends(&spec.signals);
                    judged = Some(end);
                }
            };
            let past = Past { rows, outcomes };
            let history = watcher.service(&spec.name);
            past.replay(history, spec, (span, STEP), &mut judge);
            watcher.set_judged(judged);
        }
    }
    // Processes may have been gone for longer than trends look back.
    for spec in specs {
        for (name, at) in kept.seen.get(&spec.name).into_iter().flatten() {
            watcher.service(&spec.name).take_seen(name, *at);
        }
    }
    Ok(())
}

/// Time between two evaluations of a stored history.
const EVERY: Duration = Duration::from_mins(1);
/// Maximum number of deployments read, the latest ones; trends start anew after a deployment.
const MAX_DEPLOYS: u32 = 10_000;
/// The length of history held in memory at a time.
const CHUNK: Duration = Duration::from_hours(24);

/// Signs without stored history: they depend on the last outcomes and scrapes only.
pub const NOT_REPLAYED: [&SignalKind; 4] = [
    &kinds::METRICS_UNREADABLE,
    &kinds::RATE_LIMIT_NEAR,
    &kinds::CERTIFICATE_ENDING,
    &kinds::COVERAGE_LOST,
];

/// Evaluates the signs of one service over the stored history of `from..to`, once a minute, with
/// the rules and histories of the running daemon. Excludes the signs in [`NOT_REPLAYED`].
pub fn replay(
    store: &Store,
    kept: &StoredSeries,
    spec: &ServiceSpec,
    (timings, time): (&SignTimings, &CorrectedTime<'_>),
    (from, to): (Timestamp, Timestamp),
    visit: &mut dyn FnMut(Timestamp, Vec<Finding>),
) -> Result<(), StoreError> {
    let nothing = BTreeMap::new();
    let places = kept.by_service.get(&spec.name).unwrap_or(&nothing);
    let mut history = ServiceHistory::new(spec.name.clone());
    let first = from.before(SERVICES_BACK);
    let deploys = store.markers(Some(&spec.name), (first, to), MAX_DEPLOYS)?;
    let slos = spec.objectives.iter().map(|one| one.name.as_str());
    // The end of a span is exclusive, and the last evaluation is at `to`.
    let maintenance = time.maintenance(&spec.name, slos, first, Timestamp(to.0 + 1));
    history.reported_after = reported_after(timings, &spec.name);
    let mut look = |history: &mut ServiceHistory, at: Timestamp| {
        if let Some(deploy) = deploys.iter().find(|deploy| deploy.at <= at) {
            history.deployed(deploy.at);
        }
        history.is_maintained = maintenance.contains(at);
        history.move_on(at, at, spec);
        if at.0.rem_euclid(millis(STEP)) == 0 {
            history.judge_trends(&spec.signals);
        }
        if at >= from {
            let mut all = history.findings(spec.load.as_deref(), &spec.signals, at);
            all.retain(|one| spec.signals.is_on(one.kind));
            visit(at, all);
        }
    };
    let (mut begin, mut hourly) = (first, HourlyPast::default());
    while begin < to {
        let span = (begin, begin.after(CHUNK).min(to));
        history.usual = hourly.learn(store, kept, spec, begin)?;
        let past = Past {
            rows: all_rows(store, places, span)?,
            outcomes: outcomes(store, spec, span)?,
        };
        past.replay(&mut history, spec, (span, EVERY), &mut look);
        begin = span.1;
    }
    Ok(())
}

/// The samples of a service by time, including days stored at one-minute resolution.
fn all_rows(
    store: &Store,
    places: &BTreeMap<SeriesId, Place>,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, SampledNumbers>, StoreError> {
    let mut rows: BTreeMap<Timestamp, SampledNumbers> = BTreeMap::new();
    for (id, place) in places {
        store.for_each_point(*id, from, to, |point| {
            rows.entry(point.at).or_default().set(place, point.last);
            true
        })?;
    }
    Ok(rows)
}

/// The samples of a service by time.
fn rows(
    places: &BTreeMap<SeriesId, Place>,
    samples: &BTreeMap<SeriesId, Vec<Sample>>,
    (from, to): (Timestamp, Timestamp),
) -> BTreeMap<Timestamp, SampledNumbers> {
    let mut rows: BTreeMap<Timestamp, SampledNumbers> = BTreeMap::new();
    for (id, place) in places {
        let samples = samples.get(id).into_iter().flatten();
        for sample in samples.filter(|one| one.at >= from && one.at < to) {
            rows.entry(sample.at).or_default().set(place, sample.value);
        }
    }
    rows
}

/// The outcomes of a service's own probes that make requests, in order of time, with the index of
/// the probe.
fn outcomes(
    store: &Store,
    spec: &ServiceSpec,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(usize, Record)>, StoreError> {
    let mut all = Vec::new();
    for (at, probe) in spec.probes.iter().enumerate() {
        if probe.measures.duration == DurationOf::Attempt {
            store.for_each_outcome(&probe.key, from, to, &[], |record| all.push((at, record)))?;
        }
    }
    all.sort_by_key(|(_, record)| record.at);
    Ok(all)
}

/// The stored samples and outcomes of a service in a time range.
struct Past {
    rows: BTreeMap<Timestamp, SampledNumbers>,
    outcomes: Vec<(usize, Record)>,
}

impl Past {
    /// Feeds the history in order of time, and calls `look` with it after each step.
    fn replay(
        &self,
        history: &mut ServiceHistory,
        spec: &ServiceSpec,
        (span, width): ((Timestamp, Timestamp), Duration),
        look: &mut dyn FnMut(&mut ServiceHistory, Timestamp),
    ) {
        let counts_llm = counts_llm(spec);
        let mut begin = span.0;
        for end in steps(span, width) {
            for (at, row) in self.rows.range(begin..end) {
                row.feed(*at, history);
            }
            let first = self.outcomes.partition_point(|(_, one)| one.at < begin);
            let last = self.outcomes.partition_point(|(_, one)| one.at < end);
            let attempts = self.outcomes[first..last].iter().map(|(probe, record)| {
                let probe = &spec.probes[*probe];
                Attempt {
                    probe: &probe.key.probe,
                    at: record.at,
                    verdict: record.outcome.verdict,
                    latency: record.outcome.latency,
                    is_llm: probe.kind == LLM,
                }
            });
            history.take_attempts(&attempts.collect::<Vec<_>>(), counts_llm);
            begin = end;
            look(history, end);
        }
    }
}

/// The ends of the steps in a time range: multiples of the width, and the end of the range.
fn steps((from, to): (Timestamp, Timestamp), width: Duration) -> impl Iterator<Item = Timestamp> {
    let ms = millis(width).max(1);
    let first = Timestamp((from.0.div_euclid(ms) + 1) * ms);
    std::iter::successors(Some(first), move |at| Some(at.after(width)))
        .take_while(move |at| *at < to)
        .chain([to])
}

#[cfg(test)]
mod tests;
