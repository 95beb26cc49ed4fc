//! Reads objectives, and merges the default ones with a service's own.

use super::counting;
use super::draft::Located;
use super::keys::alerts::OF_OBJECTIVE;
use super::keys::objective::{self as key, SliName};
use super::name::Names;
use super::window;
use crate::outcome::Measurement;
use crate::slo::{BudgetingMethod, Combine, EventSource, Objective, Sli, Throughput, When};
use crate::units::{self, Rate};
use crate::yaml::{Declared, Key, List, Mapping, Section};
use std::sync::Arc;
use std::time::Duration;

/// The names of all objectives of a list, which are unique within it, and the valid objectives.
pub(super) fn read_list<'n>(
    parent: &Section<'n>,
    list: &Key<List<Mapping>>,
) -> (Vec<String>, Vec<Located<'n, Arc<Objective>>>) {
    let mut names = Names::of("objective");
    let mut known = Vec::new();
    let valid = parent.sections(list).filter_map(|section| {
        let name = names.take(&section, &key::NAME);
        known.extend(name.clone());
        let value = read(&section, name)?.into();
        Some(Located { value, section })
    });
    let valid = valid.collect();
    (known, valid)
}

/// Default objectives, each replaced by the service's own one with the same name, followed by the service's
/// other objectives.
pub(super) fn merge<'n>(
    defaults: impl Iterator<Item = Located<'n, Arc<Objective>>>,
    own: Vec<Located<'n, Arc<Objective>>>,
) -> Vec<Located<'n, Arc<Objective>>> {
    let mut merged: Vec<_> = defaults.collect();
    for objective in own {
        let same =
            |other: &&mut Located<'n, Arc<Objective>>| other.value.name == objective.value.name;
        match merged.iter_mut().find(same) {
            Some(default) => *default = objective,
            None => merged.push(objective),
        }
    }
    merged
}

/// Reads everything before it fails, even without a valid name, so that all errors are reported at once.
fn read(section: &Section<'_>, name: Option<String>) -> Option<Objective> {
    let sli = sli(section);
    let source = source(section, sli);
    let target = target(section);
    let windows = window::read(section);
    let budgeting = budgeting(section, sli);
    // If `budgeting` is invalid, keys that depend on it are not reported.
    let sliced = budgeting.is_none_or(BudgetingMethod::is_sliced);
    let missing = counting::missing(section, sliced);
    let combine = match source {
        Some(EventSource::Metrics) => Some(Combine::Pooled),
        _ => counting::combine(section, budgeting),
    };
    let probes = counting::probes(section);
    // Evaluated with the tiers in `config::alerts`; read here so that errors are reported in any case.
    section.all(&OF_OBJECTIVE);
    let (window, additional_windows) = windows?;
    Some(Objective {
        name: name?,
        sli: sli?,
        source: source?,
        target: target?,
        window,
        additional_windows,
        budgeting: budgeting?,
        missing: missing?,
        combine: combine?,
        probes,
    })
}

fn sli(section: &Section<'_>) -> Option<Sli> {
    // All keys are read, so that their errors are reported even if `sli` is invalid.
    let (below, of) = (section.get(&key::BELOW), section.get(&key::OF));
    let (at_least, when) = (section.get(&key::AT_LEAST), section.get(&key::WHEN));
    let name = section.get(&key::SLI)?;
    let latency: [&dyn Declared; 2] = [&key::BELOW, &key::OF];
    let throughput: [&dyn Declared; 2] = [&key::AT_LEAST, &key::WHEN];
    if name != SliName::Latency {
        refuse(section, latency, "latency");
    }
    if name != SliName::Throughput {
        refuse(section, throughput, "throughput");
    }
    match name {
        SliName::Plain(sli) => Some(sli),
        SliName::Latency => latency_sli(section, below, of),
        SliName::Throughput => throughput_sli(section, at_least, when),
    }
}

/// Reports keys that belong to another SLI.
fn refuse(section: &Section<'_>, keys: [&dyn Declared; 2], of: &str) {
    for key in keys.into_iter().filter(|key| section.has(*key)) {
        section.error(
            "conflict",
            key,
            format!("`{}` is valid only for `sli: {of}`", key.name()),
            format!("remove it, or set `sli: {of}`"),
        );
    }
}

fn latency_sli(
    section: &Section<'_>,
    below: Option<Duration>,
    of: Option<Measurement>,
) -> Option<Sli> {
    if !section.has(&key::BELOW) {
        section.error(
            "missing-key",
            &key::SLI,
            "`sli: latency` requires `below`",
            "add it, such as `below: 500ms`: slower outcomes are bad",
        );
        return None;
    }
    let below = below?;
    if below == Duration::ZERO {
        section.error(
            "out-of-range",
            &key::BELOW,
            "a threshold of 0s is invalid",
            "expected a threshold such as 500ms",
        );
        return None;
    }
    // Errors have been reported.
    let is_valid = of.is_some() || !section.has(&key::OF);
    is_valid.then_some(Sli::Latency { of, below })
}

fn throughput_sli(
    section: &Section<'_>,
    at_least: Option<Rate>,
    when: Option<When>,
) -> Option<Sli> {
    if !section.has(&key::AT_LEAST) {
        section.error(
            "missing-key",
            &key::SLI,
            "`sli: throughput` requires `at_least`",
            "add it, such as `at_least: 100/s`: minutes that reach this rate are good",
        );
        return None;
    }
    Some(Sli::Throughput(Throughput {
        at_least: at_least?,
        when: when?,
    }))
}

/// Reads the source of events, and reports keys that are invalid with it.
fn source(section: &Section<'_>, sli: Option<Sli>) -> Option<EventSource> {
    let is_throughput = matches!(sli, Some(Sli::Throughput(_)));
    let source = match section.has(&key::SOURCE) {
        true => section.get(&key::SOURCE)?,
        false if is_throughput => EventSource::Metrics,
        false => EventSource::Probes,
    };
    if source == EventSource::Probes {
        if is_throughput {
            let message = "`sli: throughput` counts real requests, not probe attempts";
            let help = "set `source: metrics`, or remove `source`";
            section.error("conflict", &key::SOURCE, message, help);
        }
        return Some(source);
    }
    let of_probes: [&dyn Declared; 5] = [
        &key::OF,
        &key::PROBES,
        &key::WEIGHTS,
        &key::COMBINE,
        &key::ON_MISSING,
    ];
    for key in of_probes.into_iter().filter(|key| section.has(*key)) {
        let message = format!("`{}` is valid only for `source: probes`", key.name());
        section.error("conflict", key, message, "remove it");
    }
    if sli == Some(Sli::Freshness) {
        let message = "`sli: freshness` counts heartbeats, which are probes";
        section.error("conflict", &key::SOURCE, message, "remove `source`");
    }
    Some(source)
}

fn target(section: &Section<'_>) -> Option<f64> {
    let target = section.get(&key::TARGET)?;
    if target > 0.0 && target < 1.0 {
        return Some(target);
    }
    let (message, help) = if target >= 1.0 {
        (
            "a target of 100% leaves no error budget: a single failure misses it for the whole window",
            "expected less than 100%, such as 99.9%; the difference is the error budget",
        )
    } else {
        (
            "a target of 0 is always met",
            "expected more than 0, such as 99.9%",
        )
    };
    section.error("out-of-range", &key::TARGET, message, help);
    None
}

fn budgeting(section: &Section<'_>, sli: Option<Sli>) -> Option<BudgetingMethod> {
    let written = section.get(&key::BUDGETING);
    let slice_target = section.get(&key::SLICE_TARGET)?;
    if slice_target <= 0.0 {
        section.error(
            "out-of-range",
            &key::SLICE_TARGET,
            "with a `slice_target` of 0, every minute is good",
            "expected more than 0, such as 90%",
        );
        return None;
    }
    let slices = BudgetingMethod::Timeslices { slice_target };
    let budgeting = if section.has(&key::BUDGETING) {
        written?(slice_target)
    } else {
        match sli? {
            Sli::Availability | Sli::Freshness | Sli::Throughput(_) => slices,
            Sli::Success | Sli::Latency { .. } => BudgetingMethod::Occurrences,
        }
    };
    if budgeting != slices && matches!(sli, Some(Sli::Throughput(_))) {
        let message = "`sli: throughput` counts minutes";
        let help = "remove `budgeting`, or set `budgeting: timeslices`";
        section.error("conflict", &key::BUDGETING, message, help);
    }
    if section.has(&key::SLICE_TARGET) && matches!(sli, Some(Sli::Throughput(_))) {
        let message = "`slice_target` is invalid for `sli: throughput`, whose minutes are good if they reach `at_least`";
        let help = "remove `slice_target`";
        section.error("conflict", &key::SLICE_TARGET, message, help);
    } else if budgeting != slices && section.has(&key::SLICE_TARGET) {
        section.error(
            "conflict",
            &key::SLICE_TARGET,
            "`slice_target` is valid only for `budgeting: timeslices`",
            format!(
                "remove it, or set `budgeting: timeslices` (slices of {})",
                units::show_duration(BudgetingMethod::SLICE)
            ),
        );
    }
    Some(budgeting)
}
