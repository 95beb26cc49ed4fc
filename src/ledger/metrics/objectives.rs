//! Metric families of objectives.

use crate::alert::Burning;
use crate::exposition::{Family, Samples, counter, gauge};
use crate::ledger::numbers::LiveObjective;
use crate::ledger::snapshot::{BudgetView, WindowView};
use crate::outcome::Timestamp;
use crate::slo::StandardWindow as Window;

const SLO: &[&str] = &["service", "slo"];
const SLO_INFO: &[&str] = &["service", "slo", "sli", "source"];
const SLO_WINDOW: &[&str] = &["service", "slo", "window"];

/// The exported windows; 7d and 28d are only for pages and reports.
pub const EXPORTED_WINDOWS: [Window; 8] = [
    Window::Minutes5,
    Window::Minutes30,
    Window::Hour1,
    Window::Hours2,
    Window::Hours6,
    Window::Day1,
    Window::Days3,
    Window::Days30,
];

type DescribedObjective = (
    Family,
    fn(&mut Samples<'_>, &LiveObjective<'_>, &ObjectiveNumbers),
);

/// Values shared by several families of an objective: computed once per scrape, and small, because
/// those of all objectives are in memory during the scrape.
pub(super) struct ObjectiveNumbers {
    windows: [WindowNumbers; EXPORTED_WINDOWS.len()],
    budget: BudgetNumbers,
}

impl From<&LiveObjective<'_>> for ObjectiveNumbers {
    fn from(slo: &LiveObjective<'_>) -> Self {
        Self {
            windows: EXPORTED_WINDOWS.map(|window| slo.window(window).into()),
            budget: slo.budget().into(),
        }
    }
}

/// The same for the budget of the objective's own window.
struct BudgetNumbers {
    sli: f64,
    remaining: f64,
    affordable: f64,
    recovery: f64,
    exhaustion: f64,
}

impl From<BudgetView> for BudgetNumbers {
    fn from(view: BudgetView) -> Self {
        // For an unknown budget, a remaining share of 1 would only be an artifact of the formula.
        let known = view.period.sli;
        let sli = known.filter(|_| !view.period.beyond_retention);
        let moment = |at: Option<Timestamp>| at.map_or(f64::NAN, Timestamp::as_secs_f64);
        Self {
            sli: sli.unwrap_or(f64::NAN),
            remaining: known.and(view.remaining).unwrap_or(f64::NAN),
            affordable: known
                .and(view.affordable)
                .map_or(f64::NAN, |left| left.as_secs_f64()),
            recovery: moment(view.recovery),
            exhaustion: moment(view.exhaustion),
        }
    }
}

/// NaN where unknown, which is not written.
#[derive(Clone, Copy)]
pub(super) struct WindowNumbers {
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

pub(super) const OBJECTIVES: &[DescribedObjective] = &[
    counter(
        "slod_slo_events_total",
        SLO,
        "Counted events: outcomes or completed time slices.",
        |samples, slo, _| events(samples, slo, slo.events()),
    ),
    counter(
        "slod_slo_bad_events_total",
        SLO,
        "Bad events among slod_slo_events_total.",
        |samples, slo, _| events(samples, slo, slo.bad_events()),
    ),
    gauge(
        "slod_slo_info",
        "",
        SLO_INFO,
        "Services whose probes an objective counts; always 1. `source` is the other service, or empty for the service's own probes.",
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
    gauge(
        "slod_slo_event_interval_seconds",
        "seconds",
        SLO,
        "Time that one event represents at the current intervals: one minute for time slices. Absent for real traffic, which has no interval.",
        |samples, slo, _| {
            samples.value(slo.event_interval().map(|interval| interval.as_secs_f64()));
        },
    ),
    gauge(
        "slod_slo_objective_ratio",
        "ratio",
        SLO,
        "Target ratio.",
        |samples, slo, _| samples.value(Some(slo.objective().target)),
    ),
    gauge(
        "slod_slo_window_seconds",
        "seconds",
        SLO,
        "Length of the error budget's window; for a calendar window the nominal length, from which burn rates are computed: 7, 30, 90 or 365 days.",
        |samples, slo, _| samples.value(Some(slo.objective().window.length.as_secs_f64())),
    ),
    gauge(
        "slod_slo_sli_ratio",
        "ratio",
        SLO_WINDOW,
        "good / (good + bad) over the window. Absent while unknown.",
        |samples, _, computed| each(samples, computed, |window| window.sli),
    ),
    gauge(
        "slod_slo_burn_rate",
        "",
        SLO_WINDOW,
        "Error ratio of the window / (1 - target). Absent while unknown.",
        |samples, _, computed| each(samples, computed, |window| window.burn_rate),
    ),
    gauge(
        "slod_slo_coverage_ratio",
        "ratio",
        SLO_WINDOW,
        "Observed share of the window up to now: time represented by counted outcomes / time without corrections; for real traffic, time with metrics, even without requests. Below 1 if slod was down, outcomes were void, or the service is new.",
        |samples, _, computed| each(samples, computed, |window| window.coverage),
    ),
    gauge(
        "slod_slo_corrected",
        "",
        SLO,
        "Whether a correction, such as planned maintenance, currently excludes events: 1 yes, 0 no.",
        |samples, slo, _| samples.count(u64::from(slo.is_corrected())),
    ),
    gauge(
        "slod_slo_error_budget_remaining_ratio",
        "ratio",
        SLO,
        "Remaining share of the error budget; negative if overspent.",
        |samples, _, computed| samples.value(Some(computed.budget.remaining)),
    ),
    gauge(
        "slod_slo_window_error_budget_remaining_ratio",
        "ratio",
        SLO_WINDOW,
        "Remaining share of the error budget of each of the objective's windows, such as 30d or month; negative if overspent.",
        |samples, slo, computed| {
            let own = slo.objective().window;
            samples.with("window", &own.name(), |samples| {
                samples.value(Some(computed.budget.remaining));
            });
            for (window, period) in slo.additional_windows() {
                let left = (!period.beyond_retention)
                    .then(|| period.left(slo.objective().target))
                    .flatten();
                samples.with("window", &window.name(), |samples| samples.value(left));
            }
        },
    ),
    gauge(
        "slod_slo_window_sli_ratio",
        "ratio",
        SLO_WINDOW,
        "good / (good + bad) over each of the objective's windows, such as 30d or month; for a calendar window, up to now. Absent while unknown.",
        |samples, slo, computed| {
            let own = slo.objective().window;
            samples.with("window", &own.name(), |samples| {
                samples.value(Some(computed.budget.sli));
            });
            for (window, period) in slo.additional_windows() {
                let sli = period.sli.filter(|_| !period.beyond_retention);
                samples.with("window", &window.name(), |samples| samples.value(sli));
            }
        },
    ),
    gauge(
        "slod_slo_affordable_outage_seconds",
        "seconds",
        SLO,
        "Remaining downtime allowance: how long a total outage can last until the error budget is exhausted; 0 if it is.",
        |samples, _, computed| samples.value(Some(computed.budget.affordable)),
    ),
    gauge(
        "slod_slo_error_budget_recovery_timestamp_seconds",
        "seconds",
        SLO,
        "When an overspent budget becomes positive again if nothing fails from now on. Absent if the budget is not overspent.",
        |samples, _, computed| samples.value(Some(computed.budget.recovery)),
    ),
    gauge(
        "slod_slo_error_budget_exhaustion_timestamp_seconds",
        "seconds",
        SLO,
        "When the budget will be exhausted at the burn rate of the last day, or of the objective's window if it is shorter. Absent if it will not be.",
        |samples, _, computed| samples.value(Some(computed.budget.exhaustion)),
    ),
];

fn each(
    samples: &mut Samples<'_>,
    computed: &ObjectiveNumbers,
    value: impl Fn(&WindowNumbers) -> f64,
) {
    for (window, numbers) in EXPORTED_WINDOWS.iter().zip(&computed.windows) {
        samples.with("window", window.name(), |samples| {
            samples.value(Some(value(numbers)));
        });
    }
}

/// Writes counts of an objective as events, which may be fractional.
fn events(samples: &mut Samples<'_>, slo: &LiveObjective<'_>, counts: u64) {
    match slo.objective().budgeting {
        budgeting if budgeting.parts() == 1 => samples.count(counts),
        budgeting => samples.value(Some(budgeting.events(counts))),
    }
}
