//! The families of all services: each declared once, with how it is read from the snapshot.

use super::family::Family;
use super::page::{Labels, Page};
use super::samples::Samples;
use crate::ledger::snapshot::{
    ObjectiveView, ProbeView, QUANTILE_SPANS, QUANTILES, Snapshot, WINDOWS, WindowView,
};
use crate::outcome::{Cause, Phase, Timestamp, Verdict, Why};
use crate::slo::burn::TIERS;

const PROBE: &[&str] = &["service", "probe"];
const PROBE_REASON: &[&str] = &["service", "probe", "reason"];
const PROBE_PHASE: &[&str] = &["service", "probe", "phase"];
const PROBE_QUANTILE: &[&str] = &["service", "probe", "quantile", "window"];
const SLO: &[&str] = &["service", "slo"];
const ALERT: &[&str] = &["service", "slo", "severity", "tier"];
const SLO_WINDOW: &[&str] = &["service", "slo", "window"];

/// Windows of the snapshot that are exported; 7d and 28d are for pages and reports.
const EXPORTED: [&str; 8] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"];

/// A family and how one probe's samples are written.
pub type ProbeFamily = (Family, fn(&mut Samples<'_>, &ProbeView));
/// A family and how one objective's samples are written.
pub type ObjectiveFamily = (Family, fn(&mut Samples<'_>, &ObjectiveView));

pub const PROBES: &[ProbeFamily] = &[
    (
        Family::gauge(
            "slod_probe_success",
            "",
            PROBE,
            "Last counted verdict: 1 good, 0 bad. Absent before the first.",
        ),
        |samples, probe| {
            samples.value(
                probe
                    .last
                    .as_ref()
                    .map(|last| f64::from(u8::from(last.verdict == Verdict::Good))),
            );
        },
    ),
    (
        Family::counter(
            "slod_probe_runs_total",
            PROBE,
            "Counted outcomes, good and bad.",
        ),
        |samples, probe| samples.count(probe.runs),
    ),
    (
        Family::counter(
            "slod_probe_failures_total",
            PROBE_REASON,
            "Bad outcomes by cause.",
        ),
        |samples, probe| {
            for (cause, count) in Cause::ALL.iter().zip(probe.failures) {
                samples.with("reason", cause.label(), |samples| samples.count(count));
            }
        },
    ),
    (
        Family::counter(
            "slod_probe_void_total",
            PROBE_REASON,
            "Attempts that say nothing about the service, by our own failing.",
        ),
        |samples, probe| {
            for (why, count) in Why::ALL.iter().zip(probe.voids) {
                samples.with("reason", why.label(), |samples| samples.count(count));
            }
        },
    ),
    (
        Family::counter(
            "slod_probe_missed_total",
            PROBE,
            "Ticks that could not run in time.",
        ),
        |samples, probe| samples.count(probe.missed),
    ),
    (
        Family::histogram(
            "slod_probe_duration_seconds",
            "seconds",
            PROBE,
            "Durations of counted outcomes as measured, failures included. Each latency threshold of the service is a bucket border.",
        ),
        |samples, probe| {
            let bounds = probe
                .bucket_bounds
                .iter()
                .map(std::time::Duration::as_secs_f64);
            samples.histogram(bounds, &probe.buckets, probe.duration_sum.as_secs_f64());
        },
    ),
    (
        Family::gauge(
            "slod_probe_phase_duration_seconds",
            "seconds",
            PROBE_PHASE,
            "Phases of the last counted outcome, summed over redirects.",
        ),
        |samples, probe| {
            for phase in Phase::ALL {
                let spent = probe.last.as_ref().and_then(|last| last.phases.get(phase));
                samples.with("phase", phase.label(), |samples| {
                    samples.value(spent.map(|spent| spent.as_secs_f64()));
                });
            }
        },
    ),
    (
        Family::gauge(
            "slod_probe_http_status_code",
            "",
            PROBE,
            "HTTP status of the last counted outcome.",
        ),
        |samples, probe| {
            samples.value(
                probe
                    .last
                    .as_ref()
                    .and_then(|last| last.http_status)
                    .map(f64::from),
            );
        },
    ),
    (
        Family::gauge(
            "slod_probe_tls_not_after_timestamp_seconds",
            "seconds",
            PROBE,
            "When the served certificate ends, known also where its verification failed.",
        ),
        |samples, probe| {
            samples.value(
                probe
                    .last
                    .as_ref()
                    .and_then(|last| last.tls_not_after)
                    .map(|at| at as f64),
            );
        },
    ),
    (
        Family::gauge(
            "slod_probe_last_run_timestamp_seconds",
            "seconds",
            PROBE,
            "Tick of the last counted outcome.",
        ),
        |samples, probe| samples.value(probe.last.as_ref().map(|last| last.at.as_secs_f64())),
    ),
    (
        Family::summary(
            "slod_latency_quantile_seconds",
            "seconds",
            PROBE_QUANTILE,
            "Latency quantiles within 1 percent; a failed probe counts as at least its timeout. Absent where the sample is too small (n < ln 0.05 / ln q).",
        ),
        |samples, probe| {
            for (window, told) in QUANTILE_SPANS.iter().zip(&probe.quantiles) {
                for (quantile, latency) in QUANTILES.iter().zip(told) {
                    samples.with(
                        "quantile",
                        ryu::Buffer::new().format(*quantile),
                        |samples| {
                            samples.with("window", window, |samples| {
                                samples.value(latency.map(|latency| latency.as_secs_f64()));
                            });
                        },
                    );
                }
            }
        },
    ),
];

pub const OBJECTIVES: &[ObjectiveFamily] = &[
    (
        Family::counter(
            "slod_slo_events_total",
            SLO,
            "Counted events: outcomes, or time slices that are over.",
        ),
        |samples, slo| samples.events(slo, slo.events),
    ),
    (
        Family::counter(
            "slod_slo_bad_events_total",
            SLO,
            "Bad events among slod_slo_events_total.",
        ),
        |samples, slo| samples.events(slo, slo.bad_events),
    ),
    (
        Family::gauge(
            "slod_slo_objective_ratio",
            "ratio",
            SLO,
            "The promised ratio.",
        ),
        |samples, slo| samples.value(Some(slo.objective.target)),
    ),
    (
        Family::gauge(
            "slod_slo_window_seconds",
            "seconds",
            SLO,
            "The window that the error budget is for.",
        ),
        |samples, slo| samples.value(Some(slo.objective.window.length.as_secs_f64())),
    ),
    (
        Family::gauge(
            "slod_slo_sli_ratio",
            "ratio",
            SLO_WINDOW,
            "good / (good + bad) over the window. Absent while unknown.",
        ),
        |samples, slo| windows(samples, slo, |window| window.sli),
    ),
    (
        Family::gauge(
            "slod_slo_burn_rate",
            "",
            SLO_WINDOW,
            "Error ratio of the window / (1 - objective). Absent while unknown.",
        ),
        |samples, slo| windows(samples, slo, |window| window.burn_rate),
    ),
    (
        Family::gauge(
            "slod_slo_coverage_ratio",
            "ratio",
            SLO_WINDOW,
            "Counted events / expected ones up to now: below 1 where the prober was down, or the service is young.",
        ),
        |samples, slo| windows(samples, slo, |window| window.coverage),
    ),
    (
        Family::gauge(
            "slod_alerts_firing",
            "",
            ALERT,
            "Whether a burn-rate alert fires: 1 yes, 0 no. Tier 1 is the fastest; tiers longer than the objective's window never do.",
        ),
        |samples, slo| {
            for (tier, alert) in TIERS.iter().zip(&slo.alerts) {
                let number = tier.number.to_string();
                samples.with("severity", tier.urgency.severity(), |samples| {
                    samples.with("tier", &number, |samples| {
                        samples.count(u64::from(alert.is_firing()));
                    });
                });
            }
        },
    ),
    (
        Family::gauge(
            "slod_slo_corrected",
            "",
            SLO,
            "Whether a correction takes out what happens now, as in planned maintenance: 1 yes, 0 no.",
        ),
        |samples, slo| samples.count(u64::from(slo.corrected)),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_remaining_ratio",
            "ratio",
            SLO,
            "Share of the error budget that is left; negative once overspent.",
        ),
        |samples, slo| samples.value(slo.budget.remaining),
    ),
    (
        Family::gauge(
            "slod_slo_window_error_budget_remaining_ratio",
            "ratio",
            SLO_WINDOW,
            "Share of the error budget of each of the objective's windows that is left, such as 30d or month; negative once overspent.",
        ),
        |samples, slo| {
            for budget in [&slo.budget].into_iter().chain(&slo.further) {
                let name = budget.window.name();
                samples.with("window", &name, |samples| samples.value(budget.remaining));
            }
        },
    ),
    (
        Family::gauge(
            "slod_slo_affordable_outage_seconds",
            "seconds",
            SLO,
            "How long a total outage the error budget still affords; 0 once it is spent.",
        ),
        |samples, slo| samples.value(slo.budget.affordable.map(|left| left.as_secs_f64())),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_recovery_timestamp_seconds",
            "seconds",
            SLO,
            "When a spent budget has something left again if nothing fails from now on. Absent if it is not spent.",
        ),
        |samples, slo| samples.value(slo.budget.recovery.map(Timestamp::as_secs_f64)),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_exhaustion_timestamp_seconds",
            "seconds",
            SLO,
            "When the budget runs out at the last day's burn. Absent if it does not.",
        ),
        |samples, slo| samples.value(slo.budget.exhaustion.map(Timestamp::as_secs_f64)),
    ),
];

fn windows(
    samples: &mut Samples<'_>,
    slo: &ObjectiveView,
    value: impl Fn(&WindowView) -> Option<f64>,
) {
    for ((name, _), window) in WINDOWS.iter().zip(&slo.windows) {
        if EXPORTED.contains(name) {
            samples.with("window", name, |samples| samples.value(value(window)));
        }
    }
}

/// Writes every per-service family.
pub fn write(page: &mut Page, snapshot: &Snapshot) {
    for (family, write) in PROBES {
        page.family(family);
        for probe in snapshot.services.iter().flat_map(|service| &service.probes) {
            let labels =
                Labels::new(&[("service", &probe.key.service), ("probe", &probe.key.probe)]);
            write(
                &mut Samples {
                    page,
                    family,
                    labels,
                },
                probe,
            );
        }
    }
    for (family, write) in OBJECTIVES {
        page.family(family);
        for service in &snapshot.services {
            for slo in &service.objectives {
                let labels =
                    Labels::new(&[("service", &service.name), ("slo", &slo.objective.name)]);
                write(
                    &mut Samples {
                        page,
                        family,
                        labels,
                    },
                    slo,
                );
            }
        }
    }
}
