//! `SlodBurnInhibitor` of an objective: one fault causes one page. Which alerts explain which is as in the daemon and
//! in the shipped rules, but known from the config, so that no rule has to look for it.

use super::Promise;
use super::file::{Alerting, Rule};
use super::labels::of_alert;
use super::promql::quoted;
use super::words;
use crate::alert::{Condition, Tier, Urgency};
use crate::slo::Sli;
use crate::units::show_duration;
use std::time::Duration;

/// Evaluations of the alerts and of the inhibitor.
const SLACK: Duration = Duration::from_secs(300);

pub(super) fn of(promise: &Promise<'_>) -> Vec<Rule> {
    let tiers = promise.tiers();
    tiers
        .filter_map(|tier| {
            let causes = causes(promise, tier);
            (!causes.is_empty()).then(|| inhibitor(promise, tier, &causes))
        })
        .collect()
}

fn inhibitor(promise: &Promise<'_>, tier: &Tier, causes: &[String]) -> Rule {
    // After its cause ends, an alert has the failures in its short window, and then keeps firing for as long.
    let range = show_duration(tier.short.length() * 2 + SLACK);
    let causes: Vec<String> = causes
        .iter()
        .map(|cause| format!("max_over_time(ALERTS{{alertstate=\"firing\",{cause}}}[{range}])"))
        .collect();
    let own = of_objective(promise, &alertname(tier));
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
            [
                ("severity", "none".to_owned()),
                ("tier", tier.number.to_string()),
            ],
        ),
        annotations: words::of_inhibitor(promise),
    })
}

fn alertname(tier: &Tier) -> String {
    Condition::Tier(*tier).alertname()
}

/// Matchers of the alerts that explain one of a tier.
fn causes(promise: &Promise<'_>, tier: &Tier) -> Vec<String> {
    let faster = promise.tiers().filter(|other| other.number < tier.number);
    let faster: Vec<String> = faster.map(alertname).collect();
    let mut causes = Vec::new();
    if !faster.is_empty() {
        causes.push(of_objective(promise, &faster.join("|")));
    }
    let pages = pages(promise, tier);
    let siblings = siblings(promise);
    if !siblings.is_empty() && !pages.is_empty() {
        let service = quoted(&promise.service.name);
        let (slos, pages) = (alternatives(&siblings), quoted(&pages.join("|")));
        causes.push(format!("service={service},slo=~{slos},alertname=~{pages}"));
    }
    let (own, others) = (failing_probes(promise), others(promise));
    if !own.is_empty() {
        let services = alternatives(&own);
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

/// The pages that are not slower than a tier.
fn pages(promise: &Promise<'_>, tier: &Tier) -> Vec<String> {
    let all = promise.rules.policy.tiers();
    let fast = all.filter(|page| page.urgency == Urgency::Page && page.long <= tier.long);
    fast.map(alertname).collect()
}

/// Objectives of the service whose pages explain this one's: requests that fail are also slow, and make minutes bad.
fn siblings<'c>(promise: &Promise<'c>) -> Vec<&'c str> {
    let explains = |other: Sli| match promise.objective.sli {
        Sli::Latency { .. } => !matches!(other, Sli::Latency { .. }),
        Sli::Availability | Sli::Freshness => other == Sli::Success,
        Sli::Success | Sli::Throughput(_) => false,
    };
    let all = promise.service.objectives.iter();
    all.filter(|other| explains(other.sli))
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
    let mut others: Vec<&str> = on_journey.chain(below(promise)).collect();
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
