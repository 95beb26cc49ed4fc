//! `OpenSLO` v1: SLOs with the services, SLIs, alert policies and conditions that they refer to.

use super::draft::{Chosen, Draft, Objective, Roles, Target};
use super::sli::{Measured, Part, measured};
use super::tiers::{Spec, usual_short, window};
use crate::alert::Urgency;
use crate::import::document::{At, Document, Remarks};
use crate::slo::StandardWindow;
use crate::slo::calendar::Period;
use crate::units::duration;

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
/// Annotations with the keys of an objective: what `slod export openslo` writes.
const ANNOTATION: &str = "slod/";
/// Keys of an objective that are annotations, because `OpenSLO` has no word for them.
const ANNOTATED: [&str; 7] = [
    "sli",
    "source",
    "below",
    "of",
    "at_least",
    "when",
    "on_missing",
];

/// All objects.
struct Objects<'a>(Vec<At<'a>>);

impl<'a> Objects<'a> {
    fn of(&self, kind: &str) -> impl Iterator<Item = At<'a>> {
        let is = |at: &&At<'a>| at.get(&["kind"]).and_then(At::text).as_deref() == Some(kind);
        let found: Vec<At<'a>> = self.0.iter().filter(is).copied().collect();
        found.into_iter()
    }

    fn named(&self, kind: &str, name: &str) -> Option<At<'a>> {
        self.of(kind)
            .find(|at| self::name(*at).as_deref() == Some(name))
    }

    /// What a place refers to, or has itself.
    fn resolve(&self, kind: &str, reference: &str, at: At<'a>) -> Option<At<'a>> {
        let Some(name) = at.get(&[reference]).and_then(At::text) else {
            return Some(at);
        };
        let found = self.named(kind, &name);
        if found.is_none() {
            at.remark(format!("left out: no file has the {kind} `{name}`"));
        }
        found
    }
}

fn name(at: At<'_>) -> Option<String> {
    at.path(&["metadata", "name"])?.text()
}

/// Its name in a config, if the one of the object was made from it.
fn own_name(at: At<'_>) -> Option<String> {
    annotation(at, "name").or_else(|| name(at))
}

fn annotation(at: At<'_>, name: &str) -> Option<String> {
    let key = format!("{ANNOTATION}{name}");
    at.path(&["metadata", "annotations"])?.get(&[&key])?.text()
}

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
    let objects = Objects(all.filter(is_ours).collect());
    for source in objects.of("DataSource") {
        source.remark("left out: slod reads the metrics of a service from the service itself");
    }
    draft.tiers.give();
    for slo in objects.of("SLO") {
        self::slo(slo, &objects, draft);
    }
}

fn slo(at: At<'_>, objects: &Objects<'_>, draft: &mut Draft) -> Option<()> {
    let spec = at.get(&["spec"])?;
    let is_ours = annotation(at, "sli").is_some();
    let description = spec.get(&["description"]);
    if let Some(description) = description.filter(|_| !is_ours) {
        description.remark("left out: an objective of a config has no description");
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
    let (service, name) = (spec.need(&["service"])?, own_name(at)?);
    let service = about_service(&service, spec, objects, draft);
    let objectives = spec.get(&["objectives"]).map(At::items).unwrap_or_default();
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
        let mut objective = Objective {
            name,
            ..Objective::default()
        };
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

/// The description and the labels of the service's own object. Returns its name.
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

fn target(at: At<'_>, objective: &mut Objective) -> Option<()> {
    at.only(&[
        "displayName",
        "target",
        "targetPercent",
        "timeSliceTarget",
        "timeSliceWindow",
        "indicator",
        "indicatorRef",
    ]);
    if let Some(percent) = at.get(&["targetPercent"]).and_then(At::text) {
        objective.target = Target::Percent(format!("{percent}%"));
        return Some(());
    }
    let ratio = at.need(&["target"])?;
    let Ok(ratio) = ratio.parse() else {
        at.remark("left out: `target` is not a number");
        return None;
    };
    objective.target = Target::Ratio(ratio);
    Some(())
}

fn budgeting(spec: At<'_>, at: At<'_>, objective: &mut Objective) -> Option<()> {
    let method = spec.need(&["budgetingMethod"])?;
    let written = match method.as_str() {
        "Occurrences" => "occurrences",
        "Timeslices" => "timeslices",
        "RatioTimeslices" => "ratio_timeslices",
        _ => {
            spec.remark(format!("left out: `budgetingMethod` is `{method}`"));
            return None;
        }
    };
    objective.keys.insert("budgeting", written.to_owned());
    if let Some(slice) = at.get(&["timeSliceTarget"]).and_then(At::text) {
        objective.keys.insert("slice_target", slice);
    }
    let slice = at.get(&["timeSliceWindow"]).and_then(At::text);
    if let Some(slice) = slice.filter(|slice| slice != "1m") {
        at.remark(format!("slices of {slice} become slices of 1m"));
    }
    Some(())
}

/// `30d`, or a period of the calendar.
fn time_window(spec: At<'_>, objective: &mut Objective) -> Option<()> {
    let windows = spec.get(&["timeWindow"]).map(At::items).unwrap_or_default();
    let Some(at) = windows.first() else {
        spec.remark("left out, because `timeWindow` is missing");
        return None;
    };
    let length = at.need(&["duration"])?;
    let is_rolling = at.get(&["isRolling"]).is_some_and(At::is_true);
    if is_rolling || at.get(&["calendar"]).is_none() {
        objective.keys.insert("window", rolling(&length, *at)?);
        return Some(());
    }
    let period = match length.as_str() {
        "1w" | "7d" => "week",
        "1M" => "month",
        "1Q" | "3M" => "quarter",
        "1Y" | "12M" => "year",
        _ => {
            at.remark(format!(
                "left out: a calendar window of {length}, where slod has week, month, quarter and year"
            ));
            return None;
        }
    };
    objective.keys.insert("window", period.to_owned());
    if let Some(zone) = at.path(&["calendar", "timeZone"]).and_then(At::text) {
        objective.keys.insert("timezone", zone);
    }
    if period != "year" {
        at.remark(format!(
            "`startTime` is left out: a {period} begins as in the calendar"
        ));
    }
    Some(())
}

/// In the units of a config: months have no fixed length.
fn rolling(length: &str, at: At<'_>) -> Option<String> {
    let days = |unit, days: u64| {
        let count: u64 = length.strip_suffix(unit)?.parse().ok()?;
        Some(format!("{}d", count.checked_mul(days)?))
    };
    if duration(length).is_some() {
        return Some(length.to_owned());
    }
    let found = days('M', 30)
        .or_else(|| days('Q', 90))
        .or_else(|| days('Y', 365));
    match &found {
        Some(found) => at.remark(format!("a rolling window of {length} becomes {found}")),
        None => at.remark(format!("left out: `{length}` is not a duration")),
    }
    found
}

/// What the indicator measures: keys that an export of slod has as annotations, or what the queries are.
fn measure<'a>(
    slo: At<'a>,
    at: At<'a>,
    objects: &Objects<'a>,
    service: &str,
    draft: &mut Draft,
    objective: &mut Objective,
) -> Option<()> {
    if annotation(slo, "sli").is_some() {
        for key in ANNOTATED {
            if let Some(value) = annotation(slo, key) {
                objective.keys.insert(key, value);
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
        holder.remark("left out: only a `ratioMetric` of counters can be counted");
        return None;
    };
    let query = |name| ratio.path(&[name, "metricSource", "spec", "query"]);
    let part = query("good")
        .map(Part::Good)
        .or_else(|| query("bad").map(Part::Bad));
    let (Some(part), Some(total)) = (part, query("total")) else {
        ratio.remark("left out: expected Prometheus queries of `good` or `bad`, and of `total`");
        return None;
    };
    let measured = measured(&part, total)?;
    let keys = &mut objective.keys;
    keys.insert("source", "metrics".to_owned());
    let roles = match measured {
        Measured::Success(roles) => {
            keys.insert("sli", "success".to_owned());
            roles
        }
        Measured::Latency(roles, below) => {
            keys.insert("sli", "latency".to_owned());
            keys.insert("below", below);
            roles
        }
    };
    draft.service(service, at).measure(&roles, at).then_some(())
}

/// What its policies say. A condition of one burn rate becomes a tier, whose short window is the usual one unless an
/// annotation has it.
fn alerts<'a>(
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
    let budget = annotation(slo, "alerts").unwrap_or_default();
    let named = ["exhausted", "forecast"].into_iter();
    chosen.extend(
        named
            .filter(|name| budget.contains(name))
            .map(Chosen::Named),
    );
    chosen
}

/// What a config has elsewhere.
const POLICY_LEFT_OUT: [(&str, &str); 2] = [
    (
        "notificationTargets",
        "`receivers` and `routes` say who is notified",
    ),
    (
        "alertWhenNoData",
        "missing data is the warning sign `coverage_lost`",
    ),
];

fn policy<'a>(
    entry: At<'a>,
    objects: &Objects<'a>,
    draft: &mut Draft,
    objective: &Objective,
) -> Option<Chosen> {
    let at = match entry.text() {
        // The schema takes a name alone as well.
        Some(name) => objects.named("AlertPolicy", &name).or_else(|| {
            entry.remark(format!("left out: no file has the AlertPolicy `{name}`"));
            None
        })?,
        None => objects.resolve("AlertPolicy", "alertPolicyRef", entry)?,
    };
    for (key, why) in POLICY_LEFT_OUT {
        let found = at.path(&["spec", key]);
        let is_ours = annotation(at, "short").is_some();
        if let Some(found) = found.filter(|one| !is_ours && one.text().as_deref() != Some("false"))
        {
            found.remark(format!("`{key}` is left out: {why}"));
        }
    }
    let conditions = at
        .path(&["spec", "conditions"])
        .map(At::items)
        .unwrap_or_default();
    let condition = objects.resolve("AlertCondition", "conditionRef", *conditions.first()?)?;
    let burn = condition.path(&["spec", "condition"])?;
    let (threshold, lookback) = (burn.need(&["threshold"])?, burn.need(&["lookbackWindow"])?);
    let long = window(&lookback, burn)?;
    let short = match annotation(at, "short") {
        Some(short) => window(&short, at)?,
        None => usual_short(long),
    };
    let after = burn.get(&["alertAfter"]).and_then(At::text);
    if let Some(after) = after.filter(|after| !after.starts_with('0')) {
        burn.remark(format!(
            "`alertAfter: {after}` is left out: the burn rate over {} must be as high instead",
            short.name()
        ));
    }
    let threshold: f64 = threshold.parse().ok()?;
    let tier = Spec {
        short,
        budget: millionths(threshold, long, objective),
        urgency: urgency(condition),
    };
    draft
        .tiers
        .add(long, tier, burn)
        .then_some(Chosen::Tier(long))
}

/// The share of the budget that is spent in a window at this burn rate.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a cast saturates, and the tier is checked"
)]
fn millionths(threshold: f64, long: StandardWindow, objective: &Objective) -> u32 {
    let window = objective.keys.get("window").map_or("30d", String::as_str);
    let mut periods = Period::ALL.into_iter();
    let period = periods.find(|period| period.name() == window);
    let length = period.map(Period::nominal).or_else(|| duration(window));
    let length = length.map_or(f64::INFINITY, |length| length.as_secs_f64());
    let share = threshold * long.length().as_secs_f64() / length;
    (share * 1e6).round() as u32
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
