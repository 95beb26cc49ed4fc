//! The universal scalability law of a run with rising numbers of users.

use super::super::verdict::{Answer, Statement};
use super::super::{Figures, LoadWindow, Model, Stage, Usable};
use crate::stats::scalability::{MIN_LEVELS, Scalability};

/// Parts of a stage whose load rises: each is a level.
const PARTS: usize = 10;
/// The start of a stage with a constant load, which is not used.
const SETTLING: f64 = 10.0;
const SETTLING_SHARE: f64 = 0.2;
/// A law that is off by more does not describe the throughput.
const ERROR_MAX: f64 = 0.15;
/// Beyond this many times the highest level, nothing is said.
const BEYOND: f64 = 2.0;

/// For users that wait for their responses only.
pub(in super::super) fn statement(usable: &Usable<'_>) -> Option<Statement> {
    let topic = "scalability";
    let Model::Closed { .. } = usable.run.scenario.model else {
        return None;
    };
    let levels = levels(usable);
    let highest = levels.iter().map(|(users, _)| *users).fold(0.0, f64::max);
    let Some(law) = Scalability::fit(&levels) else {
        let evidence = format!(
            "needs {MIN_LEVELS} different numbers of users with successful responses; this run has {}",
            levels.len()
        );
        return Some(Statement::new(topic, Answer::Unknown, evidence));
    };
    let fit = format!("off by {:.1} % on average", law.error * 100.0);
    if law.error > ERROR_MAX {
        let evidence = format!(
            "the universal scalability law does not describe the throughput ({fit}): needs longer stages, or a load below the breaking point"
        );
        return Some(Statement::new(topic, Answer::Unknown, evidence));
    }
    let limit = BEYOND * highest;
    let peak = match law.peak() {
        Some(peak) if peak <= highest => {
            format!(
                "highest at {peak:.0} users with {:.1}/s",
                law.throughput(peak)
            )
        }
        Some(peak) if peak <= limit => format!(
            "highest at {peak:.0} users with {:.1}/s, which this run did not reach",
            law.throughput(peak)
        ),
        _ => format!("still rising at {limit:.0} users"),
    };
    let ceiling = match (law.peak(), law.ceiling()) {
        (None, Some(ceiling)) => format!(", at most {ceiling:.1}/s"),
        _ => String::new(),
    };
    let evidence = format!(
        "by the universal scalability law, throughput is {peak}{ceiling}; {:.2}/s for one user, contention {:.2} %, coherency {:.4} %; {fit} over {} levels up to {highest:.0} users, and not to be used beyond {limit:.0}",
        law.lambda,
        law.sigma * 100.0,
        law.kappa * 100.0,
        levels.len()
    );
    Some(Statement::new(topic, Answer::Good, evidence))
}

/// Users and successful responses per second.
fn levels(usable: &Usable<'_>) -> Vec<(f64, f64)> {
    let mut all = Vec::new();
    for (number, stage) in usable.run.scenario.stages.iter().enumerate() {
        let of_stage = |one: &&LoadWindow| one.stage == number;
        let windows: Vec<&LoadWindow> = usable.loaded().filter(of_stage).collect();
        all.extend(parts(stage, &windows).into_iter().filter_map(level));
    }
    all
}

fn parts<'a>(stage: &Stage, windows: &'a [&'a LoadWindow]) -> Vec<&'a [&'a LoadWindow]> {
    let Some(first) = windows.first() else {
        return Vec::new();
    };
    if (stage.to - stage.from).abs() > f64::EPSILON {
        return windows.chunks(windows.len().div_ceil(PARTS)).collect();
    }
    let seconds = stage.length.as_secs_f64();
    let start = first.start.as_secs_f64() + SETTLING.min(SETTLING_SHARE * seconds);
    let skipped = windows.partition_point(|one| one.start.as_secs_f64() < start);
    vec![&windows[skipped..]]
}

fn level(windows: &[&LoadWindow]) -> Option<(f64, f64)> {
    let rate = Figures::of(windows.iter().copied()).good_rate();
    let users = windows.iter().map(|one| one.active).sum::<f64>() / windows.len().max(1) as f64;
    (users > 0.0 && rate > 0.0 && rate.is_finite()).then_some((users, rate))
}
