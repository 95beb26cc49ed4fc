//! Warnings about configs that are valid, but probably do not do what their author expects.
//!
//! A lint is a pure function over the draft plus one line in [`LINTS`].

mod alerting;
mod finding;
mod paths;
mod routing;
mod sense;
mod shards;
mod signs;
mod slices;
mod unmatched;

use super::code::{CODES, Code};
use super::draft::Draft;
use crate::diagnostic::Place;
use finding::Finding;
use std::collections::BTreeMap;

/// A lint: its code, and the function that finds it.
struct Lint {
    code: Code,
    find: fn(&Draft<'_>) -> Vec<Finding>,
}

const LINTS: &[Lint] = &[
    Lint {
        code: Code::error(
            "alert-reaches-nobody",
            "Receivers are configured, but pages of a service are sent to none of them.",
        ),
        find: routing::page_reaches_nobody,
    },
    Lint {
        code: Code::warning(
            "ticket-reaches-nobody",
            "Receivers are configured, but tickets of a service are sent to none of them: they are only on the page of alerts, in the API and in the log.",
        ),
        find: routing::ticket_reaches_nobody,
    },
    Lint {
        code: Code::warning(
            "host-alert-reaches-nobody",
            "Receivers are configured, but alerts of the host and of slod itself, which are tickets, are sent to none of them.",
        ),
        find: routing::host_alert_reaches_nobody,
    },
    Lint {
        code: Code::warning(
            "route-takes-nothing",
            "A route requires a label or a value that no alert has, or an earlier route matches every alert.",
        ),
        find: unmatched::route_takes_nothing,
    },
    Lint {
        code: Code::warning(
            "group-by-unknown-label",
            "Alerts are grouped by a label that no alert has.",
        ),
        find: unmatched::group_by_unknown_label,
    },
    Lint {
        code: Code::warning(
            "label-of-alerts",
            "A service has a label with a name that slod uses for alerts, such as `tier`.",
        ),
        find: routing::label_of_alerts,
    },
    Lint {
        code: Code::warning(
            "unused-by-alertmanager",
            "`group_by`, `wait` or `repeat` of a route to nothing but `alertmanager`, which groups, delays and repeats alerts itself.",
        ),
        find: routing::unused_by_alertmanager,
    },
    Lint {
        code: Code::warning(
            "sign-without-source",
            "A service configures a warning sign that needs its `metrics`, `processes` or `load`, which it does not have.",
        ),
        find: signs::sign_without_source,
    },
    Lint {
        code: Code::warning(
            "pages-held",
            "A route with `deliver_at` matches pages, which then wait until its hours begin.",
        ),
        find: routing::pages_held,
    },
    Lint {
        code: Code::warning(
            "incident-shared",
            "Neither a route to PagerDuty or Opsgenie nor `alerts` has a `group_by`, so several services share an incident.",
        ),
        find: routing::incident_shared,
    },
    Lint {
        code: Code::note(
            "local-links",
            "Receivers are configured, but links in messages only open on the machine of slod.",
        ),
        find: routing::local_links,
    },
    Lint {
        code: Code::warning(
            "receiver-without-route",
            "No route sends alerts to a receiver.",
        ),
        find: routing::receiver_without_route,
    },
    Lint {
        code: Code::warning(
            "tier-never-fires",
            "The target is so low that a burn-rate alert cannot fire: it would need more than 100% errors.",
        ),
        find: alerting::tier_never_fires,
    },
    Lint {
        code: Code::warning(
            "tier-exceeds-window",
            "The long window of a burn-rate tier is longer than the objective's window, so the tier never fires.",
        ),
        find: alerting::tier_exceeds_window,
    },
    Lint {
        code: Code::warning(
            "one-failure-pages",
            "Attempts are so infrequent that a single failure exceeds the burn rate of a page.",
        ),
        find: alerting::one_failure_pages,
    },
    Lint {
        code: Code::warning(
            "interval-too-coarse",
            "Attempts are so infrequent that a page's short window contains at most one.",
        ),
        find: alerting::interval_too_coarse,
    },
    Lint {
        code: Code::note(
            "no-page-if-down",
            "A service with objectives has metrics but no probes: while its metrics cannot be read, nothing is counted, and no burn-rate alert fires.",
        ),
        find: alerting::no_page_if_down,
    },
    Lint {
        code: Code::warning(
            "sparse-slices",
            "An objective counts time slices, but many of them contain no attempt.",
        ),
        find: slices::sparse_slices,
    },
    Lint {
        code: Code::warning(
            "one-failure-fails-a-slice",
            "Attempts are so infrequent that a single failure makes a whole minute bad.",
        ),
        find: slices::one_failure_fails_a_slice,
    },
    Lint {
        code: Code::warning(
            "budget-below-one-failure",
            "The error budget is less than a single failure.",
        ),
        find: alerting::budget_below_one_failure,
    },
    Lint {
        code: Code::warning(
            "window-exceeds-retention",
            "Outcomes are deleted before the objective's window ends.",
        ),
        find: sense::window_exceeds_retention,
    },
    Lint {
        code: Code::warning(
            "missing-exceeds-retention",
            "An objective counts minutes without outcomes, but outcomes are deleted before its window ends.",
        ),
        find: sense::missing_exceeds_retention,
    },
    Lint {
        code: Code::warning(
            "latency-above-timeout",
            "The latency threshold is not below the timeout, so it has no effect.",
        ),
        find: sense::latency_above_timeout,
    },
    Lint {
        code: Code::note(
            "grace-hides-a-miss",
            "The grace of a heartbeat is as long as the time between two runs, so the next report hides a missing one.",
        ),
        find: sense::grace_hides_a_miss,
    },
    Lint {
        code: Code::warning(
            "different-paths-pooled",
            "A latency objective pools probes of very different paths or kinds, so a fast one can hide a slow one.",
        ),
        find: paths::different_paths,
    },
    Lint {
        code: Code::warning("duplicate-target", "Two probes are identical."),
        find: sense::duplicate_target,
    },
    Lint {
        code: Code::warning(
            "duplicate-objective",
            "Two objectives of a service differ only in their names.",
        ),
        find: sense::duplicate_objective,
    },
    Lint {
        code: Code::warning(
            "no-objective",
            "A service has probes or metrics, but no objectives. Set `objectives: []` if this is intended.",
        ),
        find: sense::no_objective,
    },
    Lint {
        code: Code::note(
            "unused-default",
            "A default objective applies to no service, because no probe or metrics count for it.",
        ),
        find: sense::unused_default,
    },
    Lint {
        code: Code::warning(
            "too-few-slots",
            "If all services hang, more probes run at the same time than `max_concurrent_probes` allows.",
        ),
        find: sense::too_few_slots,
    },
    Lint {
        code: Code::warning(
            "unreplaced-variable",
            "A value or key looks like it contains a variable, but it is not expanded.",
        ),
        find: sense::unreplaced_variable,
    },
    Lint {
        code: Code::warning(
            "dependency-in-other-shard",
            "A service depends on a service of another shard, whose pages do not inhibit its alerts.",
        ),
        find: shards::dependency_in_other_shard,
    },
    Lint {
        code: Code::warning(
            "heartbeat-shared",
            "All shards request the same `heartbeat`, which does not notice if one of them stops.",
        ),
        find: shards::heartbeat_shared,
    },
    Lint {
        code: Code::note(
            "open-listen",
            "Without authentication, everyone who can reach the listen address can read everything, and write if that is allowed.",
        ),
        find: sense::open_listen,
    },
];

/// All codes: those of the readers, then those of the lints.
pub fn codes() -> impl Iterator<Item = Code> {
    let lints = LINTS.iter().map(|lint| lint.code);
    CODES.iter().copied().chain(lints)
}

/// Runs all lints. Many services share a default objective, so findings of a lint at the same place
/// are reported once.
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
