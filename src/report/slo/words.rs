//! How a report writes things, the same in every format. Names in them come from the outside.

use super::MIN_COVERAGE;
use super::incident::{MIN_BAD, QUIET};
use super::model::{CorrectionReport, Origin, ProbeReport, Verdict};
use crate::report::numbers;
use crate::slo::{BudgetingMethod, Objective, Sli, Window};
use crate::units::show_duration;
use chrono::{DateTime, Utc};
use std::time::Duration;

impl Verdict {
    pub const fn label(self) -> &'static str {
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
        (Sli::Latency { below }, BudgetingMethod::Occurrences) => {
            format!("under {}", show_duration(below))
        }
        (Sli::Latency { below }, BudgetingMethod::Timeslices { slice_target }) => {
            let (share, below) = (numbers::percent(slice_target), show_duration(below));
            format!("of minutes with {share} under {below}")
        }
        (Sli::Latency { below }, BudgetingMethod::RatioTimeslices) => {
            format!("under {} as the mean of minutes", show_duration(below))
        }
        (_, BudgetingMethod::Timeslices { .. }) => "of minutes".to_owned(),
        (_, BudgetingMethod::RatioTimeslices) => "as the mean of minutes".to_owned(),
        (_, BudgetingMethod::Occurrences) => "of probes".to_owned(),
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

/// `2026-11-03 14:01`
pub fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-03 14:01`, with its seconds where it has some.
pub fn moment(at: DateTime<Utc>) -> String {
    if at.timestamp() % 60 == 0 {
        minute(at)
    } else {
        second(at)
    }
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

/// `2h, 4 times`: how long and how often a correction was in force within the span.
pub fn corrected(correction: &CorrectionReport) -> String {
    if let Some(at) = correction.taken_back_at {
        return format!("none: revoked {}", minute(at));
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
        Origin::ByHand => format!("{author} (API)"),
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
        "An event is the outcome of a probe, or a minute if the objective counts minutes; with `ratio_timeslices` a minute can be partly bad. SLI = good / (good + bad).".to_owned(),
        "Budget = (1 - target) x the expected events of the whole time range, without times excluded by corrections.".to_owned(),
        format!(
            "Missed: the budget is overspent, whatever happened while no probe ran. Met: the time range is over, the counted events meet the target, and at least {} of the expected events were counted. Not over: not missed so far, and the time range has not ended.",
            numbers::percent(MIN_COVERAGE)
        ),
        format!(
            "An incident is a series of at least {MIN_BAD} bad events with less than {} between them. It lasts from the start of the first to the end of the last one.",
            show_duration(QUIET)
        ),
        "Monitoring gaps (void outcomes, time without a probe) lower the coverage and are charged to no service, unless its objective counts minutes without outcomes as bad.".to_owned(),
    ]
}
