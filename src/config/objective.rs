//! Reads objectives, and merges the default ones with a service's own.

use super::counting;
use super::draft::Placed;
use super::keys::objective as key;
use super::name::Names;
use super::window;
use crate::slo::{BudgetingMethod, Objective, Sli};
use crate::units;
use crate::yaml::{Declared, Key, List, Mapping, Section};
use std::sync::Arc;
use std::time::Duration;

/// The valid ones of a list of objectives; names are unique within it.
pub(super) fn read_list<'n>(
    parent: &Section<'n>,
    list: &Key<List<Mapping>>,
) -> Vec<Placed<'n, Arc<Objective>>> {
    let mut names = Names::of("objective");
    parent
        .sections(list)
        .filter_map(|section| {
            // The name is taken even if the rest is faulty, so that every fault is reported at once.
            let name = names.take(&section, &key::NAME);
            let value = read(&section, name?)?.into();
            Some(Placed { value, section })
        })
        .collect()
}

/// Every default objective, or the service's own of the same name; then the service's others.
pub(super) fn merge<'n>(
    defaults: impl Iterator<Item = Placed<'n, Arc<Objective>>>,
    own: Vec<Placed<'n, Arc<Objective>>>,
) -> Vec<Placed<'n, Arc<Objective>>> {
    let mut merged: Vec<_> = defaults.collect();
    for objective in own {
        let same =
            |other: &&mut Placed<'n, Arc<Objective>>| other.value.name == objective.value.name;
        match merged.iter_mut().find(same) {
            Some(default) => *default = objective,
            None => merged.push(objective),
        }
    }
    merged
}

fn read(section: &Section<'_>, name: String) -> Option<Objective> {
    let sli = sli(section);
    let target = target(section);
    let windows = window::read(section);
    let budgeting = budgeting(section, sli);
    // Where the budgeting is faulty, what depends on it is not blamed.
    let sliced = budgeting.is_none_or(BudgetingMethod::is_sliced);
    let missing = counting::missing(section, sliced);
    let combine = counting::combine(section, budgeting);
    let probes = counting::probes(section);
    let (window, further) = windows?;
    Some(Objective {
        name,
        sli: sli?,
        target: target?,
        window,
        further,
        budgeting: budgeting?,
        missing: missing?,
        combine: combine?,
        probes,
    })
}

fn sli(section: &Section<'_>) -> Option<Sli> {
    let (below, of) = (section.get(&key::BELOW), section.get(&key::OF));
    match section.get(&key::SLI)? {
        Some(sli) => {
            let [below, of]: [&dyn Declared; 2] = [&key::BELOW, &key::OF];
            for key in [below, of].into_iter().filter(|key| section.has(*key)) {
                section.error(
                    "conflict",
                    key,
                    format!("`{}` is not valid for `sli: {}`", key.name(), sli.name()),
                    "remove it, or write `sli: latency`",
                );
            }
            Some(sli)
        }
        None if !section.has(&key::BELOW) => {
            section.error(
                "missing-key",
                &key::SLI,
                "`sli: latency` requires `below`",
                "add for example `below: 500ms`: slower outcomes are bad",
            );
            None
        }
        None => {
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
            // What is invalid was reported.
            let is_valid = of.is_some() || !section.has(&key::OF);
            is_valid.then_some(Sli::Latency { of, below })
        }
    }
}

fn target(section: &Section<'_>) -> Option<f64> {
    let target = section.get(&key::TARGET)?;
    if target > 0.0 && target < 1.0 {
        return Some(target);
    }
    let (message, help) = if target >= 1.0 {
        (
            "a target of 100% leaves no error budget: the first failure misses it for the whole window",
            "expected less than 100%, such as 99.9%: the rest is the error budget",
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
    let slice_target = section.get(&key::SLICE_TARGET)?;
    if slice_target <= 0.0 {
        section.error(
            "out-of-range",
            &key::SLICE_TARGET,
            "with a `slice_target` of 0 every minute is good",
            "expected more than 0, such as 90%",
        );
        return None;
    }
    let slices = BudgetingMethod::Timeslices { slice_target };
    let budgeting = if section.has(&key::BUDGETING) {
        section.get(&key::BUDGETING)?(slice_target)
    } else {
        match sli? {
            Sli::Availability | Sli::Freshness => slices,
            Sli::Success | Sli::Latency { .. } => BudgetingMethod::Occurrences,
        }
    };
    if budgeting != slices && section.has(&key::SLICE_TARGET) {
        section.error(
            "conflict",
            &key::SLICE_TARGET,
            "`slice_target` is valid only for `budgeting: timeslices`",
            format!(
                "remove it, or write `budgeting: timeslices` (slices of {})",
                units::show_duration(BudgetingMethod::SLICE)
            ),
        );
    }
    Some(budgeting)
}
