//! Live state of every service: counters, windows and quantiles, fed outcome by outcome.

use super::snapshot::{
    DAYS, DayView, LastOutcome, ObjectiveView, ProbeView, QUANTILE_SPANS, QUANTILES,
    RECENT_FAILURES, ServiceView, Snapshot, WINDOWS,
};
use crate::config::{Config, ProbeSpec, ServiceSpec};
use crate::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, Why};
use crate::slo::{Objective, Sli, Tracker};
use crate::stats::quantile::Latencies;
use crate::stats::scale::Scale;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Histogram borders that every probe has, in milliseconds; each latency threshold of its service
/// is added, so that "under the threshold" can be read exactly from the exported buckets.
const BOUNDS_MS: [u64; 14] = [
    5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 10_000, 30_000,
];

/// All live state. One task owns it.
#[derive(Debug)]
pub struct Ledger {
    services: Vec<ServiceState>,
    /// Where a probe stands: service, then probe.
    index: HashMap<ProbeKey, (usize, usize)>,
    /// Buckets of all latency quantiles.
    scale: Scale,
}

#[derive(Debug)]
pub(super) struct ServiceState {
    name: Arc<str>,
    description: Arc<str>,
    labels: Arc<[(String, String)]>,
    pub(super) probes: Vec<ProbeState>,
    pub(super) objectives: Vec<ObjectiveState>,
}

#[derive(Debug)]
pub(super) struct ObjectiveState {
    pub(super) tracker: Tracker,
    /// Which of the service's probes count, by position.
    pub(super) counts: Vec<usize>,
    /// What a stored tally that may be used is named; `None` where none may.
    pub(super) tally_key: Option<String>,
    /// Whether its windows were taken over or are still to be read from the store.
    pub(super) restored: bool,
}

#[derive(Debug)]
pub(super) struct ProbeState {
    pub(super) key: ProbeKey,
    kind: &'static str,
    target: Arc<str>,
    pub(super) interval: Duration,
    timeout: Duration,
    bounds: Arc<[Duration]>,
    /// Counters since the process started.
    runs: u64,
    failures: [u64; Cause::ALL.len()],
    voids: [u64; Why::ALL.len()],
    missed: u64,
    buckets: Box<[u64]>,
    duration_sum: Duration,
    last: Option<LastOutcome>,
    /// Newest first.
    recent_failures: VecDeque<Arc<LastOutcome>>,
    latencies: Latencies,
    pub(super) restored: bool,
}

impl Ledger {
    /// Empty state for a config.
    pub fn new(config: &Config) -> Self {
        let services: Vec<_> = config.services.iter().map(ServiceState::new).collect();
        let mut index = HashMap::new();
        for (at, service) in services.iter().enumerate() {
            for (position, probe) in service.probes.iter().enumerate() {
                index.insert(probe.key.clone(), (at, position));
            }
        }
        Self {
            services,
            index,
            scale: Scale::new([]),
        }
    }

    /// Takes one outcome. One of a probe that a reload removed meanwhile is nobody's.
    pub fn record(&mut self, record: &Record) {
        let Some((service, probe)) = self.index.get(&record.key).copied() else {
            return;
        };
        let service = &mut self.services[service];
        service.probes[probe].record(record);
        service.probes[probe].remember(record, &self.scale);
        service.track(probe, record, |_| true);
    }

    /// Counts a tick that could not run in time.
    pub fn missed(&mut self, key: &ProbeKey, ticks: u64) {
        if let Some((service, probe)) = self.index.get(key).copied() {
            self.services[service].probes[probe].missed += ticks;
        }
    }

    /// State for a changed config: what did not change is taken over as it is, with its history
    /// and counters; the rest is marked to be restored.
    #[must_use]
    pub fn reloaded(mut self, config: &Config) -> Self {
        let mut next = Self::new(config);
        for service in &mut next.services {
            let old = self
                .services
                .iter()
                .position(|old| old.name == service.name);
            if let Some(old) = old {
                service.take_over(self.services.swap_remove(old));
            }
        }
        next
    }

    /// The picture of this moment.
    pub fn snapshot(&mut self, now: Timestamp) -> Snapshot {
        let mut merged = Vec::new();
        let scale = &self.scale;
        let services = self
            .services
            .iter_mut()
            .map(|service| service.view(now, scale, &mut merged));
        Snapshot {
            at: now,
            services: services.collect(),
        }
    }

    pub(super) fn services(&self) -> &[ServiceState] {
        &self.services
    }

    pub(super) fn index(&self) -> &HashMap<ProbeKey, (usize, usize)> {
        &self.index
    }

    pub(super) fn parts(&mut self) -> (&mut [ServiceState], &Scale) {
        (&mut self.services, &self.scale)
    }
}

impl ServiceState {
    fn new(spec: &ServiceSpec) -> Self {
        let thresholds: Vec<_> = spec.objectives.iter().filter_map(threshold).collect();
        let probes: Vec<_> = spec
            .probes
            .iter()
            .map(|probe| ProbeState::new(probe, &thresholds))
            .collect();
        let objectives = spec
            .objectives
            .iter()
            .map(|objective| ObjectiveState::new(objective, &probes));
        Self {
            name: spec.name.clone(),
            description: spec.description.as_str().into(),
            labels: spec.labels.as_slice().into(),
            objectives: objectives.collect(),
            probes,
        }
    }

    /// Lets the wanted ones of the objectives that the probe counts for take an outcome.
    pub(super) fn track(
        &mut self,
        probe: usize,
        record: &Record,
        wanted: impl Fn(&ObjectiveState) -> bool,
    ) {
        let Record {
            at,
            interval,
            outcome,
            ..
        } = record;
        for objective in &mut self.objectives {
            if objective.counts.contains(&probe) && wanted(objective) {
                objective
                    .tracker
                    .record(*at, outcome.verdict, outcome.latency, *interval);
            }
        }
    }

    fn take_over(&mut self, mut old: Self) {
        for probe in &mut self.probes {
            if let Some(found) = old.probes.iter().position(|old| old.key == probe.key) {
                probe.take_over(old.probes.swap_remove(found));
            }
        }
        for objective in &mut self.objectives {
            if let Some(found) = old.objectives.iter().position(|old| old.same(objective)) {
                *objective = old.objectives.swap_remove(found);
            }
        }
    }

    fn view(&mut self, now: Timestamp, scale: &Scale, merged: &mut Vec<u32>) -> ServiceView {
        ServiceView {
            name: self.name.clone(),
            description: self.description.clone(),
            labels: self.labels.clone(),
            days: self
                .objectives
                .first()
                .map_or_else(Default::default, |first| first.days(now)),
            probes: self
                .probes
                .iter()
                .map(|probe| probe.view(now, scale, merged))
                .collect(),
            objectives: self
                .objectives
                .iter_mut()
                .map(|objective| objective.view(now))
                .collect(),
        }
    }
}

impl ObjectiveState {
    fn new(objective: &Objective, probes: &[ProbeState]) -> Self {
        let named = |probe: &ProbeState| {
            objective.probes.is_empty()
                || objective
                    .probes
                    .iter()
                    .any(|name| **name == *probe.key.probe)
        };
        let counts: Vec<usize> = (0..probes.len()).filter(|at| named(&probes[*at])).collect();
        let intervals: Vec<_> = counts.iter().map(|at| probes[*at].interval).collect();
        let tracker = Tracker::new(Arc::new(objective.clone()), &intervals);
        Self {
            tally_key: tracker.tally_key().map(|key| key.to_string()),
            tracker,
            counts,
            restored: false,
        }
    }

    /// Whether the other one counts the same things, so that its state can go on.
    fn same(&self, other: &Self) -> bool {
        self.tracker.objective() == other.tracker.objective()
            && self.counts == other.counts
            && self.tracker.intervals().eq(other.tracker.intervals())
    }

    fn days(&self, now: Timestamp) -> [DayView; DAYS] {
        const DAY_MS: i64 = 86_400_000;
        let today = now.0.div_euclid(DAY_MS);
        let counts = self.tracker.days::<DAYS>(now);
        std::array::from_fn(|index| DayView {
            start: Timestamp((today + 1 - (DAYS - index) as i64) * DAY_MS),
            good: counts[index].good,
            bad: counts[index].bad,
        })
    }

    fn view(&mut self, now: Timestamp) -> ObjectiveView {
        self.tracker.close_slices(now);
        let (events, bad_events) = self.tracker.counters();
        let objective = self.tracker.objective();
        let period = self.tracker.view(now, objective.window);
        ObjectiveView {
            objective: objective.clone(),
            events,
            bad_events,
            windows: WINDOWS.map(|(_, window)| self.tracker.view(now, window)),
            budget_remaining: self.tracker.remaining(&period),
            exhaustion: self.tracker.exhaustion(now, &period),
            period,
        }
    }
}

impl ProbeState {
    fn new(spec: &ProbeSpec, thresholds: &[Duration]) -> Self {
        let mut bounds: Vec<_> = BOUNDS_MS.map(Duration::from_millis).into();
        bounds.extend_from_slice(thresholds);
        bounds.sort_unstable();
        bounds.dedup();
        Self {
            key: spec.key.clone(),
            kind: spec.kind,
            target: spec.probe.target().into(),
            interval: spec.interval,
            timeout: spec.timeout,
            buckets: vec![0; bounds.len() + 1].into(),
            bounds: bounds.into(),
            runs: 0,
            failures: [0; Cause::ALL.len()],
            voids: [0; Why::ALL.len()],
            missed: 0,
            duration_sum: Duration::ZERO,
            last: None,
            recent_failures: VecDeque::new(),
            latencies: Latencies::default(),
            restored: false,
        }
    }

    /// Counts an outcome that happened in this process.
    fn record(&mut self, record: &Record) {
        let Outcome {
            verdict, latency, ..
        } = record.outcome;
        match verdict {
            Verdict::Good => {}
            Verdict::Bad(cause) => count(&mut self.failures, Cause::ALL, &cause),
            Verdict::Void(why) => {
                count(&mut self.voids, Why::ALL, &why);
                return;
            }
        }
        self.runs += 1;
        self.buckets[self.bounds.partition_point(|bound| *bound < latency)] += 1;
        self.duration_sum += latency;
    }

    /// Keeps what outlives the process: the last outcome and the latencies.
    pub(super) fn remember(&mut self, record: &Record, scale: &Scale) {
        let Record { at, outcome, .. } = record;
        if let Some(latency) = self.felt(outcome) {
            self.latencies.record(*at, scale.code(latency), 1);
        }
        if outcome.verdict.counts() && self.last.as_ref().is_none_or(|last| last.at <= *at) {
            let last = LastOutcome::of(record);
            if last.verdict != Verdict::Good {
                self.recent_failures.push_front(Arc::new(last.clone()));
                self.recent_failures.truncate(RECENT_FAILURES);
            }
            self.last = Some(last);
        }
    }

    /// Latency as a user would feel it: a failed request is never fast, so it counts as at least
    /// the timeout. `None` for what does not count.
    fn felt(&self, outcome: &Outcome) -> Option<Duration> {
        match outcome.verdict {
            Verdict::Good => Some(outcome.latency),
            Verdict::Bad(_) => Some(outcome.latency.max(self.timeout)),
            Verdict::Void(_) => None,
        }
    }

    /// Adds an hour's latencies that are known as bucket counts and a number of failures.
    pub(super) fn remember_hour(
        &mut self,
        hour: Timestamp,
        good: impl Iterator<Item = (u16, u32)>,
        bad: u32,
        scale: &Scale,
    ) {
        for (code, count) in good {
            self.latencies.record(hour, code, count);
        }
        self.latencies.record(hour, scale.code(self.timeout), bad);
    }

    fn take_over(&mut self, old: Self) {
        self.runs = old.runs;
        self.failures = old.failures;
        self.voids = old.voids;
        self.missed = old.missed;
        self.last = old.last;
        self.recent_failures = old.recent_failures;
        self.latencies = old.latencies;
        self.restored = old.restored;
        // Other borders cannot be filled from the old buckets, so that histogram starts anew.
        if self.bounds == old.bounds {
            self.buckets = old.buckets;
            self.duration_sum = old.duration_sum;
        }
    }

    fn view(&self, now: Timestamp, scale: &Scale, merged: &mut Vec<u32>) -> ProbeView {
        let mut quantiles = [[None; QUANTILES.len()]; QUANTILE_SPANS.len()];
        for (span, told) in quantiles.iter_mut().enumerate() {
            *told = self
                .latencies
                .quantiles(span, now, QUANTILES, scale, merged);
        }
        ProbeView {
            key: self.key.clone(),
            kind: self.kind,
            target: self.target.clone(),
            interval: self.interval,
            runs: self.runs,
            failures: self.failures,
            voids: self.voids,
            missed: self.missed,
            last: self.last.clone(),
            recent_failures: self.recent_failures.iter().cloned().collect(),
            bucket_bounds: self.bounds.clone(),
            buckets: self.buckets.clone(),
            duration_sum: self.duration_sum,
            quantiles,
        }
    }
}

impl LastOutcome {
    fn of(record: &Record) -> Self {
        let Outcome {
            verdict,
            latency,
            phases,
            detail,
        } = &record.outcome;
        Self {
            at: record.at,
            verdict: *verdict,
            latency: *latency,
            phases: *phases,
            http_status: detail.http_status,
            tls_not_after: detail.tls_not_after,
            message: detail.message.clone(),
        }
    }
}

fn threshold(objective: &Objective) -> Option<Duration> {
    match objective.sli {
        Sli::Latency { below } => Some(below),
        Sli::Availability | Sli::Success => None,
    }
}

/// Adds one at the reason's place in its closed set.
fn count<T: PartialEq>(counts: &mut [u64], all: &[T], reason: &T) {
    if let Some(at) = all.iter().position(|known| known == reason) {
        counts[at] += 1;
    }
}
