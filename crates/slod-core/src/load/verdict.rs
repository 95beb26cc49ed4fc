//! The verdicts on a run: where the service broke and which resources were full, how long it took to
//! recover, what grew, and whether the generator was the limit.

use super::judge::advice::{self, Advice};
use super::judge::{
    after_spike, bottleneck, breaking, concurrent, knee, law, recovery, resources, restarts, soak,
    success,
};
use super::observed::length;
use super::{RunRecord, Usable};
use crate::outcome::Cause;
use std::time::Duration;

/// A constant load for at least this long is a soak.
pub(super) const SOAK_MIN: Duration = Duration::from_mins(30);

/// The topic of a soak that is too short to judge, and the name of the built-in scenario, whose length is
/// configurable.
pub const SOAK: &str = "soak";

/// The verdict of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Bad,
    /// The run does not show it.
    Unknown,
}

/// One statement about a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// `breaking point`
    pub topic: &'static str,
    pub answer: Answer,
    /// One sentence with the numbers, or with what would be required.
    pub evidence: String,
    /// What to do if the answer is bad.
    pub advice: Option<Advice>,
    /// The load that the statement refers to, if any: users, or starts per second.
    pub level: Option<f64>,
}

impl Statement {
    pub fn new(topic: &'static str, answer: Answer, evidence: impl Into<String>) -> Self {
        Self {
            topic,
            answer,
            evidence: evidence.into(),
            advice: None,
            level: None,
        }
    }

    /// Sets the load that the statement refers to.
    #[must_use]
    pub fn about(self, level: Option<f64>) -> Self {
        Self { level, ..self }
    }

    /// Adds advice.
    #[must_use]
    pub fn advised(self, advice: Advice) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }
}

/// The latency objective of the responses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub quantile: f64,
    pub below: Duration,
}

/// All statements about a run, the most important first. Each uses only the windows that show the service,
/// so a bad one holds even if the generator was the limit at other times.
pub fn statements(run: &RunRecord, limit: Option<Limit>) -> Vec<Statement> {
    let usable = Usable::of(run);
    let generator = usable
        .limit()
        .map(|evidence| Statement::new("generator", Answer::Unknown, evidence));
    let is_limited = generator.is_some();
    let spike = recovery::spike(run);
    let mut all: Vec<Statement> = generator.into_iter().collect();
    all.extend(success::statement(&usable));
    all.extend(restarts::statement(run));
    all.extend(concurrent::statement(run));
    if rises(run) {
        all.extend(broken(&usable, limit));
        let law = law::statement(&usable).filter(|_| spike.is_none());
        let curves = knee::knee(&usable).into_iter().chain(law);
        // The missing data is due to the generator.
        all.extend(curves.filter(|one| !is_limited || one.answer != Answer::Unknown));
    }
    if let Some(spike) = spike {
        let responses = recovery::responses(&usable, spike);
        let resources = after_spike::statements(run, spike);
        // A resource that stayed full is the cause, whose advice is enough.
        let is_cause =
            |one: &Statement| one.answer == Answer::Bad && one.advice != Some(advice::KEPT);
        let advice = responses.advice.filter(|_| !resources.iter().any(is_cause));
        all.push(Statement {
            advice,
            ..responses
        });
        all.extend(resources);
    }
    let length = run.scenario.length();
    if !rises(run) && !length.is_zero() {
        all.extend(constant(&usable, length));
    }
    all.extend(resources::statements(run, is_limited));
    all
}

/// The effects of a constant load over time. A run that was short or ended early does not rule out slow ones.
fn constant(usable: &Usable<'_>, planned: Duration) -> Vec<Statement> {
    let (lasted, least) = (length(usable.run), SOAK_MIN.as_secs_f64());
    let is_soak = planned >= SOAK_MIN || usable.run.scenario.name == SOAK;
    if is_soak && lasted >= least {
        return soak::statements(usable);
    }
    let mut all = soak::rises(usable);
    if is_soak {
        all.push(too_short(lasted, least));
    }
    all
}

fn too_short(lasted: f64, least: f64) -> Statement {
    let lasted = if lasted < 60.0 {
        format!("{lasted:.0} s")
    } else {
        format!("{:.0} min", (lasted / 60.0).floor())
    };
    let evidence = format!(
        "the run lasted {lasted}; ruling out growth or a slowdown takes at least {:.0} min",
        least / 60.0
    );
    Statement::new(SOAK, Answer::Unknown, evidence)
}

/// The breaking point and its bottleneck, or a rate limit that was reached before; then a fault under a
/// lower load than the service handled. Advice is about the bottleneck if it is known.
fn broken(usable: &Usable<'_>, limit: Option<Limit>) -> Vec<Statement> {
    let search = breaking::Search::of(usable, limit);
    let point = search.statement(usable);
    let below = search.fault_below(usable);
    let found = search.found();
    let mut all = match &found {
        None => vec![point],
        Some(found) if found.is_rate_limit() => vec![point.advised(advice::REFUSED)],
        Some(found) => {
            let bottleneck = bottleneck::statement(usable, found);
            let point = match bottleneck.answer {
                Answer::Bad => point,
                Answer::Good | Answer::Unknown => point.advised(cure(usable, found)),
            };
            vec![point, bottleneck]
        }
    };
    if let Some((fault, statement)) = below {
        let bottleneck = bottleneck::statement(usable, &fault);
        let is_known = found.is_none() && bottleneck.answer == Answer::Bad;
        all.push(statement);
        all.extend(Some(bottleneck).filter(|_| is_known));
    }
    all
}

/// Advice for a break without a known bottleneck. Requests that fail for another reason than a timeout are not slow.
fn cure(usable: &Usable<'_>, found: &breaking::Break) -> Advice {
    let causes = usable.run.causes();
    let is_timeout = causes
        .first()
        .is_some_and(|(cause, _)| *cause == Cause::Timeout);
    if found.is_of_failures() && !is_timeout {
        advice::FAILED
    } else {
        advice::BREAK
    }
}

/// Whether the planned load rises.
fn rises(run: &RunRecord) -> bool {
    let stages = &run.scenario.stages;
    let jumps = |two: &[super::Stage]| two[1].from > two[0].to;
    stages.iter().any(|stage| stage.to > stage.from) || stages.windows(2).any(jumps)
}
