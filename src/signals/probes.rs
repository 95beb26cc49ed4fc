//! The recent history of a service's probe outcomes.

use super::counts::{Counts, DRIFT_WINDOW, DRIFT_WINDOWS};
use super::provider::ProviderHistory;
use crate::outcome::{Cause, Timestamp, Verdict, millis};
use crate::signal::{HOUR, Keep, Track};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of latencies kept per window.
const LATENCIES_MAX: usize = 4096;

/// An attempt of one of the service's own probes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    pub probe: &'a Arc<str>,
    pub at: Timestamp,
    pub verdict: Verdict,
    pub latency: Duration,
    /// Whether it requests a language model.
    pub is_llm: bool,
}

#[derive(Debug)]
pub(super) struct ProbesHistory {
    /// The time of the last attempt taken, by probe.
    taken: Vec<(Arc<str>, Timestamp)>,
    /// The current window, and its latencies in seconds.
    open: Option<i64>,
    latencies: Vec<f32>,
    pub(super) p95: Track,
    pub(super) errors: Counts,
    pub(super) timeouts: Track,
    /// Whether all probes request language models.
    pub(super) are_of_providers: bool,
    /// The history of each probe that requests a language model.
    pub(super) providers: BTreeMap<Arc<str>, ProviderHistory>,
}

impl Default for ProbesHistory {
    fn default() -> Self {
        Self {
            taken: Vec::new(),
            open: None,
            latencies: Vec::new(),
            p95: Track::new(DRIFT_WINDOW, DRIFT_WINDOWS, Keep::Mean),
            errors: Counts::default(),
            timeouts: Track::by_minute(HOUR, Keep::Sum),
            are_of_providers: false,
            providers: BTreeMap::new(),
        }
    }
}

impl ProbesHistory {
    /// The time of the last attempt of a probe that was taken.
    pub(super) fn taken(&self, probe: &str) -> Option<Timestamp> {
        let mut taken = self.taken.iter();
        let known = taken.find(|(name, _)| **name == *probe);
        known.map(|(_, at)| *at)
    }

    /// Takes an attempt, in order of time. Attempts of a language model are only counted for the
    /// service if it has no other probes.
    pub(super) fn take(&mut self, attempt: Attempt<'_>, counts_llm: bool) {
        let Attempt {
            probe, at, verdict, ..
        } = attempt;
        match self.taken.iter_mut().find(|(name, _)| name == probe) {
            Some((_, taken)) => *taken = at,
            None => self.taken.push((probe.clone(), at)),
        }
        if !verdict.counts() {
            return;
        }
        let is_good = verdict == Verdict::Good;
        let seconds = attempt.latency.as_secs_f64();
        if attempt.is_llm {
            let provider = self.providers.entry(probe.clone()).or_default();
            provider.take(
                at,
                Some(f64::from(u8::from(!is_good))),
                Some(1.0),
                is_good.then_some(seconds),
            );
            self.are_of_providers = counts_llm;
            if !counts_llm {
                return;
            }
        }
        self.close(at);
        self.errors.add(at, u64::from(!is_good), 1);
        let timed_out = verdict == Verdict::Bad(Cause::Timeout);
        self.timeouts.take(at, Some(f64::from(u8::from(timed_out))));
        if is_good && self.latencies.len() < LATENCIES_MAX {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "seven digits are enough for a trend"
            )]
            self.latencies.push(seconds as f32);
        }
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        self.close(now);
        self.errors.advance(now);
        self.p95.take(now, None);
        self.timeouts.take(now, None);
        for provider in self.providers.values_mut() {
            provider.advance(now);
        }
    }

    /// Removes probes that are no longer configured.
    pub(super) fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.taken.retain(|(name, _)| is_known(name));
        self.providers.retain(|name, _| is_known(name));
    }

    /// Completes the current window if `at` is after it.
    fn close(&mut self, at: Timestamp) {
        let width = millis(DRIFT_WINDOW);
        let window = at.0.div_euclid(width);
        let Some(open) = self.open.filter(|open| *open < window) else {
            self.open = self.open.or(Some(window));
            return;
        };
        let start = Timestamp(open.saturating_mul(width));
        self.p95.take(start, p95(&mut self.latencies));
        // Windows are usually small; memory needed for a burst is released.
        self.latencies = Vec::new();
        self.open = Some(window);
    }

    /// The size in bytes with this many latencies per window.
    #[cfg(test)]
    pub(super) fn size(&self, latencies: usize) -> usize {
        let providers: usize = self.providers.values().map(ProviderHistory::size).sum();
        let own = size_of::<Self>() - 2 * size_of::<Track>() - size_of::<Counts>();
        own + self.p95.size()
            + self.timeouts.size()
            + Counts::size()
            + latencies.next_power_of_two() * size_of::<f32>()
            + providers
    }
}

/// By the nearest-rank method.
fn p95(latencies: &mut [f32]) -> Option<f64> {
    latencies.sort_unstable_by(f32::total_cmp);
    let rank = (latencies.len() * 95).div_ceil(100);
    latencies
        .get(rank.checked_sub(1)?)
        .map(|one| f64::from(*one))
}
