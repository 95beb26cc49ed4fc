//! The `SlodBurnInhibitor` of an objective, so that one failure causes one page.
//!
//! As in the daemon, a tier inhibits slower tiers of at most its severity and the forecast, and the pages of
//! [`crate::alert::Causes`] explain an alert. In the shipped rules, but not in the daemon, `SlodProbeFailing` also
//! explains it. Everything is derived from the config, so that no rule has to query for it.

use super::ObjectiveRules;
use super::file::{Alerting, Rule};
use super::labels::of_alert;
use super::promql::quoted;
use super::words;
use crate::alert::{AlertKey, Condition, Pages, Relation, Tier, Urgency};
use crate::slo::Sli;
use crate::units::show_duration;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Evaluations of the alert and of the inhibitor.
const SLACK: Duration = Duration::from_mins(5);

/// The inhibitor of a condition; `None` if nothing can explain its alert.
pub(super) fn of(slo: &ObjectiveRules<'_>, condition: &Condition) -> Option<Rule> {
    let causes = causes(slo, condition);
    (!causes.is_empty()).then(|| inhibitor(slo, condition, &causes))
}

fn inhibitor(slo: &ObjectiveRules<'_>, condition: &Condition, causes: &[String]) -> Rule {
    let range = show_duration(outlives(condition) + SLACK);
    let causes: Vec<String> = causes
        .iter()
        .map(|cause| format!("max_over_time(ALERTS{{alertstate=\"firing\",{cause}}}[{range}])"))
        .collect();
    let own = of_objective(slo, &condition.alertname());
    Rule::Alerting(Alerting {
        alert: "SlodBurnInhibitor".to_owned(),
        expr: format!(
            "max by (service, slo) (ALERTS{{alertstate=\"firing\",{own}}})\nand on () (\n  {}\n)",
            causes.join("\n  or ")
        ),
        pending: None,
        keep_firing_for: None,
        labels: of_alert(
            slo,
            [("severity", "none".to_owned()), ("tier", condition.label())],
        ),
        annotations: words::of_inhibitor(slo),
    })
}

/// How long an alert may keep firing after its cause has ended. The alert of a tier has the failures in its short
/// window, and then keeps firing for the same time. A spent budget is a long-lasting state, so the end of its cause
/// does not delay it.
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

/// Matchers of the alerts that explain the alert of a condition.
fn causes(slo: &ObjectiveRules<'_>, condition: &Condition) -> Vec<String> {
    let faster = slo.tiers();
    let faster = faster.filter(|tier| condition.is_inhibited_by(tier));
    let faster: Vec<String> = faster.map(alertname).collect();
    let mut causes = Vec::new();
    if !faster.is_empty() {
        causes.push(of_objective(slo, &faster.join("|")));
    }
    causes.extend(of_pages(slo, condition));
    let failing = failing_probes(slo, condition);
    if !failing.is_empty() {
        let services = alternatives(&failing);
        causes.push(format!(
            "service=~{services},alertname=\"SlodProbeFailing\""
        ));
    }
    causes
}

/// Matchers of the pages that explain it in the daemon. Rules do not know when a page was last bad, so a slower page
/// may be about an earlier failure, nor whether anyone was notified of it.
fn of_pages(slo: &ObjectiveRules<'_>, condition: &Condition) -> Vec<String> {
    let pages = pages(slo, condition);
    if pages.is_empty() {
        return Vec::new();
    }
    let (service, name) = (&slo.service.name, slo.objective.name.as_str());
    let key = AlertKey::budget(service.clone(), name.into(), *condition);
    let mut services: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for cause in slo.rules.causes.of(&key) {
        if cause.relation == Relation::EarlierObjective {
            continue;
        }
        let of = match cause.pages {
            Pages::All => String::new(),
            Pages::Of(names) => format!("slo=~{},", alternatives(names)),
            Pages::AllBut(names) => format!("slo!~{},", alternatives(names)),
        };
        services.entry(of).or_default().insert(cause.service);
    }
    let pages = quoted(&pages.join("|"));
    let selectors = services.iter().map(|(of, names)| {
        let services = alternatives(names);
        format!("service=~{services},{of}alertname=~{pages}")
    });
    selectors.collect()
}

/// Matchers of alerts of the same objective.
fn of_objective(slo: &ObjectiveRules<'_>, alertnames: &str) -> String {
    format!(
        "service={},slo={},alertname=~{}",
        quoted(&slo.service.name),
        quoted(&slo.objective.name),
        quoted(alertnames)
    )
}

/// The pages that are not slower than a condition.
fn pages(slo: &ObjectiveRules<'_>, condition: &Condition) -> Vec<String> {
    let is_fast = |page: &Tier| condition.tier().is_none_or(|tier| page.long <= tier.long);
    let all = slo.rules.policy.tiers();
    let pages = all.filter(|page| page.urgency == Urgency::Page && is_fast(page));
    pages.map(alertname).collect()
}

/// Services whose failing probes explain it: those whose probes it counts, and those that its service depends on.
fn failing_probes<'c>(slo: &ObjectiveRules<'c>, condition: &Condition) -> BTreeSet<&'c str> {
    let own = slo.service.name.as_ref();
    let below = slo.rules.causes.below(own).map(AsRef::as_ref);
    let counted = slo.objective.sources().into_iter();
    let counted = counted.map(|source| source.unwrap_or(own));
    match (condition, slo.objective.sli) {
        (Condition::Tier(_), Sli::Throughput(_)) => BTreeSet::new(),
        (Condition::Tier(_), _) => counted.chain(below).collect(),
        (Condition::Exhausted | Condition::Forecast(_), _) => below.collect(),
    }
}

/// A regular expression that matches each of these names.
fn alternatives(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names = names.into_iter();
    let names: Vec<String> = names.map(|name| regex::escape(name.as_ref())).collect();
    quoted(&names.join("|"))
}

#[cfg(test)]
mod tests;
