//! The live state of one probe: counters of this process, and the state that survives it.

use super::attempts::Attempts;
use super::llm::LlmCounters;
use super::snapshot::{
    AttemptView, LastOutcome, ProbeAttempts, ProbeView, QUANTILES, Quantiles, RECENT_FAILURES,
};
use super::transitions::Failing;
use crate::config::ProbeSpec;
use crate::outcome::{
    Cause, CodeOf, DurationOf, Event, Measures, Outcome, ProbeKey, Record, Timestamp, Verdict,
    VoidReason,
};
use crate::stats::exponential;
use crate::stats::quantile::{Histogram, Latencies};
use crate::stats::scale::Scale;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct ProbeState {
    pub(super) key: ProbeKey,
    /// Whether the probe belongs to another service, which reports it, and only counts for
    /// objectives here.
    pub(super) borrowed: bool,
    kind: &'static str,
    pub(super) measures: &'static Measures,
    target: Arc<str>,
    pub(super) interval: Duration,
    timeout: Duration,
    pub(super) bounds: Arc<[Duration]>,
    /// Counters since the process started.
    pub(super) runs: u64,
    pub(super) failures: Reasons<{ Cause::ALL.len() }>,
    pub(super) voids: Reasons<{ VoidReason::ALL.len() }>,
    pub(super) missed: u64,
    pub(super) buckets: Box<[u64]>,
    /// The same durations in exponential buckets.
    pub(super) durations: Histogram,
    pub(super) duration_sum: Duration,
    /// For a probe that requests a language model.
    pub(super) llm: Option<Arc<LlmCounters>>,
    pub(super) last: Option<LastOutcome>,
    /// Bad outcomes since the last good one.
    pub(super) consecutive_failures: u64,
    /// The time of the first of these.
    failing_since: Option<Timestamp>,
    /// Newest first.
    recent_failures: VecDeque<Arc<LastOutcome>>,
    attempts: Attempts,
    latencies: Latencies,
    /// The earliest tick ever.
    pub(super) first: Option<Timestamp>,
}

impl ProbeState {
    /// `service` is the one that watches the probe.
    pub(super) fn new(spec: &ProbeSpec, service: &str, bounds: Arc<[Duration]>) -> Self {
        Self {
            borrowed: *spec.key.service != *service,
            key: spec.key.clone(),
            kind: spec.kind,
            measures: spec.measures,
            target: spec.probe.target().into(),
            interval: spec.interval,
            timeout: spec.timeout,
            buckets: vec![0; bounds.len() + 1].into(),
            bounds,
            runs: 0,
            failures: Reasons::default(),
            voids: Reasons::default(),
            missed: 0,
            durations: Histogram::default(),
            duration_sum: Duration::ZERO,
            llm: LlmCounters::of(spec).map(Arc::new),
            last: None,
            consecutive_failures: 0,
            failing_since: None,
            recent_failures: VecDeque::new(),
            attempts: Attempts::default(),
            latencies: Latencies::default(),
            first: None,
        }
    }

    /// Counts an outcome of this process.
    pub(super) fn record(&mut self, record: &Record) {
        let Outcome {
            verdict, latency, ..
        } = record.outcome;
        if let Some(llm) = &mut self.llm {
            Arc::make_mut(llm).record(record);
        }
        match verdict {
            Verdict::Good => {}
            Verdict::Bad(cause) => self.failures.add(Cause::ALL, &cause),
            Verdict::Void(why) => {
                self.voids.add(VoidReason::ALL, &why);
                return;
            }
        }
        self.runs += 1;
        self.buckets[self.bounds.partition_point(|bound| *bound < latency)] += 1;
        self.durations
            .add(exponential::code(latency.as_secs_f64()), 1);
        self.duration_sum += latency;
    }

    /// Whether the known rate limits are too old.
    pub(super) fn has_outdated_limits(&self, now: Timestamp) -> bool {
        let llm = self.llm.as_ref();
        llm.is_some_and(|llm| llm.are_limits_outdated(now))
    }

    pub(super) fn forget_limits(&mut self) {
        if let Some(llm) = &mut self.llm {
            Arc::make_mut(llm).forget_limits();
        }
    }

    /// Updates the state that survives the process: the last outcome and the latencies.
    pub(super) fn remember(&mut self, record: &Record, scale: &Scale) {
        self.remember_latency(record.into(), scale);
        self.note(record);
    }

    pub(super) fn remember_latency(&mut self, event: Event, scale: &Scale) {
        if self.borrowed {
            return;
        }
        self.attempts.note(AttemptView {
            at: event.at,
            verdict: event.verdict,
            latency: event.latency,
        });
        if let Some(latency) = self.experienced(event.verdict, event.latency) {
            self.latencies.record(event.at, scale.code(latency), 1);
        }
    }

    /// Updates the last outcome and the last failures.
    pub(super) fn note(&mut self, record: &Record) {
        let Record { at, outcome, .. } = record;
        self.first = Some(self.first.map_or(*at, |first| first.min(*at)));
        if !outcome.verdict.counts() {
            return;
        }
        let noted = LastOutcome::of(record);
        if noted.verdict != Verdict::Good {
            self.note_failure(&noted);
        }
        let last = self.last.as_ref();
        let newest = last.is_none_or(|last| last.at <= *at);
        let failing = last.is_some_and(|last| last.verdict != Verdict::Good);
        match noted.verdict {
            Verdict::Good if newest => {
                self.consecutive_failures = 0;
                self.failing_since = None;
            }
            Verdict::Good => {}
            _ if newest || failing => {
                self.consecutive_failures += 1;
                self.failing_since = Some(self.failing_since.map_or(*at, |since| since.min(*at)));
            }
            _ => {}
        }
        if newest {
            self.last = Some(noted);
        }
    }

    /// `None` unless the last outcome is bad.
    pub(super) fn failing(&self) -> Option<Failing> {
        Some(Failing {
            since: self.failing_since?,
            failures: self.consecutive_failures,
        })
    }

    /// Its newest attempts; `None` for a borrowed probe, and for one that makes no requests.
    pub(super) fn requests(&self) -> Option<ProbeAttempts<'_>> {
        let is_own = !self.borrowed && self.measures.duration == DurationOf::Attempt;
        is_own.then_some(ProbeAttempts {
            name: &self.key.probe,
            is_llm: self.llm.is_some(),
            attempts: &self.attempts,
        })
    }

    /// Adds a failure in order of time: it may arrive late because it waited for the control
    /// probes.
    fn note_failure(&mut self, failure: &LastOutcome) {
        let place = self
            .recent_failures
            .partition_point(|one| one.at > failure.at);
        if self
            .recent_failures
            .get(place)
            .is_none_or(|one| one.at != failure.at)
        {
            self.recent_failures
                .insert(place, Arc::new(failure.clone()));
            self.recent_failures.truncate(RECENT_FAILURES);
        }
    }

    pub(super) fn last_failure(&self) -> Option<&LastOutcome> {
        self.recent_failures.front().map(|failure| &**failure)
    }

    /// The latency as experienced by a user: a failed request counts as at least the timeout.
    /// `None` for outcomes that do not count.
    fn experienced(&self, verdict: Verdict, latency: Duration) -> Option<Duration> {
        match verdict {
            Verdict::Good => Some(latency),
            Verdict::Bad(_) => Some(latency.max(self.timeout)),
            Verdict::Void(_) => None,
        }
    }

    /// Adds an hour's latencies as bucket counts in ascending order, and a number of failures.
    pub(super) fn remember_hour(
        &mut self,
        hour: Timestamp,
        good: &(impl Iterator<Item = (u16, u32)> + Clone),
        bad: u32,
        scale: &Scale,
    ) {
        if self.borrowed {
            return;
        }
        self.latencies.record_sorted(hour, good);
        self.latencies.record(hour, scale.code(self.timeout), bad);
    }

    /// Prepares for adding history up to `now`.
    pub(super) fn anchor(&mut self, now: Timestamp) {
        self.latencies.anchor(now);
    }

    pub(super) fn continue_counters(&mut self, old: &Self) {
        self.runs = old.runs;
        self.failures = old.failures.clone();
        self.voids = old.voids.clone();
        self.missed = old.missed;
        // If the boundaries differ, the histogram restarts.
        if self.bounds == old.bounds {
            self.buckets.clone_from(&old.buckets);
            self.durations.clone_from(&old.durations);
            self.duration_sum = old.duration_sum;
        }
        if let (Some(llm), Some(old)) = (&mut self.llm, &old.llm) {
            Arc::make_mut(llm).continue_from(old);
        }
    }

    /// Continues the state that survives the process.
    pub(super) fn continue_history(&mut self, old: Self) {
        self.last = old.last;
        self.consecutive_failures = old.consecutive_failures;
        self.failing_since = old.failing_since;
        self.recent_failures = old.recent_failures;
        self.attempts = old.attempts;
        self.latencies = old.latencies;
        self.first = old.first;
    }

    pub(super) fn view(&self, now: Timestamp, scale: &Scale, merged: &mut Vec<u32>) -> ProbeView {
        ProbeView {
            key: self.key.clone(),
            kind: self.kind,
            measures: self.measures,
            target: self.target.clone(),
            interval: self.interval,
            runs: self.runs,
            failures: self.failures.counts(),
            voids: self.voids.counts(),
            missed: self.missed,
            last: self.last.clone(),
            failing_since: self.failing_since,
            recent_failures: self.recent_failures.iter().cloned().collect(),
            attempts: self.attempts.iter().collect(),
            timeout: self.timeout,
            quantiles: self.quantiles(now, scale, merged),
        }
    }

    pub(super) fn quantiles(
        &self,
        now: Timestamp,
        scale: &Scale,
        merged: &mut Vec<u32>,
    ) -> Quantiles {
        std::array::from_fn(|span| {
            self.latencies
                .quantiles(span, now, QUANTILES, scale, merged)
        })
    }

    /// The code of the last outcome, if it belongs to this protocol.
    pub(super) fn last_code(&self, of: CodeOf) -> Option<u32> {
        let last = self.last.as_ref()?;
        last.code.filter(|_| self.measures.code == Some(of))
    }
}

impl LastOutcome {
    /// Describes the outcome: by its message, which is more specific than its cause, if it has one.
    pub(super) fn words(&self) -> &str {
        let message = self.message.as_deref();
        message.unwrap_or_else(|| self.verdict.label())
    }

    fn of(record: &Record) -> Self {
        let Outcome {
            verdict,
            latency,
            measured,
            figures,
            code,
            detail,
        } = &record.outcome;
        Self {
            at: record.at,
            verdict: *verdict,
            latency: *latency,
            measured: *measured,
            figures: *figures,
            code: *code,
            tls_not_after: detail.tls_not_after,
            tls_lifetime: detail.tls_lifetime,
            message: detail.message.clone(),
        }
    }
}

/// Counts by reason, in the order of its closed set. Nothing is allocated before the first one, as most
/// probes have none, and a probe is copied with every outcome.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons<const N: usize>(Option<Box<[u64; N]>>);

impl<const N: usize> Reasons<N> {
    fn add<T: PartialEq>(&mut self, all: &[T], reason: &T) {
        if let Some(at) = all.iter().position(|known| known == reason) {
            self.0.get_or_insert_with(|| Box::new([0; N]))[at] += 1;
        }
    }

    pub(super) fn counts(&self) -> [u64; N] {
        self.0.as_deref().copied().unwrap_or([0; N])
    }
}
