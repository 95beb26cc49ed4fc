//! The alert rules of an objective, with the names, labels and conditions of the daemon's alerts.

use super::ObjectiveRules;
use super::budget::REMAINING;
use super::file::{Alerting, Rule};
use super::labels::{Labels, of_alert};
use super::promql::{ON, number};
use super::recordings::error_ratio_name;
use super::words;
use crate::alert::{Condition, Tier, Urgency};
use crate::format::numbers::percent;
use crate::slo::{BudgetingMethod, StandardWindow};
use crate::units::show_duration;
use std::time::Duration;

/// Minimum observed share of a long window for its error ratio alone to be conclusive, as in `alert::tier`.
const MIN_OBSERVED: &str = "0.5";

pub(super) fn of(slo: &ObjectiveRules<'_>, condition: &Condition) -> Rule {
    let (expr, what, description) = match condition {
        Condition::Tier(tier) => of_tier(slo, tier),
        Condition::Exhausted => exhausted(slo),
        Condition::Forecast(within) => forecast(slo, *within),
    };
    let timing = condition.timing();
    Rule::Alerting(Alerting {
        alert: condition.alertname(),
        expr,
        pending: (!timing.pending.is_zero()).then(|| show_duration(timing.pending)),
        keep_firing_for: Some(show_duration(timing.keep)),
        labels: labels(slo, condition),
        annotations: words::annotations(slo, condition, &what, &description),
    })
}

/// The expression, the end of the summary, and the description of an alert.
type Parts = (String, String, String);

fn of_tier(slo: &ObjectiveRules<'_>, tier: &Tier) -> Parts {
    let (share, long) = (f64::from(tier.budget) / 1e6, tier.long.name());
    let (events, bad) = (slo.objective.events(), words::bad(slo.objective));
    (
        burns(slo, tier),
        format!(
            "at this rate, {} of the error budget is spent in {long}.",
            percent(share)
        ),
        format!(
            "{{{{ $value | humanizePercentage }}}} of the {events} in the last {long} were bad: {bad}."
        ),
    )
}

fn labels(slo: &ObjectiveRules<'_>, condition: &Condition) -> Labels {
    let urgency = condition.urgency();
    let mut labels = of_alert(
        slo,
        [
            ("severity", urgency.severity().to_owned()),
            ("kind", urgency.label().to_owned()),
            ("tier", condition.label()),
            ("sloth_severity", urgency.label().to_owned()),
        ],
    );
    // As in the daemon, whose alerts have no `kind` of their own.
    if slo.service.labels.iter().any(|(name, _)| name == "kind") {
        labels.remove("kind");
    }
    labels
}

/// Both windows exceed the tier's burn rate, enough events failed, and the long window is conclusive.
fn burns(slo: &ObjectiveRules<'_>, tier: &Tier) -> String {
    let (events, objective) = (&slo.events, slo.objective);
    let factor = tier.factor(objective.window.length);
    let limit = format!("{} * {}", number(factor), number(1.0 - objective.target));
    let ratio = |window: StandardWindow| events.series(&error_ratio_name(window.name()));
    let long = tier.long.length();
    let (bad, all) = (events.bad(long), events.all(long));
    let (of_long, of_short) = (ratio(tier.long), ratio(tier.short));
    let least = number(least_bad(tier, objective.budgeting));
    let inconclusive = events.nominal(long).map(|nominal| {
        format!(
            "
unless {ON} (
  {all} < {ON} {MIN_OBSERVED} * {nominal}
  and {ON} {bad} <= {ON} {limit} * {nominal}
)"
        )
    });
    format!(
        "max without (sloth_window) ({of_long}) > {limit}
and {ON} {of_short} > {limit}
and {ON} {bad} > {least}{}",
        inconclusive.unwrap_or_default()
    )
}

/// The number of bad events that must be exceeded. Prometheus extrapolates to the ends of a window, so integers are
/// compared with a margin of one half; events that count in fractions are compared as in the daemon.
fn least_bad(tier: &Tier, budgeting: BudgetingMethod) -> f64 {
    let least = f64::from(tier.min_bad);
    match budgeting.parts() {
        1 => least - 0.5,
        _ => least - 1.0,
    }
}

fn exhausted(slo: &ObjectiveRules<'_>) -> Parts {
    let window = slo.objective.window.name();
    (
        format!("{} <= 0", slo.events.series(REMAINING)),
        "the error budget is spent.".to_owned(),
        format!("{{{{ $value | humanizePercentage }}}} of the error budget of {window} is left."),
    )
}

/// Uses the daemon's forecast, in which failures leave the window.
fn forecast(slo: &ObjectiveRules<'_>, within: Duration) -> Parts {
    let (events, left) = (&slo.events, slo.events.series(REMAINING));
    let at = events.least("slod_slo_error_budget_exhaustion_timestamp_seconds");
    let seconds = within.as_secs();
    (
        format!("{left} > 0 <= 0.75\nand {ON} {at} - time() <= {seconds}"),
        format!(
            "the error budget runs out within {} at the burn rate of {}.",
            show_duration(within),
            slo.objective.window.recent()
        ),
        "{{ $value | humanizePercentage }} of the error budget is left.".to_owned(),
    )
}

/// Fires if daemons are scraped but none has the objective: it was renamed or removed, or they use another config.
/// Otherwise its alerts would silently never fire again.
pub(super) fn absent(slo: &ObjectiveRules<'_>) -> Rule {
    Rule::Alerting(Alerting {
        alert: "SlodObjectiveAbsent".to_owned(),
        expr: format!("{} and on () count(slod_build_info)", slo.events.absent()),
        pending: Some("15m".to_owned()),
        keep_firing_for: None,
        labels: of_alert(slo, [("severity", Urgency::Ticket.severity().to_owned())]),
        annotations: words::of_absence(slo),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::TIERS;
    use crate::config::Config;

    fn labels_with(own: &str) -> Labels {
        let text = format!(
            "services: [ {{ name: web, labels: {{ {own} }}, probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ], objectives: [ {{ name: errors, sli: success, target: 99% }} ] }} ]"
        );
        let config: Config = text.parse().expect("valid");
        let service = &config.services[0];
        let slo = ObjectiveRules::new(&config, service, &service.objectives[0]);
        let Rule::Alerting(alert) = of(&slo, &Condition::Tier(TIERS[0])) else {
            panic!("not an alert");
        };
        alert.labels
    }

    /// Series have the labels of the service, which the labels of a rule override.
    #[test]
    fn a_service_keeps_its_own_kind() {
        assert_eq!(labels_with("kind: api").get("kind"), None);
        assert_eq!(labels_with("team: a")["kind"], "page");
    }
}
