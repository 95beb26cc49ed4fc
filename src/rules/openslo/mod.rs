//! The objectives of a config as `OpenSLO` v1, over slod's own counters in Prometheus. What the specification has no
//! word for are annotations, which `slod import openslo` reads.

mod objects;

use super::Promise;
use super::promql::number;
use crate::alert::{Condition, Tier};
use crate::config::{Config, ServiceSpec};
use crate::slo::{
    BudgetingMethod, Combine, EventSource, NoDataPolicy, Objective, Sli, When, Window,
};
use crate::units::show_duration;
use objects::{
    AlertCondition, AlertPolicy, Burn, Condition as InlineCondition, Kind, Map, Metadata, Object,
    Slo, SloObjective, TimeWindow,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was written.
pub struct Exported {
    pub yaml: String,
    /// What is not in it.
    pub remarks: Vec<String>,
}

/// All objectives, or those of one service.
pub fn write(config: &Config, only: Option<&ServiceSpec>) -> Result<Exported, String> {
    let (mut objects, mut remarks) = (Vec::new(), Vec::new());
    let mut policies = BTreeMap::new();
    let all = config.services.iter();
    for service in all.filter(|one| only.is_none_or(|only| only.name == one.name)) {
        if service.objectives.is_empty() {
            remarks.push(format!(
                "{}: it has no objectives, and is left out",
                service.name
            ));
            continue;
        }
        objects.push(service_object(service));
        for objective in &service.objectives {
            let promise = Promise::new(config, service, objective);
            objects.extend(promise_objects(&promise, &mut policies));
            remarks.extend(left_out(&promise));
        }
    }
    if !policies.is_empty() {
        objects.extend(policies.into_values());
        objects.push(objects::target(TARGET));
    }
    check_names(&objects)?;
    let written: Result<Vec<String>, _> = objects.iter().map(serde_yaml::to_string).collect();
    let written = written.map_err(|error| format!("the objects cannot be written: {error}"))?;
    Ok(Exported {
        yaml: written.join("---\n"),
        remarks,
    })
}

/// Names that differ in a config may be the same where fewer characters are allowed.
fn check_names(objects: &[Object]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let twice = objects
        .iter()
        .map(Object::identity)
        .find(|one| one.1.is_empty() || !seen.insert(*one));
    match twice {
        None => Ok(()),
        Some((kind, "")) => Err(format!(
            "a {kind} would have no name: OpenSLO allows letters a to z, digits and dashes"
        )),
        Some((kind, name)) => Err(format!(
            "two objects of kind {kind} would be called `{name}`: OpenSLO allows letters a to z, digits and dashes, 63 characters in all"
        )),
    }
}

/// Which receiver gets an alert depends on its labels (`routes`).
const TARGET: &str = "slod-routes";

fn service_object(service: &ServiceSpec) -> Object {
    let description = (!service.description.is_empty()).then(|| service.description.to_string());
    let labels = service.labels.iter().cloned().collect();
    let name = ("slod/name".to_owned(), service.name.to_string());
    let metadata = metadata(&service.name, labels, Map::from([name]));
    objects::service(metadata, description)
}

fn promise_objects(promise: &Promise<'_>, policies: &mut BTreeMap<String, Object>) -> [Object; 2] {
    let (service, objective) = (&promise.service.name, promise.objective);
    let full = format!("{service}-{}", objective.name);
    let (bad, total) = promise.events.totals();
    let indicator = objects::sli(metadata(&full, Map::new(), Map::new()), bad, total);
    let tiers = promise.tiers().map(|tier| {
        let name = policy_name(tier, &objective.window);
        policies
            .entry(name.clone())
            .or_insert_with(|| policy(&name, tier, objective));
        name
    });
    let slo = Slo {
        description: crate::format::objective::sentence(objective),
        service: name(service),
        indicator_ref: name(&full),
        time_window: [time_window(&objective.window)],
        budgeting_method: method(objective.budgeting),
        objectives: [target(objective)],
        alert_policies: tiers
            .map(|name| objects::reference("alertPolicyRef", name))
            .collect(),
    };
    let mut metadata = metadata(&full, Map::new(), annotations(promise));
    metadata.display_name = Some(objective.name.chars().take(63).collect());
    [indicator, Object::new(Kind::Slo, metadata, slo)]
}

/// RFC 1123: lower case letters, digits and dashes, at most 63.
fn name(text: &str) -> String {
    let clean = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let clean: String = text.chars().map(clean).take(63).collect();
    clean.trim_matches('-').to_owned()
}

fn metadata(text: &str, labels: Map, annotations: Map) -> Metadata {
    let clean = name(text);
    Metadata {
        display_name: (clean != text).then(|| text.chars().take(63).collect()),
        name: clean,
        labels,
        annotations,
    }
}

fn time_window(window: &Window) -> TimeWindow {
    match window.calendar {
        None => TimeWindow::rolling(show_duration(window.length)),
        Some(calendar) => TimeWindow::calendar(calendar.period, calendar.zone.name()),
    }
}

fn method(budgeting: BudgetingMethod) -> &'static str {
    match budgeting {
        BudgetingMethod::Occurrences => "Occurrences",
        BudgetingMethod::Timeslices { .. } => "Timeslices",
        BudgetingMethod::RatioTimeslices => "RatioTimeslices",
    }
}

fn target(objective: &Objective) -> SloObjective {
    let slice_target = match objective.budgeting {
        BudgetingMethod::Timeslices { slice_target } => Some(slice_target),
        _ => None,
    };
    SloObjective {
        display_name: crate::format::objective::target(objective)
            .chars()
            .take(63)
            .collect(),
        target: objective.target,
        time_slice_target: slice_target,
        time_slice_window: objective.budgeting.is_sliced().then_some("1m"),
    }
}

/// The keys of an objective that the specification has no word for.
fn annotations(promise: &Promise<'_>) -> Map {
    let objective = promise.objective;
    let mut all = Map::new();
    let mut add = |name: &str, value: &str| all.insert(format!("slod/{name}"), value.to_owned());
    add("name", &objective.name);
    add("sli", objective.sli.name());
    match objective.sli {
        Sli::Latency { of, below } => {
            add("below", &show_duration(below));
            of.map(|of| add("of", of.label()));
        }
        Sli::Throughput(throughput) => {
            add("at_least", &throughput.at_least.to_string());
            if throughput.when == When::Always {
                add("when", "always");
            }
        }
        Sli::Availability | Sli::Success | Sli::Freshness => {}
    }
    if objective.source == EventSource::Metrics {
        add("source", "metrics");
    }
    match objective.missing {
        NoDataPolicy::Exclude => {}
        NoDataPolicy::Bad => drop(add("on_missing", "bad")),
        NoDataPolicy::Good => drop(add("on_missing", "good")),
    }
    let conditions = promise.policy.conditions().iter();
    let others: Vec<&str> = conditions
        .filter_map(|condition| match condition {
            Condition::Tier(_) => None,
            Condition::Exhausted => Some("exhausted"),
            Condition::Forecast(_) => Some("forecast"),
        })
        .collect();
    if !others.is_empty() {
        add("alerts", &others.join(","));
    }
    all
}

fn policy_name(tier: &Tier, window: &Window) -> String {
    let windows = format!("{}-{}", tier.long.name(), tier.short.name());
    name(&format!("burn-{windows}-of-{}", window.name()))
}

/// The long window of a tier: a policy has one condition, so that the short one is an annotation.
fn policy(name: &str, tier: &Tier, objective: &Objective) -> Object {
    let short = ("slod/short".to_owned(), tier.short.name().to_owned());
    let condition = InlineCondition {
        kind: "AlertCondition",
        metadata: metadata(name, Map::new(), Map::new()),
        spec: AlertCondition {
            severity: tier.urgency.label(),
            condition: Burn {
                kind: "burnrate",
                op: "gt",
                threshold: number(tier.factor(objective.window.length))
                    .parse()
                    .unwrap_or_default(),
                lookback_window: tier.long.name(),
                alert_after: "0m",
            },
        },
    };
    let policy = AlertPolicy {
        alert_when_no_data: false,
        alert_when_resolved: true,
        alert_when_breaching: true,
        conditions: [condition],
        notification_targets: [objects::reference("targetRef", TARGET.to_owned())],
    };
    let metadata = metadata(name, Map::new(), Map::from([short]));
    Object::new(Kind::AlertPolicy, metadata, policy)
}

/// What of an objective is not in its object.
fn left_out(promise: &Promise<'_>) -> Vec<String> {
    let (name, objective) = (
        format!("{}/{}", promise.service.name, promise.objective.name),
        promise.objective,
    );
    let mut remarks = Vec::new();
    let mut say = |what: &str| remarks.push(format!("{name}: {what} left out"));
    if !objective.probes.is_empty() {
        say("the choice of probes is");
    }
    if !matches!(objective.combine, Combine::Pooled | Combine::All) {
        say("how its probes are combined is");
    }
    if !objective.further.is_empty() {
        say("`further_windows` are");
    }
    if promise
        .tiers()
        .any(|tier| tier.min_bad != crate::alert::MIN_BAD)
    {
        say("`min_bad` of tiers is");
    }
    remarks
}

#[cfg(test)]
mod tests;
