//! The breaking point: where a service broke under a rising load.

mod steady;
mod windows;

use super::super::usable::Chunk;
use super::super::verdict::{Answer, Limit, Statement};
use super::super::{Figures, Model, Usable};
use super::advice;
use super::fault::name;
use std::time::Duration;
use steady::{Unsteady, unsteady};
pub(in super::super) use windows::Break;
use windows::{IN_A_ROW, Judged, breaks, highest_handled, is_below, pooled, requests_needed};

/// The width of the windows that are evaluated, if they have enough requests.
pub(super) const BREAK_WINDOW: Duration = Duration::from_secs(10);
/// A load was reached if it is at least this share of the highest one.
const NEARLY: f64 = 0.9;

/// What the windows of a run show about a break.
#[derive(Clone, Debug)]
pub(in super::super) struct Search {
    limit: Option<Limit>,
    /// Windows of width [`BREAK_WINDOW`].
    narrow: Vec<Judged>,
    /// Windows wide enough for the required number of requests, each within a stage.
    wide: Vec<Judged>,
    /// Stages that do not show that the service handles their load.
    unsteady: Vec<(usize, Unsteady)>,
    /// Requests in all windows that show the service.
    requests: u64,
}

impl Search {
    pub fn of(usable: &Usable<'_>, limit: Option<Limit>) -> Self {
        let chunks = usable.chunks_off_plan(BREAK_WINDOW);
        let least = requests_needed(limit);
        let unsteady = unsteady(usable, limit);
        let judge = |chunk: &Chunk<'_>| Judged::of(chunk, usable, limit).among(chunk, &unsteady);
        Self {
            limit,
            narrow: chunks.iter().map(judge).collect(),
            wide: pooled(&chunks, least).iter().map(judge).collect(),
            unsteady,
            requests: Figures::of(usable.loaded()).completed,
        }
    }

    /// Few failures in narrow windows may be many in wide ones, and vice versa.
    pub fn found(&self) -> Option<Break> {
        let mut all = self.breaks();
        let handled = highest_handled(&self.wide);
        all.find(|one| handled.is_none_or(|(load, _)| !one.is_below(load)))
    }

    /// All rows of bad windows, in the order of time.
    fn breaks(&self) -> impl Iterator<Item = Break> {
        let each = [&self.narrow, &self.wide].into_iter();
        let mut all: Vec<Break> = each.flat_map(|one| breaks(one)).collect();
        all.sort_by_key(|one| one.at);
        all.into_iter()
    }

    /// The first fault under a load that is clearly lower than one that the service handled.
    pub fn fault_below(&self, usable: &Usable<'_>) -> Option<(Break, Statement)> {
        let (load, at) = highest_handled(&self.wide)?;
        let found = self.breaks().find(|one| one.is_below(load))?;
        let when = if at < found.at { "before" } else { "later" };
        let evidence = format!(
            "from {} s to {} s after the start, at {} {unit}, {}; the service handled {} {unit} {when}, so the load alone was not the cause",
            found.at.as_secs(),
            found.end.as_secs(),
            format_level(found.bad),
            found.fault.why,
            format_level(load),
            unit = unit(usable),
        );
        let statement = Statement::new("fault at a lower load", Answer::Bad, evidence)
            .about(Some(found.bad))
            .advised(advice::NOT_LOAD);
        Some((found, statement))
    }

    pub fn statement(&self, usable: &Usable<'_>) -> Statement {
        let unit = unit(usable);
        let found = self.found();
        let level = found.as_ref().map(|one| one.bad);
        let topic = match &found {
            Some(found) if found.is_rate_limit() => "rate limit",
            _ => "breaking point",
        };
        let (answer, evidence) = match found {
            Some(found) => {
                let between = self.unsteady_between(&found, unit);
                (Answer::Bad, described(&found, unit) + &between)
            }
            None => self.no_break(usable, unit),
        };
        Statement::new(topic, answer, evidence).about(level)
    }

    fn no_break(&self, usable: &Usable<'_>, unit: &str) -> (Answer, String) {
        let limited = usable.limit();
        if self.narrow.iter().filter(|one| one.counts).count() < IN_A_ROW {
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
        let borne = judged().filter(|one| one.is_handled());
        let Some(reached) = borne.map(|one| one.level).reduce(f64::max) else {
            return (Answer::Unknown, self.alone(judged().next(), unit));
        };
        let peak = usable.run.windows.iter().map(|one| one.due);
        let peak = peak.fold(0.0, f64::max);
        let evidence = format!("no break up to {} {unit}", format_level(reached));
        if reached < NEARLY * peak {
            let reason = match limited {
                Some(_) => "the generator was the limit".to_owned(),
                None => self.alone(judged().find(|one| one.level > reached), unit),
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
        let mut last = each.filter_map(|one| one.iter().rfind(|one| one.counts));
        let handled = highest_handled(&self.wide);
        let is_below = |one: &&Judged| handled.is_some_and(|(load, _)| is_below(one.level, load));
        last.find(|one| one.fault.is_some())
            .filter(|one| !is_below(one))
    }

    /// Why nothing is known about a load: a single window was bad, its stage was not steady, or no window has
    /// enough requests.
    fn alone(&self, window: Option<&Judged>, unit: &str) -> String {
        if let Some(fault) = window.and_then(|one| one.fault.as_ref()) {
            return format!(
                "too short to judge: {}, but two consecutive 10-second windows are required; use longer stages",
                fault.why
            );
        }
        let level = window.filter(|one| one.is_unsteady).map(|one| one.level);
        let stage = self.unsteady.iter().map(|(_, stage)| stage);
        let mut stage = stage.filter(|stage| level.is_some_and(|level| stage.level <= level));
        match (stage.next_back(), self.limit) {
            (Some(stage), Some(limit)) => {
                format!("{}; use longer stages", stage.described(limit, unit))
            }
            _ => self.too_few(),
        }
    }

    /// The loads between the last good and the first bad one that the run does not judge, as the rest of a sentence.
    fn unsteady_between(&self, found: &Break, unit: &str) -> String {
        let stages = self.unsteady.iter().map(|(_, stage)| stage);
        let mut between = stages.filter(|one| one.level > found.good && one.level < found.bad);
        match (between.next(), self.limit) {
            (Some(first), Some(limit)) => {
                let what = first.described(limit, unit);
                format!("; in between, {what}, which longer stages would decide")
            }
            _ => String::new(),
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

/// The unit of the load.
const fn unit(usable: &Usable<'_>) -> &'static str {
    match usable.run.scenario.model {
        Model::Closed { .. } => "users",
        Model::Open { .. } => "requests per second",
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
    let (lower, level) = (format_level(*good), format_level(*bad));
    let levels = if *good <= 0.0 {
        format!("at {level} {unit} or before")
    } else if lower == level {
        format!("at {level} {unit}")
    } else {
        format!("between {lower} and {level} {unit}")
    };
    let (at, why) = (at.as_secs(), &fault.why);
    if found.is_rate_limit() {
        return format!(
            "rate-limited {levels}, {at} s after the start: {why}; the service itself did not break before"
        );
    }
    format!("broke {levels}, {at} s after the start: {why}")
}
