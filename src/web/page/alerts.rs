//! Firing alerts on a page.

use super::decision_forms::{self, Decision};
use super::frame::{HOME, View};
use super::parts::{moment, service_path};
use crate::alert::{AlertRecord, Source, Urgency};
use crate::alerting::AlertsView;
use crate::format::numbers;
use crate::ledger::snapshot::{ObjectiveView, ServiceView};
use crate::outcome::Timestamp;
use crate::report::health::Health;
use crate::signal::SIGNALS;
use maud::{Markup, html};
use std::cmp::Reverse;

/// Maximum number of alerts; the page of all alerts has more.
const MAX_ROWS: usize = 20;

/// A firing alert. Of an objective's tiers, only the fastest is shown: it determines the action.
struct Firing<'a> {
    alert: &'a AlertRecord,
    /// Its objective, if any.
    view: Option<&'a ObjectiveView>,
}

/// Alerts of the given services: pages first, then those that notify, then the newest; nothing if there are
/// none. `root` is the relative path to the overview, which also shows alerts of the host and of slod.
pub fn alerts<'a>(
    services: impl Iterator<Item = &'a ServiceView>,
    view: &'a AlertsView,
    root: &str,
    (at, reader): (Timestamp, View<'_>),
) -> Markup {
    let mut firing: Vec<Firing<'_>> = services.flat_map(|one| of_service(one, view)).collect();
    if root == HOME {
        let own = view.of_service("").iter();
        firing.extend(own.map(|alert| Firing { alert, view: None }));
    }
    firing.sort_by_key(|one| {
        let tier = one.alert.key.tier();
        let tier = tier.map_or(u8::MAX, |tier| tier.number);
        let is_inhibited = one.alert.is_inhibited();
        let newest = Reverse(one.alert.from);
        (one.alert.urgency, is_inhibited, tier, newest)
    });
    let more = firing.len().saturating_sub(MAX_ROWS);
    html! {
        @if !firing.is_empty() {
            section {
                h2 { "Alerts" }
                div.card {
                    ul.failures { @for one in firing.iter().take(MAX_ROWS) { (item(one.alert, Stage::Firing, one.view, root, at, Decision::link(reader))) } }
                    @if more > 0 { p.quiet { a href={ (root) "alerts?state=firing" } { "and " (numbers::count(more as u64)) " more" } } }
                }
            }
        }
    }
}

fn of_service<'a>(
    service: &'a ServiceView,
    alerts: &'a AlertsView,
) -> impl Iterator<Item = Firing<'a>> {
    let objectives = service.objectives.iter().flat_map(move |view| {
        let all = alerts.of(&service.name, &view.objective.name);
        let is_tier = |one: &&AlertRecord| one.key.tier().is_some();
        let fastest = all.iter().find(is_tier);
        let others = all.iter().filter(move |one| !is_tier(one));
        let each = fastest.into_iter().chain(others);
        each.map(move |alert| Firing {
            alert,
            view: Some(view),
        })
    });
    let all = alerts.of_service(&service.name).iter();
    let signs = all.filter(|one| matches!(one.key.source, Source::Sign { .. }));
    objectives.chain(signs.map(|alert| Firing { alert, view: None }))
}

/// State of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Firing,
    Pending,
    Over,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Firing, Self::Pending, Self::Over];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Over => "over",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Firing => "Firing",
            Self::Pending => "Pending",
            Self::Over => "Over",
        }
    }
}

/// One alert, with its objective if available.
pub fn item(
    alert: &AlertRecord,
    stage: Stage,
    view: Option<&ObjectiveView>,
    root: &str,
    at: Timestamp,
    decision: Decision<'_>,
) -> Markup {
    let service = &alert.key.service;
    let tier = alert.key.tier();
    let has_recovered = view.is_some_and(|view| Health::of_objective(view) == Health::Recovered);
    let is_loud = stage == Stage::Firing;
    html! {
        li {
            span.cause.warn[is_loud && alert.urgency == Urgency::Ticket].plain[!is_loud] { (alert.urgency.label()) }
            span.message dir="auto" {
                @if service.is_empty() { (of_no_service(alert)) " / " } @else {
                    a href={ (root) (service_path(service)) } { (service) } " / "
                }
                @match tier.filter(|_| has_recovered) {
                    Some(tier) => {
                        bdi { (alert.key.slo().unwrap_or_default()) }
                        " has recovered; burn alert still active over " (tier.windows())
                    }
                    None => (what(alert)),
                }
                @let evidence = evidence(alert);
                @if !evidence.is_empty() { br; span.quiet { (evidence) } }
            }
            span.quiet {
                (times(alert, at))
                (marks(alert))
                ", " a href={ (root) (alert.runbook()) } { "runbook" }
                @if decision == Decision::Link { (decision_forms::link(alert, root)) }
            }
            @if let Decision::Forms(forms, is_open) = decision { (forms.of(alert, is_open)) }
        }
    }
}

/// For how long, and since or until when.
fn times(alert: &AlertRecord, at: Timestamp) -> Markup {
    let lasted = numbers::span(alert.to.unwrap_or(at).since(alert.from));
    html! {
        @match alert.to {
            Some(end) => { "for " (lasted) ", until " (moment(end)) }
            None => { "for " (lasted) ", since " (moment(alert.from)) }
        }
    }
}

/// `host`, or `slod` for alerts about slod itself.
fn of_no_service(alert: &AlertRecord) -> &'static str {
    match &alert.key.source {
        Source::Sign { sign, .. } if SIGNALS.iter().any(|one| *one.name == **sign) => "host",
        _ => "slod",
    }
}

/// The evidence without the name of its subject, which precedes it.
fn evidence(alert: &AlertRecord) -> &str {
    let rest = alert.evidence.strip_prefix(&*alert.key.words());
    let rest = rest.and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or(&alert.evidence)
}

/// Subject of an alert within its service.
pub fn what(alert: &AlertRecord) -> Markup {
    html! {
        @match &alert.key.source {
            Source::Budget { slo, condition } => { bdi { (slo) } ": " (condition.words()) }
            Source::Sign { sign, subject } => (what_sign(sign, subject)),
        }
    }
}

/// `memory growing (worker)`
pub fn what_sign(sign: &str, subject: &str) -> Markup {
    html! {
        (sign.replace('_', " "))
        @if !subject.is_empty() { " (" bdi { (subject) } ")" }
    }
}

/// What prevents an alert from notifying or did so at first, who acknowledged it, and why it ended.
pub fn marks(alert: &AlertRecord) -> Markup {
    html! {
        @if let Some(by) = &alert.inhibited_by { ", inhibited by " bdi { (by.described()) } }
        @if let Some(id) = alert.silenced_by { ", silenced by " (id) }
        @if !alert.held_back.is_empty() { ", " bdi { (alert.held_back) } }
        @if let Some(one) = &alert.acknowledged {
            ", acknowledged by " bdi { (one.by) }
            @if !one.note.is_empty() { ": " bdi { (one.note) } }
        }
        @if !alert.ended_because.is_empty() { ", " (alert.ended_because) }
    }
}
