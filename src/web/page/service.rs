//! Page of one service.

use super::alerts::alerts;
use super::charts::charts;
use super::corrections;
use super::days;
use super::frame::{Page, View};
use super::headline::Headline;
use super::now::Situation;
use super::parts::{badge, budget, labeled_path, moment, or_dash, scrolled};
use super::past::{self, Past};
use super::probe;
use super::runs;
use super::service_metrics;
use super::signs;
use super::system;
use super::timeline;
use crate::alerting::AlertsView;
use crate::format::{self, numbers};
use crate::ledger::snapshot::{ObjectiveView, ServiceView};
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::report::health::Health;
use crate::report::notes;
use crate::report::signals::HealthAnswer;
use crate::slo::correction::Correction;
use crate::slo::{BudgetingMethod, Combine, EventSource, Objective};
use maud::{Markup, html};
use std::time::Duration;

/// Relative path to the overview.
const ROOT: &str = "../";

/// Content of the page.
#[derive(Clone, Copy, Debug)]
pub struct ServicePage<'a> {
    pub service: &'a ServiceView,
    pub corrections: &'a [Correction],
    pub firing: &'a AlertsView,
    /// Healthy indicators and warning signs.
    pub health: &'a HealthAnswer,
    pub system: &'a SystemView,
    /// Time of the snapshot.
    pub at: Timestamp,
    pub past: &'a Past,
}

pub fn render_service(shown: ServicePage<'_>, view: View<'_>) -> String {
    let ServicePage {
        service,
        corrections,
        firing,
        system,
        at,
        past,
        ..
    } = shown;
    let (health, unfold) = (Health::of(service, at), view.unfolds());
    let is_unprobed = service.probes.is_empty();
    let now = Situation {
        health,
        service,
        firing,
        corrections,
        at,
    };
    let page = Page {
        headline: Headline::of_service(health, service),
        below: html! { (now.details()) (about(service)) },
        root: ROOT,
        at,
        content: html! {
            (alerts(std::iter::once(service), firing, ROOT, (at, view)))
            (signs::signs(shown.health, &past.signs, ROOT, at, unfold))
            @if !service.objectives.is_empty() { (days(service, past, view, (at, unfold))) }
            section {
                h2 { "Objectives" }
                div.pair { @for view in &service.objectives { (objective(view, at, unfold)) } }
                @if service.objectives.is_empty() { p.quiet { "No objectives are configured." } }
            }
            (probes(service, past, at))
            @if is_unprobed { (service_metrics::metrics(&service.name, system, unfold)) }
            (charts(&past.charts, &past.events, view.query, at))
            (runs::of_service(&service.name, &past.runs, ROOT))
            (timeline::timeline(&past.events, unfold))
            (past::alert_history(&service.name, past))
            (corrections::corrections(&service.name, corrections, at, past.older.as_ref(), view.query))
            @if !is_unprobed { (service_metrics::metrics(&service.name, system, unfold)) }
            (system::processes(&service.name, system))
        },
    };
    page.render(view)
}

/// The last days of its objectives.
fn days(
    service: &ServiceView,
    past: &Past,
    view: View<'_>,
    (at, unfold): (Timestamp, bool),
) -> Markup {
    let days = past.days.as_deref().unwrap_or(&service.days);
    html! {
        section {
            h2 { "Last " (days.len()) " days" }
            div.card {
                (days::switch(service, days.len(), view.query, at))
                (days::chart(service, days)) (days::legend(days)) (days::table(service, days, unfold))
            }
        }
    }
}

/// The service's probes. Without any, what its objectives count.
fn probes(service: &ServiceView, past: &Past, at: Timestamp) -> Markup {
    let counts = |source| {
        let objectives = service.objectives.iter();
        let mut sources = objectives.map(|view| view.objective.source);
        sources.any(|one| one == source)
    };
    html! {
        @if !service.probes.is_empty() {
            section {
                h2 { "Probes" }
                @for view in &service.probes { (probe::card(view, past, at)) }
            }
        } @else if counts(EventSource::Probes) {
            section {
                h2 { "Probes" }
                p.quiet { "The objectives of this service count probes of other services." }
            }
        }
    }
}

fn about(service: &ServiceView) -> Markup {
    html! {
        @if !service.description.is_empty() { p dir="auto" { (service.description) } }
        @if !service.labels.is_empty() {
            ul.labels aria-label="Labels" {
                @for (name, value) in &*service.labels {
                    li { a href={ (ROOT) (labeled_path(name, value)) } { bdi { (name) } ": " bdi { (value) } } }
                }
            }
        }
    }
}

fn objective(view: &ObjectiveView, at: Timestamp, unfold: bool) -> Markup {
    let objective = &view.objective;
    html! {
        article.card {
            header {
                div {
                    h3 dir="auto" { (objective.name) }
                    p.quiet { (format::objective::sentence(objective)) (counts(objective)) }
                    @if let Some(one) = &view.uncounted { p { "Nothing is counted: " (one.why) } }
                }
                (badge(Health::of_objective(view)))
            }
            dl.facts {
                div { dt { "SLI" } dd { (or_dash(view.budget.period.sli, numbers::percent)) } }
                div { dt { "Budget left" } dd { (budget(&view.budget)) } }
                @for further in &view.additional_budgets {
                    div { dt { "Budget left " (format::objective::span(&further.window)) } dd { (budget(further)) } }
                }
                div { dt { "Coverage" } dd {
                    (or_dash(view.budget.period.coverage, numbers::coverage))
                    (counted_since(view, at))
                } }
                div { dt { "Budget exhausted" } dd { (exhaustion(view, at)) } }
                div { dt { "Remaining downtime allowance" } dd { (or_dash(affordable(view), numbers::span)) } }
            }
            @if view.is_beyond_retention() {
                p.quiet { "SLI and budget are " (notes::BEYOND_RETENTION) }
            }
            @if let (Some(before), Some(within)) = (view.precision.approximate_before, view.approximate_within()) {
                p.quiet { "The numbers are " (notes::approximate(before.to_utc(), within)) }
            }
            @if let Some(since) = view.precision.measured_since {
                p.quiet { "The objective is " (notes::measured_since(since.to_utc())) }
            }
            (windows(view, unfold))
        }
    }
}

/// Formats `: all of a/health, b/health`, unless the objective simply counts all of the service's probes.
fn counts(objective: &Objective) -> String {
    let named = objective.probes.iter().map(|one| {
        let home = one.service.as_ref().map(|service| format!("{service}/"));
        let weight = match objective.combine {
            Combine::Weighted => format!(" ({})", one.weight),
            _ => String::new(),
        };
        format!("{}{}{weight}", home.unwrap_or_default(), one.probe)
    });
    let counted = named.collect::<Vec<_>>().join(", ");
    let how = match objective.combine {
        Combine::Pooled => "",
        Combine::All => "all of ",
        Combine::Any => "any of ",
        Combine::Weighted => "by weight ",
    };
    match (how, counted.as_str()) {
        ("", "") => String::new(),
        (how, "") => format!(": {how}its probes"),
        (how, counted) => format!(": {how}{counted}"),
    }
}

/// Start of counting, if the outcomes do not cover the whole window.
fn counted_since(view: &ObjectiveView, at: Timestamp) -> Markup {
    let start = at.before(view.objective.window.length);
    html! {
        @if let Some(since) = view.since.filter(|since| *since > start) {
            span.quiet { "counted since " (moment(since)) }
        }
    }
}

fn exhaustion(view: &ObjectiveView, at: Timestamp) -> Markup {
    html! {
        @match view.budget.exhaustion {
            None if view.budget.period.sli.is_none() => { "–" }
            None if view.budget.recovery.is_some() => { "already spent" (recovery(view, at)) }
            None => { "not at the current rate" }
            Some(end) if end <= at => { "already spent" (recovery(view, at)) }
            Some(end) => {
                "in " (numbers::span(end.since(at)))
                span.quiet { (moment(end)) " at the burn rate of " (view.budget.window.recent()) }
            }
        }
    }
}

fn recovery(view: &ObjectiveView, at: Timestamp) -> Markup {
    html! {
        @if let Some(back) = view.budget.recovery {
            span.quiet { "positive again in " (numbers::span(back.since(at))) " without failures" }
        }
    }
}

/// Remaining downtime allowance; unknown while nothing was observed.
fn affordable(view: &ObjectiveView) -> Option<Duration> {
    view.budget.period.sli.and(view.budget.affordable)
}

/// Unit of the counted events.
const fn unit(objective: &Objective) -> &'static str {
    match (objective.budgeting, objective.source) {
        (BudgetingMethod::Occurrences, EventSource::Probes) => "probes",
        (BudgetingMethod::Occurrences, EventSource::Metrics) => "requests",
        (BudgetingMethod::Timeslices { .. } | BudgetingMethod::RatioTimeslices, _) => "minutes",
    }
}

fn windows(view: &ObjectiveView, unfold: bool) -> Markup {
    let budgeting = view.objective.budgeting;
    let table = html! {
        table.numbers {
            caption { "Counted in " (unit(&view.objective)) }
            thead { tr {
                th scope="col" { "Window" } th scope="col" { "Good" } th scope="col" { "Bad" }
                th scope="col" { "SLI" } th scope="col" { "Burn" } th scope="col" { "Coverage" }
            } }
            tbody {
                @for (name, window) in view.windows.iter().map(|(one, view)| (one.name(), view)) {
                    tr {
                        th scope="row" { (name) }
                        td { (numbers::events(window.good, budgeting)) }
                        td class=[(window.bad > 0).then_some("some")] { (numbers::events(window.bad, budgeting)) }
                        td { (or_dash(window.sli, numbers::percent)) }
                        td { (or_dash(window.burn_rate, numbers::burn)) }
                        td { (or_dash(window.coverage, numbers::coverage)) }
                    }
                }
            }
        }
    };
    html! {
        details open[unfold] {
            summary { "All windows" }
            (scrolled("Windows", &table))
        }
    }
}
