//! Warnings: configs that are valid, but probably do not do what their author expects.
//!
//! A lint is a pure function over the draft plus one line in [`LINTS`].

mod alerting;
mod finding;
mod paths;
mod routing;
mod sense;
mod slices;
mod unmatched;

use super::code::Code;
use super::draft::Draft;
use crate::diagnostic::{Place, Severity};
use finding::Finding;
use std::collections::BTreeMap;

/// One lint: what it is, and how it is found.
pub(super) struct Lint {
    pub(super) code: Code,
    find: fn(&Draft<'_>) -> Vec<Finding>,
}

pub(super) const LINTS: &[Lint] = &[
    Lint {
        code: Code {
            code: "alert-reaches-nobody",
            severity: Severity::Error,
            meaning: "There are receivers, but alerts of a service would be sent to none of them.",
        },
        find: routing::alert_reaches_nobody,
    },
    Lint {
        code: warning(
            "route-takes-nothing",
            "A route requires a label or a value that no alert has, or an earlier route takes every alert.",
        ),
        find: unmatched::route_takes_nothing,
    },
    Lint {
        code: warning(
            "label-of-alerts",
            "A service has a label of a name that slod gives to alerts, such as `tier`.",
        ),
        find: routing::label_of_alerts,
    },
    Lint {
        code: warning(
            "incident-shared",
            "A route to PagerDuty or Opsgenie does not say which alerts are one incident (`group_by`), and there are several services.",
        ),
        find: routing::incident_shared,
    },
    Lint {
        code: warning("receiver-without-route", "No route leads to a receiver."),
        find: routing::receiver_without_route,
    },
    Lint {
        code: warning(
            "tier-never-fires",
            "The target is so low that a burn-rate alert cannot fire: it would need more than 100 % errors.",
        ),
        find: alerting::tier_never_fires,
    },
    Lint {
        code: warning(
            "tier-exceeds-window",
            "A burn-rate tier is longer than the window of its objective, so it never fires.",
        ),
        find: alerting::tier_exceeds_window,
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
            "Attempts are so far apart that a page's short window contains at most one.",
        ),
        find: alerting::interval_too_coarse,
    },
    Lint {
        code: warning(
            "sparse-slices",
            "Time slices are counted, but many of them contain no attempt.",
        ),
        find: slices::sparse_slices,
    },
    Lint {
        code: warning(
            "one-failure-fails-a-slice",
            "A minute contains so few attempts that a single failure makes it bad.",
        ),
        find: slices::one_failure_fails_a_slice,
    },
    Lint {
        code: warning(
            "budget-below-one-failure",
            "The error budget is less than one failure.",
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
            "The latency threshold is not below the timeout, so it has no effect.",
        ),
        find: sense::latency_above_timeout,
    },
    Lint {
        code: warning(
            "different-paths-pooled",
            "A latency objective counts probes of very different paths or kinds together, so that a fast one hides a slow one.",
        ),
        find: paths::different_paths,
    },
    Lint {
        code: warning("duplicate-target", "Two probes are identical."),
        find: sense::duplicate_target,
    },
    Lint {
        code: warning(
            "duplicate-objective",
            "Two objectives of a service are identical except for their names.",
        ),
        find: sense::duplicate_objective,
    },
    Lint {
        code: warning(
            "no-objective",
            "A service has probes, but no objectives; `objectives: []` states that this is intended.",
        ),
        find: sense::no_objective,
    },
    Lint {
        code: warning(
            "too-few-slots",
            "If every service hangs, more probes run at the same time than `max_concurrent_probes` allows.",
        ),
        find: sense::too_few_slots,
    },
    Lint {
        code: warning(
            "unreplaced-variable",
            "Something looks like a variable, but is not expanded.",
        ),
        find: sense::unreplaced_variable,
    },
    Lint {
        code: note(
            "open-listen",
            "There is no authentication: everyone who can reach the address can read everything, and write if that is allowed.",
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
