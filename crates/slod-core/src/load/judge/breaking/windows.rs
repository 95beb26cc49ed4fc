//! The windows in which a break is looked for.

use super::super::super::usable::Chunk;
use super::super::super::verdict::Limit;
use super::super::super::{Model, Usable};
use super::super::fault::{Fault, FaultKind, fault, of_answers};
use super::steady::Unsteady;
use crate::stats::quantile::needed;
use std::time::Duration;

/// The latency that late starts may have caused, as a multiple of their lateness: they waited themselves,
/// and then arrived all at once.
const LATER: u32 = 2;
/// Number of consecutive windows that show a break, or that a higher load was handled.
pub(super) const IN_A_ROW: usize = 2;
/// A fault is not due to the load if the service handled this multiple of it at another time.
const HIGHER: f64 = 1.2;
/// Without a latency objective, a window needs as many requests as for a 95th percentile.
const QUANTILE: f64 = 0.95;

/// The first of two consecutive bad windows.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super::super) struct Break {
    /// Start of the window, since the start of the run.
    pub at: Duration,
    pub until: Duration,
    /// End of the last of the consecutive bad windows.
    pub(super) end: Duration,
    /// The highest load before the break that was handled and not above `bad`.
    pub(super) good: f64,
    pub(super) bad: f64,
    pub(super) fault: Fault,
}

impl Break {
    /// A description that follows `before`: `p99 exceeded its objective`.
    pub fn event(&self) -> &str {
        &self.fault.event
    }

    /// Whether the fault is not due to the load, since this one was handled. A rate limit may allow more
    /// requests after a while, whatever the load is.
    pub(super) fn is_below(&self, handled: f64) -> bool {
        !self.is_rate_limit() && is_below(self.bad, handled)
    }

    /// Whether the service rejected the load instead of breaking under it.
    pub const fn is_rate_limit(&self) -> bool {
        matches!(self.fault.kind, FaultKind::RateLimit)
    }

    pub const fn is_of_failures(&self) -> bool {
        matches!(self.fault.kind, FaultKind::Failures)
    }
}

/// An evaluated window.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub start: Duration,
    pub end: Duration,
    pub level: f64,
    pub fault: Option<Fault>,
    /// Whether it has enough requests for all decisions.
    pub is_enough: bool,
    /// Whether it says something about its load: a service that handles a lower load than planned, or one that
    /// was offered late, may not handle the planned one.
    pub counts: bool,
    /// Whether its stage did not show that the service handles the load for longer.
    pub is_unsteady: bool,
}

impl Judged {
    pub fn of(chunk: &Chunk<'_>, usable: &Usable<'_>, limit: Option<Limit>) -> Self {
        let figures = chunk.figures();
        let all = Self {
            start: chunk.start,
            end: chunk.end,
            level: chunk.level(),
            is_enough: figures.completed >= requests_needed(limit),
            fault: None,
            counts: true,
            is_unsteady: false,
        };
        if !usable.is_off_plan(chunk) {
            let fault = fault(&figures, usable.run, limit);
            return Self { fault, ..all };
        }
        let rate = figures.offered(usable.run) / figures.length.as_secs_f64();
        let level = match usable.run.scenario.model {
            Model::Open { .. } => rate.min(all.level),
            // As many users ran as were due, only later.
            Model::Closed { .. } => all.level,
        };
        let fault = of_answers(&figures, limit, LATER * chunk.lag());
        Self {
            level,
            is_enough: false,
            counts: fault.is_some(),
            fault,
            ..all
        }
    }

    /// Notes whether a part of the window belongs to one of these stages.
    pub fn among(self, chunk: &Chunk<'_>, unsteady: &[(usize, Unsteady)]) -> Self {
        let is_of = |stage: usize| unsteady.iter().any(|(number, _)| *number == stage);
        let is_unsteady = chunk.windows.iter().any(|one| is_of(one.stage));
        Self {
            is_unsteady,
            ..self
        }
    }

    const fn is_bad(&self) -> bool {
        self.fault.is_some()
    }

    /// Whether the service handled the load, as far as the responses in the window show.
    pub const fn is_handled(&self) -> bool {
        self.counts && !self.is_bad() && !self.is_unsteady
    }
}

/// All rows of consecutive bad windows, each as the break that it may be.
pub(super) fn breaks(windows: &[Judged]) -> impl Iterator<Item = Break> {
    let rows = windows.chunk_by(|a, b| a.is_bad() == b.is_bad());
    let rows = rows.filter(|row| row.len() >= IN_A_ROW);
    rows.filter_map(|row| {
        let (first, last) = (row.first()?, row.last()?);
        let fault = first.fault.clone()?;
        let before = windows.iter().take_while(|one| one.start < first.start);
        let handled = before.filter(|one| one.is_handled() && one.level <= first.level);
        Some(Break {
            at: first.start,
            until: first.end,
            end: last.end,
            good: handled.map(|one| one.level).fold(0.0, f64::max),
            bad: first.level,
            fault,
        })
    })
}

/// Whether a load is clearly lower than one that was handled.
pub(super) fn is_below(load: f64, handled: f64) -> bool {
    handled >= HIGHER * load
}

/// The highest load that was handled, and when this began.
pub(super) fn highest_handled(windows: &[Judged]) -> Option<(f64, Duration)> {
    let is_good = |one: &Judged| one.is_enough && one.is_handled();
    let rows = windows.windows(IN_A_ROW);
    let good = rows.filter(|row| row.iter().all(is_good));
    good.map(|row| (row[0].level.min(row[1].level), row[0].start))
        .max_by(|a, b| a.0.total_cmp(&b.0))
}

pub(super) fn requests_needed(limit: Option<Limit>) -> u64 {
    needed(limit.map_or(QUANTILE, |limit| limit.quantile))
}

/// Groups neighboring windows of one stage until they have enough requests. The rest of a stage is added to
/// the previous group.
pub(super) fn pooled<'a>(chunks: &[Chunk<'a>], least: u64) -> Vec<Chunk<'a>> {
    let stage = |chunk: &Chunk<'_>| chunk.windows.first().map(|one| one.stage);
    let mut all: Vec<Chunk<'a>> = Vec::new();
    for of_stage in chunks.chunk_by(|a, b| stage(a) == stage(b)) {
        let first = all.len();
        for chunk in of_stage {
            let is_open = |one: &&mut Chunk<'_>| one.figures().completed < least;
            match all[first..].last_mut().filter(is_open) {
                Some(open) => join(open, chunk),
                None => all.push(chunk.clone()),
            }
        }
        let is_short = |one: &Chunk<'_>| one.figures().completed < least;
        if all.len() > first + 1
            && let Some(rest) = all.pop_if(|one| is_short(one))
            && let Some(last) = all.last_mut()
        {
            join(last, &rest);
        }
    }
    all
}

fn join<'a>(one: &mut Chunk<'a>, next: &Chunk<'a>) {
    one.end = next.end;
    one.windows.extend_from_slice(&next.windows);
}
