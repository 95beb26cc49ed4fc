//! A load run as people and programs read it.

mod json;
mod junit;
mod promises;
mod sampled;
mod stages;
mod text;
mod threshold;

pub use promises::{Promise, promises};
pub use threshold::{Held, Measured, Threshold};

use crate::config::ServiceSpec;
use crate::load::{
    Advice, Answer, Ending, Indicators, Limit, RunRecord, Statement, advice, indicators, statements,
};
use crate::slo::Sli;

/// A run with everything that was found out about it.
#[derive(Debug)]
pub struct RunReport {
    pub run: RunRecord,
    pub held: Vec<Held>,
    pub statements: Vec<Statement>,
    pub indicators: Indicators,
}

impl RunReport {
    /// Judges a run by its service's objectives and expected response times, and by more thresholds.
    pub fn new(run: RunRecord, service: Option<&ServiceSpec>, more: &[Threshold]) -> Self {
        let known = service.map(|service| promises(service, &run.scenario));
        let given = more.iter();
        let given = given.map(|one| Promise::of_all(*one, "--threshold"));
        let all = known.unwrap_or_default().into_iter().chain(given);
        let held: Vec<Held> = all.map(|one| one.judge(&run.windows)).collect();
        let statements = statements(&run, service.and_then(limit));
        let indicators = indicators(&run);
        Self {
            run,
            held,
            statements,
            indicators,
        }
    }

    /// What to do: once for each cause, the most important first. Empty if nothing is bad.
    pub fn advice(&self) -> Vec<Advice> {
        let found = self.statements.iter().chain(&self.indicators.warnings);
        let found = found.filter_map(|one| one.advice);
        let missed = self.held.iter().filter(|one| !one.is_kept());
        let missed = missed.filter(|one| one.measured.is_some());
        let missed = missed.map(|one| match one.threshold.of {
            Measured::Errors => advice::FAILED,
            Measured::Rate => advice::FEW,
            Measured::Quantile(_) | Measured::Average | Measured::Maximum => advice::SLOW,
        });
        let mut all: Vec<Advice> = Vec::new();
        for one in found.chain(missed) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Whether every threshold was kept.
    pub fn is_kept(&self) -> bool {
        self.held.iter().all(Held::is_kept)
    }

    /// The first line: what matters most.
    pub fn headline(&self) -> String {
        let RunRecord {
            scenario, service, ..
        } = &self.run;
        let name = format!("{} of {service}", scenario.name);
        let bad = self.statements.iter().find(|one| one.answer == Answer::Bad);
        let missed = self.held.iter().filter(|one| !one.is_kept()).count();
        let limited = self.statements.iter().find(|one| one.topic == "generator");
        match (&self.run.ending, limited, bad, missed) {
            (_, Some(limited), _, _) => format!("{name}: cannot be judged: {}", limited.evidence),
            (_, _, Some(bad), _) => format!("{name}: {}", bad.evidence),
            (Ending::Aborted { why }, _, _, _) => format!("{name}: aborted: {why}"),
            (Ending::Interrupted, _, _, _) => format!("{name}: interrupted"),
            (_, _, _, 0) => format!("{name}: every threshold was kept"),
            (_, _, _, missed) => format!(
                "{name}: {missed} of {} thresholds were missed",
                self.held.len()
            ),
        }
    }

    pub fn to_text(&self) -> String {
        text::write(self)
    }

    pub fn to_json(&self) -> String {
        json::write(self)
    }

    pub fn to_junit(&self) -> String {
        junit::write(self)
    }
}

/// The latency objective with the highest target decides about a break.
fn limit(service: &ServiceSpec) -> Option<Limit> {
    let objectives = service.objectives.iter();
    let limits = objectives.filter_map(|objective| match objective.sli {
        Sli::Latency { below, of: None } => Some(Limit {
            quantile: objective.target,
            below,
        }),
        _ => None,
    });
    // A target beyond 99 % has too few requests in a window of ten seconds.
    let fitting = limits.filter(|limit| limit.quantile <= 0.99);
    fitting.max_by(|a, b| a.quantile.total_cmp(&b.quantile))
}
