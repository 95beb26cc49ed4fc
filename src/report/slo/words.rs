//! Formatting shared by all formats of a report. Names in it are untrusted.

use super::MIN_COVERAGE;
use super::incident::{MIN_BAD, QUIET};
use super::model::{CorrectionReport, IncidentReport, Origin, PointReport, ProbeReport, Verdict};
use crate::format::bars::bar;
use crate::format::numbers;
use crate::format::times::{length, minute};
use crate::report::sheet::Tone;
use crate::units::show_duration;

impl Verdict {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::NotEnoughData => "not enough data",
            Self::NotOver => "not over",
            Self::Met => "met",
        }
    }

    pub const fn tone(self) -> Tone {
        match self {
            Self::Missed => Tone::Bad,
            Self::NotEnoughData | Self::NotOver => Tone::Idle,
            Self::Met => Tone::Good,
        }
    }
}

/// How long and how often a correction was in force within the span: `2h, 4 times`.
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

/// Author and origin of a correction.
pub fn author(correction: &CorrectionReport) -> String {
    let author = &correction.author;
    match correction.origin {
        Origin::Config if author == "config" => author.clone(),
        Origin::Config => format!("{author} (config)"),
        Origin::ByHand => format!("{author} (API)"),
    }
}

/// Scope of a correction.
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

/// Definitions of the terms.
pub fn definitions() -> [String; 5] {
    [
        "An event is the outcome of a probe, or a minute if the objective counts minutes; with `ratio_timeslices` a minute can be partly bad. SLI = good / (good + bad).".to_owned(),
        "Budget = (1 - target) x the expected events of the whole time range, without times excluded by corrections.".to_owned(),
        format!(
            "Missed: the budget is overspent, whatever happened while no probe ran. Met: the time range is over, the counted events meet the target, and at least {} of the time was observed. Not over: not missed so far, and the time range has not ended.",
            numbers::percent(MIN_COVERAGE)
        ),
        format!(
            "An incident is a series of at least {MIN_BAD} bad events with less than {} between them. It lasts from the start of the first to the end of the last one.",
            show_duration(QUIET)
        ),
        "Monitoring gaps (void outcomes, times without attempts) lower the coverage and do not count against a service, unless its objective counts minutes without outcomes as bad.".to_owned(),
    ]
}

/// `timeout`, `timeout 82%`
pub fn cause(incident: &IncidentReport) -> String {
    let share = numbers::share(incident.main_cause_ratio);
    match incident.main_cause_ratio {
        1.0.. => incident.main_cause.clone(),
        _ => format!("{} {share}", incident.main_cause),
    }
}

/// Number of characters in a budget sparkline.
const BARS: usize = 30;

/// One character per point: its height is the remaining budget, `x` where it is overspent.
pub fn bars(points: &[PointReport]) -> String {
    let count = points.len().min(BARS);
    let at = |index: usize| {
        // The first and the last point are always included.
        let place = index * (points.len() - 1) / (count - 1).max(1);
        points.get(place).map(|point| point.left_ratio)
    };
    let height = |left: f64| {
        if left < 0.0 {
            return 'x';
        }
        bar(left)
    };
    (0..count).filter_map(at).map(height).collect()
}
