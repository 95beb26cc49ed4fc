//! Card of one service on the front page.

use super::attempts;
use super::days;
use super::parts::{badge, budget, failures, figures, icon, or_dash, service_path};
use super::service_metrics;
use super::signs;
use crate::format::{numbers, objective};
use crate::ledger::snapshot::{LastOutcome, ObjectiveView, ProbeView, ServiceView};
use crate::observe::scrape::ServiceMetrics;
use crate::outcome::Timestamp;
use crate::report::health::{Health, HealthLevel};
use crate::slo::StandardWindow;
use maud::{Markup, html};
use std::time::Duration;

/// Maximum age of failures on a card; the service's own page shows older ones.
const NEWS: Duration = Duration::from_hours(24);

/// How a service is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Show only objectives and probes in trouble.
    pub is_brief: bool,
    /// Number of warning signs.
    pub signs: Option<u64>,
    /// Its own metrics, if it has no probes.
    pub metrics: Option<&'a ServiceMetrics>,
    /// Expand all collapsed sections.
    pub unfold: bool,
}

/// One service.
pub fn card(health: Health, service: &ServiceView, at: Timestamp, shape: Shape<'_>) -> Markup {
    let wanted = |health: Health| !shape.is_brief || health.is_trouble();
    let objectives: Vec<[Markup; 7]> = service
        .objectives
        .iter()
        .map(|view| (Health::of_objective(view), view))
        .filter(|(health, _)| wanted(*health))
        .map(|(health, view)| objective(health, view))
        .collect();
    let probes: Vec<[Markup; 7]> = service
        .probes
        .iter()
        .map(|view| (Health::of_probe(view, at), view))
        .filter(|(health, _)| wanted(*health))
        .map(|(health, view)| probe(health, view, at))
        .collect();
    let has_days = !service.objectives.is_empty();
    html! {
        article.card {
            header.charted[has_days] {
                div {
                    h2 { a href=(service_path(&service.name)) dir="auto" { (service.name) } }
                    @if !service.description.is_empty() {
                        p.quiet dir="auto" { (service.description) }
                    }
                    (signs::mark(&service.name, shape.signs))
                    @if health != Health::Maintenance && service.objectives.iter().any(|one| one.corrected) {
                        span.badge.idle { (icon(HealthLevel::Idle)) "correction active" }
                    }
                }
                @if has_days { (days::chart(service, &service.days)) }
                (badge(health))
            }
            (figures(OBJECTIVE, &objectives))
            (figures(PROBE, &probes))
            @if let Some(metrics) = shape.metrics.filter(|_| !shape.is_brief) { (service_metrics::brief(metrics)) }
            (news(service, at, shape.unfold || health.is_trouble()))
        }
    }
}

const OBJECTIVE: [&str; 7] = [
    "Objective",
    "SLI",
    "Budget left",
    "Coverage",
    "Burn 1h",
    "Burn 6h",
    "State",
];

fn objective(health: Health, view: &ObjectiveView) -> [Markup; 7] {
    [
        html! {
            bdi { (view.objective.name) }
            span.quiet { (objective::sentence(&view.objective)) }
            @if let Some(one) = &view.uncounted { span.quiet { "Nothing is counted: " (one.why) } }
        },
        html! { (or_dash(view.budget.period.sli, numbers::percent)) },
        budget(&view.budget),
        html! { (or_dash(view.budget.period.coverage, numbers::coverage)) },
        html! { (or_dash(view.windows[StandardWindow::Hour1].burn_rate, numbers::burn)) },
        html! { (or_dash(view.windows[StandardWindow::Hours6].burn_rate, numbers::burn)) },
        badge(health),
    ]
}

const PROBE: [&str; 7] = [
    "Probe",
    "p50 1h",
    "p95 1h",
    "p99 1h",
    "Last latency",
    "Last seen",
    "State",
];

fn probe(health: Health, view: &ProbeView, at: Timestamp) -> [Markup; 7] {
    let [p50, p95, p99] = view.quantiles[1]
        .map(|q| html! { (or_dash(q, |q| numbers::latency_or_failed(q, view.timeout))) });
    let last = view.last.as_ref();
    [
        html! { bdi { (view.key.probe) } span.quiet { (view.kind) } (attempts::sparkline(view)) },
        p50,
        p95,
        p99,
        html! { (or_dash(last.map(|last| last.latency), numbers::latency)) },
        html! { (or_dash(last.map(|last| at.since(last.at)), numbers::age)) },
        badge(health),
    ]
}

/// Failures of the last day; expanded if the service is in trouble.
fn news(service: &ServiceView, at: Timestamp, open: bool) -> Markup {
    let many = service.probes.len() > 1;
    let mut recent: Vec<(Option<&str>, &LastOutcome)> = service
        .probes
        .iter()
        .flat_map(|probe| {
            let failures = probe.recent_failures.iter();
            let name = many.then_some(&*probe.key.probe);
            failures.map(move |failure| (name, &**failure))
        })
        .filter(|(_, failure)| at.since(failure.at) < NEWS)
        .collect();
    recent.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.at));
    recent.truncate(3);
    html! {
        @if let Some((_, newest)) = recent.first() {
            details open[open] {
                summary { "Last failures" span.quiet { " newest " (numbers::age(at.since(newest.at))) } }
                (failures(recent.iter().copied(), at))
            }
        }
    }
}
