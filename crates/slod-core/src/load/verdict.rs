//! What a run shows, decided by stated rules: where the service broke and what was full then, how
//! long it took to recover, what grew, and whether the generator was the limit.

use super::judge::advice::{self, Advice};
use super::judge::{after_spike, bottleneck, breaking, knee, law, recovery, resources, soak};
use super::{RunRecord, WORKERS};
use std::time::Duration;

/// A generator that needs more than this share of its processors is the limit,
const GENERATOR_CPU_MAX: f64 = 0.8;
/// as is one that starts requests later than this, at the 99th percentile.
const LAG_MAX: Duration = Duration::from_millis(20);
/// A constant load for at least this long is a soak.
pub(super) const SOAK_MIN: Duration = Duration::from_secs(1800);

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
    /// What to do, if it is bad.
    pub advice: Option<Advice>,
}

impl Statement {
    pub fn new(topic: &'static str, answer: Answer, evidence: impl Into<String>) -> Self {
        Self {
            topic,
            answer,
            evidence: evidence.into(),
            advice: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn advised(self, advice: Advice) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }
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
    if rises(run) {
        all.extend(broken(run, limit, is_limited));
        if !is_limited {
            all.extend(knee::knee(run));
            let spike = recovery::spike(run);
            all.extend(law::statement(run).filter(|_| spike.is_none()));
        }
    }
    if let Some(spike) = recovery::spike(run) {
        all.push(recovery::responses(run, spike));
        all.extend(after_spike::statements(run, spike));
    }
    if !rises(run) && run.scenario.length() >= SOAK_MIN {
        all.extend(soak::statements(run));
    }
    all.extend(resources::statements(run, is_limited));
    all
}

/// The breaking point and what was full then. What to do is about the latter, if it is known.
fn broken(run: &RunRecord, limit: Option<Limit>, is_limited: bool) -> Vec<Statement> {
    let found = breaking::find(run, limit);
    let point = breaking::statement(run, found.as_ref(), is_limited);
    let Some(found) = found.filter(|_| !is_limited) else {
        return vec![point];
    };
    let bottleneck = bottleneck::statement(run, &found);
    let point = match bottleneck.answer {
        Answer::Bad => point,
        Answer::Good | Answer::Unknown => point.advised(advice::BREAK),
    };
    vec![point, bottleneck]
}

/// Whether the load is meant to rise.
fn rises(run: &RunRecord) -> bool {
    let stages = &run.scenario.stages;
    let jumps = |two: &[super::Stage]| two[1].from > two[0].to;
    stages.iter().any(|stage| stage.to > stage.from) || stages.windows(2).any(jumps)
}

fn generator(run: &RunRecord) -> Option<Statement> {
    let cpu = run.windows.iter().filter_map(|window| window.generator_cpu);
    let cpu = cpu.fold(0.0, f64::max);
    let late = |window: &&super::LoadWindow| window.lag > LAG_MAX;
    let late = run.windows.iter().filter(late).count();
    let evidence = if let Some(lost) = lost_workers(run) {
        lost
    } else if cpu > GENERATOR_CPU_MAX {
        format!(
            "{} used {:.0} % of its processors: it was the limit, not the service",
            run.engine,
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
    Some(Statement::new("generator", Answer::Unknown, evidence))
}

/// Less load than planned is no better service.
fn lost_workers(run: &RunRecord) -> Option<String> {
    let series = run.observed.iter().find(|one| one.key.name() == WORKERS)?;
    let mut most = 0.0;
    let mut found = None;
    for sample in &series.samples {
        if sample.value < most {
            found = found.or(Some((most - sample.value, most, sample.at)));
        }
        most = sample.value.max(most);
    }
    let (lost, of, at) = found?;
    let second = (at.0 - run.from.0).max(0) / 1000;
    Some(format!(
        "{lost:.0} of {of:.0} workers were lost after {second} s: from then on the load was not the planned one"
    ))
}
