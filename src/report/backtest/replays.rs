//! Replay of one service's objectives. Pure.

use super::past;
use crate::alert::{AlertPolicy, AlertRules, AlertTimeline, MaintenanceFailures, Replay};
use crate::config::ServiceSpec;
use crate::ledger::TrafficHistory;
use crate::outcome::{Event, Timestamp, Verdict, millis};
use crate::report::scenario::Scenario;
use crate::slo::correction::{CorrectedTime, Spans};
use crate::slo::{EventSource, Sli, Tally, Throughput};
use crate::store::{Store, StoreError};
use crate::units::whole;
use std::sync::Arc;
use std::time::Duration;

/// Replays of all objectives of a service.
pub(super) struct Replays<'a> {
    service: &'a ServiceSpec,
    each: Vec<Replay>,
    /// Per objective, the index among its contributing probes of each probe that the service watches.
    pub(super) places: Vec<Vec<Option<usize>>>,
    /// The maximum of [`Replay::after`].
    pub(super) after: Duration,
    /// The longest window of any condition.
    pub(super) longest: Duration,
    /// When all objectives are excluded by corrections.
    maintenance: Spans,
    maintained: MaintenanceFailures,
    outcomes: u64,
}

/// Result of replaying one service.
pub(super) struct ReplayedService {
    pub(super) service: Arc<str>,
    pub(super) outcomes: u64,
    /// Fired alerts.
    pub(super) timelines: Vec<AlertTimeline>,
    pub(super) maintained: MaintenanceFailures,
}

impl<'a> Replays<'a> {
    pub(super) fn new(
        service: &'a ServiceSpec,
        rules: &AlertRules,
        time: &CorrectedTime<'_>,
        gaps: &Spans,
        (from, to): (Timestamp, Timestamp),
    ) -> Self {
        let watched = service.watched().count();
        let (mut each, mut places) = (Vec::new(), Vec::new());
        let nothing = AlertPolicy::new([]);
        let (mut after, mut longest) = (Replay::after(&nothing), nothing.longest());
        let mut maintenance = None;
        for objective in &service.objectives {
            let (counts, contributing) = service.contributing(objective);
            let place = |probe| counts.iter().position(|at| *at == probe);
            places.push((0..watched).map(place).collect());
            let begin = objective.horizon(from).0;
            let corrected = time.spans(&service.name, &objective.name, begin, to);
            maintenance = Some(match maintenance {
                None => Spans::clone(&corrected),
                Some(all) => corrected.intersection(&all),
            });
            let policy = rules.policy(&service.name, &objective.name).clone();
            let replay = Replay::new(
                service.name.clone(),
                objective.clone(),
                contributing,
                Spans::clone(&corrected),
                from,
            );
            after = after.max(Replay::after(&policy));
            longest = longest.max(policy.longest());
            each.push(replay.with_policy(policy).with_gaps(gaps));
        }
        Self {
            service,
            each,
            places,
            after,
            longest,
            maintenance: maintenance.unwrap_or_default(),
            maintained: MaintenanceFailures::default(),
            outcomes: 0,
        }
    }

    /// Sets when the probes of each objective were configured.
    pub(super) fn note_presence(&mut self, store: &Store) -> Result<(), StoreError> {
        for (replay, places) in self.each.iter_mut().zip(&self.places) {
            let probes = self.service.watched().zip(places);
            let counting = probes.filter(|(_, place)| place.is_some());
            let presence = counting.map(|(spec, _)| store.presence(&spec.key));
            let presence: Vec<_> = presence.collect::<Result<_, _>>()?;
            replay.watched_by(&presence);
        }
        Ok(())
    }

    /// Keys of each objective's stored tallies.
    pub(super) fn tally_keys(&self) -> Vec<Option<String>> {
        let key = |replay: &Replay| replay.tally_key().map(|key| key.to_string());
        self.each.iter().map(key).collect()
    }

    pub(super) fn feed(&mut self, events: &[(usize, Event)]) {
        self.outcomes += events.len() as u64;
        let own = self.service.probes.len();
        for (_, event) in events.iter().filter(|(probe, _)| *probe < own) {
            if matches!(event.verdict, Verdict::Bad(_)) {
                let is_within = self.maintenance.contains(event.at);
                self.maintained.failed(event.at, is_within);
            }
        }
        for (replay, places) in self.each.iter_mut().zip(&self.places) {
            for (probe, event) in events {
                if let Some(place) = places[*probe] {
                    replay.record(place, *event);
                }
            }
        }
    }

    /// Feeds synthetic real requests; those of one scrape interval all succeed or all fail.
    pub(super) fn feed_traffic(&mut self, scenario: &Scenario, to: Timestamp) {
        let metrics = self.service.metrics.as_ref();
        let Some(interval) = metrics.map(|metrics| metrics.interval) else {
            return;
        };
        for (replay, objective) in self.each.iter_mut().zip(&self.service.objectives) {
            if objective.source != EventSource::Metrics {
                continue;
            }
            let requests = requests(objective.sli, interval);
            let scrapes = (0..).map(|number| Timestamp(millis(interval) * number));
            for at in scrapes.take_while(|at| *at < to) {
                let (good, bad) = if scenario.fails(at, interval) {
                    (0, requests)
                } else {
                    (requests, 0)
                };
                let tally = Tally {
                    good,
                    bad,
                    void: 0,
                    covered_ms: millis(interval).unsigned_abs(),
                };
                replay.add(0, at, Some(tally));
                self.outcomes += 1;
            }
        }
    }

    pub(super) fn add_quiet_hour(&mut self, start: Timestamp, hour: &past::Hour) {
        self.outcomes += hour.outcomes;
        for (replay, counts) in self.each.iter_mut().zip(&hour.counts) {
            replay.quiet_hour(start, counts);
        }
    }

    /// Adds the stored counts of real requests.
    pub(super) fn add_traffic(
        &mut self,
        store: &Store,
        history: &TrafficHistory,
        span: (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        for (replay, objective) in self.each.iter_mut().zip(&self.service.objectives) {
            for (at, tally) in history.tallies(store, &self.service.name, objective, span)? {
                replay.add(0, at, Some(tally));
                self.outcomes += 1;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, end: Timestamp) -> ReplayedService {
        let each = self.each.into_iter();
        ReplayedService {
            service: self.service.name.clone(),
            outcomes: self.outcomes,
            timelines: each.flat_map(|replay| replay.finish(end)).collect(),
            maintained: self.maintained,
        }
    }

    /// Whether the counts of an hour are sufficient for all objectives and contain nothing bad.
    pub(super) fn are_quiet(&self, hour: &past::Hour) -> bool {
        let mut each = self.each.iter().zip(&hour.counts);
        each.all(|(replay, counts)| replay.is_quiet(counts))
    }
}

/// Number of real requests between two scrapes: one, or twice as many as a throughput objective needs.
fn requests(sli: Sli, interval: Duration) -> u32 {
    match sli {
        Sli::Throughput(Throughput { at_least, .. }) => {
            let needed = 2.0 * at_least.per_second() * interval.as_secs_f64();
            u32::try_from(whole(needed.ceil())).unwrap_or(u32::MAX)
        }
        _ => 1,
    }
}
