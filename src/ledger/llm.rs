//! What probes of language models count, and the families of it: ours, and those of OpenTelemetry's
//! conventions for generative AI.

use crate::config::ProbeSpec;
use crate::exposition::{Described, Family, Labels, Samples, Sink, write_each};
use crate::outcome::{Cause, Figure, Measurement, Outcome, ProbeKey, RateLimits, Verdict};
use crate::probe::llm::{Convention, LlmProbe, Subject};
use crate::probe::of_type;
use std::collections::BTreeMap;
use std::time::Duration;

/// OpenTelemetry's bounds of times in seconds: 0.01 and its doubles.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Its bounds of tokens: 1 and its fourfolds.
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
/// Its bounds of the time per token of a server, and finer ones for fast servers.
const PER_TOKEN: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
];

/// Counts of one probe since the process started, and its last rate limits.
#[derive(Clone, Debug)]
pub struct LlmCounters {
    subject: Subject,
    duration_bounds: Box<[f64]>,
    /// By cause; `None` are the good ones.
    durations: BTreeMap<Option<Cause>, Distribution>,
    first_chunk: Distribution,
    first_token: Distribution,
    per_token: Distribution,
    /// Of input, then of output.
    tokens: [Distribution; 2],
    token_sums: [u64; 2],
    /// As the last answer that had any showed them.
    rate_limits: RateLimits,
}

/// A histogram.
#[derive(Clone, Debug)]
struct Distribution {
    bounds: Box<[f64]>,
    /// One more than bounds.
    buckets: Box<[u64]>,
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
            sum: 0.0,
        }
    }

    fn add(&mut self, value: f64) {
        self.buckets[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    fn add_all(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.sum += other.sum;
    }

    fn write(&self, samples: &mut Samples<'_>) {
        samples.histogram(self.bounds.iter().copied(), &self.buckets, self.sum);
    }
}

impl LlmCounters {
    /// Of a probe of a language model. Each latency threshold is a bound of a bucket.
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
            rate_limits: RateLimits::default(),
        })
    }

    /// Continues the counts of the same subject, as far as their buckets are the same.
    /// The smallest share that is left of a rate limit, if any is known.
    pub fn tightest_limit(&self) -> Option<f64> {
        self.rate_limits.tightest()
    }

    pub(super) fn continue_from(&mut self, old: &Self) {
        let same_subject = self.subject == old.subject;
        if same_subject && self.bounds().eq(old.bounds()) {
            *self = old.clone();
        }
    }

    fn bounds(&self) -> impl Iterator<Item = &[f64]> {
        let times = [&self.first_chunk, &self.first_token, &self.per_token];
        let times = times.into_iter().map(|one| &*one.bounds);
        std::iter::once(&*self.duration_bounds).chain(times)
    }

    /// Counts an outcome of this process. A void one counts only as what it has spent.
    pub(super) fn record(&mut self, outcome: &Outcome) {
        let figures = [Figure::InputTokens, Figure::OutputTokens];
        for (at, figure) in figures.into_iter().enumerate() {
            if let Some(number) = outcome.figures.get(figure) {
                self.tokens[at].add(number.into());
                self.token_sums[at] += u64::from(number);
            }
        }
        if outcome.detail.rate_limits.iter().next().is_some() {
            self.rate_limits = outcome.detail.rate_limits.clone();
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

const MODEL: &[&str] = &["service", "probe", "model"];

const OURS: &[Described<LlmCounters>] = &[
    (
        Family::histogram(
            "slod_llm_request_duration_seconds",
            "seconds",
            MODEL,
            "Durations of counted attempts of `llm` probes, failures included.",
        ),
        |samples, llm| llm.all_durations().write(samples),
    ),
    (
        Family::histogram(
            "slod_llm_time_to_first_token_seconds",
            "seconds",
            MODEL,
            "From the start of the attempt to the first text of the answer, after any reasoning. Streamed answers only.",
        ),
        |samples, llm| llm.first_token.write(samples),
    ),
    (
        Family::histogram(
            "slod_llm_time_per_output_token_seconds",
            "seconds",
            MODEL,
            "Mean time between two tokens of an answer. Streamed answers of at least two tokens only.",
        ),
        |samples, llm| llm.per_token.write(samples),
    ),
    (
        Family::counter(
            "slod_llm_tokens_total",
            &["service", "probe", "model", "direction"],
            "Tokens that the probe has used, as the provider counts them.",
        ),
        |samples, llm| {
            for (at, direction) in ["input", "output"].into_iter().enumerate() {
                samples.with("direction", direction, |samples| {
                    samples.count(llm.token_sums[at]);
                });
            }
        },
    ),
    (
        Family::counter(
            "slod_llm_errors_total",
            &["service", "probe", "model", "reason"],
            "Bad attempts by cause.",
        ),
        |samples, llm| {
            for cause in Cause::ALL {
                samples.with("reason", cause.label(), |samples| {
                    samples.count(llm.errors(*cause));
                });
            }
        },
    ),
    (
        Family::counter(
            "slod_llm_rate_limit_hits_total",
            MODEL,
            "Attempts that the provider refused because of a rate limit (HTTP status 429).",
        ),
        |samples, llm| samples.count(llm.errors(Cause::RateLimited)),
    ),
    (
        Family::gauge(
            "slod_llm_rate_limit_remaining",
            "",
            &["service", "probe", "model", "limit"],
            "What was left of each rate limit by the headers of the last answer that had them, such as `requests` and `tokens`; at most 8 limits.",
        ),
        |samples, llm| {
            for one in llm.rate_limits.iter() {
                samples.with("limit", &one.name, |samples| samples.count(one.remaining));
            }
        },
    ),
    (
        Family::gauge(
            "slod_llm_rate_limit_remaining_ratio",
            "ratio",
            MODEL,
            "The smallest share that was left of a rate limit. Absent if no limit is known.",
        ),
        |samples, llm| samples.value(llm.rate_limits.tightest()),
    ),
];

const OPERATION: &[&str] = &[
    "service",
    "probe",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
];
const OPERATION_ERROR: &[&str] = &[
    "service",
    "probe",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "error_type",
];

/// The names of each version of OpenTelemetry's conventions.
const OPENTELEMETRY: &[(Convention, &[Described<LlmCounters>])] = &[
    (
        Convention::V1,
        &[
            (
                Family::histogram(
                    "gen_ai_client_operation_duration_seconds",
                    "seconds",
                    OPERATION_ERROR,
                    "OpenTelemetry `gen_ai.client.operation.duration`, of probes with `opentelemetry: v1`.",
                ),
                |samples, llm| write_by_error(samples, llm),
            ),
            (
                Family::histogram(
                    "gen_ai_client_operation_time_to_first_chunk_seconds",
                    "seconds",
                    OPERATION,
                    "OpenTelemetry `gen_ai.client.operation.time_to_first_chunk`, likewise.",
                ),
                |samples, llm| llm.first_chunk.write(samples),
            ),
            (
                Family::histogram(
                    "gen_ai_client_token_usage",
                    "",
                    &[
                        "service",
                        "probe",
                        "gen_ai_operation_name",
                        "gen_ai_provider_name",
                        "gen_ai_request_model",
                        "gen_ai_token_type",
                    ],
                    "OpenTelemetry `gen_ai.client.token.usage`, likewise.",
                ),
                |samples, llm| {
                    for (direction, tokens) in ["input", "output"].into_iter().zip(&llm.tokens) {
                        samples.with("gen_ai_token_type", direction, |samples| {
                            tokens.write(samples);
                        });
                    }
                },
            ),
        ],
    ),
    (
        Convention::V2,
        &[
            (
                Family::histogram(
                    "gen_ai_client_inference_duration_seconds",
                    "seconds",
                    OPERATION_ERROR,
                    "OpenTelemetry `gen_ai.client.inference.duration`, of probes with `opentelemetry: v2`.",
                ),
                |samples, llm| write_by_error(samples, llm),
            ),
            (
                Family::histogram(
                    "gen_ai_client_inference_time_to_first_chunk_seconds",
                    "seconds",
                    OPERATION,
                    "OpenTelemetry `gen_ai.client.inference.time_to_first_chunk`, likewise.",
                ),
                |samples, llm| llm.first_chunk.write(samples),
            ),
            (
                Family::counter(
                    "gen_ai_client_inference_usage_input_tokens_total",
                    OPERATION,
                    "OpenTelemetry `gen_ai.client.inference.usage.input_tokens`, likewise.",
                ),
                |samples, llm| samples.count(llm.token_sums[0]),
            ),
            (
                Family::counter(
                    "gen_ai_client_inference_usage_output_tokens_total",
                    OPERATION,
                    "OpenTelemetry `gen_ai.client.inference.usage.output_tokens`, likewise.",
                ),
                |samples, llm| samples.count(llm.token_sums[1]),
            ),
        ],
    ),
];

/// Durations by how the operation ended; the label is empty for good ones.
fn write_by_error(samples: &mut Samples<'_>, llm: &LlmCounters) {
    for (cause, durations) in &llm.durations {
        match cause {
            None => durations.write(samples),
            Some(cause) => samples.with("error_type", cause.label(), |samples| {
                durations.write(samples);
            }),
        }
    }
}

/// Every family, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let theirs = OPENTELEMETRY.iter().flat_map(|(_, families)| *families);
    OURS.iter().chain(theirs).map(|(family, _)| family)
}

/// Writes the families of all probes that ask language models; none if there are no such probes.
pub(super) fn write<'a>(
    sink: &mut dyn Sink,
    probes: &(impl Iterator<Item = (&'a ProbeKey, &'a LlmCounters)> + Clone),
) {
    if probes.clone().next().is_none() {
        return;
    }
    let label = |labels: &mut Labels, (key, llm): &(&ProbeKey, &LlmCounters)| {
        push_probe(labels, key);
        labels.push("model", &llm.subject.model);
    };
    write_each(sink, OURS, probes, label, |write, samples, (_, llm)| {
        write(samples, llm);
    });
    let label = |labels: &mut Labels, (key, llm): &(&ProbeKey, &LlmCounters)| {
        push_probe(labels, key);
        labels.push("gen_ai_operation_name", llm.subject.operation);
        labels.push("gen_ai_provider_name", llm.subject.provider);
        labels.push("gen_ai_request_model", &llm.subject.model);
    };
    for (convention, families) in OPENTELEMETRY {
        let chosen = probes.clone();
        let chosen = chosen.filter(|(_, llm)| llm.subject.convention == *convention);
        if chosen.clone().next().is_some() {
            write_each(
                sink,
                families,
                &chosen,
                label,
                |write, samples, (_, llm)| {
                    write(samples, llm);
                },
            );
        }
    }
}

fn push_probe(labels: &mut Labels, key: &ProbeKey) {
    labels.push("service", &key.service);
    labels.push("probe", &key.probe);
}
