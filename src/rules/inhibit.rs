//! `SlodBurnInhibitor` of an objective: one fault causes one page.
//!
//! As in the daemon, a tier inhibits the slower ones of at most its severity and the forecast, a page of a service in
//! `depends_on` inhibits every alert of the objective, and a burn alert is explained by a page for failed requests of the
//! same service and by a page of a service on its journey. As in the shipped rules, and not in the daemon, it is also
//! explained by `SlodProbeFailing`. All of it is known from the config, so that no rule has to look for it.

use super::Promise;
use super::file::{Alerting, Rule};
use super::labels::of_alert;
use super::promql::quoted;
use super::words;
use crate::alert::{Condition, Tier, Urgency, explains};
use crate::slo::Sli;
use crate::units::show_duration;
use std::time::Duration;

/// Evaluations of the alerts and of the inhibitor.
const SLACK: Duration = Duration::from_mins(5);

/// Of one condition, if anything can explain its alert.
pub(super) fn of(promise: &Promise<'_>, condition: &Condition) -> Option<Rule> {
    let causes = causes(promise, condition);
    (!causes.is_empty()).then(|| inhibitor(promise, condition, &causes))
}

fn inhibitor(promise: &Promise<'_>, condition: &Condition, causes: &[String]) -> Rule {
    let range = show_duration(outlives(condition) + SLACK);
    let causes: Vec<String> = causes
        .iter()
        .map(|cause| format!("max_over_time(ALERTS{{alertstate=\"firing\",{cause}}}[{range}])"))
        .collect();
    let own = of_objective(promise, &condition.alertname());
    Rule::Alerting(Alerting {
        alert: "SlodBurnInhibitor".to_owned(),
        expr: format!(
            "max by (service, slo) (ALERTS{{alertstate=\"firing\",{own}}})\nand on () (\n  {}\n)",
            causes.join("\n  or ")
        ),
        pending: None,
        keep_firing_for: None,
        labels: of_alert(
            promise,
            [("severity", "none".to_owned()), ("tier", condition.label())],
        ),
        annotations: words::of_inhibitor(promise),
    })
}

/// How long an alert may fire after its cause ended. One of a tier has the failures in its short window, and then keeps
/// firing for as long. That of a spent budget is about what goes on for days: its cause is no longer a reason to wait.
fn outlives(condition: &Condition) -> Duration {
    match condition {
        Condition::Tier(tier) => tier.short.length() * 2,
        Condition::Forecast(_) => condition.timing().keep,
        Condition::Exhausted => Duration::ZERO,
    }
}

fn alertname(tier: &Tier) -> String {
    Condition::Tier(*tier).alertname()
}

/// Matchers of the alerts that explain one of a condition.
fn causes(promise: &Promise<'_>, condition: &Condition) -> Vec<String> {
    let faster = promise.tiers();
    let faster = faster.filter(|tier| condition.is_inhibited_by(tier));
    let faster: Vec<String> = faster.map(alertname).collect();
    let mut causes = Vec::new();
    if !faster.is_empty() {
        causes.push(of_objective(promise, &faster.join("|")));
    }
    let pages = pages(promise, condition);
    let (siblings, failing, others) = match condition {
        Condition::Tier(_) => (siblings(promise), failing_probes(promise), others(promise)),
        Condition::Exhausted | Condition::Forecast(_) => {
            let below: Vec<&str> = below(promise).collect();
            (Vec::new(), below.clone(), below)
        }
    };
    if !siblings.is_empty() && !pages.is_empty() {
        let service = quoted(&promise.service.name);
        let (slos, pages) = (alternatives(&siblings), quoted(&pages.join("|")));
        causes.push(format!("service={service},slo=~{slos},alertname=~{pages}"));
    }
    if !failing.is_empty() {
        let services = alternatives(&failing);
        causes.push(format!(
            "service=~{services},alertname=\"SlodProbeFailing\""
        ));
    }
    if !others.is_empty() && !pages.is_empty() {
        let (services, pages) = (alternatives(&others), quoted(&pages.join("|")));
        causes.push(format!("service=~{services},alertname=~{pages}"));
    }
    causes
}

/// Alerts of the same objective.
fn of_objective(promise: &Promise<'_>, alertnames: &str) -> String {
    format!(
        "service={},slo={},alertname=~{}",
        quoted(&promise.service.name),
        quoted(&promise.objective.name),
        quoted(alertnames)
    )
}

/// The pages that are not slower than a condition.
fn pages(promise: &Promise<'_>, condition: &Condition) -> Vec<String> {
    let is_fast = |page: &Tier| condition.tier().is_none_or(|tier| page.long <= tier.long);
    let all = promise.rules.policy.tiers();
    let pages = all.filter(|page| page.urgency == Urgency::Page && is_fast(page));
    pages.map(alertname).collect()
}

/// Objectives of the service whose pages explain this one's: requests that fail are also slow, and make minutes bad.
fn siblings<'c>(promise: &Promise<'c>) -> Vec<&'c str> {
    let all = promise.service.objectives.iter();
    all.filter(|other| explains(other.sli, promise.objective.sli))
        .map(|other| other.name.as_str())
        .collect()
}

/// Services whose failing probes explain it.
fn failing_probes<'c>(promise: &Promise<'c>) -> Vec<&'c str> {
    if matches!(promise.objective.sli, Sli::Throughput(_)) {
        return Vec::new();
    }
    let own = promise.service.name.as_ref();
    let mut counted: Vec<&str> = promise
        .objective
        .sources()
        .into_iter()
        .map(|source| source.unwrap_or(own))
        .collect();
    counted.extend(below(promise));
    counted.sort_unstable();
    counted.dedup();
    counted
}

/// Other services whose pages explain it: those on its journey, and those that its service depends on.
fn others<'c>(promise: &Promise<'c>) -> Vec<&'c str> {
    let on_journey = promise.objective.sources().into_iter().flatten();
    let own = promise.service.name.as_ref();
    let others = on_journey.chain(below(promise));
    let mut others: Vec<&str> = others.filter(|name| *name != own).collect();
    others.sort_unstable();
    others.dedup();
    others
}

fn below<'c>(promise: &Promise<'c>) -> impl Iterator<Item = &'c str> + use<'c> {
    let below = promise.rules.depends_on.get(&promise.service.name);
    below.into_iter().flatten().map(AsRef::as_ref)
}

/// A string that matches each of these names.
fn alternatives(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    quoted(&names.join("|"))
}
