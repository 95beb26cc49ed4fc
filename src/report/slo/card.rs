//! Card of one objective on the page.

use super::chart::burn_down;
use super::model::{ObjectiveReport, Report};
use crate::format::numbers::plural;
use crate::format::{numbers, times};
use crate::report::sheet::{Table, badge, or_dash};
use maud::{Markup, html};

pub fn card(report: &Report, service: &str, objective: &ObjectiveReport, id: &str) -> Markup {
    html! {
        article.card id=(id) {
            header {
                h3 { bdi { (service) } " / " bdi { (objective.name) } " " span.quiet { (objective.promise) ", " (objective.window) } }
                (badge(objective.result.tone(), objective.result.label()))
            }
            div.halves {
                (burn_down(report, service, objective, id))
                (facts(objective))
            }
            (incidents(objective))
        }
    }
}

fn facts(objective: &ObjectiveReport) -> Markup {
    let corrected = objective.corrected_seconds;
    html! {
        dl.facts {
            div { dt { "SLI" } dd { (or_dash(objective.sli_ratio, numbers::percent)) } }
            div { dt { "Budget left" } dd {
                (or_dash(objective.budget_left_ratio, numbers::share))
                span.quiet { "of " (numbers::fractional(objective.budget_events)) " bad events" }
            } }
            div { dt { "Good events" } dd { (numbers::fractional(objective.good_events)) } }
            div { dt { "Bad events" } dd { (numbers::fractional(objective.bad_events)) } }
            div { dt { "Expected events" } dd { (numbers::fractional(objective.expected_events)) } }
            div { dt { "Coverage" } dd {
                (or_dash(objective.coverage_ratio, numbers::coverage))
                span.quiet {
                    (numbers::fractional(objective.missing_events)) " missing, "
                    (numbers::count(objective.void_events)) " void"
                }
            } }
            @if corrected > 0.0 {
                div { dt { "Excluded by corrections" } dd { (times::length(corrected)) } }
            }
            @if !objective.causes.is_empty() {
                div { dt { "Failures by cause" } dd {
                    @for cause in objective.causes.iter().take(4) {
                        span.quiet { (cause.cause) " " (numbers::count(cause.outcomes)) }
                    }
                } }
            }
        }
    }
}

fn incidents(objective: &ObjectiveReport) -> Markup {
    let scattered = objective.scattered_bad_events;
    html! {
        @if !objective.incidents.is_empty() {
            h4 { "Incidents, worst first" }
            (Table::incidents_of(objective).to_html())
        }
        p.quiet {
            @if objective.incidents.is_empty() { "No incident. " }
            @if objective.incidents_not_shown > 0 {
                (plural(objective.incidents_not_shown, "more incident")) " spent less. "
            }
            @if scattered > 0.0 { (numbers::fractional(scattered)) " isolated bad events." }
        }
    }
}
