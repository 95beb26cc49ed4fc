//! Reads objectives, and merges the default ones with a service's own.

use super::counting;
use super::draft::Placed;
use super::keys::{self, OBJECTIVE, WINDOWS};
use super::name::Names;
use super::read::{duration_within, written};
use super::zone::zone;
use crate::slo::calendar::{Calendar, Period};
use crate::slo::{BudgetingMethod, Objective, Sli, Window};
use crate::units;
use crate::yaml::Section;
use std::time::Duration;

/// More promises than a team can keep in mind; each one costs metrics, memory and alerts.
const MAX_OBJECTIVES: usize = 50;

/// The valid ones of a list of objectives; names are unique within it.
pub(super) fn read_list<'n>(parent: &Section<'n>) -> Vec<Placed<'n, Objective>> {
    let mut names = Names::of("objective");
    let items = parent.list("objectives");
    if items.len() > MAX_OBJECTIVES {
        parent.error(
            "out-of-range",
            "objectives",
            format!("{} objectives are too many", items.len()),
            format!("expected at most {MAX_OBJECTIVES}"),
        );
    }
    items
        .into_iter()
        .take(MAX_OBJECTIVES)
        .filter_map(|(at, node)| parent.reader().section(node, &at.path, OBJECTIVE))
        .filter_map(|section| {
            // The name is taken even if the rest is faulty, so that all errors are reported at once.
            let name = names.take(&section);
            let value = read(&section, name?)?;
            Some(Placed { value, section })
        })
        .collect()
}

/// Every default objective, or the service's own of the same name; then the service's others.
pub(super) fn merge<'n>(
    defaults: impl Iterator<Item = Placed<'n, Objective>>,
    own: Vec<Placed<'n, Objective>>,
) -> Vec<Placed<'n, Objective>> {
    let mut merged: Vec<_> = defaults.collect();
    for objective in own {
        let same = |other: &&mut Placed<'n, Objective>| other.value.name == objective.value.name;
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
    let windows = windows(section);
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

/// The window that alerts go by, and the others.
fn windows(section: &Section<'_>) -> Option<(Window, Vec<Window>)> {
    let zone = zone(section);
    let calendar = |text: &str| {
        let mut periods = Period::ALL.into_iter();
        let period = periods.find(|period| period.name() == text)?;
        let zone = zone?;
        Some(Window {
            length: period.nominal(),
            calendar: Some(Calendar { period, zone }),
        })
    };
    let written_as = section.node("window").and_then(|node| node.value.scalar());
    let window = match written_as.as_deref().and_then(calendar) {
        Some(window) => Some(window),
        None if zone.is_none() => None,
        None => duration_within(section, "window", WINDOWS, written(keys::DEFAULT_WINDOW))
            .map(Window::rolling),
    };
    let (shortest, longest) = WINDOWS;
    let fits = |length: &Duration| (shortest..=longest).contains(length);
    let rolling = |text: &str| units::duration(text).filter(fits).map(Window::rolling);
    let expected = "windows such as 7d or month";
    let further = section.texts("further_windows", expected, |text| {
        calendar(text).or_else(|| rolling(text))
    });
    let window = window?;
    check_windows(section, window, &further);
    Some((window, further))
}

/// Reports a time zone that no window has, and a window that is given twice.
fn check_windows(section: &Section<'_>, window: Window, further: &[Window]) {
    let all = || further.iter().chain([&window]);
    if section.has("timezone") && all().all(|window| window.calendar.is_none()) {
        section.error(
            "conflict",
            "timezone",
            "only a calendar window has a time zone",
            "remove it, or let `window` be week, month, quarter or year",
        );
    }
    let is_twice = |one: &&Window| all().filter(|other| other == one).count() > 1;
    if let Some(twice) = further.iter().find(is_twice) {
        let message = format!("{} is given twice", twice.name());
        let help = "name each window once";
        section.error("conflict", "further_windows", message, help);
    }
}

fn sli(section: &Section<'_>) -> Option<Sli> {
    const WORDS: &[(&str, Option<Sli>)] = &[
        ("availability", Some(Sli::Availability)),
        ("success", Some(Sli::Success)),
        ("freshness", Some(Sli::Freshness)),
        ("latency", None),
    ];
    let below = section.duration("below");
    match section.choice("sli", WORDS)? {
        Some(sli) => {
            if section.has("below") {
                section.error(
                    "conflict",
                    "below",
                    format!("`below` has no meaning for `sli: {}`", sli.name()),
                    "take it out, or write `sli: latency`",
                );
            }
            Some(sli)
        }
        None if !section.has("below") => {
            section.error(
                "missing-key",
                "sli",
                "`sli: latency` needs a threshold",
                "add for example `below: 500ms`: what takes longer is bad",
            );
            None
        }
        None => {
            let below = below?;
            if below == Duration::ZERO {
                section.error(
                    "out-of-range",
                    "below",
                    "nothing is faster than 0s",
                    "expected a threshold such as 500ms",
                );
                return None;
            }
            Some(Sli::Latency { below })
        }
    }
}

fn target(section: &Section<'_>) -> Option<f64> {
    let target = section.ratio("target")?;
    if target > 0.0 && target < 1.0 {
        return Some(target);
    }
    let (message, help) = if target >= 1.0 {
        (
            "a target of 100% leaves no budget: the first failure breaks it for the whole window",
            "expected less than 100%, such as 99.9%: the rest is the error budget",
        )
    } else {
        (
            "a target of 0 is always kept",
            "expected more than 0, such as 99.9%",
        )
    };
    section.error("out-of-range", "target", message, help);
    None
}

fn budgeting(section: &Section<'_>, sli: Option<Sli>) -> Option<BudgetingMethod> {
    let slice_target = match section.ratio("slice_target") {
        Some(ratio) => ratio,
        None if section.has("slice_target") => return None,
        None => BudgetingMethod::SLICE_TARGET,
    };
    if section.has("slice_target") && slice_target <= 0.0 {
        section.error(
            "out-of-range",
            "slice_target",
            "with a slice target of 0 every minute is good",
            "expected more than 0, such as 90%",
        );
        return None;
    }
    let slices = BudgetingMethod::Timeslices { slice_target };
    let words = [
        ("occurrences", BudgetingMethod::Occurrences),
        ("timeslices", slices),
        ("ratio_timeslices", BudgetingMethod::RatioTimeslices),
    ];
    let budgeting = if section.has("budgeting") {
        section.choice("budgeting", &words)?
    } else {
        match sli? {
            Sli::Availability | Sli::Freshness => slices,
            Sli::Success | Sli::Latency { .. } => BudgetingMethod::Occurrences,
        }
    };
    if budgeting == slices {
        return Some(slices);
    }
    if section.has("slice_target") {
        section.error(
            "conflict",
            "slice_target",
            "only `budgeting: timeslices` has a `slice_target`",
            format!(
                "take it out, or write `budgeting: timeslices` (slices of {})",
                units::show_duration(BudgetingMethod::SLICE)
            ),
        );
    }
    Some(budgeting)
}
