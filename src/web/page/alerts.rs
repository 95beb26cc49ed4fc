//! Burn-rate alerts that fire now.

use super::health::Health;
use super::parts::{moment, service_path};
use crate::format::numbers;
use crate::ledger::snapshot::{ObjectiveView, ServiceView};
use crate::outcome::Timestamp;
use crate::slo::burn::{TIERS, Tier};
use maud::{Markup, html};

/// A page of more is no help to its reader; the API lists all.
const MAX_ROWS: usize = 20;

/// One objective's fastest alert that fires: it says what to do.
struct Firing<'a> {
    service: &'a ServiceView,
    view: &'a ObjectiveView,
    tier: &'static Tier,
    since: Timestamp,
}

/// Those of some services, pages first, then the newest; nothing where there are none. `root` leads
/// to the overview.
pub fn alerts<'a>(
    services: impl Iterator<Item = &'a ServiceView>,
    root: &str,
    at: Timestamp,
) -> Markup {
    let mut firing: Vec<Firing<'_>> = services.flat_map(of_service).collect();
    firing.sort_by_key(|one| (one.tier.number, std::cmp::Reverse(one.since)));
    let more = firing.len().saturating_sub(MAX_ROWS);
    html! {
        @if !firing.is_empty() {
            section {
                h2 { "Alerts" }
                div.card {
                    ul.failures { @for one in firing.iter().take(MAX_ROWS) { (item(one, root, at)) } }
                    @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " more" } }
                }
            }
        }
    }
}

fn of_service(service: &ServiceView) -> impl Iterator<Item = Firing<'_>> {
    service.objectives.iter().filter_map(move |view| {
        let mut tiers = TIERS.iter().zip(&view.alerts);
        let firing = tiers.find_map(|(tier, alert)| Some((tier, alert.since()?)));
        firing.map(|(tier, since)| Firing {
            service,
            view,
            tier,
            since,
        })
    })
}

fn item(one: &Firing<'_>, root: &str, at: Timestamp) -> Markup {
    let Firing {
        service,
        view,
        tier,
        since,
    } = one;
    let age = std::time::Duration::from_millis((at.0 - since.0).max(0).unsigned_abs());
    html! {
        li {
            span.cause { (tier.urgency.label()) }
            span.message dir="auto" {
                a href={ (root) (service_path(&service.name)) } { (service.name) } " / " (view.objective.name)
                @if Health::of_objective(view) == Health::Recovered {
                    " has recovered; burn alert still active over " (tier.windows())
                } @else {
                    ": error-budget burn over " (tier.windows())
                }
            }
            span.quiet { "for " (numbers::span(age)) ", since " (moment(*since)) }
        }
    }
}
