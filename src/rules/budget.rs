//! Recording rules over the whole window of an objective. A calendar period restarts, which no Prometheus range
//! does, so its rules use the daemon's own gauges.

use super::ObjectiveRules;
use super::file::{Recording, Rule};
use super::labels;
use super::promql::{ON, number};
use super::recordings::{error_ratio_name, record, windows};

pub(super) const REMAINING: &str = "slo:period_error_budget_remaining:ratio";
const BURN_RATE: &str = "slo:period_burn_rate:ratio";

pub(super) fn of(slo: &ObjectiveRules<'_>) -> Vec<Rule> {
    let gauge = "slod_slo_error_budget_remaining_ratio";
    if slo.objective.window.calendar.is_some() {
        let remaining = slo.events.least(gauge);
        return vec![
            record(slo, BURN_RATE, format!("1 - {remaining}")),
            record(slo, REMAINING, remaining),
        ];
    }
    let (window, events) = (slo.objective.window, &slo.events);
    let name = window.name();
    let (all, bad) = (
        format!("slo:slod_slo_events:increase{name}"),
        format!("slo:slod_slo_bad_events:increase{name}"),
    );
    let (of_all, of_bad) = (events.series(&all), events.series(&bad));
    // A budget is for the whole window, even if a service is new or was not observed all the time.
    let expected = match events.nominal(window.length) {
        Some(nominal) => format!("(({nominal} > {ON} {of_all}) or {ON} {of_all} > 0)"),
        None => format!("({of_all} > 0)"),
    };
    let budget = number(1.0 - slo.objective.target);
    let burn_rate = format!("{of_bad}\n/ {ON} {expected}\n/ {budget}");
    let mut rules = vec![
        record(slo, &all, events.all(window.length)),
        record(slo, &bad, events.bad(window.length)),
    ];
    let is_recorded = windows(slo).iter().any(|one| one.length() == window.length);
    if !is_recorded {
        rules.push(Rule::Recording(Recording {
            record: error_ratio_name(&name),
            expr: format!("{of_bad} / {ON} ({of_all} > 0)"),
            labels: labels::windowed(slo, &name),
        }));
    }
    let remaining = format!("1 - {}", events.series(BURN_RATE));
    rules.push(record(slo, BURN_RATE, burn_rate));
    rules.push(record(slo, REMAINING, remaining));
    rules
}
