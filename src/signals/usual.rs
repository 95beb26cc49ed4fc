//! The usual levels of a service at each time of day, learned from the last weeks in the store.

mod levels;

pub(super) use levels::{EarlierLevels, ProcessLevels};

use super::numbers::MetricNumber;
use super::past::{Place, StoredSeries};
use super::watcher::counts_llm;
use crate::config::{Config, ServiceSpec};
use crate::outcome::{DurationOf, Timestamp, millis};
use crate::signal::rules::{Earlier, Numbers, Usual};
use crate::stats::season::Season;
use crate::store::{SeriesId, Store, StoreError};
use crate::units::{DAY, HOUR};
use levels::{ProcessPast, highest_lows};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BACK: Duration = Duration::from_secs(14 * DAY.as_secs());
/// Services not read within this time come first next time.
const BUDGET: Duration = Duration::from_secs(20);

/// The usual levels of a service; `None` if unknown. Boxed, as many services have none.
#[derive(Debug, Default)]
pub(super) struct UsualValues {
    /// p95 in seconds by its own metrics, and by its probes.
    pub(super) own_p95: Option<Box<LearnedSeason>>,
    pub(super) probes_p95: Option<Box<LearnedSeason>>,
    /// Requests per second.
    pub(super) rate: Option<Box<LearnedSeason>>,
    /// Of a service whose traffic is unknown.
    pub(super) connections: Option<Box<EarlierLevels>>,
    pub(super) processes: BTreeMap<Arc<str>, Box<ProcessLevels>>,
}

impl UsualValues {
    /// The usual p95 at this time of day.
    pub(super) fn p95(&self, by: Numbers, now: Timestamp) -> Option<Usual> {
        let learned = match by {
            Numbers::Own => self.own_p95.as_ref(),
            Numbers::Probes => self.probes_p95.as_ref(),
        };
        learned.map(|one| one.at(now))
    }

    /// The earlier levels of its connections.
    pub(super) fn connections(&self, now: Timestamp) -> Earlier {
        let learned = self.connections.as_ref();
        learned.map_or_else(Earlier::default, |one| one.at(now))
    }

    /// The earlier levels of a group of processes.
    pub(super) fn process(&self, name: &str) -> Option<&ProcessLevels> {
        self.processes.get(name).map(|one| &**one)
    }

    /// Forgets the levels of processes that were replaced.
    pub(super) fn restarted(&mut self, name: &str) {
        self.processes.remove(name);
    }

    /// Forgets the levels before a deployment.
    pub(super) fn deployed(&mut self, at: Timestamp) {
        self.connections.take_if(|one| !one.is_after(at));
        self.processes.retain(|_, one| one.since >= at);
    }
}

/// A seasonal pattern, and the number of days it was learned from.
#[derive(Debug)]
pub(super) struct LearnedSeason {
    season: Season,
    days: u32,
}

impl LearnedSeason {
    /// Learns from hourly values in order of time.
    pub(super) fn of(values: &[(Timestamp, f64)]) -> Option<Self> {
        let (first, last) = (values.first()?.0, values.last()?.0);
        let history: Vec<(Duration, f64)> = values
            .iter()
            .map(|(at, value)| (since_epoch(*at), *value))
            .collect();
        let day = millis(DAY);
        // The number of whole days from the first value to the last, without days that have none.
        let span = (last.0 - first.0 + millis(HOUR)) / day;
        let known: BTreeSet<i64> = values.iter().map(|(at, _)| (last.0 - at.0) / day).collect();
        let days = usize::try_from(span).unwrap_or(0).min(known.len());
        Some(Self {
            season: Season::of(&history)?,
            days: u32::try_from(days).unwrap_or(u32::MAX),
        })
    }

    pub(super) fn at(&self, now: Timestamp) -> Usual {
        Usual {
            band: self.season.band(since_epoch(now)),
            days: self.days,
        }
    }
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

/// The learned levels, and the service to start with next time: `None` if all were learned.
type Learning = (BTreeMap<Arc<str>, UsualValues>, Option<Arc<str>>);

/// Learns the usual levels of each service before `now`, starting with the service `first`. Blocks.
pub(super) fn learn(
    config: &Config,
    store: &Store,
    now: Timestamp,
    first: Option<&str>,
) -> Result<Learning, StoreError> {
    learn_within(BUDGET, config, store, now, first)
}

fn learn_within(
    budget: Duration,
    config: &Config,
    store: &Store,
    now: Timestamp,
    first: Option<&str>,
) -> Result<Learning, StoreError> {
    let started = Instant::now();
    let kept = StoredSeries::of(store)?;
    let mut all = BTreeMap::new();
    let services = &config.services;
    let is_first = |spec: &ServiceSpec| Some(&*spec.name) == first;
    let first = services.iter().position(is_first).unwrap_or(0);
    let (rest, begin) = services.split_at(first);
    for spec in begin.iter().chain(rest) {
        if started.elapsed() > budget {
            tracing::info!(
                "the usual levels of some services were not learned in time and come first next time"
            );
            return Ok((all, Some(spec.name.clone())));
        }
        let usuals = HourlyPast::default().learn(store, &kept, spec, now)?;
        all.insert(spec.name.clone(), usuals);
    }
    Ok((all, None))
}

/// The hourly values of one service from which its usual levels are learned. Learning again reads
/// only the hours since the last time.
#[derive(Debug, Default)]
pub(super) struct HourlyPast {
    own_p95: Hourly,
    rate: Hourly,
    probes_p95: Hourly,
    connections: Hourly,
    processes: BTreeMap<Arc<str>, ProcessPast>,
}

/// Values by the hour, and the time up to which they were read.
#[derive(Debug, Default)]
struct Hourly {
    values: BTreeMap<Timestamp, f64>,
    until: Option<Timestamp>,
}

impl HourlyPast {
    /// Learns from the whole hours before `now`, which must not be before the last call's.
    pub(super) fn learn(
        &mut self,
        store: &Store,
        kept: &StoredSeries,
        spec: &ServiceSpec,
        now: Timestamp,
    ) -> Result<UsualValues, StoreError> {
        let means = |wanted| move |span| of_series(store, kept, spec, wanted, span);
        let mut usual = UsualValues {
            own_p95: self.own_p95.learn(now, means(MetricNumber::P95))?,
            rate: self.rate.learn(now, means(MetricNumber::Rate))?,
            probes_p95: self
                .probes_p95
                .learn(now, |span| of_probes(store, spec, span))?,
            ..UsualValues::default()
        };
        if usual.rate.is_none() {
            self.learn_levels(store, kept, spec, now, &mut usual)?;
        }
        Ok(usual)
    }

    /// Learns the levels of numbers that follow an unknown traffic.
    fn learn_levels(
        &mut self,
        store: &Store,
        kept: &StoredSeries,
        spec: &ServiceSpec,
        now: Timestamp,
        usual: &mut UsualValues,
    ) -> Result<(), StoreError> {
        let deploys = store.markers(Some(&spec.name), (now.before(BACK), now), 1)?;
        let deployed = deploys.first().map_or(Timestamp(0), |last| last.at);
        let id = metric(kept, spec, MetricNumber::Connections);
        let hours = self
            .connections
            .read(now, |span| highest_lows(store, id, span))?;
        usual.connections = EarlierLevels::of(hours, deployed, now.hour()).map(Box::new);
        for process in &spec.processes {
            let past = self.processes.entry(process.name.clone()).or_default();
            let subject = (&*spec.name, &process.name);
            let levels = past.learn(store, kept, subject, deployed, now)?;
            usual
                .processes
                .insert(process.name.clone(), Box::new(levels));
        }
        Ok(())
    }
}

impl Hourly {
    fn learn(
        &mut self,
        now: Timestamp,
        read: impl FnOnce((Timestamp, Timestamp)) -> Result<BTreeMap<Timestamp, f64>, StoreError>,
    ) -> Result<Option<Box<LearnedSeason>>, StoreError> {
        let values = self
            .read(now, read)?
            .iter()
            .map(|(at, value)| (*at, *value));
        let learned = LearnedSeason::of(&values.collect::<Vec<_>>());
        Ok(learned.map(Box::new))
    }

    /// Reads the whole hours before `now` that were not read yet, and returns all.
    fn read(
        &mut self,
        now: Timestamp,
        read: impl FnOnce((Timestamp, Timestamp)) -> Result<BTreeMap<Timestamp, f64>, StoreError>,
    ) -> Result<&BTreeMap<Timestamp, f64>, StoreError> {
        let (from, to) = (now.hour().before(BACK), now.hour());
        self.values = self.values.split_off(&from);
        let new = read((self.until.map_or(from, |until| until.max(from)), to))?;
        self.values.extend(new);
        self.until = Some(to);
        Ok(&self.values)
    }

    fn is_known_since(&self, at: Timestamp) -> bool {
        self.values.range(at..).next().is_some()
    }
}

/// The series of a value of its own metrics.
fn metric(kept: &StoredSeries, spec: &ServiceSpec, wanted: MetricNumber) -> Option<SeriesId> {
    let is_it = |place: &Place| matches!(place, Place::Metric(one) if *one == wanted);
    let id = kept.series(&spec.name, is_it);
    id.filter(|_| spec.metrics.is_some())
}

/// The hourly means of a value of its own metrics.
fn of_series(
    store: &Store,
    kept: &StoredSeries,
    spec: &ServiceSpec,
    wanted: MetricNumber,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, f64>, StoreError> {
    let Some(id) = metric(kept, spec, wanted) else {
        return Ok(BTreeMap::new());
    };
    let mut hours: BTreeMap<Timestamp, (f64, u64)> = BTreeMap::new();
    store.for_each_point(id, from, to, |point| {
        let (sum, count) = hours.entry(point.at.hour()).or_default();
        *sum += point.mean * point.count as f64;
        *count += point.count;
        true
    })?;
    let means = hours
        .into_iter()
        .map(|(at, (sum, count))| (at, sum / count as f64));
    Ok(means.collect())
}

/// The p95 of each hour over the good outcomes of its probes.
fn of_probes(
    store: &Store,
    spec: &ServiceSpec,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, f64>, StoreError> {
    let counts_llm = counts_llm(spec);
    let mut hours: BTreeMap<Timestamp, Vec<(f64, u64)>> = BTreeMap::new();
    for probe in &spec.probes {
        let counts = counts_llm || probe.kind != super::watcher::LLM;
        if !counts || probe.measures.duration != DurationOf::Attempt {
            continue;
        }
        for hour in store.hours(&probe.key, from, to)? {
            let known = hours.entry(hour.start).or_default();
            let scale = hour.scale();
            known.extend(
                hour.histogram
                    .iter()
                    .map(|(code, count)| (scale.middle(*code).as_secs_f64(), u64::from(*count))),
            );
        }
    }
    let each = hours.into_iter();
    Ok(each
        .filter_map(|(at, mut counts)| Some((at, p95(&mut counts)?)))
        .collect())
}

/// By the nearest-rank method.
fn p95(counts: &mut [(f64, u64)]) -> Option<f64> {
    counts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let rank = (total * 95).div_ceil(100);
    let mut passed = 0;
    let found = counts.iter().find(|(_, count)| {
        passed += count;
        passed >= rank
    });
    found.map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_learned_from_three_days_on() {
        let value = |hour: i64| {
            if (8..20).contains(&(hour % 24)) {
                0.4
            } else {
                0.2
            }
        };
        let values = |hours: i64| -> Vec<(Timestamp, f64)> {
            (0..hours)
                .map(|hour| (Timestamp::from_secs(hour * 3600), value(hour)))
                .collect()
        };
        let learned = LearnedSeason::of(&values(24 * 7)).expect("known");
        let noon = learned.at(Timestamp::from_secs((24 * 7 + 13) * 3600));
        let night = learned.at(Timestamp::from_secs((24 * 7 + 2) * 3600));
        assert_eq!((noon.days, noon.band.high, night.band.high), (7, 0.4, 0.2));
        let young = LearnedSeason::of(&values(30)).expect("known");
        assert_eq!(young.at(Timestamp(0)).days, 1);
        assert!(LearnedSeason::of(&[]).is_none());
        let two_hours = [values(1), vec![(Timestamp::from_secs(13 * 86_400), 0.3)]].concat();
        let gap = LearnedSeason::of(&two_hours).expect("known");
        assert_eq!(gap.at(Timestamp(0)).days, 2, "an hour of each");
    }

    #[test]
    fn learning_ends_with_its_time_and_goes_on_where_it_ended() {
        let (_folder, store) = Store::temporary();
        let service = |name| {
            format!(
                "- {{ name: {name}, probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ], objectives: [] }}\n"
            )
        };
        let text = format!("services:\n{}", ["web", "shop"].map(service).concat());
        let config: Config = text.parse().expect("valid");
        let now = Timestamp::from_secs(1_000_000);
        let learned = |budget, first| {
            let (all, next) = learn_within(budget, &config, &store, now, first).expect("reads");
            (all.len(), next)
        };
        assert_eq!(learned(BUDGET, None), (2, None));
        assert_eq!(learned(BUDGET, Some("shop")), (2, None));
        for (first, next) in [(None, "web"), (Some("shop"), "shop"), (Some("gone"), "web")] {
            let ended = learned(Duration::ZERO, first);
            assert_eq!(ended, (0, Some(next.into())), "{first:?}");
        }
    }

    #[test]
    fn the_p95_of_several_histograms_covers_all_of_them() {
        let mut counts = vec![(0.1, 90), (2.0, 4), (0.2, 6)];
        assert_eq!(p95(&mut counts), Some(0.2));
        assert_eq!(p95(&mut [(0.1, 90), (2.0, 10)]), Some(2.0));
        assert_eq!(p95(&mut []), None);
    }
}
