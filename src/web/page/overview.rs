//! The front page: is anything wrong now, and where.

use super::alerts::alerts;
use super::card::{Shape, card};
use super::days;
use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::parts::{badge, icon, known, service_path};
use super::signs;
use super::silences::silences;
use super::system;
use crate::alerting::AlertsView;
use crate::format::numbers;
use crate::ledger::snapshot::{ServiceView, Snapshot};
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::report::health::Health;
use crate::report::notes;
use crate::report::silences::SilenceEntry;
use crate::signal::Findings;
use crate::store::Ahead;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Up to so many services are all shown in full; of more, so many that are in trouble.
const IN_FULL: usize = 12;

/// Beyond so many services, the healthy ones are folded away.
const UNFOLDED: usize = 100;

type Judged<'a> = (Health, &'a ServiceView);

/// What the front page shows.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    pub snapshot: &'a Snapshot,
    pub firing: &'a AlertsView,
    pub findings: &'a Findings,
    pub system: &'a SystemView,
    pub silences: &'a [SilenceEntry],
}

/// How many warning signs services have.
type Signs<'a> = BTreeMap<&'a str, u64>;

pub fn render_overview(shown: Overview<'_>, view: View<'_>) -> String {
    let Overview {
        snapshot,
        firing,
        system,
        ..
    } = shown;
    let signs = signs::counts(shown.findings);
    let mut services: Vec<Judged<'_>> = snapshot
        .services
        .iter()
        .map(|service| (Health::of(service, snapshot.at), service))
        .collect();
    // Stable: equals stay in the order of the config.
    services.sort_by_key(|(health, _)| *health);
    let page = Page {
        headline: Headline::of_all(&services),
        below: counts(&services),
        root: HOME,
        at: snapshot.at,
        content: html! { (future(&snapshot.ahead)) (alerts(snapshot.services.iter(), firing, HOME, snapshot.at)) (silences(shown.silences)) (list(&services, &signs, snapshot.at, view.unfolds())) (system::host(system)) },
    };
    page.render(view)
}

/// How many services stand how, worst first; nothing where all stand alike.
fn counts(services: &[Judged<'_>]) -> Markup {
    html! {
        @if services.first().map(|one| one.0) != services.last().map(|one| one.0) {
            ul.counts {
                @for health in Health::ALL {
                    @let count = services.iter().filter(|(one, _)| *one == health).count();
                    @if count > 0 {
                        li { (icon(health.level())) b { (numbers::count(count as u64)) } " " (health.label()) }
                    }
                }
            }
        }
    }
}

/// Where stored outcomes are of the future.
fn future(ahead: &Ahead) -> Markup {
    html! {
        @if let Some(until) = ahead.last {
            p { (notes::future(ahead.outcomes, until.to_utc())) }
        }
    }
}

fn list(services: &[Judged<'_>], signs: &Signs<'_>, at: Timestamp, unfold: bool) -> Markup {
    let cards = if services.len() <= IN_FULL {
        services.len()
    } else {
        let troubled = services.iter().filter(|(s, _)| s.is_trouble()).count();
        troubled.min(IN_FULL)
    };
    let (in_full, in_lines) = services.split_at(cards);
    let healthy_from = in_lines.partition_point(|(health, _)| health.is_trouble());
    let (troubled, healthy) = in_lines.split_at(healthy_from);
    html! {
        @for (health, service) in in_full { (card(*health, service, at, Shape {
            is_brief: services.len() > IN_FULL,
            signs: signs.get(&*service.name).copied(),
            unfold,
        })) }
        (lines("also need attention", troubled, signs, true))
        (lines("without problems", healthy, signs, unfold || services.len() <= UNFOLDED))
    }
}

/// Services in one line each.
fn lines(what: &str, services: &[Judged<'_>], signs: &Signs<'_>, open: bool) -> Markup {
    html! {
        @if !services.is_empty() {
            details.lines open[open] {
                summary { h2 { (numbers::count(services.len() as u64)) " " (what) } }
                table {
                    thead { tr {
                        th scope="col" { "Service" } th.spare scope="col" { "30 days" }
                        th scope="col" { "SLI" } th scope="col" { "Least budget" }
                        th.spare scope="col" { "p95 1h" } th scope="col" { "State" }
                    } }
                    tbody { @for (health, service) in services { (line(*health, service, signs.get(&*service.name).copied())) } }
                }
            }
        }
    }
}

fn line(health: Health, service: &ServiceView, signs: Option<u64>) -> Markup {
    let sli = service
        .objectives
        .first()
        .and_then(|view| view.budget.period.sli);
    let budgets = service.objectives.iter();
    let least = budgets
        .filter_map(|view| view.budget.left())
        .min_by(f64::total_cmp);
    let p95 = service
        .probes
        .iter()
        .filter_map(|probe| Some((probe.quantiles[1][1]?, probe.timeout)))
        .max();
    html! {
        tr {
            th scope="row" { a dir="auto" href=(service_path(&service.name)) { (service.name) } " " (signs::mark(&service.name, signs)) }
            td.spare { (days::sparkline(service)) }
            td { (known(sli, numbers::percent)) }
            td { (known(least, numbers::share)) }
            td.spare { (known(p95, |(p95, timeout)| numbers::latency_or_failed(p95, timeout))) }
            td { (badge(health)) }
        }
    }
}
