//! Metrics of probes that request language models.

mod families;

pub use families::families;
pub(super) use families::write;

use crate::config::ProbeSpec;
use crate::exposition::Samples;
use crate::outcome::{
    Cause, Figure, Measurement, RateLimit, RateLimits, Record, Timestamp, Verdict, millis,
};
use crate::probe::llm::{LlmProbe, Subject};
use crate::probe::of_type;
use crate::stats::exponential;
use crate::stats::quantile::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// OpenTelemetry's bounds of durations in seconds: 0.01, doubled each time.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// OpenTelemetry's bounds of token counts: 1, multiplied by four each time.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// OpenTelemetry's bounds of the server's time per token, and finer ones for fast servers.
const PER_TOKEN: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
];

/// Rate limits become unknown after this many intervals without a response that contains them: the
/// provider refills them, and other clients use them.
const LIMITS_KNOWN_FOR: u32 = 3;

/// Counts of one probe since the process started, and its last rate limits.
#[derive(Clone, Debug)]
pub struct LlmCounters {
    subject: Subject,
    duration_bounds: Box<[f64]>,
    /// By cause; `None` for good attempts.
    durations: BTreeMap<Option<Cause>, Distribution>,
    first_chunk: Distribution,
    first_token: Distribution,
    per_token: Distribution,
    /// Of input, then of output.
    tokens: [Distribution; 2],
    token_sums: [u64; 2],
    /// From the last response that contained any, with the time of its request.
    rate_limits: Option<(Timestamp, RateLimits)>,
    interval: Duration,
}

/// A histogram.
#[derive(Clone, Debug)]
struct Distribution {
    bounds: Box<[f64]>,
    /// One more than there are bounds.
    buckets: Box<[u64]>,
    /// The same values in exponential buckets.
    exponential: Histogram,
    sum: f64,
}

impl Distribution {
    fn new(bounds: &[f64], more: impl Iterator<Item = Duration>) -> Self {
        let mut bounds = bounds.to_vec();
        bounds.extend(more.map(|one| one.as_secs_f64()));
        bounds.sort_unstable_by(f64::total_cmp);
        bounds.dedup();
        Self {
            buckets: vec![0; bounds.len() + 1].into(),
            bounds: bounds.into(),
            exponential: Histogram::default(),
            sum: 0.0,
        }
    }

    fn add(&mut self, value: f64) {
        self.buckets[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.exponential.add(exponential::code(value), 1);
        self.sum += value;
    }

    fn add_all(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.exponential.add_sorted(other.exponential.iter());
        self.sum += other.sum;
    }

    fn write(&self, samples: &mut Samples<'_>) {
        let bounds = self.bounds.iter().copied();
        samples.histogram_with(bounds, &self.buckets, self.sum, &self.exponential);
    }
}

impl LlmCounters {
    /// Creates the counters of a probe that requests a language model. Each latency threshold is a
    /// bucket boundary.
    pub(super) fn of(spec: &ProbeSpec) -> Option<Self> {
        let probe = of_type::<LlmProbe>(&*spec.probe)?;
        let seconds = |bounds: &[f64], of: Option<Measurement>| {
            let thresholds = spec.thresholds.iter().filter(|one| one.of == of);
            Distribution::new(bounds, thresholds.map(|one| one.below))
        };
        let tokens = || Distribution::new(&TOKENS, std::iter::empty());
        let durations = seconds(&SECONDS, None);
        Some(Self {
            subject: probe.subject().clone(),
            duration_bounds: durations.bounds.clone(),
            durations: BTreeMap::from([(None, durations)]),
            first_chunk: seconds(&SECONDS, Some(Measurement::FirstChunk)),
            first_token: seconds(&SECONDS, Some(Measurement::FirstToken)),
            per_token: seconds(&PER_TOKEN, Some(Measurement::PerOutputToken)),
            tokens: [tokens(), tokens()],
            token_sums: [0; 2],
            rate_limits: None,
            interval: spec.interval,
        })
    }

    /// The rate limit with the smallest remaining share, if any is known.
    pub fn tightest_limit(&self) -> Option<&RateLimit> {
        self.rate_limits.as_ref()?.1.tightest()
    }

    /// Whether the rate limits are too old to be known.
    pub(super) fn are_limits_outdated(&self, now: Timestamp) -> bool {
        let known_for = millis(self.interval * LIMITS_KNOWN_FOR);
        // The clock may have been set back.
        let is_long_ago = |at: Timestamp| (now.0 - at.0).abs() > known_for;
        self.rate_limits
            .as_ref()
            .is_some_and(|(at, _)| is_long_ago(*at))
    }

    pub(super) fn forget_limits(&mut self) {
        self.rate_limits = None;
    }

    /// Continues the counts of the same subject, if the buckets are the same.
    pub(super) fn continue_from(&mut self, old: &Self) {
        let same_subject = self.subject == old.subject;
        if same_subject && self.bounds().eq(old.bounds()) {
            let interval = self.interval;
            *self = Self {
                interval,
                ..old.clone()
            };
        }
    }

    fn bounds(&self) -> impl Iterator<Item = &[f64]> {
        let times = [&self.first_chunk, &self.first_token, &self.per_token];
        let times = times.into_iter().map(|one| &*one.bounds);
        std::iter::once(&*self.duration_bounds).chain(times)
    }

    /// Counts an outcome of this process. Of a void one, only usage is counted.
    pub(super) fn record(&mut self, record: &Record) {
        let outcome = &record.outcome;
        let figures = [Figure::InputTokens, Figure::OutputTokens];
        for (at, figure) in figures.into_iter().enumerate() {
            if let Some(number) = outcome.figures.get(figure) {
                self.tokens[at].add(number.into());
                self.token_sums[at] += u64::from(number);
            }
        }
        if outcome.detail.rate_limits.iter().next().is_some() {
            self.rate_limits = Some((record.at, outcome.detail.rate_limits.clone()));
        }
        let cause = match outcome.verdict {
            Verdict::Good => None,
            Verdict::Bad(cause) => Some(cause),
            Verdict::Void(_) => return,
        };
        let durations = self.durations.entry(cause);
        let empty = || Distribution::new(&self.duration_bounds, std::iter::empty());
        let durations = durations.or_insert_with(empty);
        durations.add(outcome.latency.as_secs_f64());
        for (one, times) in [
            (Measurement::FirstChunk, &mut self.first_chunk),
            (Measurement::FirstToken, &mut self.first_token),
            (Measurement::PerOutputToken, &mut self.per_token),
        ] {
            if let Some(time) = outcome.measured.get(one) {
                times.add(time.as_secs_f64());
            }
        }
    }

    fn all_durations(&self) -> Distribution {
        let mut all = Distribution::new(&self.duration_bounds, std::iter::empty());
        self.durations.values().for_each(|one| all.add_all(one));
        all
    }

    fn errors(&self, cause: Cause) -> u64 {
        let found = self.durations.get(&Some(cause));
        found.map_or(0, |one| one.buckets.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ledger::{Ledger, RestoreFrom, restore};
    use crate::outcome::Outcome;

    #[test]
    fn rate_limits_are_unknown_after_three_intervals_without_them() {
        let text = "services: [ { name: ai, probes: [ { name: ask, interval: 60s, llm: { url: 'http://127.0.0.1:1/', model: m, prompt: hi } } ] } ]\n".to_owned();
        let config: Config = text.parse().expect("a valid config");
        let at = |second: i64| Timestamp::from_secs(1_000_000 + second);
        let from = RestoreFrom::new(&config, &[], None, at(0));
        let mut ledger: Ledger = restore(from).expect("nothing is read");
        let probe = &config.services[0].probes[0];
        let answered = |ledger: &mut Ledger, second, has_limits: bool| {
            let mut outcome = Outcome::new(Verdict::Good, Duration::from_secs(1));
            if has_limits {
                outcome.detail.rate_limits.put(RateLimit {
                    name: "requests".into(),
                    remaining: 5,
                    limit: Some(100),
                });
            }
            ledger.record(&Record {
                key: probe.key.clone(),
                at: at(second),
                interval: probe.interval,
                outcome,
            });
        };
        let left = |ledger: &mut Ledger, second| {
            let view = ledger.advance(at(second)).view();
            let service = view.live("ai").expect("configured");
            let (_, _, llm) = service.probes().next().expect("a probe");
            llm.expect("counters")
                .tightest_limit()
                .and_then(RateLimit::share)
        };
        answered(&mut ledger, 0, true);
        // Responses without limits do not renew them.
        answered(&mut ledger, 60, false);
        assert_eq!(left(&mut ledger, 180), Some(0.05));
        assert_eq!(left(&mut ledger, 181), None);
        answered(&mut ledger, 200, true);
        assert_eq!(left(&mut ledger, 201), Some(0.05));
        assert_eq!(left(&mut ledger, -3600), None, "the clock was set back");
    }
}
