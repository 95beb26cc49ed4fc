//! Metric families of probes.

use crate::exposition::{Family, Samples, counter, gauge, histogram, summary};
use crate::ledger::numbers::LiveProbe;
use crate::ledger::snapshot::{LastOutcome, QUANTILE_SPANS, QUANTILES};
use crate::outcome::{Cause, CodeOf, Measurement, Verdict, VoidReason};
use std::time::Duration;

const PROBE: &[&str] = &["service", "probe"];
const PROBE_REASON: &[&str] = &["service", "probe", "reason"];
const PROBE_PHASE: &[&str] = &["service", "probe", "phase"];
const PROBE_QUANTILE: &[&str] = &["service", "probe", "quantile", "window"];

type DescribedProbe = (Family, fn(&mut Samples<'_>, &LiveProbe<'_>));

/// Writes a value of the last counted outcome.
fn last(
    samples: &mut Samples<'_>,
    probe: &LiveProbe<'_>,
    value: impl Fn(&LastOutcome) -> Option<f64>,
) {
    samples.value(probe.state.last.as_ref().and_then(value));
}

fn code(samples: &mut Samples<'_>, probe: &LiveProbe<'_>, of: CodeOf) {
    samples.value(probe.state.last_code(of).map(f64::from));
}

pub(super) const PROBES: &[DescribedProbe] = &[
    gauge(
        "slod_probe_success",
        "",
        PROBE,
        "Last counted verdict: 1 good, 0 bad. Absent before the first one.",
        |samples, probe| {
            last(samples, probe, |last| {
                Some(f64::from(u8::from(last.verdict == Verdict::Good)))
            });
        },
    ),
    gauge(
        "slod_probe_consecutive_failures",
        "",
        PROBE,
        "Bad outcomes since the last good one. Outcomes from before the last start may not be included.",
        |samples, probe| samples.count(probe.state.consecutive_failures),
    ),
    counter(
        "slod_probe_runs_total",
        PROBE,
        "Counted outcomes, good and bad.",
        |samples, probe| samples.count(probe.state.runs),
    ),
    counter(
        "slod_probe_failures_total",
        PROBE_REASON,
        "Bad outcomes, by cause.",
        |samples, probe| {
            for (cause, count) in Cause::ALL.iter().zip(probe.state.failures.counts()) {
                samples.with("reason", cause.label(), |samples| samples.count(count));
            }
        },
    ),
    counter(
        "slod_probe_void_total",
        PROBE_REASON,
        "Void attempts by reason: failures of slod itself, which say nothing about the service.",
        |samples, probe| {
            for (why, count) in VoidReason::ALL.iter().zip(probe.state.voids.counts()) {
                samples.with("reason", why.label(), |samples| samples.count(count));
            }
        },
    ),
    counter(
        "slod_probe_missed_total",
        PROBE,
        "Scheduled attempts that could not run in time.",
        |samples, probe| samples.count(probe.state.missed),
    ),
    histogram(
        "slod_probe_duration_seconds",
        "seconds",
        PROBE,
        "Measured durations of counted outcomes, including failures. Each latency threshold of the service is a bucket boundary.",
        |samples, probe| {
            let bounds = probe.state.bounds.iter().map(Duration::as_secs_f64);
            let sum = probe.state.duration_sum.as_secs_f64();
            samples.histogram_with(bounds, &probe.state.buckets, sum, &probe.state.durations);
        },
    ),
    gauge(
        "slod_probe_phase_duration_seconds",
        "seconds",
        PROBE_PHASE,
        "Phases of the last counted outcome, summed over redirects.",
        |samples, probe| {
            for phase in Measurement::PHASES {
                samples.with("phase", phase.label(), |samples| {
                    last(samples, probe, |last| {
                        last.measured.get(*phase).map(|spent| spent.as_secs_f64())
                    });
                });
            }
        },
    ),
    gauge(
        "slod_probe_http_status_code",
        "",
        PROBE,
        "HTTP status of the last counted outcome.",
        |samples, probe| code(samples, probe, CodeOf::HttpStatus),
    ),
    gauge(
        "slod_probe_dns_response_code",
        "",
        PROBE,
        "DNS response code of the last counted outcome; 0 is NOERROR.",
        |samples, probe| code(samples, probe, CodeOf::DnsResponseCode),
    ),
    gauge(
        "slod_probe_grpc_status_code",
        "",
        PROBE,
        "gRPC status of the last counted outcome; 0 is OK.",
        |samples, probe| code(samples, probe, CodeOf::GrpcStatus),
    ),
    gauge(
        "slod_probe_tls_not_after_timestamp_seconds",
        "seconds",
        PROBE,
        "Earliest expiry of the certificates in the served chain, including its authority, and in the chains of redirects; only that of the server's certificate if verification failed.",
        |samples, probe| last(samples, probe, |last| Some(last.tls_not_after? as f64)),
    ),
    gauge(
        "slod_probe_tls_lifetime_seconds",
        "seconds",
        PROBE,
        "Time from the beginning to the end of the validity of the certificate that expires first. Absent from a restart of slod until the next attempt.",
        |samples, probe| last(samples, probe, |last| Some(last.tls_lifetime? as f64)),
    ),
    gauge(
        "slod_probe_last_run_timestamp_seconds",
        "seconds",
        PROBE,
        "Scheduled time of the last counted outcome.",
        |samples, probe| last(samples, probe, |last| Some(last.at.as_secs_f64())),
    ),
    summary(
        "slod_latency_quantile_seconds",
        "seconds",
        PROBE_QUANTILE,
        "Latency quantiles, accurate to 1 percent. A failed probe counts as at least its timeout. Absent if the sample is too small (n < ln 0.05 / ln q).",
        |samples, probe| {
            for (window, values) in QUANTILE_SPANS.iter().zip(probe.quantiles()) {
                for (quantile, latency) in QUANTILES.iter().zip(values) {
                    let latency = latency.map(|latency| latency.as_secs_f64());
                    samples.with(
                        "quantile",
                        ryu::Buffer::new().format(*quantile),
                        |samples| {
                            samples.with("window", window, |samples| samples.value(latency));
                        },
                    );
                }
            }
        },
    ),
];
