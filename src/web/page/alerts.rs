//! Burn-rate alerts that fire now.

use super::parts::{moment, service_path};
use crate::alert::AlertRecord;
use crate::alerting::AlertsView;
use crate::format::numbers;
use crate::ledger::snapshot::{ObjectiveView, ServiceView};
use crate::outcome::Timestamp;
use crate::report::health::Health;
use maud::{Markup, html};

/// A page of more is no help to its reader; the API lists all.
const MAX_ROWS: usize = 20;

/// One objective's fastest alert that fires: it says what to do.
struct Firing<'a> {
    service: &'a ServiceView,
    view: &'a ObjectiveView,
    alert: &'a AlertRecord,
}

/// Those of some services, pages first, then the newest; nothing where there are none. `root` leads
/// to the overview.
pub fn alerts<'a>(
    services: impl Iterator<Item = &'a ServiceView>,
    view: &'a AlertsView,
    root: &str,
    at: Timestamp,
) -> Markup {
    let mut firing: Vec<Firing<'_>> = services.flat_map(|one| of_service(one, view)).collect();
    firing.sort_by_key(|one| (one.alert.key.tier, std::cmp::Reverse(one.alert.from)));
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

fn of_service<'a>(
    service: &'a ServiceView,
    alerts: &'a AlertsView,
) -> impl Iterator<Item = Firing<'a>> {
    service.objectives.iter().filter_map(move |view| {
        let alert = alerts.of(&service.name, &view.objective.name).first()?;
        Some(Firing {
            service,
            view,
            alert,
        })
    })
}

fn item(one: &Firing<'_>, root: &str, at: Timestamp) -> Markup {
    let Firing {
        service,
        view,
        alert,
    } = one;
    let tier = alert.key.tier;
    let age = std::time::Duration::from_millis((at.0 - alert.from.0).max(0).unsigned_abs());
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
            span.quiet { "for " (numbers::span(age)) ", since " (moment(alert.from)) }
        }
    }
}
