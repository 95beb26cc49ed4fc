//! Which probes count for an objective, and how they are combined.

use super::draft::{Located, ServiceDraft};
use super::keys::{objective as key, service};
use super::model::ProbeSpec;
use crate::diagnostic::{nearest, some_of};
use crate::outcome::{DurationOf, Measurement};
use crate::slo::{BudgetingMethod, Combine, EventSource, NoDataPolicy, Objective, ProbeRef, Sli};
use crate::yaml::{Declared, Section};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads how the probes that count are combined. If `budgeting` is invalid, keys that depend on it are
/// not reported.
pub(super) fn combine(
    section: &Section<'_>,
    budgeting: Option<BudgetingMethod>,
) -> Option<Combine> {
    let sliced = budgeting.is_none_or(BudgetingMethod::is_sliced);
    if section.has(&key::WEIGHTS) {
        only_sliced(section, &key::WEIGHTS, sliced);
        if section.has(&key::COMBINE) {
            let message = "`weights` and `combine` are mutually exclusive";
            section.error("conflict", &key::COMBINE, message, "remove one of them");
        }
        return Some(Combine::Weighted);
    }
    if !section.has(&key::COMBINE) {
        return Some(budgeting.map_or(Combine::Pooled, BudgetingMethod::default_combine));
    }
    only_sliced(section, &key::COMBINE, sliced);
    section.get(&key::COMBINE)
}

/// Reads how minutes without outcomes count.
pub(super) fn missing(section: &Section<'_>, sliced: bool) -> Option<NoDataPolicy> {
    if section.has(&key::ON_MISSING) {
        only_sliced(section, &key::ON_MISSING, sliced);
    }
    section.get(&key::ON_MISSING)
}

fn only_sliced(section: &Section<'_>, key: &dyn Declared, sliced: bool) {
    if !sliced {
        section.error(
            "conflict",
            key,
            format!(
                "`{}` has no effect with `budgeting: occurrences`",
                key.name()
            ),
            "remove it, or set `budgeting: timeslices` to count minutes",
        );
    }
}

/// The probes listed in `probes` or `weights`, with their weights.
pub(super) fn probes(section: &Section<'_>) -> Vec<ProbeRef> {
    if section.has(&key::WEIGHTS) && section.has(&key::PROBES) {
        let message = "`weights` and `probes` are mutually exclusive";
        section.error("conflict", &key::PROBES, message, "remove one of them");
    }
    if section.has(&key::WEIGHTS) {
        return weighted(section);
    }
    let probes = section.all(&key::PROBES).into_iter();
    probes.map(|text| counted(&text, 1)).collect()
}

fn weighted(section: &Section<'_>) -> Vec<ProbeRef> {
    let weights = section.map(&key::WEIGHTS).into_iter();
    weights
        .map(|(name, weight, _)| counted(&name, weight))
        .collect()
}

/// Parses `probe` or `service/probe`.
fn counted(text: &str, weight: u32) -> ProbeRef {
    let (service, probe) = match text.split_once('/') {
        Some((service, probe)) => (Some(service.into()), probe),
        None => (None, text),
    };
    ProbeRef {
        service,
        probe: probe.to_owned(),
        weight,
    }
}

/// Reports unknown probes and objectives without probes that count, and adds to each service the
/// probes of other services that its objectives name.
pub(super) fn resolve(services: &mut [ServiceDraft<'_>]) {
    let named = services.iter().enumerate();
    let indexes: ServiceIndex = named
        .map(|(at, service)| (service.name.clone(), at))
        .collect();
    for at in 0..services.len() {
        services[at].borrowed = borrowed(services, &indexes, &services[at]);
        let service = &services[at];
        for objective in &service.objectives {
            let named = &objective.value.probes;
            let exist =
                |counted: &&ProbeRef| exists(services, &indexes, service, objective, counted);
            let known = named.iter().filter(exist).count();
            if known == named.len() && service.has_valid_probes {
                check_kinds(service, objective);
            }
        }
    }
}

/// Reports a service without anything to observe: probes, metrics, processes, or objectives that count
/// probes of other services.
pub(super) fn check_any<'o, 'n: 'o>(
    section: &Section<'n>,
    mut objectives: impl Iterator<Item = &'o Located<'n, Arc<Objective>>>,
) {
    let borrows = |counted: &ProbeRef| counted.service.is_some();
    let borrows = objectives.any(|objective| objective.value.probes.iter().any(borrows));
    let has_processes = !section.list(&service::PROCESSES).is_empty();
    let is_observed = section.has(&service::PROBES) || section.has(&service::METRICS);
    if !borrows && !is_observed && !has_processes {
        let message = "the service has nothing to observe";
        let help = "add `probes`, `metrics` or `processes`, or objectives that count probes of other services";
        section.error("missing-key", &service::PROBES, message, help);
    }
}

/// The index of each service.
type ServiceIndex = HashMap<Arc<str>, usize>;

/// The probes of other services that the objectives of a service name.
fn borrowed<'n>(
    services: &[ServiceDraft<'n>],
    indexes: &ServiceIndex,
    service: &ServiceDraft<'n>,
) -> Vec<Located<'n, ProbeSpec>> {
    let mut found: Vec<Located<'n, ProbeSpec>> = Vec::new();
    for counted in service
        .objectives
        .iter()
        .flat_map(|objective| &objective.value.probes)
    {
        let other = counted
            .service
            .as_ref()
            .filter(|other| **other != service.name);
        let Some(index) = other.and_then(|other| indexes.get(other)) else {
            continue;
        };
        let is = |probe: &&Located<'n, ProbeSpec>| *probe.value.key.probe == *counted.probe;
        let probe = services[*index].probes.iter().find(is);
        let is_new = |probe: &&Located<'n, ProbeSpec>| {
            !found.iter().any(|known| known.value.key == probe.value.key)
        };
        found.extend(probe.filter(is_new).cloned());
    }
    found
}

/// Returns whether a named probe exists, even with invalid settings; reports it if not.
fn exists(
    services: &[ServiceDraft<'_>],
    indexes: &ServiceIndex,
    service: &ServiceDraft<'_>,
    objective: &Located<'_, Arc<Objective>>,
    counted: &ProbeRef,
) -> bool {
    let key: &dyn Declared = if objective.section.has(&key::WEIGHTS) {
        &key::WEIGHTS
    } else {
        &key::PROBES
    };
    let report = |message: String, name: &str, known: &[&str]| {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("valid here: {}", some_of(known.iter().copied())),
        };
        objective.section.error("unknown-probe", key, message, help);
        false
    };
    let name = counted.service.as_ref().unwrap_or(&service.name);
    let Some(owner) = indexes.get(name).map(|index| &services[*index]) else {
        let known: Vec<&str> = services.iter().map(|other| &*other.name).collect();
        return report(format!("unknown service `{name}`"), name, &known);
    };
    if owner.probe_names.contains(&counted.probe) {
        return true;
    }
    let known: Vec<&str> = owner.probe_names.iter().map(String::as_str).collect();
    let message = format!("service `{}` has no probe `{}`", owner.name, counted.probe);
    report(message, &counted.probe, &known)
}

/// Reports objectives that count real requests of a service without `metrics`. Invalid `metrics` are
/// reported where they are read.
fn check_metrics(service: &ServiceDraft<'_>, objective: &Located<'_, Arc<Objective>>) {
    let Located { value, section } = objective;
    if service.metrics.is_some() || service.section.has(&service::METRICS) {
        return;
    }
    let message = format!(
        "service `{}` has no `metrics`, which `{}` counts",
        service.name, value.name
    );
    // Throughput always counts real requests.
    let help = match value.sli {
        Sli::Throughput(_) => "add `metrics: { url: ... }` to the service",
        _ => "add `metrics: { url: ... }` to the service, or write `source: probes`",
    };
    section.error("nothing-counts", &key::SLI, message, help);
}

/// Checks that the probes' kinds can measure the SLI: freshness needs heartbeats, latency any other kind.
fn check_kinds(service: &ServiceDraft<'_>, objective: &Located<'_, Arc<Objective>>) {
    let Located { value, section } = objective;
    if value.source == EventSource::Metrics {
        check_metrics(service, objective);
        return;
    }
    let mut counting = service.counting(value).peekable();
    if counting.peek().is_none() {
        let message = format!(
            "no probe of `{}` counts for the objective `{}`",
            service.name, value.name
        );
        let help = what_counts(service, value);
        section.error("nothing-counts", &key::SLI, message, help);
    }
    let timed = matches!(value.sli, Sli::Freshness | Sli::Latency { .. });
    if let Some(probe) = counting.find(|probe| timed && !value.sli.suits(probe.value.measures)) {
        report_unsuited(&probe.value, objective);
    }
}

/// What to change if no probe of the service counts for an objective.
fn what_counts(service: &ServiceDraft<'_>, objective: &Objective) -> String {
    let can_count_metrics = objective.probes.is_empty()
        && matches!(
            objective.sli,
            Sli::Availability | Sli::Success | Sli::Latency { of: None, .. }
        );
    let help = match objective.sli {
        _ if can_count_metrics && service.is_only_scraped() => {
            "the service has no probes: add one, or `source: metrics` to count the requests of its metrics"
        }
        _ if can_count_metrics && service.probe_names.is_empty() => {
            "the service has no probes: add one, or `metrics` and `source: metrics`"
        }
        Sli::Freshness => "`freshness` counts only `heartbeat` probes",
        Sli::Latency { of: Some(one), .. } => {
            return format!(
                "no probe of the service is of a kind that measures {}",
                one.label()
            );
        }
        _ => {
            "set `probes`, such as `probes: [ health ]`, or `service/probe` for a probe of another service"
        }
    };
    help.to_owned()
}

/// Reports a probe that does not measure what the objective is about.
fn report_unsuited(probe: &ProbeSpec, objective: &Located<'_, Arc<Objective>>) {
    let Located { value, section } = objective;
    let (key, kind) = (&probe.key, probe.kind);
    let about = value.sli.measurement();
    let about = about.map_or(value.sli.name(), Measurement::label);
    let message = format!("`{key}` is of the kind `{kind}`, which does not measure {about}");
    let help = match probe.measures.duration {
        DurationOf::Attempt if value.sli != Sli::Freshness => {
            let measured = probe.measures.measurements.iter();
            let measured: Vec<_> = measured.map(|one| one.label()).collect();
            format!("`{kind}` measures {}", measured.join(", "))
        }
        _ => "`freshness` is for heartbeats, `latency` for all other kinds".to_owned(),
    };
    section.error("conflict", &key::PROBES, message, help);
}
