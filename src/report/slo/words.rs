//! The sentences of a report, the same in every format. Names in them come from the outside.

use super::ENOUGH;
use super::incident::{MIN_BAD, QUIET};
use super::model::{
    CorrectionReport, IncidentReport, ObjectiveReport, Origin, ProbeReport, Report, Verdict,
};
use crate::report::numbers;
use crate::slo::{Budgeting, Objective, Sli, Window};
use crate::yaml::units::show_duration;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::NotEnoughData => "not enough data",
            Self::NotOver => "not over",
            Self::Met => "met",
        }
    }
}

/// `99.9% of minutes`, `95% under 500ms`
pub fn promise(objective: &Objective) -> String {
    let what = match (objective.sli, objective.budgeting) {
        (Sli::Latency { below }, Budgeting::Occurrences) => {
            format!("under {}", show_duration(below))
        }
        (Sli::Latency { below }, Budgeting::Timeslices { slice_target }) => {
            let (share, below) = (numbers::percent(slice_target), show_duration(below));
            format!("of minutes with {share} under {below}")
        }
        (Sli::Latency { below }, Budgeting::RatioTimeslices) => {
            format!("under {} as the mean of minutes", show_duration(below))
        }
        (_, Budgeting::Timeslices { .. }) => "of minutes".to_owned(),
        (_, Budgeting::RatioTimeslices) => "as the mean of minutes".to_owned(),
        (_, Budgeting::Occurrences) => "of probes".to_owned(),
    };
    format!("{} {what}", numbers::percent(objective.target))
}

/// `30d`, `month (Europe/Berlin)`
pub fn window(window: &Window) -> String {
    match window.calendar {
        None => window.name(),
        Some(calendar) => format!("{} ({})", window.name(), calendar.zone),
    }
}

/// `1 objective`, `2 objectives`
pub fn plural(count: u64, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {word}{s}", numbers::count(count))
}

/// `2026-11-03 14:01`
pub fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-03 14:01:57`
pub fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `3d4h`, `47m20s`: seconds with a fraction are rounded to whole ones where there is more.
pub fn length(seconds: f64) -> String {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let whole = Duration::from_secs(span.as_secs());
    show_duration(if whole.is_zero() { span } else { whole })
}

/// `4,320`, or `2.5` where there are few and the number is not whole.
pub fn events(events: f64) -> String {
    if events < 100.0 && events.fract() >= 0.05 {
        return format!("{events:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is told only"
    )]
    let whole = events.round() as u64;
    numbers::count(whole)
}

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
        (0, ..) => "Nothing was promised".to_owned(),
        _ if report.outcomes == 0 => "No outcome is kept of this span".to_owned(),
        (_, 0, _) if !report.is_over() => format!("None of {objectives} missed so far"),
        (1, 0, 0) => "The objective was met".to_owned(),
        (_, 0, 0) => format!("All {objectives} were met"),
        (_, 0, unknown) => format!("None missed, {unknown} of {objectives} without enough data"),
        (_, missed, _) => format!("{missed} of {objectives} missed{rest}"),
    }
}

/// Which budgets are told.
pub fn budgets(report: &Report) -> String {
    let all = report.objectives().count() as u64;
    let others = report.objectives().filter(|(_, one)| !one.span_is_window);
    let windows: Vec<_> = others.map(|(_, one)| one.window.as_str()).collect();
    let count = windows.len() as u64;
    let windows: BTreeSet<_> = windows.into_iter().collect();
    let windows: Vec<_> = windows.into_iter().collect();
    let promised = match count {
        0 if all == 0 => return String::new(),
        0 => ", which is the promised window".to_owned(),
        _ if count == all => format!("; promised is another window: {}", windows.join(", ")),
        _ => {
            let are = if count == 1 { "is" } else { "are" };
            let windows = windows.join(", ");
            format!("; {count} of {all} {are} promised over another window: {windows}")
        }
    };
    format!("Every budget is that of this span{promised}.")
}

/// Where a part of the store is lost.
pub fn unreadable(report: &Report) -> Option<String> {
    let hours = plural(report.unreadable_blocks, "hour");
    let told =
        || format!("{hours} of the store could not be read: they are in none of the numbers.");
    (report.unreadable_blocks > 0).then(told)
}

/// Where the span ends in the future.
pub fn not_over(report: &Report) -> Option<String> {
    let now = minute(report.at);
    let told =
        || format!("The span is not over: what comes after {now} UTC counts as not observed.");
    (!report.is_over()).then(told)
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
        None => "corrections take out the whole span".to_owned(),
        Some(_) if counted <= 0.0 => "nothing was counted".to_owned(),
        Some(coverage) if objective.coverage_ratio < Some(ENOUGH) => {
            format!("only {coverage} of the expected events were counted")
        }
        Some(coverage) => format!(
            "the {coverage} that were counted miss the promise; the rest could have kept it"
        ),
    }
}

/// `2h, 4 times`: how long and how often a correction was in force within the span.
pub fn corrected(correction: &CorrectionReport) -> String {
    if let Some(at) = correction.taken_back_at {
        return format!("nothing: taken back {}", minute(at));
    }
    let together = length(correction.corrected_seconds);
    match correction.occurrences {
        1 => together,
        times => format!("{together}, {times} times"),
    }
}

/// Who made a correction, and where.
pub fn author(correction: &CorrectionReport) -> String {
    let author = &correction.author;
    match correction.origin {
        Origin::Config if author == "config" => author.clone(),
        Origin::Config => format!("{author} (config)"),
        Origin::ByHand => format!("{author} (by hand)"),
    }
}

/// What a correction is for.
pub fn scope(names: &[String]) -> String {
    if names.is_empty() {
        "all".to_owned()
    } else {
        names.join(", ")
    }
}

/// `12 (resources 10, shutdown 2)`
pub fn voids(probe: &ProbeReport) -> String {
    if probe.voids.is_empty() {
        return "0".to_owned();
    }
    let each = probe.voids.iter();
    let each: Vec<_> = each
        .map(|void| format!("{} {}", void.reason, numbers::count(void.outcomes)))
        .collect();
    format!(
        "{} ({})",
        numbers::count(probe.void_outcomes),
        each.join(", ")
    )
}

/// `3h20m from 2026-11-03 14:01`
pub fn gap(probe: &ProbeReport) -> Option<String> {
    let (start, seconds) = (probe.longest_gap_start?, probe.longest_gap_seconds?);
    Some(format!("{} from {}", length(seconds), minute(start)))
}

/// What the words mean.
pub fn definitions() -> [String; 5] {
    [
        "An event is a probe's outcome, or a minute where minutes are promised; where their mean is, a minute may be bad in part. SLI = good / (good + bad).".to_owned(),
        "Budget = (1 - target) x the events that the whole span would hold without what corrections took out.".to_owned(),
        format!(
            "Missed: the budget is overspent, whatever happened while nobody watched. Met: the span is over, what was counted keeps the promise, and at least {} of the expected events were counted. Not over: not missed so far, and a part of the span is still to come.",
            numbers::percent(ENOUGH)
        ),
        format!(
            "An incident begins with a bad event and ends when no further one came for {}; it has at least {MIN_BAD}. It lasts from the start of its first to the end of its last bad event.",
            show_duration(QUIET)
        ),
        "Our own failings (void outcomes, time without a probe) lower the coverage and are never charged to a service.".to_owned(),
    ]
}

/// Control characters, which could steer a terminal or break a line, become spaces.
pub fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
