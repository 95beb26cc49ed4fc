//! Converts measurements to rows of the report.

use super::incident::Incident;
use super::measure::Measured;
use super::model::{
    BurnDownReport, CauseReport, IncidentReport, ObjectiveReport, PointReport, ProbeReport,
    Verdict, VoidReport,
};
use super::span::Span;
use super::watch::Watch;
use super::{MAX_INCIDENTS, MIN_COVERAGE};
use crate::format;
use crate::outcome::Timestamp;
use crate::slo::{BudgetingMethod, Objective, Precision};
use std::time::Duration;

/// Rounding error of sums of binary fractions: a ratio exactly at the target meets it.
const ROUNDING: f64 = 1e-9;

impl ObjectiveReport {
    /// `precision` describes the limitations of the span's data.
    pub fn of(
        objective: &Objective,
        span: Span,
        measured: &Measured,
        precision: Precision,
    ) -> Self {
        let events = |counts: u64| objective.budgeting.events(counts);
        let whole = |counts: f64| counts / f64::from(objective.budgeting.parts());
        let (good, bad) = (events(measured.view.good), events(measured.view.bad));
        let expected = whole(measured.view.expected);
        let shown = measured.incidents.iter().take(MAX_INCIDENTS);
        let known = if measured.view.beyond_retention {
            0.0
        } else {
            measured.budget
        };
        let incident = |one| IncidentReport::of(one, objective.budgeting, known);
        let threshold = objective.sli.threshold();
        let mut windows = std::iter::once(&objective.window).chain(&objective.additional_windows);
        Self {
            name: objective.name.clone(),
            result: verdict(objective.target, span, measured),
            promise: format::objective::target(objective),
            target_ratio: objective.target,
            window: format::objective::window(&objective.window),
            span_is_window: windows.any(|window| span.is_window(window)),
            sli_ratio: measured.view.sli,
            good_events: good,
            bad_events: bad,
            expected_events: expected,
            coverage_ratio: measured.view.coverage,
            void_events: measured.void,
            missing_events: (whole(measured.due) - good - bad - measured.void as f64).max(0.0),
            corrected_seconds: measured.corrected.as_secs_f64(),
            budget_events: whole(measured.budget),
            budget_spent_ratio: measured.left.map(|left| 1.0 - left),
            budget_left_ratio: measured.left,
            causes: causes(measured),
            burn_down: burn_down(measured),
            incidents: shown.map(incident).collect(),
            incidents_not_shown: measured.incidents.len().saturating_sub(MAX_INCIDENTS) as u64,
            scattered_bad_events: events(measured.scattered),
            beyond_retention: measured.view.beyond_retention,
            approximate_before: precision.approximate_before.map(Timestamp::to_utc),
            approximate_within_ratio: threshold
                .filter(|_| precision.approximate_before.is_some())
                .map(|threshold| threshold.precision()),
            measured_since: precision.measured_since.map(Timestamp::to_utc),
        }
    }
}

fn verdict(target: f64, span: Span, measured: &Measured) -> Verdict {
    let kept = measured
        .view
        .sli
        .is_some_and(|sli| sli >= target - ROUNDING);
    let enough = measured
        .view
        .coverage
        .is_some_and(|ratio| ratio >= MIN_COVERAGE);
    match measured.left {
        Some(left) if left < 0.0 => Verdict::Missed,
        _ if !span.is_over() => Verdict::NotOver,
        Some(_) if kept && enough => Verdict::Met,
        _ => Verdict::NotEnoughData,
    }
}

fn causes(measured: &Measured) -> Vec<CauseReport> {
    let causes = measured.causes.sorted().into_iter();
    let shown = causes.map(|(cause, outcomes)| CauseReport {
        cause: cause.to_owned(),
        outcomes,
    });
    shown.collect()
}

fn burn_down(measured: &Measured) -> BurnDownReport {
    let points = measured.burn_down.iter().map(|point| PointReport {
        at: point.at.to_utc(),
        left_ratio: point.left,
        ideal_left_ratio: point.ideal,
    });
    BurnDownReport {
        step_seconds: measured.step.as_secs(),
        points: points.collect(),
    }
}

impl IncidentReport {
    /// `budget` is in [`BudgetingMethod::parts`].
    fn of(incident: &Incident, budgeting: BudgetingMethod, budget: f64) -> Self {
        let length = (incident.end.0 - incident.start.0).unsigned_abs();
        let main = incident.causes.main();
        Self {
            start: incident.start.to_utc(),
            end: incident.end.to_utc(),
            duration_seconds: Duration::from_millis(length).as_secs_f64(),
            bad_events: budgeting.events(incident.bad),
            budget_spent_ratio: (budget > 0.0).then(|| incident.bad as f64 / budget),
            main_cause: main.map_or("unknown", |main| main.cause).to_owned(),
            main_cause_ratio: main.map_or(0.0, |main| main.ratio),
            example: main.and_then(|main| main.message).map(str::to_owned),
        }
    }
}

impl ProbeReport {
    pub fn of(name: &str, watch: &Watch) -> Self {
        let longest = watch.longest;
        let voids = watch.voids.iter().map(|(reason, outcomes)| VoidReport {
            reason: (*reason).to_owned(),
            outcomes: *outcomes,
        });
        Self {
            name: name.to_owned(),
            outcomes: watch.outcomes,
            void_outcomes: watch.voids.values().sum(),
            voids: voids.collect(),
            unwatched_seconds: watch.unwatched.as_secs_f64(),
            longest_gap_start: longest.map(|(start, _)| start.to_utc()),
            longest_gap_seconds: longest.map(|(_, length)| length.as_secs_f64()),
        }
    }
}
