//! The front page: whether and where something is wrong.

use super::alerts::alerts;
use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::list::{Extras, Judged, counts, list};
use super::now::{self, Situation};
use super::parts::page_number;
use super::signs;
use super::silences::{self, Shown};
use super::system;
use crate::alerting::AlertsView;
use crate::ledger::snapshot::Snapshot;
use crate::observe::SystemView;
use crate::report::health::Health;
use crate::report::notes;
use crate::report::silences::SilenceEntry;
use crate::signal::Findings;
use crate::store::Ahead;
use maud::{Markup, html};

/// Content of the front page.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    pub snapshot: &'a Snapshot,
    pub firing: &'a AlertsView,
    pub findings: &'a Findings,
    pub system: &'a SystemView,
    pub silences: &'a [SilenceEntry],
    /// Which services this daemon observes, unless all.
    pub shard: Option<&'a str>,
}

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
    // Stable sort: equals stay in config order.
    services.sort_by_key(|(health, _)| *health);
    let situations = services.iter().map(|(health, service)| Situation {
        health: *health,
        service,
        firing,
        corrections: &snapshot.corrections,
        at: snapshot.at,
    });
    let is_first = page_number(view.query, usize::MAX, 1).0 == 0;
    let page = Page {
        headline: Headline::of_all(&services),
        below: html! { @if is_first { (now::troubles(situations.clone())) } (counts(&services, view.query)) },
        root: HOME,
        at: snapshot.at,
        content: html! {
            @if let Some(shard) = shown.shard { p.quiet { (shard) } }
            (future(&snapshot.ahead))
            @if is_first {
                (now::soon(situations, shown.findings, firing, HOME))
                (alerts(snapshot.services.iter(), firing, HOME, (snapshot.at, view)))
                (silences::section(shown.silences, Shown::Active, view))
            }
            (list(&services, Extras { signs: &signs, system }, snapshot.at, view))
            @if is_first { (system::host(system)) }
        },
    };
    page.render(view)
}

/// Note on stored outcomes in the future.
fn future(ahead: &Ahead) -> Markup {
    html! {
        @if let Some(until) = ahead.last {
            p { (notes::future(ahead.outcomes, until.to_utc())) }
        }
    }
}
