//! Recording rules of an objective: its error ratios and its target.

use super::ObjectiveRules;
use super::file::{Recording, Rule};
use super::labels;
use super::promql::{BY, EXPECTED, number};
use crate::slo::StandardWindow as Window;
use crate::units::DAY;
use std::collections::BTreeSet;

/// The windows that Sloth records, from which dashboards choose.
const WINDOWS: [Window; 7] = [
    Window::Minutes5,
    Window::Minutes30,
    Window::Hour1,
    Window::Hours2,
    Window::Hours6,
    Window::Day1,
    Window::Days3,
];

pub(super) const OBJECTIVE: &str = "slo:objective:ratio";
pub(super) const ERROR_BUDGET: &str = "slo:error_budget:ratio";

pub(super) fn error_ratio_name(window: &str) -> String {
    format!("slo:sli_error:ratio_rate{window}")
}

/// The windows of the recorded error ratios.
pub(super) fn windows(slo: &ObjectiveRules<'_>) -> BTreeSet<Window> {
    let of_tiers = slo.tiers().flat_map(|tier| [tier.long, tier.short]);
    WINDOWS.into_iter().chain(of_tiers).collect()
}

pub(super) fn of(slo: &ObjectiveRules<'_>) -> Vec<Rule> {
    let ratios = windows(slo).into_iter();
    let ratios = ratios.map(|window| error_ratio(slo, window));
    let expected = slo.events.expected();
    let expected = expected.map(|rate| record(slo, EXPECTED, rate));
    let mut rules: Vec<Rule> = expected.into_iter().chain(ratios).collect();
    let objective = slo.objective;
    let days = objective.window.length.as_secs_f64() / DAY.as_secs_f64();
    let budget = number(1.0 - objective.target);
    for (name, value) in [
        (OBJECTIVE, number(objective.target)),
        (ERROR_BUDGET, budget.clone()),
        ("slo:time_period:days", number(days)),
    ] {
        rules.push(record(slo, name, format!("vector({value})")));
    }
    let newest = slo.events.series(&error_ratio_name("5m"));
    let rate = format!("max {BY} ({newest}) / {budget}");
    rules.push(record(slo, "slo:current_burn_rate:ratio", rate));
    rules
}

fn error_ratio(slo: &ObjectiveRules<'_>, window: Window) -> Rule {
    Rule::Recording(Recording {
        record: error_ratio_name(window.name()),
        expr: slo.events.error_ratio(window.length()),
        labels: labels::windowed(slo, window.name()),
    })
}

pub(super) fn record(slo: &ObjectiveRules<'_>, name: &str, expr: String) -> Rule {
    Rule::Recording(Recording {
        record: name.to_owned(),
        expr,
        labels: labels::of(slo),
    })
}
