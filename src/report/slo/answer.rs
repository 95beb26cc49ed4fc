//! Sentences of a report: which objectives were missed and why, and notes on the numbers.

use super::MIN_COVERAGE;
use super::cause::MISSING;
use super::model::{IncidentReport, ObjectiveReport, Report, Verdict};
use crate::format::numbers;
use crate::format::numbers::plural;
use crate::format::times::{length, minute, second};
use crate::report::notes;
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// The headline, such as `2 of 12 objectives missed`.
pub fn headline(report: &Report) -> String {
    let all = report.objectives().count() as u64;
    let missed = report.count(Verdict::Missed);
    let unknown = report.count(Verdict::NotEnoughData);
    let objectives = plural(all, "objective");
    let rest = match unknown {
        _ if !report.is_over() => " so far".to_owned(),
        0 => String::new(),
        unknown => format!(", {unknown} without enough data"),
    };
    match (all, missed, unknown) {
        (0, ..) => "There are no objectives".to_owned(),
        _ if report.is_empty() => "The store has no outcomes for this time range".to_owned(),
        (1, 0, _) if !report.is_over() => "The objective has not been missed so far".to_owned(),
        (_, 0, _) if !report.is_over() => format!("None of {objectives} has been missed so far"),
        (1, 0, 0) => "The objective was met".to_owned(),
        (_, 0, 0) => format!("All {objectives} were met"),
        (_, 0, unknown) => format!("None missed, {unknown} of {objectives} without enough data"),
        (_, missed, _) => format!("{missed} of {objectives} missed{rest}"),
    }
}

/// Explains the window of the budgets.
pub fn budgets(report: &Report) -> String {
    let all = report.objectives().count();
    let others = report.objectives().filter(|(_, one)| !one.span_is_window);
    let windows: Vec<_> = others.map(|(_, one)| one.window.as_str()).collect();
    let count = windows.len();
    let different: BTreeSet<_> = windows.into_iter().collect();
    let different: Vec<_> = different.into_iter().collect();
    let windows = different.join(", ");
    let promised = match count {
        _ if all == 0 => String::new(),
        0 => ", which is the SLO window".to_owned(),
        _ if count == all => format!("; the SLO window is {windows}"),
        1 => format!("; 1 of {all} objectives has another SLO window: {windows}"),
        _ => format!("; {count} of {all} objectives have other SLO windows: {windows}"),
    };
    format!("Budgets are for this time range{promised}.")
}

/// Explains whether monitoring gaps count against services.
pub fn charged(report: &Report) -> &'static str {
    let mut objectives = report.objectives();
    let strict = objectives.any(|(_, objective)| {
        let mut causes = objective.causes.iter();
        causes.any(|cause| cause.cause == MISSING)
    });
    if strict {
        "Monitoring gaps do not count against a service, except where minutes without outcomes count as bad."
    } else {
        "Monitoring gaps do not count against a service."
    }
}

/// Notes on the numbers: unreadable parts of the store, outcomes in the future, approximations.
pub fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let is_short = report.to - report.from <= TimeDelta::days(1);
    if let Some(asked) = report.asked_to.filter(|_| is_short) {
        let (end, asked) = (minute(report.to), second(asked));
        notes.push(format!(
            "The report ends at {end} UTC, the last whole minute: events from then until {asked} UTC are not included."
        ));
    }
    if report.unreadable_blocks > 0 {
        let hours = plural(report.unreadable_blocks, "hour");
        notes.push(format!(
            "{hours} of the store could not be read and are missing from all numbers."
        ));
    }
    if let Some(until) = report.future_until {
        notes.push(notes::future(report.future_outcomes, until));
    }
    if report.objectives().any(|(_, one)| one.beyond_retention) {
        notes.push(format!("SLI and budgets are {}", notes::BEYOND_RETENTION));
    }
    for (service, objective) in report.objectives() {
        let (before, within) = (
            objective.approximate_before,
            objective.approximate_within_ratio,
        );
        let approximate = before.zip(within);
        let approximate = approximate.map(|(before, within)| notes::approximate(before, within));
        let measured = objective.measured_since.map(notes::measured_since);
        for note in approximate.into_iter().chain(measured) {
            notes.push(format!("{service}/{}: {note}", objective.name));
        }
    }
    notes
}

/// Notes that the current minute is missing, and that the time range ends in the future.
pub fn not_over(report: &Report) -> Option<String> {
    let now = minute(report.at);
    if report.is_over() {
        let current = report.at - report.to < chrono::TimeDelta::minutes(1);
        return current.then(|| format!("The current minute ({now} UTC) is not included."));
    }
    Some(format!(
        "The time range has not ended: budgets are for all of it, coverage is up to {now} UTC. \
         Objectives that count minutes do not include the current minute."
    ))
}

/// Why the objective was missed, or cannot be judged; `None` if there is nothing to explain.
pub fn why(report: &Report, objective: &ObjectiveReport) -> Option<String> {
    match objective.result {
        Verdict::Met | Verdict::NotOver => None,
        Verdict::Missed => Some(why_missed(objective)),
        Verdict::NotEnoughData if report.is_empty() => None,
        Verdict::NotEnoughData => Some(why_unknown(objective)),
    }
}

fn why_missed(objective: &ObjectiveReport) -> String {
    let spent = objective
        .budget_spent_ratio
        .map_or_else(String::new, |spent| {
            format!("{} of the budget spent", numbers::spent(spent))
        });
    let bad: u64 = objective.causes.iter().map(|cause| cause.outcomes).sum();
    let mostly = match objective.causes.as_slice() {
        [] => String::new(),
        [only] => format!(", all {}", only.cause),
        [first, ..] => {
            let share = numbers::share(first.outcomes as f64 / bad.max(1) as f64);
            format!(", mainly {} ({share} of the failures)", first.cause)
        }
    };
    let shown = objective.incidents.len() as u64;
    let incidents = match (
        shown + objective.incidents_not_shown,
        objective.incidents.first(),
    ) {
        (0, _) | (_, None) => "no incident".to_owned(),
        (1, Some(one)) => format!("one incident, {}", incident(one)),
        (all, Some(worst)) => format!(
            "{} incidents, the worst one {}",
            numbers::count(all),
            incident(worst)
        ),
    };
    let alone = objective.scattered_bad_events;
    // A few isolated bad events occur in every month; many are a reason of their own.
    let scattered = if alone * 4.0 > objective.bad_events {
        format!(
            "; {} of the bad events outside of incidents",
            numbers::share(alone / objective.bad_events)
        )
    } else {
        String::new()
    };
    format!("{spent}{mostly}; {incidents}{scattered}")
}

/// Formats `on 2026-11-03 14:01 UTC for 47m (73% of the budget)`.
fn incident(incident: &IncidentReport) -> String {
    let share = incident
        .budget_spent_ratio
        .map_or_else(String::new, |spent| {
            format!(" ({} of the budget)", numbers::spent(spent))
        });
    format!(
        "on {} UTC for {}{share}",
        minute(incident.start),
        length(incident.duration_seconds)
    )
}

fn why_unknown(objective: &ObjectiveReport) -> String {
    let counted = objective.good_events + objective.bad_events;
    let coverage = objective.coverage_ratio.map(numbers::coverage);
    match coverage {
        None => "corrections exclude the whole time range".to_owned(),
        Some(_) if counted <= 0.0 => "no events were counted".to_owned(),
        Some(coverage) if objective.coverage_ratio < Some(MIN_COVERAGE) => {
            format!("only {coverage} of the time was observed")
        }
        Some(coverage) => format!(
            "the target was missed in the {coverage} of the time that was observed; the rest could have changed this"
        ),
    }
}
