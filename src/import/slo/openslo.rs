//! `OpenSLO` v1: SLOs, with the services, SLIs, alert policies and conditions that they refer to.

mod alerts;
mod objects;
mod window;

use super::annotations::{OBJECTIVE, SLI};
use super::draft::{Draft, Objective, Roles};
use super::sli::{EventQuery, Measured, measured, of_ratio};
use crate::import::document::{At, Document, Remarks};
use alerts::alerts;
use objects::{Objects, annotation, metadata, own_name};
use window::{budgeting, target, time_window};

const VERSION: &str = "openslo/v1";
const KINDS: [&str; 7] = [
    "SLO",
    "Service",
    "SLI",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
    "DataSource",
];
pub(super) fn read(documents: &[Document], remarks: &Remarks, draft: &mut Draft) {
    let all = documents.iter().map(|document| document.at(remarks));
    let is_ours = |at: &At<'_>| {
        let version = at.get(&["apiVersion"]).and_then(At::text);
        let kind = at.get(&["kind"]).and_then(At::text).unwrap_or_default();
        let is_ours = version.as_deref() == Some(VERSION) && KINDS.contains(&kind.as_str());
        if !is_ours {
            at.remark(format!(
                "left out: expected an object of `apiVersion: {VERSION}`"
            ));
        }
        is_ours
    };
    let objects = Objects::new(all.filter(is_ours));
    for source in objects.of("DataSource") {
        source.remark("left out: slod reads the metrics of a service from the service itself");
    }
    objects.all().for_each(metadata);
    draft.tiers.give();
    for slo in objects.of("SLO") {
        self::slo(slo, &objects, draft);
    }
}

fn slo(at: At<'_>, objects: &Objects<'_>, draft: &mut Draft) -> Option<()> {
    let spec = at.need_below(&["spec"])?;
    let is_ours = annotation(at, SLI).is_some();
    let description = spec.get(&["description"]);
    if let Some(description) = description.filter(|_| !is_ours) {
        description.remark("left out: objectives in a config have no description");
    }
    spec.only(&[
        "description",
        "service",
        "indicator",
        "indicatorRef",
        "timeWindow",
        "budgetingMethod",
        "objectives",
        "alertPolicies",
    ]);
    let Some(name) = own_name(at) else {
        at.remark("left out, because `metadata.name` is missing");
        return None;
    };
    let service = spec.need(&["service"])?;
    let service = about_service(&service, spec, objects, draft);
    let objectives = spec.need_items("objectives");
    let of_all = spec.get(&["indicator", "indicatorRef"]);
    for (number, one) in (1..).zip(&objectives) {
        let indicator = one
            .get(&["indicator", "indicatorRef"])
            .map_or(of_all.map(|_| spec), |_| Some(*one));
        let Some(indicator) = indicator else {
            one.remark("left out, because `indicator` is missing");
            continue;
        };
        let name = match objectives.len() {
            1 => name.clone(),
            _ => format!("{name}-{number}"),
        };
        let mut objective = Objective::new(name, *one);
        let complete = target(*one, &mut objective)
            .and_then(|()| budgeting(spec, *one, &mut objective))
            .and_then(|()| time_window(spec, &mut objective))
            .and_then(|()| measure(at, indicator, objects, &service, draft, &mut objective));
        if complete.is_none() {
            continue;
        }
        objective.choice = alerts(at, spec, objects, draft, &objective);
        draft.service(&service, spec).objectives.push(objective);
    }
    Some(())
}

/// Reads the description and the labels of the service's object. Returns the name of the service.
fn about_service(service: &str, spec: At<'_>, objects: &Objects<'_>, draft: &mut Draft) -> String {
    let object = objects.named("Service", service);
    let name = object.and_then(own_name);
    let name = name.unwrap_or_else(|| service.to_owned());
    let own = draft.service(&name, spec);
    let Some(object) = object else {
        return name;
    };
    let description = object.path(&["spec", "description"]).and_then(At::text);
    own.description = description.or(own.description.take());
    let labels = object.path(&["metadata", "labels"]);
    for (label, value) in labels.map(At::entries).unwrap_or_default() {
        let values: Vec<String> = match value.text() {
            Some(value) => vec![value],
            None => value.items().into_iter().filter_map(At::text).collect(),
        };
        own.labels.insert(label, values.join(","));
    }
    name
}

/// The indicator, from the annotations of a slod export or from the queries.
fn measure<'a>(
    slo: At<'a>,
    at: At<'a>,
    objects: &Objects<'a>,
    service: &str,
    draft: &mut Draft,
    objective: &mut Objective,
) -> Option<()> {
    if annotation(slo, SLI).is_some() {
        for one in &OBJECTIVE {
            if let Some(value) = annotation(slo, one.annotation) {
                objective.keys.insert(one.key, value);
            }
        }
        let has = |key, value: &str| objective.keys.get(key).is_some_and(|own| own == value);
        let (is_throughput, of_metrics) = (has("sli", "throughput"), has("source", "metrics"));
        if is_throughput {
            objective.keys.remove("slice_target");
        }
        if of_metrics {
            draft.service(service, at).measure(&Roles::default(), at);
        }
        return Some(());
    }
    let holder = match at.get(&["indicator"]) {
        Some(inline) => inline,
        None => objects.resolve("SLI", "indicatorRef", at)?,
    };
    let Some(ratio) = holder.path(&["spec", "ratioMetric"]) else {
        holder.remark("left out: only a `ratioMetric` of counters is supported");
        return None;
    };
    let measured = of_ratio_metric(ratio)?;
    let roles = measured.set(&mut objective.keys);
    draft.service(service, at).measure(&roles, at).then_some(())
}

/// The indicator of the queries in a `ratioMetric`.
fn of_ratio_metric(ratio: At<'_>) -> Option<Measured> {
    ratio.only(&["counter", "good", "bad", "total", "raw", "rawType"]);
    let is_gauge = ratio.get(&["counter"]).and_then(At::boolean) == Some(false);
    let sources = ["good", "bad", "total", "raw"].into_iter();
    let kinds = sources.filter_map(|name| ratio.path(&[name, "metricSource", "type"])?.text());
    let mut foreign = kinds.filter(|kind| !kind.eq_ignore_ascii_case("prometheus"));
    if is_gauge || foreign.next().is_some() {
        ratio.remark("left out: only Prometheus counters are supported");
        return None;
    }
    let query = |name| ratio.path(&[name, "metricSource", "spec", "query"]);
    if let Some(raw) = query("raw") {
        return match ratio.need(&["rawType"])?.as_str() {
            "success" => of_ratio(&EventQuery::Good(raw)),
            "failure" => of_ratio(&EventQuery::Bad(raw)),
            other => {
                ratio.remark(format!(
                    "left out: `rawType` is `{other}`, neither success nor failure"
                ));
                None
            }
        };
    }
    if query("good").is_some() && query("bad").is_some() {
        ratio.remark("`bad` is left out: `good` is used instead");
    }
    let part = query("good")
        .map(EventQuery::Good)
        .or_else(|| query("bad").map(EventQuery::Bad));
    let (Some(part), Some(total)) = (part, query("total")) else {
        ratio.remark("left out: expected Prometheus queries for `good` or `bad`, and for `total`");
        return None;
    };
    measured(&part, total)
}
