//! Services on the front page: the worst as cards, the others on one line each, and a filter if there are many.

use super::card::{Shape, card};
use super::days;
use super::frame::{HOME, View};
use super::parts::{PART, badge, icon, or_dash, page_links, page_number, service_path};
use super::query::{PageQuery, RELOAD, UNFOLD};
use super::service_metrics::seconds;
use super::signs;
use crate::format::numbers;
use crate::ledger::snapshot::ServiceView;
use crate::observe::SystemView;
use crate::observe::scrape::ServiceMetrics;
use crate::outcome::Timestamp;
use crate::report::health::Health;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Up to this number, all services are shown as cards; otherwise only this many of those in trouble.
const IN_FULL: usize = 12;
/// Above this number of services, healthy ones are collapsed.
const UNFOLDED: usize = 100;
/// Number of services per page: a page with thousands is slow to load and read.
const ROWS: usize = 200;

/// Parameters of the filter and the page number.
const TEXT: &str = "q";
const STATE: &str = "state";

/// A service and its health.
pub type Judged<'a> = (Health, &'a ServiceView);
/// Number of warning signs per service.
pub type Signs<'a> = BTreeMap<&'a str, u64>;

/// What else is shown of the services.
#[derive(Clone, Copy, Debug)]
pub struct Extras<'a> {
    pub signs: &'a Signs<'a>,
    pub system: &'a SystemView,
}

impl<'a> Extras<'a> {
    fn signs_of(&self, service: &ServiceView) -> Option<u64> {
        self.signs.get(&*service.name).copied()
    }

    /// Its own metrics, if it has no probes whose numbers could be shown.
    fn metrics_of(&self, service: &ServiceView) -> Option<&'a ServiceMetrics> {
        let services = service.probes.is_empty().then_some(&self.system.services)?;
        let own = services.iter().find(|one| one.service == service.name);
        own.map(|own| &**own)
    }
}

/// Filter of the list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Words of the name, the description or the labels, in lower case.
    text: String,
    state: Option<Health>,
}

impl Filter {
    pub fn of(query: PageQuery<'_>) -> Self {
        let state = query.value(STATE).unwrap_or_default();
        Self {
            text: query.value(TEXT).unwrap_or_default().trim().to_lowercase(),
            state: Health::ALL.into_iter().find(|one| one.label() == state),
        }
    }

    fn is_set(&self) -> bool {
        !self.text.is_empty() || self.state.is_some()
    }

    fn fits(&self, (health, service): &Judged<'_>) -> bool {
        if self.state.is_some_and(|state| state != *health) {
            return false;
        }
        if self.text.is_empty() {
            return true;
        }
        let mut text = format!("{} {}", service.name, service.description);
        for (name, value) in &*service.labels {
            // Writing to a string cannot fail.
            write!(text, " {name}:{value}").unwrap_or_default();
        }
        let text = text.to_lowercase();
        self.text.split_whitespace().all(|word| text.contains(word))
    }
}

/// Number of services per health state, worst first; nothing if all have the same. Each is a link to a filter.
pub fn counts(services: &[Judged<'_>], query: PageQuery<'_>) -> Markup {
    let all_alike = services.first().map(|one| one.0) == services.last().map(|one| one.0);
    let from_start = query.rest(PART);
    let query = PageQuery::of(Some(&from_start));
    html! {
        @if !all_alike {
            ul.counts {
                @for health in Health::ALL {
                    @let count = services.iter().filter(|(one, _)| *one == health).count();
                    @if count > 0 {
                        li {
                            (icon(health.level())) b { (numbers::count(count as u64)) } " "
                            a href={ (query.with(STATE, health.label())) "#services" } { (health.label()) }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the list. Takes all services, worst first.
pub fn list(services: &[Judged<'_>], extras: Extras<'_>, at: Timestamp, view: View<'_>) -> Markup {
    let filter = Filter::of(view.query);
    let fits = |one: &&Judged<'_>| filter.fits(one);
    let chosen: Vec<Judged<'_>> = services.iter().filter(fits).copied().collect();
    let (part, parts) = page_number(view.query, chosen.len(), ROWS);
    let is_long = services.len() > IN_FULL;
    let rows = Rows {
        chosen: &chosen,
        from: part * ROWS,
        extras,
        at,
        is_brief: is_long,
        unfold: view.unfolds() || filter.is_set(),
    };
    html! {
        div #services {
            @if is_long || filter.is_set() { (form(&filter, view.query, (chosen.len(), services.len()))) }
            (rows.markup())
            (page_links((part, parts), ROWS, view.query, "#services"))
        }
    }
}

/// Services on one page of the filtered list.
struct Rows<'a> {
    chosen: &'a [Judged<'a>],
    from: usize,
    extras: Extras<'a>,
    at: Timestamp,
    is_brief: bool,
    unfold: bool,
}

impl Rows<'_> {
    fn markup(&self) -> Markup {
        let troubled = self
            .chosen
            .partition_point(|(health, _)| health.is_trouble());
        let cards = if self.chosen.len() <= IN_FULL {
            self.chosen.len()
        } else {
            troubled.min(IN_FULL)
        };
        let healthy = self.chosen.len() - troubled.max(cards);
        let unfold = self.unfold || self.from > 0 || healthy <= UNFOLDED;
        html! {
            @for (health, service) in self.within(0, cards) { (card(*health, service, self.at, Shape {
                is_brief: self.is_brief,
                signs: self.extras.signs_of(service),
                metrics: self.extras.metrics_of(service),
                unfold: self.unfold,
            })) }
            (self.lines((troubled.saturating_sub(cards), "also need attention"), self.within(cards, troubled), true))
            (self.lines((healthy, "need no attention"), self.within(troubled.max(cards), self.chosen.len()), unfold))
        }
    }

    /// Those in a range of the list that are on this page.
    fn within(&self, from: usize, to: usize) -> &[Judged<'_>] {
        let to = to.min(self.from + ROWS);
        self.chosen.get(from.max(self.from)..to).unwrap_or_default()
    }

    /// Services on one line each; `all` is their total number.
    fn lines(&self, (all, what): (usize, &str), services: &[Judged<'_>], open: bool) -> Markup {
        html! {
            @if !services.is_empty() {
                details.lines open[open] {
                    summary { h2 { (numbers::count(all as u64)) " " (what) } }
                    table {
                        thead { tr {
                            th scope="col" { "Service" } th.spare scope="col" { "30 days" }
                            th scope="col" { "SLI" } th scope="col" { "Least budget" }
                            th.spare scope="col" { "p95 1h" } th scope="col" { "State" }
                        } }
                        tbody { @for (health, service) in services { (line(*health, service, self.extras)) } }
                    }
                }
            }
        }
    }
}

fn line(health: Health, service: &ServiceView, extras: Extras<'_>) -> Markup {
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
    let own_p95 = extras
        .metrics_of(service)
        .and_then(|own| seconds(own.quantiles?[1]));
    html! {
        tr {
            th scope="row" { a dir="auto" href=(service_path(&service.name)) { (service.name) } " " (signs::mark(&service.name, extras.signs_of(service))) }
            td.spare { @if !service.objectives.is_empty() { (days::sparkline(service)) } }
            td { (or_dash(sli, numbers::percent)) }
            td { (or_dash(least, numbers::share)) }
            td.spare {
                @match own_p95 {
                    Some(p95) => { (numbers::latency(p95)) }
                    None => { (or_dash(p95, |(p95, timeout)| numbers::latency_or_failed(p95, timeout))) }
                }
            }
            td { (badge(health)) }
        }
    }
}

/// Filter form. Its fields are in the URL, so that a filtered list can be bookmarked.
fn form(filter: &Filter, query: PageQuery<'_>, (chosen, all): (usize, usize)) -> Markup {
    html! {
        form.filter role="search" action={ (HOME) "#services" } {
            label for="q" { "Services" }
            input #q type="search" name=(TEXT) value=(filter.text) placeholder="name, description or label:value";
            select name=(STATE) aria-label="State" {
                option value="" { "any state" }
                @for health in Health::ALL {
                    option value=(health.label()) selected[filter.state == Some(health)] { (health.label()) }
                }
            }
            @for kept in [RELOAD, UNFOLD] {
                @if query.has(kept) { input type="hidden" name=(kept) value=""; }
            }
            button { "Filter" }
            @if filter.is_set() {
                span { (numbers::count(chosen as u64)) " of " (numbers::count(all as u64)) }
                a href={ (HOME) "#services" } { "Show all" }
            }
        }
    }
}
