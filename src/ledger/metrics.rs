//! The families of all services: each declared once, with how it is read from live state.

use super::llm;
use super::numbers::{LiveObjective, LiveProbe};
use super::service::ServiceState;
use super::snapshot::{QUANTILE_SPANS, QUANTILES, WindowView};
use super::view::LedgerView;
use crate::alert::Burning;
use crate::exposition::{Described, Family, Labels, Samples, Sink, write_each};
use crate::outcome::{Cause, CodeOf, Measurement, Timestamp, Verdict, VoidReason};
use crate::slo::StandardWindow as Window;
use std::sync::Arc;

const PROBE: &[&str] = &["service", "probe"];
const PROBE_REASON: &[&str] = &["service", "probe", "reason"];
const PROBE_PHASE: &[&str] = &["service", "probe", "phase"];
const PROBE_QUANTILE: &[&str] = &["service", "probe", "quantile", "window"];
const SLO: &[&str] = &["service", "slo"];
const SLO_INFO: &[&str] = &["service", "slo", "sli", "source"];
const SLO_WINDOW: &[&str] = &["service", "slo", "window"];

/// Windows of the snapshot that are exported; 7d and 28d are for pages and reports.
const EXPORTED: [Window; 8] = [
    Window::Minutes5,
    Window::Minutes30,
    Window::Hour1,
    Window::Hours2,
    Window::Hours6,
    Window::Day1,
    Window::Days3,
    Window::Days30,
];

type DescribedProbe = (Family, fn(&mut Samples<'_>, &LiveProbe<'_>));
type DescribedObjective = (Family, fn(&mut Samples<'_>, &LiveObjective<'_>, &Windows));

/// What several families say of the exported windows of an objective: computed once for a page, and
/// small, because those of all objectives are in memory while it is written.
type Windows = [WindowNumbers; EXPORTED.len()];

/// Not a number where unknown, which is not written.
#[derive(Clone, Copy)]
struct WindowNumbers {
    sli: f64,
    burn_rate: f64,
    coverage: f64,
}

impl From<WindowView> for WindowNumbers {
    fn from(view: WindowView) -> Self {
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Self {
            sli: number(view.sli),
            burn_rate: number(view.burn_rate),
            coverage: number(view.coverage),
        }
    }
}

const SERVICES: &[Described<Arc<ServiceState>>] = &[(
    Family::gauge(
        "slod_service_info",
        "",
        &["service"],
        "The labels of the service in the config, in addition to `service`: always 1. For joins, as in `slod_probe_success * on (service) group_left (team) slod_service_info`.",
    ),
    |samples, _service| samples.count(1),
)];

const PROBES: &[DescribedProbe] = &[
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
                    .state
                    .last
                    .as_ref()
                    .map(|last| f64::from(u8::from(last.verdict == Verdict::Good))),
            );
        },
    ),
    (
        Family::gauge(
            "slod_probe_consecutive_failures",
            "",
            PROBE,
            "Bad outcomes since the last good one; outcomes before the last start may be missing.",
        ),
        |samples, probe| samples.count(probe.state.consecutive_failures),
    ),
    (
        Family::counter(
            "slod_probe_runs_total",
            PROBE,
            "Counted outcomes, good and bad.",
        ),
        |samples, probe| samples.count(probe.state.runs),
    ),
    (
        Family::counter(
            "slod_probe_failures_total",
            PROBE_REASON,
            "Bad outcomes by cause.",
        ),
        |samples, probe| {
            for (cause, count) in Cause::ALL.iter().zip(probe.state.failures) {
                samples.with("reason", cause.label(), |samples| samples.count(count));
            }
        },
    ),
    (
        Family::counter(
            "slod_probe_void_total",
            PROBE_REASON,
            "Void attempts, which say nothing about the service, by reason: failures of slod itself.",
        ),
        |samples, probe| {
            for (why, count) in VoidReason::ALL.iter().zip(probe.state.voids) {
                samples.with("reason", why.label(), |samples| samples.count(count));
            }
        },
    ),
    (
        Family::counter(
            "slod_probe_missed_total",
            PROBE,
            "Ticks whose attempt could not run in time.",
        ),
        |samples, probe| samples.count(probe.state.missed),
    ),
    (
        Family::histogram(
            "slod_probe_duration_seconds",
            "seconds",
            PROBE,
            "Durations of counted outcomes as measured, failures included. Each latency threshold of the service is a bucket boundary.",
        ),
        |samples, probe| {
            let bounds = probe
                .state
                .bounds
                .iter()
                .map(std::time::Duration::as_secs_f64);
            samples.histogram(
                bounds,
                &probe.state.buckets,
                probe.state.duration_sum.as_secs_f64(),
            );
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
            for phase in Measurement::PHASES {
                let spent = probe
                    .state
                    .last
                    .as_ref()
                    .and_then(|last| last.measured.get(*phase));
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
            samples.value(probe.state.last_code(CodeOf::HttpStatus).map(f64::from));
        },
    ),
    (
        Family::gauge(
            "slod_probe_tls_not_after_timestamp_seconds",
            "seconds",
            PROBE,
            "When the served certificate expires; also present if its verification failed.",
        ),
        |samples, probe| {
            samples.value(
                probe
                    .state
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
        |samples, probe| samples.value(probe.state.last.as_ref().map(|last| last.at.as_secs_f64())),
    ),
    (
        Family::summary(
            "slod_latency_quantile_seconds",
            "seconds",
            PROBE_QUANTILE,
            "Latency quantiles within 1 percent; a failed probe counts as at least its timeout. Absent if the sample is too small (n < ln 0.05 / ln q).",
        ),
        |samples, probe| {
            for (window, values) in QUANTILE_SPANS.iter().zip(probe.quantiles()) {
                for (quantile, latency) in QUANTILES.iter().zip(values) {
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

const OBJECTIVES: &[DescribedObjective] = &[
    (
        Family::counter(
            "slod_slo_events_total",
            SLO,
            "Counted events: outcomes, or time slices that are over.",
        ),
        |samples, slo, _| events(samples, slo, slo.events()),
    ),
    (
        Family::counter(
            "slod_slo_bad_events_total",
            SLO,
            "Bad events among slod_slo_events_total.",
        ),
        |samples, slo, _| events(samples, slo, slo.bad_events()),
    ),
    (
        Family::gauge(
            "slod_slo_info",
            "",
            SLO_INFO,
            "The services whose probes an objective counts: always 1. `source` is another service; the label is empty for the service's own probes.",
        ),
        |samples, slo, _| {
            samples.with("sli", slo.objective().sli.name(), |samples| {
                for source in slo.objective().sources() {
                    match source {
                        None => samples.count(1),
                        Some(source) => samples.with("source", source, |samples| samples.count(1)),
                    }
                }
            });
        },
    ),
    (
        Family::gauge(
            "slod_slo_event_interval_seconds",
            "seconds",
            SLO,
            "The time that one event represents at the current intervals: a minute for time slices.",
        ),
        |samples, slo, _| samples.value(Some(slo.event_interval().as_secs_f64())),
    ),
    (
        Family::gauge(
            "slod_slo_objective_ratio",
            "ratio",
            SLO,
            "The target ratio.",
        ),
        |samples, slo, _| samples.value(Some(slo.objective().target)),
    ),
    (
        Family::gauge(
            "slod_slo_window_seconds",
            "seconds",
            SLO,
            "The window of the error budget.",
        ),
        |samples, slo, _| samples.value(Some(slo.objective().window.length.as_secs_f64())),
    ),
    (
        Family::gauge(
            "slod_slo_sli_ratio",
            "ratio",
            SLO_WINDOW,
            "good / (good + bad) over the window. Absent while unknown.",
        ),
        |samples, _, windows| each(samples, windows, |window| window.sli),
    ),
    (
        Family::gauge(
            "slod_slo_burn_rate",
            "",
            SLO_WINDOW,
            "Error ratio of the window / (1 - objective). Absent while unknown.",
        ),
        |samples, _, windows| each(samples, windows, |window| window.burn_rate),
    ),
    (
        Family::gauge(
            "slod_slo_coverage_ratio",
            "ratio",
            SLO_WINDOW,
            "Counted events / expected events up to now: below 1 if slod was down, or the service is new.",
        ),
        |samples, _, windows| each(samples, windows, |window| window.coverage),
    ),
    (
        Family::gauge(
            "slod_slo_corrected",
            "",
            SLO,
            "Whether a correction, such as planned maintenance, currently excludes events: 1 yes, 0 no.",
        ),
        |samples, slo, _| samples.count(u64::from(slo.is_corrected())),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_remaining_ratio",
            "ratio",
            SLO,
            "Share of the error budget that is left; negative once overspent.",
        ),
        |samples, slo, _| samples.value(slo.budget().remaining),
    ),
    (
        Family::gauge(
            "slod_slo_window_error_budget_remaining_ratio",
            "ratio",
            SLO_WINDOW,
            "Share of the error budget of each of the objective's windows that is left, such as 30d or month; negative once overspent.",
        ),
        |samples, slo, _| {
            for budget in std::iter::once(slo.budget()).chain(slo.further()) {
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
            "Remaining downtime allowance: how long a total outage can last before the error budget is spent; 0 once it is spent.",
        ),
        |samples, slo, _| samples.value(slo.budget().affordable.map(|left| left.as_secs_f64())),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_recovery_timestamp_seconds",
            "seconds",
            SLO,
            "When an overspent budget becomes positive again if nothing fails from now on. Absent if it is not spent.",
        ),
        |samples, slo, _| samples.value(slo.budget().recovery.map(Timestamp::as_secs_f64)),
    ),
    (
        Family::gauge(
            "slod_slo_error_budget_exhaustion_timestamp_seconds",
            "seconds",
            SLO,
            "When the budget is exhausted at the burn rate of the last day. Absent if it is not.",
        ),
        |samples, slo, _| samples.value(slo.budget().exhaustion.map(Timestamp::as_secs_f64)),
    ),
];

fn each(samples: &mut Samples<'_>, windows: &Windows, value: impl Fn(&WindowNumbers) -> f64) {
    for (window, numbers) in EXPORTED.iter().zip(windows) {
        samples.with("window", window.name(), |samples| {
            samples.value(Some(value(numbers)));
        });
    }
}

/// Counts of an objective as events, which may be whole or not.
fn events(samples: &mut Samples<'_>, slo: &LiveObjective<'_>, counts: u64) {
    match slo.objective().budgeting {
        budgeting if budgeting.parts() == 1 => samples.count(counts),
        budgeting => samples.value(Some(budgeting.events(counts))),
    }
}

/// Every family of the services, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let services = SERVICES.iter().map(|(family, _)| family);
    let probes = PROBES.iter().map(|(family, _)| family);
    let objectives = OBJECTIVES.iter().map(|(family, _)| family);
    services
        .chain(probes)
        .chain(llm::families())
        .chain(objectives)
}

/// Writes every family of the services.
pub fn write(sink: &mut dyn Sink, view: &LedgerView) {
    let label = |labels: &mut Labels, service: &&Arc<ServiceState>| {
        labels.push("service", &service.name);
        for (name, value) in &*service.labels {
            labels.push(name, value);
        }
    };
    write_each(
        sink,
        SERVICES,
        &view.services.iter(),
        label,
        |write, samples, service| {
            write(samples, service);
        },
    );
    let asking = view.probes();
    llm::write(
        sink,
        &asking.filter_map(|probe| Some((&probe.state.key, probe.state.llm.as_deref()?))),
    );
    let label = |labels: &mut Labels, probe: &LiveProbe<'_>| {
        labels.push("service", &probe.state.key.service);
        labels.push("probe", &probe.state.key.probe);
    };
    write_each(
        sink,
        PROBES,
        &view.probes(),
        label,
        |write, samples, probe| {
            write(samples, probe);
        },
    );
    let windows = |slo: LiveObjective<'_>| EXPORTED.map(|window| slo.window(window).into());
    let windows: Vec<Windows> = view.objectives().map(windows).collect();
    let label = |labels: &mut Labels, (slo, _): &(LiveObjective<'_>, &Windows)| {
        labels.push("service", slo.service());
        labels.push("slo", &slo.objective().name);
    };
    let items = view.objectives().zip(&windows);
    write_each(
        sink,
        OBJECTIVES,
        &items,
        label,
        |write, samples, (slo, windows)| {
            write(samples, slo, windows);
        },
    );
}
