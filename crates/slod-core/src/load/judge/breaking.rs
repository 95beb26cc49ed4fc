//! Where a service broke under a rising load.

use super::super::stats::chunks;
use super::super::verdict::{Answer, Limit, Statement};
use super::super::{Figures, LoadWindow, Model, RunRecord};
use std::time::Duration;

/// Width of the windows that are judged for a break.
pub(in super::super) const BREAK_WINDOW: Duration = Duration::from_secs(10);
/// Errors beyond this share break a service.
const ERRORS_MAX: f64 = 0.01;
/// Of the decision that errors are beyond it.
const LEVEL: f64 = 0.001;
/// A service that answers less than this share of what is offered has broken.
const ACHIEVED_MIN: f64 = 0.95;
/// Bad windows in a row.
const IN_A_ROW: usize = 2;

/// The first of two bad windows in a row.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Break {
    /// Since the start of the run.
    pub at: Duration,
    /// The highest load before that was not above `bad`.
    good: f64,
    bad: f64,
    fault: Fault,
}

/// Why a window is bad.
#[derive(Clone, Debug, PartialEq)]
struct Fault {
    /// `p99 left its objective`
    event: String,
    /// With its numbers.
    why: String,
}

impl Break {
    /// As what follows a time before it.
    pub fn event(&self) -> &str {
        &self.fault.event
    }
}

pub(in super::super) fn find(run: &RunRecord, limit: Option<Limit>) -> Option<Break> {
    let chunks = chunks(&run.windows, BREAK_WINDOW);
    let faults: Vec<Option<Fault>> = chunks
        .iter()
        .map(|windows| fault(windows, run.scenario.model, limit))
        .collect();
    let first = faults
        .windows(IN_A_ROW)
        .position(|row| row.iter().all(Option::is_some))?;
    let bad = level(chunks[first]);
    let before = chunks[..first].iter().map(|windows| level(windows));
    Some(Break {
        at: chunks[first].first()?.start,
        good: before.filter(|good| *good <= bad).fold(0.0, f64::max),
        bad,
        fault: faults[first].clone()?,
    })
}

pub(in super::super) fn statement(
    run: &RunRecord,
    found: Option<&Break>,
    is_limited: bool,
) -> Statement {
    let topic = "breaking point";
    let unit = match run.scenario.model {
        Model::Closed { .. } => "users",
        Model::Open { .. } => "requests per second",
    };
    if let Some(Break {
        at,
        good,
        bad,
        fault,
    }) = found
    {
        let evidence = format!(
            "broke between {good:.0} and {bad:.0} {unit}, {} s after the start: {}",
            at.as_secs(),
            fault.why
        );
        return if is_limited {
            Statement::new(topic, Answer::Unknown, evidence)
        } else {
            Statement::new(topic, Answer::Bad, evidence)
        };
    }
    let chunks = chunks(&run.windows, BREAK_WINDOW);
    if chunks.len() < IN_A_ROW {
        let evidence = "the run was too short to be judged";
        return Statement::new(topic, Answer::Unknown, evidence);
    }
    let peak = chunks.iter().map(|windows| level(windows));
    let peak = peak.fold(0.0, f64::max);
    let evidence = format!("no break up to {peak:.0} {unit}");
    if is_limited {
        let evidence = format!("{evidence}, but the generator was the limit");
        return Statement::new(topic, Answer::Unknown, evidence);
    }
    Statement::new(topic, Answer::Good, evidence)
}

fn level(windows: &[LoadWindow]) -> f64 {
    windows.iter().map(|window| window.due).fold(0.0, f64::max)
}

fn fault(windows: &[LoadWindow], model: Model, limit: Option<Limit>) -> Option<Fault> {
    let figures = Figures::of(windows);
    errors(&figures)
        .or_else(|| latency(&figures, limit?))
        .or_else(|| achieved(&figures, windows, model))
}

fn errors(figures: &Figures) -> Option<Fault> {
    figures.fail_more_than(ERRORS_MAX, LEVEL).then(|| {
        let ratio = figures.error_ratio().unwrap_or_default() * 100.0;
        Fault {
            event: "requests failed".to_owned(),
            why: format!("{ratio:.1} % of the requests failed"),
        }
    })
}

fn latency(figures: &Figures, limit: Limit) -> Option<Fault> {
    let least = figures.quantile_at_least(limit.quantile)?;
    (least > limit.below).then(|| {
        let p = limit.quantile * 100.0;
        let (least, below) = (least.as_millis(), limit.below.as_millis());
        Fault {
            event: format!("p{p} left its objective"),
            why: format!("p{p} was at least {least} ms, above {below} ms"),
        }
    })
}

fn achieved(figures: &Figures, windows: &[LoadWindow], model: Model) -> Option<Fault> {
    if matches!(model, Model::Closed { .. }) {
        return None;
    }
    if figures.dropped > 0 {
        let dropped = figures.dropped;
        return Some(Fault {
            event: "starts were dropped".to_owned(),
            why: format!("{dropped} starts were dropped, since too many requests were open"),
        });
    }
    let due: f64 = windows
        .iter()
        .map(|one| one.due * one.length.as_secs_f64())
        .sum();
    let answered = figures.completed as f64;
    // Random arrivals vary by their square root.
    let is_short = due >= 100.0 && answered < ACHIEVED_MIN * due - 3.0 * due.sqrt();
    is_short.then(|| Fault {
        event: "the service fell behind the rate".to_owned(),
        why: format!("{answered:.0} of {due:.0} requests were answered"),
    })
}
