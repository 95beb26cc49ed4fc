//! Metric families of probes that request language models: slod's own, and those of OpenTelemetry's
//! conventions for generative AI.

use super::LlmCounters;
use crate::exposition::{
    Described, Family, Labels, Samples, Sink, counter, gauge, histogram, write_each,
};
use crate::outcome::{Cause, ProbeKey, RateLimit};
use crate::probe::llm::Convention;

const MODEL: &[&str] = &["service", "probe", "model"];

const OURS: &[Described<LlmCounters>] = &[
    histogram(
        "slod_llm_request_duration_seconds",
        "seconds",
        MODEL,
        "Durations of counted attempts of `llm` probes, including failures.",
        |samples, llm| llm.all_durations().write(samples),
    ),
    histogram(
        "slod_llm_time_to_first_token_seconds",
        "seconds",
        MODEL,
        "Time from the start of the attempt to the first text of the answer, after any reasoning. Only for streamed answers.",
        |samples, llm| llm.first_token.write(samples),
    ),
    histogram(
        "slod_llm_time_per_output_token_seconds",
        "seconds",
        MODEL,
        "Mean time between two tokens of an answer. Only for streamed answers with at least two tokens.",
        |samples, llm| llm.per_token.write(samples),
    ),
    counter(
        "slod_llm_tokens_total",
        &["service", "probe", "model", "direction"],
        "Tokens used by the probe, as counted by the provider.",
        |samples, llm| {
            for (at, direction) in ["input", "output"].into_iter().enumerate() {
                samples.with("direction", direction, |samples| {
                    samples.count(llm.token_sums[at]);
                });
            }
        },
    ),
    counter(
        "slod_llm_errors_total",
        &["service", "probe", "model", "reason"],
        "Bad attempts, by cause.",
        |samples, llm| {
            for cause in Cause::ALL {
                samples.with("reason", cause.label(), |samples| {
                    samples.count(llm.errors(*cause));
                });
            }
        },
    ),
    counter(
        "slod_llm_rate_limit_hits_total",
        MODEL,
        "Attempts that the provider rejected because of a rate limit (HTTP status 429).",
        |samples, llm| samples.count(llm.errors(Cause::RateLimited)),
    ),
    gauge(
        "slod_llm_rate_limit_remaining",
        "",
        &["service", "probe", "model", "limit"],
        "Remaining amount of each rate limit, such as `requests` and `tokens`, from the headers of the last answer that had them; at most 8 limits. Absent if no answer has had them for three intervals.",
        |samples, llm| {
            let known = llm.rate_limits.iter();
            for one in known.flat_map(|(_, limits)| limits.iter()) {
                samples.with("limit", &one.name, |samples| samples.count(one.remaining));
            }
        },
    ),
    gauge(
        "slod_llm_rate_limit_remaining_ratio",
        "ratio",
        MODEL,
        "Smallest remaining share of all rate limits. Absent if no limit is known, or no answer has shown one for three intervals.",
        |samples, llm| samples.value(llm.tightest_limit().and_then(RateLimit::share)),
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

/// The names in each version of OpenTelemetry's conventions.
const OPENTELEMETRY: &[(Convention, &[Described<LlmCounters>])] = &[
    (
        Convention::V1,
        &[
            histogram(
                "gen_ai_client_operation_duration_seconds",
                "seconds",
                OPERATION_ERROR,
                "OpenTelemetry `gen_ai.client.operation.duration`, for probes with `opentelemetry: v1`.",
                write_by_error,
            ),
            histogram(
                "gen_ai_client_operation_time_to_first_chunk_seconds",
                "seconds",
                OPERATION,
                "OpenTelemetry `gen_ai.client.operation.time_to_first_chunk`, for probes with `opentelemetry: v1`.",
                |samples, llm| llm.first_chunk.write(samples),
            ),
            histogram(
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
                "OpenTelemetry `gen_ai.client.token.usage`, for probes with `opentelemetry: v1`.",
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
            histogram(
                "gen_ai_client_inference_duration_seconds",
                "seconds",
                OPERATION_ERROR,
                "OpenTelemetry `gen_ai.client.inference.duration`, for probes with `opentelemetry: v2`.",
                write_by_error,
            ),
            histogram(
                "gen_ai_client_inference_time_to_first_chunk_seconds",
                "seconds",
                OPERATION,
                "OpenTelemetry `gen_ai.client.inference.time_to_first_chunk`, for probes with `opentelemetry: v2`.",
                |samples, llm| llm.first_chunk.write(samples),
            ),
            counter(
                "gen_ai_client_inference_usage_input_tokens_total",
                OPERATION,
                "OpenTelemetry `gen_ai.client.inference.usage.input_tokens`, for probes with `opentelemetry: v2`.",
                |samples, llm| samples.count(llm.token_sums[0]),
            ),
            counter(
                "gen_ai_client_inference_usage_output_tokens_total",
                OPERATION,
                "OpenTelemetry `gen_ai.client.inference.usage.output_tokens`, for probes with `opentelemetry: v2`.",
                |samples, llm| samples.count(llm.token_sums[1]),
            ),
        ],
    ),
];

/// Writes durations by error type; the label is empty for good attempts.
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

/// All families, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let theirs = OPENTELEMETRY.iter().flat_map(|(_, families)| *families);
    OURS.iter().chain(theirs).map(|(family, _)| family)
}

/// Writes the families of all probes that request language models; nothing if there are none.
pub fn write<'a>(
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
