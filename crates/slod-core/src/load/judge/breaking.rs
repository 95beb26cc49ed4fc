//! The breaking point: where a service broke under a rising load.

use super::super::usable::Chunk;
use super::super::verdict::{Answer, Limit, Statement};
use super::super::{Figures, Model, Usable};
use super::fault::{Fault, fault, name, of_answers};
use crate::stats::quantile::needed;
use std::time::Duration;

/// The width of the windows that are evaluated, if they have enough requests.
pub(super) const BREAK_WINDOW: Duration = Duration::from_secs(10);
/// The latency that late starts may have caused, as a multiple of their lateness: they waited themselves,
/// and then arrived all at once.
const LATER: u32 = 2;
/// Number of consecutive bad windows.
const IN_A_ROW: usize = 2;
/// A load was reached if it is at least this share of the highest one.
const NEARLY: f64 = 0.9;
/// Without a latency objective, a window needs as many requests as for a 95th percentile.
const QUANTILE: f64 = 0.95;

/// The first of two consecutive bad windows.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Break {
    /// Start of the window, since the start of the run.
    pub at: Duration,
    pub until: Duration,
    /// The highest load before the break that was not above `bad`.
    good: f64,
    bad: f64,
    fault: Fault,
}

impl Break {
    /// A description that follows `before`: `p99 exceeded its objective`.
    pub fn event(&self) -> &str {
        &self.fault.event
    }

    /// Whether the service rejected the load instead of breaking under it.
    pub const fn is_rate_limit(&self) -> bool {
        self.fault.is_rate_limit
    }
}

/// An evaluated window.
#[derive(Clone, Debug)]
struct Judged {
    start: Duration,
    end: Duration,
    level: f64,
    fault: Option<Fault>,
    /// Whether it has enough requests for all decisions.
    is_enough: bool,
}

impl Judged {
    /// `None` if a lower load than planned was offered, or it was offered late, and the service handled it:
    /// that says nothing about the planned load.
    fn of(chunk: &Chunk<'_>, usable: &Usable<'_>, limit: Option<Limit>) -> Option<Self> {
        let figures = chunk.figures();
        let all = Self {
            start: chunk.start,
            end: chunk.end,
            level: chunk.level(),
            is_enough: figures.completed >= requests_needed(limit),
            fault: None,
        };
        if !usable.is_off_plan(chunk) {
            let fault = fault(&figures, usable.run, limit);
            return Some(Self { fault, ..all });
        }
        let rate = figures.offered(usable.run) / figures.length.as_secs_f64();
        let level = match usable.run.scenario.model {
            Model::Open { .. } => rate.min(all.level),
            // As many users ran as were due, only later.
            Model::Closed { .. } => all.level,
        };
        Some(Self {
            level,
            is_enough: false,
            fault: Some(of_answers(&figures, limit, LATER * chunk.lag())?),
            ..all
        })
    }
}

/// What the windows of a run show about a break.
#[derive(Clone, Debug)]
pub(in super::super) struct Search {
    limit: Option<Limit>,
    /// Windows of width [`BREAK_WINDOW`].
    narrow: Vec<Judged>,
    /// Windows wide enough for the required number of requests, each within a stage.
    wide: Vec<Judged>,
    /// Requests in all windows that show the service.
    requests: u64,
}

impl Search {
    pub fn of(usable: &Usable<'_>, limit: Option<Limit>) -> Self {
        let chunks = usable.chunks_off_plan(BREAK_WINDOW);
        let least = requests_needed(limit);
        let judge = |chunk: &Chunk<'_>| Judged::of(chunk, usable, limit);
        Self {
            limit,
            narrow: chunks.iter().filter_map(judge).collect(),
            wide: pooled(&chunks, least).iter().filter_map(judge).collect(),
            requests: Figures::of(usable.loaded()).completed,
        }
    }

    /// Few failures in narrow windows may be many in wide ones, and vice versa.
    pub fn found(&self) -> Option<Break> {
        let each = [&self.narrow, &self.wide].into_iter();
        each.filter_map(|one| first_break(one))
            .min_by_key(|one| one.at)
    }

    pub fn statement(&self, usable: &Usable<'_>) -> Statement {
        let unit = match usable.run.scenario.model {
            Model::Closed { .. } => "users",
            Model::Open { .. } => "requests per second",
        };
        let found = self.found();
        let level = found.as_ref().map(|one| one.bad);
        let topic = match &found {
            Some(found) if found.is_rate_limit() => "rate limit",
            _ => "breaking point",
        };
        let (answer, evidence) = match found {
            Some(found) => (Answer::Bad, described(&found, unit)),
            None => self.no_break(usable, unit),
        };
        Statement::new(topic, answer, evidence).about(level)
    }

    fn no_break(&self, usable: &Usable<'_>, unit: &str) -> (Answer, String) {
        let limited = usable.limit();
        if self.narrow.len() < IN_A_ROW {
            let reason = limited.map_or(
                "the run was too short: two 10-second windows are required",
                |_| "the generator was the limit",
            );
            return (Answer::Unknown, format!("cannot be judged: {reason}"));
        }
        if let Some(last) = self.last_if_bad() {
            let evidence = format!(
                "no break up to the last {} s, at {} {unit}, in which {}: hold the highest load for longer to see whether it lasts",
                last.end.saturating_sub(last.start).as_secs(),
                format_level(last.level),
                last.fault.as_ref().map_or("", |one| &one.why)
            );
            return (Answer::Unknown, evidence);
        }
        let judged = || self.wide.iter().filter(|one| one.is_enough);
        let borne = judged().filter(|one| one.fault.is_none());
        let Some(reached) = borne.map(|one| one.level).reduce(f64::max) else {
            return (Answer::Unknown, self.alone(judged().next()));
        };
        let peak = usable.run.windows.iter().map(|one| one.due);
        let peak = peak.fold(0.0, f64::max);
        let evidence = format!("no break up to {} {unit}", format_level(reached));
        if reached < NEARLY * peak {
            let reason = match limited {
                Some(_) => "the generator was the limit".to_owned(),
                None => self.alone(judged().find(|one| one.level > reached)),
            };
            let evidence = format!("{evidence}; from there to {}, {reason}", format_level(peak));
            return (Answer::Unknown, evidence);
        }
        let by = match (self.limit, usable.run.scenario.model) {
            (None, Model::Closed { .. }) => {
                ", judged by errors only: the service has no latency objective"
            }
            _ => "",
        };
        (Answer::Good, format!("{evidence}{by}"))
    }

    fn last_if_bad(&self) -> Option<&Judged> {
        let each = [&self.narrow, &self.wide].into_iter();
        let mut last = each.filter_map(|one| one.last());
        last.find(|one| one.fault.is_some())
    }

    /// Why nothing is known about a load: either a single window was bad, or no window has enough requests.
    fn alone(&self, window: Option<&Judged>) -> String {
        match window.and_then(|one| one.fault.as_ref()) {
            Some(fault) => format!(
                "too short to judge: {}, but two consecutive 10-second windows are required; use longer stages",
                fault.why
            ),
            None => self.too_few(),
        }
    }

    fn too_few(&self) -> String {
        let of = match self.limit {
            Some(limit) => format!("to judge {}", name(limit.quantile)),
            None => "to judge errors".to_owned(),
        };
        format!(
            "too few requests {of}: {} in windows of one stage are required, and the run had {}; use longer stages or a higher load",
            requests_needed(self.limit),
            self.requests
        )
    }
}

/// Formats a load: `109`, `0.3`.
fn format_level(level: f64) -> String {
    let digits = if level < 10.0 { 10.0 } else { 1.0 };
    format!("{}", (level * digits).round() / digits)
}

fn described(found: &Break, unit: &str) -> String {
    let Break {
        at,
        good,
        bad,
        fault,
        ..
    } = found;
    let levels = if *good > 0.0 {
        format!(
            "between {} and {} {unit}",
            format_level(*good),
            format_level(*bad)
        )
    } else {
        format!("at {} {unit} or before", format_level(*bad))
    };
    let (at, why) = (at.as_secs(), &fault.why);
    if fault.is_rate_limit {
        return format!(
            "rate-limited {levels}, {at} s after the start: {why}; the service itself did not break before"
        );
    }
    format!("broke {levels}, {at} s after the start: {why}")
}

fn first_break(windows: &[Judged]) -> Option<Break> {
    let is_bad = |row: &[Judged]| row.iter().all(|one| one.fault.is_some());
    let first = windows.windows(IN_A_ROW).position(is_bad)?;
    let (before, found) = (&windows[..first], &windows[first]);
    let lower = before.iter().map(|one| one.level);
    Some(Break {
        at: found.start,
        until: found.end,
        good: lower
            .filter(|good| *good <= found.level)
            .fold(0.0, f64::max),
        bad: found.level,
        fault: found.fault.clone()?,
    })
}

fn requests_needed(limit: Option<Limit>) -> u64 {
    needed(limit.map_or(QUANTILE, |limit| limit.quantile))
}

/// Groups neighboring windows of one stage until they have enough requests. The rest of a stage is added to
/// the previous group.
fn pooled<'a>(chunks: &[Chunk<'a>], least: u64) -> Vec<Chunk<'a>> {
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
