//! Current problems: since when, why, remaining budgets; and upcoming ones.

use super::alerts::what_sign;
use super::parts::{LITTLE_BUDGET, icon, moment, or_dash, service_path};
use crate::alert::{AlertRecord, Condition, Source};
use crate::alerting::AlertsView;
use crate::format::numbers;
use crate::ledger::snapshot::{ObjectiveView, ProbeView, ServiceView, Uncounted};
use crate::outcome::Timestamp;
use crate::report::health::Health;
use crate::signal::{Finding, Findings, Presence};
use crate::slo::StandardWindow;
use crate::slo::correction::Correction;
use crate::units::DAY;
use maud::{Markup, html};
use std::collections::HashSet;
use std::time::Duration;

/// Maximum number of listed services, and of upcoming problems.
const MAX_ROWS: usize = 5;
/// Maximum number of objectives of a service: those with the least budget.
const MAX_BUDGETS: usize = 3;
/// A budget that will be exhausted within this time is an upcoming problem.
const SOON: Duration = DAY.saturating_mul(3);
/// Minimum spent ratio of such a budget: with less, the failures of a single hour would decide.
const SPENT: f64 = 0.25;

/// A service and its health.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub health: Health,
    pub service: &'a ServiceView,
    pub firing: &'a AlertsView,
    pub corrections: &'a [Correction],
    pub at: Timestamp,
}

/// Services in trouble, given worst first.
pub fn troubles<'a>(all: impl Iterator<Item = Situation<'a>>) -> Markup {
    let all: Vec<_> = all.filter(|one| one.health.is_trouble()).collect();
    let more = all.len().saturating_sub(MAX_ROWS);
    html! {
        @match all.as_slice() {
            [] => {}
            // The headline names it.
            [one] => { (one.details()) }
            all => {
                ul.now {
                    @for one in all.iter().take(MAX_ROWS) {
                        li {
                            (icon(one.health.level()))
                            div {
                                p { a href=(service_path(&one.service.name)) dir="auto" { (one.service.name) } " " (one.health.predicate()) }
                                (one.details())
                            }
                        }
                    }
                }
                @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " more" } }
            }
        }
    }
}

impl<'a> Situation<'a> {
    /// Duration, cause and remaining budgets of a service in trouble, and current corrections.
    pub fn details(&self) -> Markup {
        html! {
            @if self.health.is_trouble() {
                @if let Some(from) = self.since() {
                    p { "for " (numbers::span(self.at.since(from))) ", since " (moment(from)) }
                }
                (self.cause())
                (self.budgets())
            }
            (self.corrected())
        }
    }

    /// What is currently excluded, and why.
    fn corrected(&self) -> Markup {
        let objectives = &self.service.objectives;
        let names: Vec<_> = objectives
            .iter()
            .filter(|one| one.corrected)
            .map(|one| one.objective.name.as_str())
            .collect();
        let next = Timestamp(self.at.0 + 1);
        let mine = self.corrections.iter();
        let mine = mine.filter(|one| one.is_for(&self.service.name));
        let mut now = mine.filter_map(|one| Some((one, one.occurrences(self.at, next).pop()?.1)));
        html! {
            @if !names.is_empty() {
                p dir="auto" {
                    "Correction active: outcomes are not counted"
                    @if names.len() < objectives.len() { " for " bdi { (names.join(", ")) } }
                    @if let Some((one, until)) = now.next() { ", until " (moment(until)) ": " bdi { (one.reason) } }
                }
            }
        }
    }

    /// Since when it has this health, if known.
    fn since(&self) -> Option<Timestamp> {
        match self.health {
            Health::Down | Health::PartlyDown => self
                .probes(Health::Down)
                .filter_map(|one| one.failing_since)
                .min(),
            Health::Unseen => {
                let last = |one: &'a ProbeView| Some(one.last.as_ref()?.at);
                let probes = self.probes(Health::Unseen).filter_map(last);
                probes
                    .chain(self.unreadable().map(|(_, one)| one.since))
                    .min()
            }
            _ => {
                let alerts = self
                    .objectives()
                    .flat_map(|one| self.firing.of(&self.service.name, &one.objective.name));
                let fits = |one: &&AlertRecord| match one.key.condition() {
                    Some(Condition::Exhausted) => self.health == Health::BudgetSpent,
                    Some(Condition::Tier(_)) => self.health != Health::BudgetSpent,
                    _ => false,
                };
                alerts.filter(fits).map(|one| one.from).min()
            }
        }
    }

    /// Its probes with this health.
    fn probes(&self, health: Health) -> impl Iterator<Item = &'a ProbeView> {
        let (service, at) = (self.service, self.at);
        let all = service.probes.iter();
        all.filter(move |one| Health::of_probe(one, at) == health)
    }

    /// Its objectives that determine its health.
    fn objectives(&self) -> impl Iterator<Item = &'a ObjectiveView> {
        let (service, health) = (self.service, self.health);
        let all = service.objectives.iter();
        all.filter(move |one| Health::of_objective(one) == health)
    }

    /// Its objectives whose metrics cannot be read.
    fn unreadable(&self) -> impl Iterator<Item = (&'a str, &'a Uncounted)> + use<'a> {
        let objectives = self.service.objectives.iter();
        let unread = |one: &&Uncounted| one.is_unreadable;
        objectives.filter_map(move |one| {
            let uncounted = one.uncounted.as_ref().filter(unread)?;
            Some((&*one.objective.name, uncounted))
        })
    }

    /// The last message of the probe that has failed the longest, the burn rate, or what has no recent
    /// data.
    fn cause(&self) -> Markup {
        let down = self.probes(Health::Down).count();
        let first = self
            .probes(Health::Down)
            .min_by_key(|one| one.failing_since);
        let unseen = self.probes(Health::Unseen).next();
        html! {
            @if let Some((probe, last)) = first.and_then(|one| Some((one, one.last.as_ref()?))) {
                p dir="auto" {
                    bdi { (probe.key.probe) } ": "
                    (last.message.as_deref().unwrap_or(last.verdict.label()))
                    @if down > 1 { ", and " (numbers::plural(down as u64 - 1, "other probe")) }
                }
            } @else if matches!(self.health, Health::Burning | Health::BurningFast) {
                p {
                    "Burn rate over 1h: "
                    @for (index, one) in self.objectives().take(MAX_BUDGETS).enumerate() {
                        @if index > 0 { ", " }
                        bdi { (one.objective.name) } " " b { (or_dash(one.windows[StandardWindow::Hour1].burn_rate, numbers::burn)) }
                    }
                }
            } @else if let (Some(probe), true) = (unseen, self.health == Health::Unseen) {
                p { "No outcome of " bdi { (probe.key.probe) } " since then." }
            } @else if let (Some((name, one)), true) = (self.unreadable().next(), self.health == Health::Unseen) {
                @let more = self.unreadable().filter(|(_, other)| other.why != one.why).count();
                p dir="auto" {
                    bdi { (name) } ": nothing is counted: " (one.why)
                    @if more > 0 { ", and " (numbers::plural(more as u64, "other objective")) }
                }
            }
        }
    }

    /// The lowest budgets, and the outlook for the lowest.
    fn budgets(&self) -> Markup {
        let known = self.service.objectives.iter();
        let mut known: Vec<_> = known
            .filter_map(|one| Some((one.budget.left()?, one)))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let few = known
            .iter()
            .filter(|(left, _)| *left < LITTLE_BUDGET)
            .count();
        known.truncate(few.clamp(1, MAX_BUDGETS));
        html! {
            @if let Some((_, least)) = known.first() {
                p {
                    "Budget left: "
                    @for (index, (left, one)) in known.iter().enumerate() {
                        @if index > 0 { ", " }
                        bdi { (one.objective.name) } " " b { (numbers::share(*left)) }
                    }
                    (outlook(least, self.at))
                }
            }
        }
    }
}

/// When a budget is exhausted or positive again; empty if neither is expected.
fn outlook(view: &ObjectiveView, at: Timestamp) -> Markup {
    html! {
        @match (view.budget.exhaustion, view.budget.recovery) {
            (Some(end), _) if end > at => {
                "; runs out in " (numbers::span(end.since(at))) " at the burn rate of "
                (view.budget.window.recent())
            }
            (_, Some(back)) => { "; positive again in " (numbers::span(back.since(at))) " without failures" }
            _ => {}
        }
    }
}

/// Budgets of healthy services that will be exhausted soon, and warning signs without an alert, except for
/// services in maintenance. For a single service in trouble, they are already shown above.
pub fn soon<'a>(
    all: impl Iterator<Item = Situation<'a>>,
    findings: &Findings,
    firing: &AlertsView,
    root: &str,
) -> Markup {
    let all: Vec<_> = all.collect();
    let maintained = all.iter().filter(|one| one.health == Health::Maintenance);
    let maintained: HashSet<&str> = maintained.map(|one| &*one.service.name).collect();
    let is_maintained = |one: &Finding| {
        let service = one.service.as_deref();
        service.is_some_and(|service| maintained.contains(service))
    };
    let mut budgets: Vec<_> = all
        .iter()
        .filter(|one| !one.health.is_trouble() && one.health != Health::Maintenance)
        .flat_map(|one| one.service.objectives.iter().map(move |view| (one, view)))
        .filter(|(one, view)| is_soon(view, one.at))
        .collect();
    budgets.sort_by(|(_, a), (_, b)| by_need(a, b));
    let signs = findings.all.iter();
    let signs: Vec<_> = signs
        .filter(|one| is_news(one, firing) && !is_maintained(one))
        .collect();
    let more = (budgets.len().saturating_sub(MAX_ROWS)) + (signs.len().saturating_sub(MAX_ROWS));
    html! {
        @if !budgets.is_empty() || !signs.is_empty() {
            section #soon {
                h2 { "At risk" }
                div.card {
                    ul.failures {
                        @for (one, view) in budgets.iter().take(MAX_ROWS) { (budget(one, view, root)) }
                        @for one in signs.iter().take(MAX_ROWS) { (sign(one, root)) }
                    }
                    @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " more" } }
                }
            }
        }
    }
}

/// Little budget is left, or it will be exhausted soon.
fn is_soon(view: &ObjectiveView, at: Timestamp) -> bool {
    let Some(left) = view.budget.left() else {
        return false;
    };
    let ends = view.budget.exhaustion;
    let ends = ends.is_some_and(|end| end > at && end.since(at) < SOON);
    (0.0..LITTLE_BUDGET).contains(&left) || (ends && left < 1.0 - SPENT)
}

/// Earliest exhaustion first, then the least budget.
fn by_need(a: &ObjectiveView, b: &ObjectiveView) -> std::cmp::Ordering {
    let end = |view: &ObjectiveView| view.budget.exhaustion.unwrap_or(Timestamp(i64::MAX));
    let left = |view: &ObjectiveView| view.budget.left().unwrap_or(1.0);
    end(a).cmp(&end(b)).then(left(a).total_cmp(&left(b)))
}

fn budget(one: &Situation<'_>, view: &ObjectiveView, root: &str) -> Markup {
    let name = &one.service.name;
    html! {
        li {
            span.cause.plain { "budget" }
            span.message dir="auto" {
                a href={ (root) (service_path(name)) } { (name) } " / " bdi { (view.objective.name) } ": "
                (numbers::share(view.budget.left().unwrap_or_default())) " left"
                (outlook(view, one.at))
            }
        }
    }
}

/// Whether a sign is active without an alert.
fn is_news(finding: &Finding, firing: &AlertsView) -> bool {
    let service = finding.service.as_deref().unwrap_or_default();
    let says = |one: &AlertRecord| match &one.key.source {
        Source::Sign { sign, subject } => {
            **sign == *finding.kind.name && *subject == finding.subject
        }
        Source::Budget { .. } => false,
    };
    finding.presence == Presence::Active && !firing.of_service(service).iter().any(says)
}

fn sign(one: &Finding, root: &str) -> Markup {
    html! {
        li {
            span.cause.plain { "sign" }
            span.message dir="auto" {
                @match &one.service {
                    Some(name) => { a href={ (root) (service_path(name)) "#signs" } { (name) } " / " }
                    None => "host / ",
                }
                (what_sign(one.kind.name, &one.subject))
                br; span.quiet { (one.evidence) }
            }
        }
    }
}
