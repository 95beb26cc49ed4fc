//! Sloth: its own files (`version: prometheus/v1`), the objects of its operator, and alert windows.

use super::draft::{Chosen, Draft, Objective, Target};
use super::sli::{EventQuery, Measured, measured, of_ratio};
use super::tiers::{Spec, Tiers, window};
use crate::alert::Urgency;
use crate::import::document::{At, Document, Remarks};
use crate::units::millionths;

pub(super) fn read(documents: &[Document], remarks: &Remarks, draft: &mut Draft) {
    let all = || documents.iter().map(|document| document.at(remarks));
    let kind = |at: At<'_>| at.get(&["kind"]).and_then(At::text).unwrap_or_default();
    let mut period = None;
    for at in all().filter(|at| kind(*at) == "AlertWindows") {
        let found = windows(at, draft);
        if found.is_some()
            && period
                .as_ref()
                .is_some_and(|known| Some(known) != found.as_ref())
        {
            at.remark("`sloPeriod` differs from that of the other alert windows: the last one applies to all objectives");
        }
        period = found.or(period);
    }
    let period = period.unwrap_or_else(|| "30d".to_owned());
    for at in all().filter(|at| kind(*at) != "AlertWindows") {
        let version = at.get(&["version", "apiVersion"]).and_then(At::text);
        match (version.as_deref(), &*kind(at)) {
            (Some("prometheus/v1"), _) => {
                at.only(&["version", "service", "labels", "slos"]);
                service(at, &period, draft);
            }
            (Some("sloth.slok.dev/v1"), "PrometheusServiceLevel") => {
                if let Some(metadata) = at.get(&["metadata"]) {
                    metadata.remark("left out: a config has no names, labels and annotations of Kubernetes objects");
                }
                at.only(&["apiVersion", "kind", "metadata", "spec", "status"]);
                if let Some(spec) = at.need_below(&["spec"]) {
                    spec.only(&["service", "labels", "slos"]);
                    service(spec, &period, draft);
                }
            }
            _ => at.remark("left out: expected `version: prometheus/v1`, or a PrometheusServiceLevel or AlertWindows of sloth.slok.dev/v1"),
        }
    }
}

/// Reads alert windows as tiers. Returns their SLO period.
fn windows(at: At<'_>, draft: &mut Draft) -> Option<String> {
    let spec = at.get(&["spec"])?;
    draft.tiers.give();
    for urgency in [Urgency::Page, Urgency::Ticket] {
        for speed in ["quick", "slow"] {
            if let Some(tier) = spec.path(&[urgency.label(), speed]) {
                add_window(tier, urgency, draft);
            }
        }
    }
    spec.get(&["sloPeriod"]).and_then(At::text)
}

fn add_window(at: At<'_>, urgency: Urgency, draft: &mut Draft) -> Option<()> {
    let (long, short) = (at.need(&["longWindow"])?, at.need(&["shortWindow"])?);
    let Ok(percent) = at.need(&["errorBudgetPercent"])?.parse::<f64>() else {
        at.remark("left out: `errorBudgetPercent` is not a number");
        return None;
    };
    let (long, short) = (window(&long, at), window(&short, at));
    let tier = Spec {
        short: short?,
        budget: millionths(percent / 100.0),
        urgency,
    };
    draft.tiers.add(long?, tier, at);
    Some(())
}

fn service(at: At<'_>, period: &str, draft: &mut Draft) -> Option<()> {
    let name = at.need(&["service"])?;
    let own = draft.service(&name, at);
    for (label, value) in at.get(&["labels"]).map(At::entries).unwrap_or_default() {
        own.labels.extend(value.text().map(|value| (label, value)));
    }
    for slo in at.need_items("slos") {
        objective(slo, &name, period, draft);
    }
    Some(())
}

fn objective(at: At<'_>, service: &str, period: &str, draft: &mut Draft) -> Option<()> {
    at.only(&["name", "objective", "sli", "alerting"]);
    let (name, percent) = (at.need(&["name"])?, at.need(&["objective"])?);
    let sli = indicator(at)?;
    let mut objective = Objective::new(name, at);
    objective.target = Target::percent(&percent);
    objective.choice = alerting(at, &draft.tiers);
    objective.keys.insert("window", period.to_owned());
    let roles = sli.set(&mut objective.keys);
    let own = draft.service(service, at);
    if own.measure(&roles, at) {
        own.objectives.push(objective);
    }
    Some(())
}

fn indicator(at: At<'_>) -> Option<Measured> {
    let sli = at.need_below(&["sli"])?;
    if let Some(events) = sli.get(&["events"]) {
        let error = events.need_below(&["error_query", "errorQuery"])?;
        let total = events.need_below(&["total_query", "totalQuery"])?;
        return measured(&EventQuery::Bad(error), total);
    }
    if let Some(raw) = sli.get(&["raw"]) {
        let ratio = raw.need_below(&["error_ratio_query", "errorRatioQuery"])?;
        return of_ratio(&EventQuery::Bad(ratio));
    }
    sli.remark("left out: this indicator is computed by a plugin, which slod does not support");
    None
}

/// The enabled tiers: the default ones, or those of the alert windows.
fn alerting(at: At<'_>, tiers: &Tiers) -> Vec<Chosen> {
    let Some(alerting) = at.get(&["alerting"]) else {
        return vec![Chosen::All];
    };
    alerting.only(&["page_alert", "pageAlert", "ticket_alert", "ticketAlert"]);
    let is_off = |names: &[&str]| {
        alerting.get(names).is_some_and(|alert| {
            alert.only(&["disable"]);
            alert.get(&["disable"]).is_some_and(At::is_true)
        })
    };
    let page = is_off(&["page_alert", "pageAlert"]);
    let ticket = is_off(&["ticket_alert", "ticketAlert"]);
    match (page, ticket) {
        (false, false) => vec![Chosen::All],
        (true, true) => Vec::new(),
        (true, false) => tiers.of(Urgency::Ticket),
        (false, true) => tiers.of(Urgency::Page),
    }
}
