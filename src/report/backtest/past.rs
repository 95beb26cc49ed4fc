//! Replays a store: hours without failures by their counts, all others outcome by outcome.

use super::replays::Replays;
use super::signs::signs;
use super::{Backtest, is_budget};
use crate::alert::{AlertRules, Decisions, Replay};
use crate::config::{Config, ServiceSpec};
use crate::ledger::{TrafficHistory, in_force};
use crate::outcome::{Event, ProbeKey, Timestamp, millis};
use crate::report::walk::each_share;
use crate::slo::HourCounts;
use crate::slo::correction::{CorrectedTime, Spans};
use crate::store::{HourSummary, Store, StoreError};
use crate::units::HOUR_MS;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Maximum number of recorded alerts to compare with: the newest.
const RECORDED: u32 = 100_000;

/// Replays the stored outcomes of `from..to` through a config's objectives, divided among the CPUs by service.
pub fn replayed(
    config: &Config,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
) -> Result<Backtest, StoreError> {
    replay(config, store, (from, to), false)
}

/// The same, also of the warning signs that the stored samples and outcomes would have raised.
pub fn replayed_with_signs(
    config: &Config,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
) -> Result<Backtest, StoreError> {
    replay(config, store, (from, to), true)
}

fn replay(
    config: &Config,
    store: &Store,
    (from, to): (Timestamp, Timestamp),
    with_signs: bool,
) -> Result<Backtest, StoreError> {
    let mut pending: HashMap<ProbeKey, Vec<Event>> = HashMap::new();
    store.for_each_pending(Timestamp(i64::MAX), |record| {
        let event = Event::from(&record);
        pending.entry(record.key).or_default().push(event);
    })?;
    let corrections = in_force(config, store)?;
    let past = Past {
        rules: &config.alerts,
        pending,
        time: CorrectedTime::of(&corrections),
        gaps: store.gaps(from, to)?,
        from,
        to,
    };
    let replayed = each_share(config, store, |reader, services| {
        let traffic = TrafficHistory::of(reader)?;
        let replay = |service| past.replay(reader, &traffic, service);
        let each = services.iter().map(replay);
        each.map(|replays| Ok(replays?.finish(to))).collect()
    })?;
    let mut backtest = Backtest::new(from, to, false);
    let decisions = Decisions {
        silences: store.silences()?,
        ..Decisions::default()
    };
    let signs = if with_signs {
        signs(config, store, (&past.time, &past.gaps), (from, to))?
    } else {
        Vec::new()
    };
    let signs = backtest.add_services(replayed, signs, (decisions, past.gaps), &config.alerts);
    let mut recorded = store.alerts(from, to, RECORDED)?;
    recorded.reverse();
    if with_signs {
        backtest.set_signs(&signs, &recorded);
    }
    recorded.retain(is_budget);
    backtest.compare(&recorded);
    Ok(backtest)
}

/// The stored history.
struct Past<'c> {
    rules: &'c AlertRules,
    /// Outcomes that are not in a block yet, ordered by time.
    pending: HashMap<ProbeKey, Vec<Event>>,
    time: CorrectedTime<'c>,
    /// When alerts were not evaluated.
    gaps: Spans,
    from: Timestamp,
    to: Timestamp,
}

impl Past<'_> {
    /// Replays the history of a service.
    fn replay<'s>(
        &self,
        store: &Store,
        traffic: &TrafficHistory,
        service: &'s ServiceSpec,
    ) -> Result<Replays<'s>, StoreError> {
        let mut replays = Replays::new(
            service,
            self.rules,
            &self.time,
            &self.gaps,
            (self.from, self.to),
        );
        let reaches = service.objectives.iter().map(|one| one.reach());
        let longest = reaches.chain([replays.longest]).max();
        let start = self.from.before(longest.unwrap_or_default());
        replays.note_presence(store)?;
        let hours = self.hours(store, service, &replays, start)?;
        let loud: BTreeSet<i64> = hours
            .iter()
            .filter(|(_, hour)| hour.loud)
            .map(|(at, _)| *at)
            .collect();
        for (number, hour) in &hours {
            let span = number - hours_of(replays.after)..=number + hours_of(Replay::BEFORE);
            if loud.range(span).next().is_some() {
                replays.feed(&self.events(store, service, *number)?);
            } else {
                replays.add_quiet_hour(Timestamp(number * HOUR_MS), hour);
            }
        }
        replays.add_traffic(store, traffic, (start, self.to))?;
        Ok(replays)
    }

    /// All hours with data, and what their counts show.
    fn hours(
        &self,
        store: &Store,
        service: &ServiceSpec,
        replays: &Replays<'_>,
        start: Timestamp,
    ) -> Result<BTreeMap<i64, Hour>, StoreError> {
        let keys = replays.tally_keys();
        let corrected = service.objectives.iter().map(|objective| {
            let begin = objective.horizon(self.from).0;
            self.time
                .spans(&service.name, &objective.name, begin, self.to)
        });
        let corrected: Vec<_> = corrected.collect();
        let is_corrected = |hour: Timestamp| {
            let end = Timestamp(hour.0 + HOUR_MS);
            corrected.iter().any(|spans| spans.overlaps(hour, end))
        };
        let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
        for (probe, spec) in service.watched().enumerate() {
            for summary in store.hours(&spec.key, start, self.to)? {
                let hour = hours.entry(summary.start.0 / HOUR_MS).or_default();
                hour.add(&replays.places, probe, &summary, &keys);
                // A correction may exclude part of the hour.
                hour.loud |= is_corrected(summary.start);
            }
            let pending = self.pending.get(&spec.key).into_iter().flatten();
            for event in pending.filter(|event| event.at >= start && event.at < self.to) {
                hours.entry(event.at.0 / HOUR_MS).or_default().loud = true;
            }
        }
        for hour in hours.values_mut() {
            hour.loud |= !replays.are_quiet(hour);
        }
        Ok(hours)
    }

    /// The outcomes of an hour ordered by time, with the indices of their probes.
    fn events(
        &self,
        store: &Store,
        service: &ServiceSpec,
        number: i64,
    ) -> Result<Vec<(usize, Event)>, StoreError> {
        let start = Timestamp(number * HOUR_MS);
        let (mut events, wanted) = (Vec::new(), service.measurements());
        for (probe, spec) in service.watched().enumerate() {
            store.for_each_event(&spec.key, start, start, &wanted, |event| {
                events.push((probe, event));
            })?;
            let pending = self.pending.get(&spec.key).map_or(&[][..], Vec::as_slice);
            let from = pending.partition_point(|event| event.at < start);
            let late = pending[from..]
                .iter()
                .take_while(|event| event.at.0 < start.0 + HOUR_MS);
            events.extend(late.map(|event| (probe, *event)));
        }
        events.retain(|(_, event)| event.at < self.to);
        events.sort_by_key(|(_, event)| event.at);
        Ok(events)
    }
}

fn hours_of(span: Duration) -> i64 {
    millis(span) / HOUR_MS
}

/// Counts of one hour.
#[derive(Default)]
pub(super) struct Hour {
    /// Whether outcomes must be replayed one by one: something failed, or the counts are not sufficient.
    loud: bool,
    pub(super) outcomes: u64,
    /// Counts per objective.
    pub(super) counts: Vec<HourCounts>,
}

impl Hour {
    /// Adds one probe's hour; `keys` are the keys of each objective's stored tallies.
    fn add(
        &mut self,
        places: &[Vec<Option<usize>>],
        probe: usize,
        summary: &HourSummary,
        keys: &[Option<String>],
    ) {
        let bad: u32 = summary.bad.values().sum();
        self.outcomes += u64::from(summary.good + bad);
        self.counts.resize(places.len(), HourCounts::default());
        let counting = places.iter().enumerate();
        for (at, _) in counting.filter(|(_, places)| places[probe].is_some()) {
            let stored = keys[at].as_deref().and_then(|key| summary.tally(key));
            self.counts[at].add(stored);
        }
    }
}
