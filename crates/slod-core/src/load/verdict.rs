//! What a run shows, decided by stated rules: where the service broke, how long it took to recover,
//! and whether the generator was the limit.

use super::knee::knee;
use super::{Figures, LoadWindow, Model, RunRecord};
use crate::trend::{DriftVerdict, Windows, drift};
use std::fmt::Write as _;
use std::time::Duration;

/// Width of the windows that are judged for a break.
const BREAK_WINDOW: Duration = Duration::from_secs(10);
/// Errors beyond this share break a service.
const ERRORS_MAX: f64 = 0.01;
/// A service that answers less than this share of what is offered has broken.
const ACHIEVED_MIN: f64 = 0.95;
/// Bad windows in a row.
const IN_A_ROW: usize = 2;
/// A generator that needs more than this share of its processors is the limit,
const GENERATOR_CPU_MAX: f64 = 0.8;
/// as is one that starts requests later than this, at the 99th percentile.
const LAG_MAX: Duration = Duration::from_millis(20);
/// Width of the windows of a recovery, and how many calm ones in a row it takes.
const RECOVERY_WINDOW: Duration = Duration::from_secs(5);
const CALM_IN_A_ROW: usize = 3;
/// Windows of a soak that are judged for drift.
const DRIFT_WINDOWS: usize = 24;
/// Drift of the 95th percentile over the whole soak that counts.
const DRIFT_LEAST: f64 = 0.1;

/// How a statement came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Bad,
    /// This run does not show it.
    Unknown,
}

/// One statement about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `breaking point`
    pub topic: &'static str,
    pub answer: Answer,
    /// One sentence with its numbers, or what would be needed.
    pub evidence: String,
}

/// What the responses have to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub quantile: f64,
    pub below: Duration,
}

/// All statements about a run; the first one matters most.
pub fn statements(run: &RunRecord, limit: Option<Limit>) -> Vec<Statement> {
    let mut all = Vec::new();
    all.extend(generator(run));
    let is_limited = !all.is_empty();
    let rises = run
        .scenario
        .stages
        .iter()
        .any(|stage| stage.to > stage.from)
        || run
            .scenario
            .stages
            .windows(2)
            .any(|two| two[1].from > two[0].to);
    if rises {
        all.push(breaking_point(run, limit, is_limited));
        all.extend(knee(run).filter(|_| !is_limited));
    }
    if let Some(spike) = spike_end(run) {
        all.push(recovery(run, spike));
    }
    if !rises && run.scenario.length() >= Duration::from_secs(1800) {
        all.push(degradation(run));
    }
    all
}

fn generator(run: &RunRecord) -> Option<Statement> {
    let cpu = run.windows.iter().filter_map(|window| window.generator_cpu);
    let cpu = cpu.fold(0.0, f64::max);
    let late = |window: &&LoadWindow| window.lag > LAG_MAX;
    let late = run.windows.iter().filter(late).count();
    let evidence = if cpu > GENERATOR_CPU_MAX {
        format!(
            "slod used {:.0} % of its processors: it was the limit, not the service",
            cpu * 100.0
        )
    } else if late * 20 > run.windows.len() {
        format!(
            "requests started late in {late} of {} windows: the generator was the limit, not the service",
            run.windows.len()
        )
    } else {
        return None;
    };
    Some(Statement {
        topic: "generator",
        answer: Answer::Unknown,
        evidence,
    })
}

/// Consecutive windows of about a width.
pub(super) fn chunks(windows: &[LoadWindow], width: Duration) -> Vec<&[LoadWindow]> {
    let mut chunks = Vec::new();
    let (mut from, mut length) = (0, Duration::ZERO);
    for (at, window) in windows.iter().enumerate() {
        length += window.length;
        if length >= width {
            chunks.push(&windows[from..=at]);
            (from, length) = (at + 1, Duration::ZERO);
        }
    }
    chunks
}

fn level(windows: &[LoadWindow]) -> f64 {
    windows.iter().map(|window| window.due).fold(0.0, f64::max)
}

/// Why a window is bad, as words; `None` if it is not.
fn fault(windows: &[LoadWindow], model: Model, limit: Option<Limit>) -> Option<String> {
    let figures = Figures::of(windows);
    let errors = figures.error_ratio_at_least();
    if errors > ERRORS_MAX {
        let ratio = figures.error_ratio().unwrap_or_default() * 100.0;
        return Some(format!("{ratio:.1} % of the requests failed"));
    }
    if let Some(limit) = limit
        && let Some(least) = figures.quantile_at_least(limit.quantile)
        && least > limit.below
    {
        let (p, ms) = (limit.quantile * 100.0, least.as_millis());
        return Some(format!(
            "p{p} was at least {ms} ms, above {} ms",
            limit.below.as_millis()
        ));
    }
    if matches!(model, Model::Open { .. }) {
        if figures.dropped > 0 {
            return Some(format!(
                "{} starts were dropped, since too many requests were open",
                figures.dropped
            ));
        }
        let due: f64 = windows
            .iter()
            .map(|one| one.due * one.length.as_secs_f64())
            .sum();
        let answered = figures.completed as f64;
        // Random arrivals vary by their square root.
        if due >= 100.0 && answered < ACHIEVED_MIN * due - 3.0 * due.sqrt() {
            return Some(format!("{answered:.0} of {due:.0} requests were answered"));
        }
    }
    None
}

fn breaking_point(run: &RunRecord, limit: Option<Limit>, is_limited: bool) -> Statement {
    let topic = "breaking point";
    let unit = match run.scenario.model {
        Model::Closed { .. } => "users",
        Model::Open { .. } => "requests per second",
    };
    let chunks = chunks(&run.windows, BREAK_WINDOW);
    let faults: Vec<Option<String>> = chunks
        .iter()
        .map(|windows| fault(windows, run.scenario.model, limit))
        .collect();
    let first = faults
        .windows(IN_A_ROW)
        .position(|row| row.iter().all(Option::is_some));
    let (answer, evidence) = match first {
        Some(at) => {
            let (bad, why) = (level(chunks[at]), faults[at].clone().unwrap_or_default());
            let at_time = chunks[at][0].start.as_secs();
            let good = chunks[..at]
                .iter()
                .map(|windows| level(windows))
                .filter(|good| *good <= bad);
            let good = good.fold(0.0, f64::max);
            let evidence = format!(
                "broke between {good:.0} and {bad:.0} {unit}, {at_time} s after the start: {why}"
            );
            (
                if is_limited {
                    Answer::Unknown
                } else {
                    Answer::Bad
                },
                evidence,
            )
        }
        None if chunks.len() < IN_A_ROW => (
            Answer::Unknown,
            "the run was too short to be judged".to_owned(),
        ),
        None => {
            let peak = chunks
                .iter()
                .map(|windows| level(windows))
                .fold(0.0, f64::max);
            (Answer::Good, format!("no break up to {peak:.0} {unit}"))
        }
    };
    Statement {
        topic,
        answer,
        evidence,
    }
}

/// The end of the highest stage, where a lower one precedes and follows it.
fn spike_end(run: &RunRecord) -> Option<(Duration, Duration)> {
    let stages = &run.scenario.stages;
    let levels: Vec<f64> = stages
        .iter()
        .map(|stage| stage.from.max(stage.to))
        .collect();
    let place = (1..stages.len().saturating_sub(1))
        .find(|at| levels[*at] > 2.0 * levels[at - 1] && levels[*at] > 2.0 * levels[at + 1])?;
    let begin: Duration = stages[..place].iter().map(|stage| stage.length).sum();
    Some((begin, begin + stages[place].length))
}

fn recovery(run: &RunRecord, (begin, end): (Duration, Duration)) -> Statement {
    let topic = "recovery";
    let answered = |answer, evidence| Statement {
        topic,
        answer,
        evidence,
    };
    let of = |from: Duration, to: Duration| -> Vec<LoadWindow> {
        let inside = |one: &&LoadWindow| one.start >= from && one.start < to;
        run.windows.iter().filter(inside).cloned().collect()
    };
    let (calm, after) = (of(Duration::ZERO, begin), of(end, run.scenario.length()));
    let p95 = |windows: &[LoadWindow]| {
        let quantile = Figures::of(windows).quantile(0.95);
        quantile.map(|p95| p95.as_secs_f64())
    };
    // Windows are as wide as it takes to have a 95th percentile.
    let rate = Figures::of(&calm).rate().max(0.1);
    let width = RECOVERY_WINDOW.max(Duration::from_secs_f64(60.0 / rate));
    let mut before: Vec<f64> = chunks(&calm, width).into_iter().filter_map(p95).collect();
    before.sort_by(f64::total_cmp);
    let Some(median) = before.get(before.len() / 2).copied() else {
        let need = "too few requests before the spike: run it with more users, or for longer";
        return answered(Answer::Unknown, need.to_owned());
    };
    let mut off: Vec<f64> = before.iter().map(|one| (one - median).abs()).collect();
    off.sort_by(f64::total_cmp);
    let spread = 3.0 * 1.4826 * off[off.len() / 2];
    let border = median + spread.max(0.1 * median);
    let is_calm: Vec<bool> = chunks(&after, width)
        .into_iter()
        .map(|windows| {
            let figures = Figures::of(windows);
            figures.error_ratio_at_least() == 0.0 && p95(windows).is_some_and(|one| one <= border)
        })
        .collect();
    let row = is_calm
        .windows(CALM_IN_A_ROW)
        .position(|row| row.iter().all(|calm| *calm));
    let ms = border * 1000.0;
    match row {
        Some(at) => {
            let mut evidence = String::new();
            let took = width * u32::try_from(at).unwrap_or(u32::MAX);
            write!(
                evidence,
                "recovered within {} s after the spike: p95 back under {ms:.0} ms without errors",
                (took + width).as_secs()
            )
            .unwrap_or_default();
            answered(Answer::Good, evidence)
        }
        None if is_calm.len() < CALM_IN_A_ROW => answered(
            Answer::Unknown,
            "the time after the spike was too short".to_owned(),
        ),
        None => answered(
            Answer::Bad,
            format!(
                "did not recover in {} s: p95 or errors stayed above the time before the spike (p95 {ms:.0} ms)",
                run.scenario.length().saturating_sub(end).as_secs()
            ),
        ),
    }
}

fn degradation(run: &RunRecord) -> Statement {
    let topic = "degradation";
    let width = run.scenario.length() / u32::try_from(DRIFT_WINDOWS).unwrap_or(1);
    let values: Vec<Option<f64>> = chunks(&run.windows, width)
        .into_iter()
        .map(|windows| {
            Figures::of(windows)
                .quantile(0.95)
                .map(|one| one.as_secs_f64())
        })
        .collect();
    let windows = Windows {
        width,
        values: &values,
    };
    let (answer, evidence) = match drift(windows, DRIFT_LEAST) {
        DriftVerdict::Rising(rise) => (
            Answer::Bad,
            format!(
                "p95 rose by {:.0} %, from {:.0} to {:.0} ms",
                rise.share * 100.0,
                rise.from * 1000.0,
                rise.to * 1000.0
            ),
        ),
        DriftVerdict::Steady { smallest } => (
            Answer::Good,
            format!(
                "p95 did not rise; {:.0} % would have been found",
                smallest * 100.0
            ),
        ),
        DriftVerdict::Unknown { needed } => (
            Answer::Unknown,
            format!(
                "too few requests: {needed} windows of {} s need a p95",
                width.as_secs()
            ),
        ),
    };
    Statement {
        topic,
        answer,
        evidence,
    }
}
