//! What a report answers, in sentences: what was missed and why, and what the numbers are of.

use super::MIN_COVERAGE;
use super::cause::MISSING;
use super::model::{IncidentReport, ObjectiveReport, Report, Verdict};
use crate::format::numbers;
use crate::format::numbers::plural;
use crate::format::times::{length, minute, second};
use crate::report::notes;
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// `2 of 12 objectives missed`
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
        _ if report.outcomes == 0 => "The store has no outcomes for this time range".to_owned(),
        (1, 0, _) if !report.is_over() => "The objective has not been missed so far".to_owned(),
        (_, 0, _) if !report.is_over() => format!("None of {objectives} has been missed so far"),
        (1, 0, 0) => "The objective was met".to_owned(),
        (_, 0, 0) => format!("All {objectives} were met"),
        (_, 0, unknown) => format!("None missed, {unknown} of {objectives} without enough data"),
        (_, missed, _) => format!("{missed} of {objectives} missed{rest}"),
    }
}

/// Which budgets are shown.
pub fn budgets(report: &Report) -> String {
    let all = report.objectives().count();
    let others = report.objectives().filter(|(_, one)| !one.span_is_window);
    let windows: Vec<_> = others.map(|(_, one)| one.window.as_str()).collect();
    let count = windows.len();
    let different: BTreeSet<_> = windows.into_iter().collect();
    let different: Vec<_> = different.into_iter().collect();
    let windows = different.join(", ");
    let promised = match count {
        0 => ", which is the SLO window".to_owned(),
        _ if count == all => format!("; the SLO window is {windows}"),
        1 => format!("; 1 of {all} objectives has another SLO window: {windows}"),
        _ => format!("; {count} of {all} objectives have other SLO windows: {windows}"),
    };
    format!("Budgets are for this time range{promised}.")
}

/// Whether monitoring gaps count against services.
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

/// What the numbers lack: where a part of the store is lost, of the future, or not exact.
pub fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let is_short = report.to - report.from <= TimeDelta::days(1);
    if let Some(asked) = report.asked_to.filter(|_| is_short) {
        let (end, asked) = (minute(report.to), second(asked));
        notes.push(format!(
            "The report ends at {end} UTC, the last whole minute: what happened from then to {asked} UTC is not in it."
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

/// What the current minute is missing from, and that a time range ends in the future.
pub fn not_over(report: &Report) -> Option<String> {
    let now = minute(report.at);
    if report.is_over() {
        let current = report.at - report.to < chrono::TimeDelta::minutes(1);
        return current.then(|| format!("The current minute ({now} UTC) is not included."));
    }
    Some(format!(
        "The time range is not over: budgets are for all of it, coverage is up to {now} UTC. \
         Objectives that count minutes do not include the current minute."
    ))
}

/// Why it was missed, or cannot be judged; `None` where there is no more to say.
pub fn why(report: &Report, objective: &ObjectiveReport) -> Option<String> {
    match objective.result {
        Verdict::Met | Verdict::NotOver => None,
        Verdict::Missed => Some(why_missed(objective)),
        Verdict::NotEnoughData if report.outcomes == 0 => None,
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
            "{} incidents, the worst {}",
            numbers::count(all),
            incident(worst)
        ),
    };
    let alone = objective.scattered_bad_events;
    // Few of them are in every month; many are the reason, and no incident explains them.
    let scattered = if alone * 4.0 > objective.bad_events {
        format!(
            "; {} of the bad events in no incident",
            numbers::share(alone / objective.bad_events)
        )
    } else {
        String::new()
    };
    format!("{spent}{mostly}; {incidents}{scattered}")
}

/// `on 2026-11-03 14:01 UTC for 47m (73% of the budget)`
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
        Some(_) if counted <= 0.0 => "nothing was counted".to_owned(),
        Some(coverage) if objective.coverage_ratio < Some(MIN_COVERAGE) => {
            format!("only {coverage} of the time was observed")
        }
        Some(coverage) => format!(
            "in the {coverage} of the time that was observed the target is missed; with the rest it could have been met"
        ),
    }
}
