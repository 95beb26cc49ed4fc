//! Alert policies whose conditions are burn rates.

use super::objects::{Objects, annotation};
use crate::alert::Urgency;
use crate::import::document::At;
use crate::import::slo::annotations::{ALERTS, SHORT};
use crate::import::slo::draft::{Chosen, Draft, Objective};
use crate::import::slo::tiers::{Spec, usual_short, window};
use crate::slo::StandardWindow;
use crate::slo::calendar::Period;
use crate::units::{duration, millionths};

/// The alerts of an SLO's policies. A condition on a burn rate becomes a tier, whose short window is the usual one
/// unless an annotation sets it.
pub(super) fn alerts<'a>(
    slo: At<'a>,
    spec: At<'a>,
    objects: &Objects<'a>,
    draft: &mut Draft,
    objective: &Objective,
) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    for entry in spec
        .get(&["alertPolicies"])
        .map(At::items)
        .unwrap_or_default()
    {
        chosen.extend(policy(entry, objects, draft, objective));
    }
    let budget = annotation(slo, ALERTS).unwrap_or_default();
    let named = ["exhausted", "forecast"].into_iter();
    chosen.extend(
        named
            .filter(|name| budget.contains(name))
            .map(Chosen::Named),
    );
    chosen
}

/// Keys with an equivalent elsewhere in a config.
const POLICY_LEFT_OUT: [(&str, &str); 2] = [
    (
        "notificationTargets",
        "use `receivers` and `routes` for notifications",
    ),
    (
        "alertWhenNoData",
        "missing data raises the warning sign `coverage_lost`",
    ),
];

fn policy<'a>(
    entry: At<'a>,
    objects: &Objects<'a>,
    draft: &mut Draft,
    objective: &Objective,
) -> Option<Chosen> {
    let policy = match entry.text() {
        // The schema also allows just a name.
        Some(name) => objects.named("AlertPolicy", &name).or_else(|| {
            entry.remark(format!("left out: no file has the AlertPolicy `{name}`"));
            None
        })?,
        None => objects.resolve("AlertPolicy", "alertPolicyRef", entry)?,
    };
    remark_left_out(policy);
    let condition = condition(policy, objects)?;
    let Some(burn) = condition.path(&["spec", "condition"]) else {
        condition.remark("left out, because `condition` is missing");
        return None;
    };
    if !is_burn_rate(burn) {
        return None;
    }
    let threshold = threshold(burn)?;
    let (long, short) = windows(burn, policy)?;
    let tier = Spec {
        short,
        budget: millionths(budget_share(threshold, long, objective)),
        urgency: urgency(condition),
    };
    draft
        .tiers
        .add(long, tier, burn)
        .then_some(Chosen::Tier(long))
}

fn remark_left_out(policy: At<'_>) {
    let is_ours = annotation(policy, SHORT).is_some();
    for (key, why) in POLICY_LEFT_OUT {
        let found = policy.path(&["spec", key]);
        if let Some(found) = found.filter(|one| !is_ours && one.boolean() != Some(false)) {
            found.remark(format!("`{key}` is left out: {why}"));
        }
    }
}

/// The only condition of a policy.
fn condition<'a>(policy: At<'a>, objects: &Objects<'a>) -> Option<At<'a>> {
    let conditions = policy
        .path(&["spec", "conditions"])
        .map(At::items)
        .unwrap_or_default();
    let Some((first, others)) = conditions.split_first() else {
        policy.remark("left out, because `conditions` is missing");
        return None;
    };
    for other in others {
        other.remark("left out: a tier has one condition");
    }
    objects.resolve("AlertCondition", "conditionRef", *first)
}

/// Whether a condition is an upper limit of a burn rate, as every tier is.
fn is_burn_rate(burn: At<'_>) -> bool {
    burn.only(&["kind", "op", "threshold", "lookbackWindow", "alertAfter"]);
    for (key, valid) in [("kind", &["burnrate"][..]), ("op", &["gt", "gte"])] {
        let found = burn.get(&[key]).and_then(At::text);
        if let Some(found) = found.filter(|found| !valid.contains(&found.as_str())) {
            burn.remark(format!(
                "left out: `{key}` is `{found}`; tiers are upper limits of burn rates"
            ));
            return false;
        }
    }
    true
}

/// The long and the short window.
fn windows(burn: At<'_>, policy: At<'_>) -> Option<(StandardWindow, StandardWindow)> {
    let long = window(&burn.need(&["lookbackWindow"])?, burn)?;
    let short = match annotation(policy, SHORT) {
        Some(short) => window(&short, policy)?,
        None => usual_short(long),
    };
    let after = burn.get(&["alertAfter"]).and_then(At::text);
    if let Some(after) = after.filter(|after| !after.starts_with('0')) {
        burn.remark(format!(
            "`alertAfter: {after}` is left out: instead, the burn rate over {} must also exceed the threshold",
            short.name()
        ));
    }
    Some((long, short))
}

/// The threshold of the burn rate.
fn threshold(burn: At<'_>) -> Option<f64> {
    let threshold = burn.need(&["threshold"])?.parse().ok();
    let threshold = threshold.filter(|one: &f64| one.is_finite());
    if threshold.is_none() {
        burn.remark("left out: `threshold` is not a number");
    }
    threshold
}

/// The share of the budget spent in a window at this burn rate.
fn budget_share(threshold: f64, long: StandardWindow, objective: &Objective) -> f64 {
    let window = objective.keys.get("window").map_or("30d", String::as_str);
    let mut periods = Period::ALL.into_iter();
    let period = periods.find(|period| period.name() == window);
    let length = period.map(Period::nominal).or_else(|| duration(window));
    let length = length.map_or(f64::INFINITY, |length| length.as_secs_f64());
    threshold * long.length().as_secs_f64() / length
}

fn urgency(condition: At<'_>) -> Urgency {
    let severity = condition.path(&["spec", "severity"]).and_then(At::text);
    let word = severity.unwrap_or_default().to_lowercase();
    match word.as_str() {
        "page" | "critical" | "high" => Urgency::Page,
        "ticket" | "warning" | "medium" | "low" => Urgency::Ticket,
        _ => {
            condition.remark(format!("severity `{word}` becomes `ticket`"));
            Urgency::Ticket
        }
    }
}
