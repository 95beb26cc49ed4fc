//! The histories of a daemon that starts, refilled from the store: samples and outcomes of the last
//! hours are there, so trends go on at once. A restart of slod is no restart of what is watched.

mod host;
mod series;

pub use host::replay_host;
pub(super) use series::Place;
pub use series::StoredSeries;

use super::numbers::{ContainerNumbers, MetricNumbers, ProcessNumbers};
use super::probes::Attempt;
use super::service::ServiceHistory;
use super::usual::HourlyPast;
use super::watcher::{LLM, Watcher, counts_llm};
use crate::config::{Config, ServiceSpec};
use crate::outcome::{DurationOf, Record, Timestamp, millis};
use crate::sample::Sample;
use crate::signal::{Finding, SignalKind, kinds};
use crate::store::{SeriesId, Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trends are looked for in two hours, and confirmed for a third.
const SERVICES_BACK: Duration = Duration::from_hours(3);
/// Services that are read together: their samples of an hour are in memory at once.
const TOGETHER: usize = 100;
/// What is not read by then begins anew.
const BUDGET: Duration = Duration::from_secs(5);
/// Between two evaluations of trends.
const STEP: Duration = Duration::from_mins(5);

/// What was sampled of a service at a time.
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
    for specs in config.services.chunks(TOGETHER) {
        if started.elapsed() > budget {
            tracing::info!("the past of some services is not read: their trends begin anew");
            break;
        }
        recall_services(watcher, specs, &kept, store, now)?;
    }
    let took = started.elapsed();
    tracing::debug!("the past of trends was read in {} ms", took.as_millis());
    Ok(())
}

/// When each service was deployed last, of what trends look back on.
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
                // The end of an hour is an end of a step as well.
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
    Ok(())
}

/// Time between two evaluations of a stored past.
const EVERY: Duration = Duration::from_mins(1);
/// Deployments of one service, the latest, that its trends begin anew after.
const MAX_DEPLOYS: u32 = 10_000;
/// What is in memory of it at once.
const CHUNK: Duration = Duration::from_hours(24);

/// Signs of which the store keeps no history: only the last outcomes and scrapes show them.
pub const NOT_REPLAYED: [&SignalKind; 4] = [
    &kinds::METRICS_UNREADABLE,
    &kinds::RATE_LIMIT_NEAR,
    &kinds::CERTIFICATE_ENDING,
    &kinds::COVERAGE_LOST,
];

/// What the signs of one service find in the stored past of `from..to`, once a minute, by the rules and
/// histories of the running daemon. Those of [`NOT_REPLAYED`] are not among them.
pub fn replay(
    store: &Store,
    kept: &StoredSeries,
    spec: &ServiceSpec,
    (from, to): (Timestamp, Timestamp),
    visit: &mut dyn FnMut(Timestamp, Vec<Finding>),
) -> Result<(), StoreError> {
    let nothing = BTreeMap::new();
    let places = kept.by_service.get(&spec.name).unwrap_or(&nothing);
    let mut history = ServiceHistory::new(spec.name.clone());
    let first = from.before(SERVICES_BACK);
    let deploys = store.markers(Some(&spec.name), (first, to), MAX_DEPLOYS)?;
    let mut look = |history: &mut ServiceHistory, at: Timestamp| {
        if let Some(deploy) = deploys.iter().find(|deploy| deploy.at <= at) {
            history.deployed(deploy.at);
        }
        history.move_on(at, at, spec);
        if at.0.rem_euclid(millis(STEP)) == 0 {
            history.judge_trends(&spec.signals);
        }
        if at >= from {
            let mut all = history.findings(spec.load.as_ref(), &spec.signals, at);
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

/// The samples of a service by their times, also of days that are kept by the minute.
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

/// The samples of a service by their times.
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

/// The outcomes of a service's own probes that make requests, in the order of their times, with the
/// place of their probe.
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

/// What the store has of a service in a span.
struct Past {
    rows: BTreeMap<Timestamp, SampledNumbers>,
    outcomes: Vec<(usize, Record)>,
}

impl Past {
    /// Feeds it in the order of time, and lets `look` see the history after each step.
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

/// The ends of the steps of a span: multiples of their width, and its end.
fn steps((from, to): (Timestamp, Timestamp), width: Duration) -> impl Iterator<Item = Timestamp> {
    let ms = millis(width).max(1);
    let first = Timestamp((from.0.div_euclid(ms) + 1) * ms);
    std::iter::successors(Some(first), move |at| Some(at.after(width)))
        .take_while(move |at| *at < to)
        .chain([to])
}

#[cfg(test)]
mod tests;
