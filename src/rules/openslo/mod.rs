//! Exports the objectives of a config as `OpenSLO` v1, over slod's own counters in Prometheus. What the
//! specification does not cover is written as annotations, which `slod import openslo` reads.

mod objects;

use super::names::{self, Names};
use super::promql::number;
use super::{ObjectiveRules, yaml};
use crate::alert::{Condition, DEFAULT_FORECAST, Tier};
use crate::config::{Config, ServiceSpec};
use crate::import::slo::annotations;
use crate::slo::{BudgetingMethod, Combine, Objective, Window};
use crate::units::show_duration;
use objects::{
    AlertCondition, AlertPolicy, Burn, Condition as InlineCondition, Kind, Map, Metadata, Object,
    Slo, SloObjective, TimeWindow,
};
use std::collections::BTreeMap;

/// The result of an export.
pub struct Exported {
    pub yaml: String,
    /// What was omitted.
    pub remarks: Vec<String>,
}

/// Exports all objectives, or those of one service.
pub fn write(config: &Config, only: Option<&ServiceSpec>) -> Result<Exported, String> {
    let (mut objects, mut remarks) = (Vec::new(), Vec::new());
    let mut policies = BTreeMap::new();
    let (mut service_names, mut slo_names) = (Names::default(), Names::default());
    for service in &config.services {
        // The names are the same whether all services are exported or one.
        let name = service_names.give(&service.name);
        let slos = service.objectives.iter();
        let slos: Vec<_> = slos
            .map(|objective| {
                let slo = ObjectiveRules::new(config, service, objective);
                let name = slo_names.give(&full_name(&slo));
                (slo, name)
            })
            .collect();
        if only.is_some_and(|only| only.name != service.name) {
            continue;
        }
        if slos.is_empty() {
            remarks.push(format!(
                "{}: left out, since it has no objectives",
                service.name
            ));
            continue;
        }
        objects.push(service_object(service, name.clone()));
        if config.alerts.causes.below(&service.name).next().is_some() {
            remarks.push(format!("{}: `depends_on` is left out", service.name));
        }
        for (slo, slo_name) in &slos {
            objects.extend(objective_objects(slo, (&name, slo_name), &mut policies));
            remarks.extend(left_out(slo));
        }
    }
    if !policies.is_empty() {
        objects.extend(policies.into_values());
        objects.push(objects::target(TARGET));
    }
    let written: Result<Vec<String>, String> = objects.iter().map(yaml::write).collect();
    Ok(Exported {
        yaml: written?.join("---\n"),
        remarks,
    })
}

fn full_name(slo: &ObjectiveRules<'_>) -> String {
    format!("{}-{}", slo.service.name, slo.objective.name)
}

/// The receivers of an alert depend on its labels (`routes`).
const TARGET: &str = "slod-routes";

fn service_object(service: &ServiceSpec, name: String) -> Object {
    let description = (!service.description.is_empty()).then(|| service.description.to_string());
    let labels = service.labels.iter().cloned().collect();
    let own = (annotations::NAME.to_owned(), service.name.to_string());
    let metadata = metadata(name, &service.name, labels, Map::from([own]));
    objects::service(metadata, description)
}

/// The objects of an objective, with the names of its service and of itself.
fn objective_objects(
    slo: &ObjectiveRules<'_>,
    (service, name): (&str, &str),
    policies: &mut BTreeMap<String, Object>,
) -> [Object; 2] {
    let (objective, full) = (slo.objective, full_name(slo));
    let (bad, total) = slo.events.totals();
    let of_both = |annotations| metadata(name.to_owned(), &full, Map::new(), annotations);
    let indicator = objects::sli(of_both(Map::new()), bad, total);
    let tiers = slo.tiers().map(|tier| {
        let policy_name = policy_name(tier, &objective.window);
        let known = policies.entry(policy_name.clone());
        known.or_insert_with(|| policy(&policy_name, tier, objective));
        policy_name
    });
    let spec = Slo {
        description: crate::format::objective::sentence(objective),
        service: service.to_owned(),
        indicator_ref: name.to_owned(),
        time_window: [time_window(&objective.window)],
        budgeting_method: method(objective.budgeting),
        objectives: [target(objective)],
        alert_policies: tiers
            .map(|name| objects::reference("alertPolicyRef", name))
            .collect(),
    };
    let mut metadata = of_both(annotated(slo));
    metadata.display_name = Some(objective.name.chars().take(63).collect());
    [indicator, Object::new(Kind::Slo, metadata, spec)]
}

/// `full` is the text from which the name was derived.
fn metadata(name: String, full: &str, labels: Map, annotations: Map) -> Metadata {
    Metadata {
        display_name: (name != full).then(|| full.chars().take(63).collect()),
        name,
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

/// The keys of an objective that the specification does not cover.
fn annotated(slo: &ObjectiveRules<'_>) -> Map {
    let objective = slo.objective;
    let keys = annotations::OBJECTIVE.iter().filter_map(|one| {
        let written = (one.written)(objective)?;
        Some((one.annotation.to_owned(), written))
    });
    let mut all: Map = keys.collect();
    all.insert(annotations::NAME.to_owned(), objective.name.clone());
    let conditions = slo.policy.conditions().iter();
    let others: Vec<&str> = conditions
        .filter_map(|condition| match condition {
            Condition::Tier(_) => None,
            Condition::Exhausted => Some("exhausted"),
            Condition::Forecast(_) => Some("forecast"),
        })
        .collect();
    if !others.is_empty() {
        all.insert(annotations::ALERTS.to_owned(), others.join(","));
    }
    all
}

fn policy_name(tier: &Tier, window: &Window) -> String {
    let windows = format!("{}-{}", tier.long.name(), tier.short.name());
    names::valid(&format!("burn-{windows}-of-{}", window.name()))
}

/// The policy of a tier's long window. A policy has only one condition, so the short window is an annotation.
fn policy(name: &str, tier: &Tier, objective: &Objective) -> Object {
    let short = (annotations::SHORT.to_owned(), tier.short.name().to_owned());
    let condition = InlineCondition {
        kind: "AlertCondition",
        metadata: metadata(name.to_owned(), name, Map::new(), Map::new()),
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
    let metadata = metadata(name.to_owned(), name, Map::new(), Map::from([short]));
    Object::new(Kind::AlertPolicy, metadata, policy)
}

/// Remarks on the parts of an objective that its object lacks.
fn left_out(slo: &ObjectiveRules<'_>) -> Vec<String> {
    let (name, objective) = (
        format!("{}/{}", slo.service.name, slo.objective.name),
        slo.objective,
    );
    let mut remarks = Vec::new();
    let mut say = |what: &str| remarks.push(format!("{name}: {what} left out"));
    if !objective.probes.is_empty() {
        say("the selection of probes is");
    }
    if objective.combine == Combine::Weighted {
        say("the combination of its probes is");
    }
    if !objective.additional_windows.is_empty() {
        say("`further_windows` are");
    }
    if slo
        .tiers()
        .any(|tier| tier.min_bad != crate::alert::MIN_BAD)
    {
        say("`min_bad` of tiers is");
    }
    let others = slo.policy.conditions().iter();
    for condition in others {
        if let Condition::Forecast(within) = condition
            && *within != DEFAULT_FORECAST
        {
            say(&format!(
                "the forecast horizon of {} is",
                show_duration(*within)
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests;
