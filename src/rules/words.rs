//! What people read: annotations of alerts, and remarks at the top of the file.

use super::Promise;
use super::labels::{Labels, pairs};
use crate::alert::{Condition, TIERS, Tier};
use crate::format::numbers::percent;
use crate::slo::{BudgetingMethod, EventSource, Objective, Sli, Threshold};
use crate::text::printable;
use crate::units::show_duration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The most frequent cause of failed attempts, where there is one.
const CAUSE: &str = "{{ with printf \"topk(1, sum by (reason) (increase(slod_probe_failures_total{service=%q}[1h])) > 0)\" $labels.service | query }}mostly {{ . | first | label \"reason\" }}; {{ end }}";

pub(super) fn annotations(
    promise: &Promise<'_>,
    condition: &Condition,
    what: &str,
    description: &str,
) -> Labels {
    let cause = match (condition, promise.objective.source) {
        (Condition::Tier(_), EventSource::Probes) => CAUSE,
        _ => "",
    };
    pairs([
        ("summary", format!("{NAME}: {cause}{what}")),
        ("description", format!("{NAME}: {description}")),
        ("runbook_url", runbook(promise, &section(condition))),
        ("dashboard_url", page(promise)),
    ])
}

const NAME: &str = "{{ $labels.service }} / {{ $labels.slo }}";

pub(super) fn of_inhibitor(promise: &Promise<'_>) -> Labels {
    pairs([
        (
            "summary",
            "A burn-rate alert is explained by another alert.".to_owned(),
        ),
        (
            "description",
            format!("{NAME}: other firing alerts explain tier {{{{ $labels.tier }}}}."),
        ),
        ("runbook_url", runbook(promise, "slodburninhibitor")),
    ])
}

pub(super) fn of_absence(promise: &Promise<'_>) -> Labels {
    pairs([
        (
            "summary",
            format!("{NAME}: no daemon counts this objective."),
        ),
        (
            "description",
            "The rules were generated from a config that the daemons do not have.".to_owned(),
        ),
        ("runbook_url", runbook(promise, "slodobjectiveabsent")),
    ])
}

/// Of the runbook, as in the daemon's own notifications.
fn section(condition: &Condition) -> String {
    let is_known = |tier: &Tier| {
        let same = |one: &Tier| (one.long, one.urgency) == (tier.long, tier.urgency);
        TIERS.iter().any(same)
    };
    match condition.tier() {
        Some(tier) if !is_known(tier) => "slodbudgetburn".to_owned(),
        _ => condition.alertname().to_lowercase(),
    }
}

fn runbook(promise: &Promise<'_>, section: &str) -> String {
    format!("{}/runbook#{section}", promise.rules.address)
}

/// Encoded here: templates of Prometheus 2.42 cannot, and braces in a name would be one.
fn page(promise: &Promise<'_>) -> String {
    let service = utf8_percent_encode(&promise.service.name, NON_ALPHANUMERIC);
    format!("{}/services/{service}", promise.rules.address)
}

/// `2 %`
pub(super) fn share(share: f64) -> String {
    percent(share).replace('%', " %")
}

/// What is counted.
pub(super) fn events(objective: &Objective) -> &'static str {
    match (objective.budgeting.is_sliced(), objective.source) {
        (true, _) => "minutes",
        (false, EventSource::Probes) => "attempts",
        (false, EventSource::Metrics) => "requests",
    }
}

/// Why one of these is bad.
pub(super) fn bad(objective: &Objective) -> String {
    if let Sli::Throughput(throughput) = objective.sli {
        return format!("fewer than {} requests were answered", throughput.at_least);
    }
    let event = match objective.source {
        EventSource::Probes => "attempts",
        EventSource::Metrics => "requests",
    };
    let good = match objective.sli {
        Sli::Latency { below, of } => format!("good and {}", Threshold { of, below }.words()),
        Sli::Freshness => "in time".to_owned(),
        _ => "good".to_owned(),
    };
    match objective.budgeting {
        BudgetingMethod::Timeslices { slice_target } => {
            format!(
                "less than {} of the {event} were {good}",
                share(slice_target)
            )
        }
        BudgetingMethod::RatioTimeslices => {
            format!("the mean share of {event} that were not {good}")
        }
        BudgetingMethod::Occurrences => match objective.sli {
            Sli::Latency { .. } => format!("not {good}"),
            _ => "they failed".to_owned(),
        },
    }
}

/// What of an objective is not in the rules as the config has it.
pub(super) fn remarks(promise: &Promise<'_>) -> Vec<String> {
    let name = format!("{} / {}", promise.service.name, promise.objective.name);
    let name = printable(&name);
    let window = promise.objective.window;
    let mut remarks = Vec::new();
    if window.calendar.is_some() {
        remarks.push(format!(
            "{name}: the budget of a {} begins anew, so it is the daemon's gauge; burn rates are for {}.",
            window.name(),
            show_duration(window.length)
        ));
    }
    let tiers = promise.policy.tiers();
    let unfit = tiers.filter(|tier| !tier.fits(window.length));
    let unfit: Vec<String> = unfit.map(Tier::windows).collect();
    if !unfit.is_empty() {
        remarks.push(format!(
            "{name}: its window of {} is shorter than these tiers, which never fire for it: {}.",
            window.name(),
            unfit.join(", ")
        ));
    }
    if promise.policy.conditions().is_empty() {
        remarks.push(format!("{name}: alerts are switched off for it."));
    }
    remarks
}
