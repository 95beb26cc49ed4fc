//! Warnings: configs that are valid, but probably do not do what their author expects.
//!
//! A lint is a pure function over the draft plus one line in [`LINTS`].

mod alerting;
mod sense;
mod slices;

use super::draft::{Draft, Placed, ServiceDraft};
use super::load::Code;
use crate::diagnostic::{Place, Severity};
use crate::slo::Objective;
use crate::yaml::Spot;
use std::collections::BTreeMap;
use std::time::Duration;

/// One lint: what it is, and how it is found.
pub(super) struct Lint {
    pub(super) code: Code,
    find: fn(&Draft<'_>) -> Vec<Finding>,
}

/// What a lint found, and where.
struct Finding {
    at: Spot,
    message: String,
    help: String,
}

pub(super) const LINTS: &[Lint] = &[
    Lint {
        code: warning(
            "tier-never-fires",
            "The target is so low that a burn-rate alert would need more than 100 % errors.",
        ),
        find: alerting::tier_never_fires,
    },
    Lint {
        code: warning(
            "one-failure-pages",
            "Attempts are so far apart that a single failure exceeds the burn rate of a page.",
        ),
        find: alerting::one_failure_pages,
    },
    Lint {
        code: warning(
            "interval-too-coarse",
            "Attempts are so far apart that a page's short window holds at most one.",
        ),
        find: alerting::interval_too_coarse,
    },
    Lint {
        code: warning(
            "sparse-slices",
            "Time slices are counted, but many of them hold no attempt.",
        ),
        find: slices::sparse_slices,
    },
    Lint {
        code: warning(
            "one-failure-fails-a-slice",
            "A minute holds so few attempts that a single failure makes it bad.",
        ),
        find: slices::one_failure_fails_a_slice,
    },
    Lint {
        code: warning(
            "budget-below-one-failure",
            "The whole error budget is less than one failure.",
        ),
        find: alerting::budget_below_one_failure,
    },
    Lint {
        code: warning(
            "window-exceeds-retention",
            "Outcomes are deleted before the objective's window ends.",
        ),
        find: sense::window_exceeds_retention,
    },
    Lint {
        code: warning(
            "missing-exceeds-retention",
            "Minutes without outcomes count, in a window of which outcomes are deleted before it ends.",
        ),
        find: sense::missing_exceeds_retention,
    },
    Lint {
        code: warning(
            "latency-above-timeout",
            "Whatever is slower than the threshold has timed out before.",
        ),
        find: sense::latency_above_timeout,
    },
    Lint {
        code: warning("duplicate-target", "Two probes do exactly the same."),
        find: sense::duplicate_target,
    },
    Lint {
        code: warning(
            "duplicate-objective",
            "A service promises the same twice under two names.",
        ),
        find: sense::duplicate_objective,
    },
    Lint {
        code: warning(
            "no-objective",
            "A service is probed, but nothing is promised; `objectives: []` says that this is meant.",
        ),
        find: sense::no_objective,
    },
    Lint {
        code: warning(
            "too-few-slots",
            "If every service hangs, more probes run at once than may.",
        ),
        find: sense::too_few_slots,
    },
    Lint {
        code: warning(
            "unreplaced-variable",
            "Something looks like a variable, but is not replaced.",
        ),
        find: sense::unreplaced_variable,
    },
    Lint {
        code: note(
            "open-listen",
            "There is no authentication: everybody who reaches the address can read everything, and write if that is allowed.",
        ),
        find: sense::open_listen,
    },
];

const fn warning(code: &'static str, meaning: &'static str) -> Code {
    Code {
        code,
        severity: Severity::Warning,
        meaning,
    }
}

const fn note(code: &'static str, meaning: &'static str) -> Code {
    Code {
        code,
        severity: Severity::Note,
        meaning,
    }
}

/// Reports what every lint finds. A default objective stands at one place for many services, so
/// the same lint at the same place is reported once.
pub(super) fn run(draft: &Draft<'_>) {
    for lint in LINTS {
        let mut shown: BTreeMap<Option<Place>, (Finding, usize)> = BTreeMap::new();
        for finding in (lint.find)(draft) {
            let place = finding.at.place;
            shown.entry(place).or_insert((finding, 0)).1 += 1;
        }
        for (mut finding, count) in shown.into_values() {
            if count > 1 {
                finding.message = format!("{} (and {} more like it)", finding.message, count - 1);
            }
            let Finding { at, message, help } = finding;
            let Code { code, severity, .. } = lint.code;
            let reader = draft.root.reader();
            reader.report(severity, code, &at, message, Some(help));
        }
    }
}

/// Every service with each of its objectives.
fn objectives<'d, 'n>(
    draft: &'d Draft<'n>,
) -> impl Iterator<Item = (&'d ServiceDraft<'n>, &'d Placed<'n, Objective>)> {
    draft.services.iter().flat_map(|service| {
        service
            .objectives
            .iter()
            .map(move |placed| (service, placed))
    })
}

/// The mean time between two attempts that count for an objective, in seconds; `None` if none does.
fn spacing(service: &ServiceDraft<'_>, objective: &Objective) -> Option<f64> {
    let per_second: f64 = service
        .counting(objective)
        .map(|probe| 1.0 / probe.value.interval.as_secs_f64())
        .sum();
    (per_second > 0.0).then(|| 1.0 / per_second)
}

/// A number as people write it: at most three digits that say something.
fn plain(number: f64) -> String {
    let digits = match number.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `0.0144` as `1.44%`.
fn percent(ratio: f64) -> String {
    format!("{}%", plain(ratio * 100.0))
}

/// A span in seconds, cut to what a person would type.
fn span(seconds: f64) -> String {
    let rough = if seconds >= 1.0 {
        Duration::from_secs_f64(seconds.floor())
    } else {
        Duration::from_millis(Duration::from_secs_f64(seconds).subsec_millis().into())
    };
    crate::units::show_duration(rough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let table = [
            (0.000_144, "0.0144%"),
            (0.0144, "1.44%"),
            (1.44, "144%"),
            (0.5, "50%"),
        ];
        for (ratio, expected) in table {
            assert_eq!(percent(ratio), expected);
        }
        assert_eq!(plain(43_200.0), "43200");
        assert_eq!(
            [span(51.84), span(0.5184), span(3600.0)],
            ["51s", "518ms", "1h"]
        );
    }
}
