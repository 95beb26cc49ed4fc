//! A load run as people and programs read it.

mod chart;
mod compared;
mod drawing;
mod html;
mod json;
mod junit;
mod markdown;
mod sections;
mod summary;
mod tables;
mod text;
mod threshold;

pub use compared::Compared;
pub use html::body;
pub use sections::Beside;
pub use summary::RunSummary;
pub use threshold::{Held, Measured, Threshold};

use crate::config::ServiceSpec;
use crate::format::times;
use crate::load::{Answer, Ending, Limit, RunRecord, Statement, statements};
use crate::slo::Sli;
use std::time::Duration;

/// A run with everything that was found out about it.
#[derive(Debug)]
pub struct RunReport {
    pub run: RunRecord,
    pub held: Vec<Held>,
    pub statements: Vec<Statement>,
}

impl RunReport {
    /// Judges a run by its service's objectives and expected response times, and by more thresholds.
    pub fn new(run: RunRecord, service: Option<&ServiceSpec>, more: &[Threshold]) -> Self {
        let known = service.map(thresholds).unwrap_or_default();
        let given = more.iter().map(|one| (*one, "--threshold".to_owned()));
        let held: Vec<Held> = known
            .into_iter()
            .chain(given)
            .map(|(threshold, source)| threshold.judge(&run.windows, &source))
            .collect();
        let statements = statements(&run, service.and_then(limit));
        Self {
            run,
            held,
            statements,
        }
    }

    /// Whether every threshold was kept.
    pub fn is_kept(&self) -> bool {
        self.held.iter().all(Held::is_kept)
    }

    /// The first line: what was run, and what matters most.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.title(), self.finding())
    }

    /// `stress of rag`
    pub fn title(&self) -> String {
        format!("{} of {}", self.run.scenario.name, self.run.service)
    }

    /// How long load was made.
    pub fn length(&self) -> Duration {
        let measured = self.run.windows.last().map(|last| last.start + last.length);
        let (from, to) = (self.run.from, self.run.to);
        measured.unwrap_or_else(|| Duration::from_millis((to.0 - from.0).max(0).unsigned_abs()))
    }

    /// When it was, who made the load, and how it ended.
    pub fn circumstances(&self) -> String {
        let RunRecord {
            engine,
            ending,
            from,
            ..
        } = &self.run;
        let ending = match ending {
            Ending::Completed => "completed".to_owned(),
            Ending::Aborted { why } => format!("aborted: {why}"),
            Ending::Interrupted => "interrupted".to_owned(),
        };
        let (from, length) = (times::second(from.to_utc()), self.length());
        let length = times::length(length.as_secs_f64());
        format!("{from} UTC, {length}, by {engine}, {ending}")
    }

    /// Whether the service passed; unknown where the run could not show it.
    pub fn answer(&self) -> Answer {
        let is_any = |answer| self.statements.iter().any(|one| one.answer == answer);
        let is_limited = self.statements.iter().any(|one| one.topic == "generator");
        match self.run.ending {
            _ if is_limited => Answer::Unknown,
            _ if is_any(Answer::Bad) || !self.is_kept() => Answer::Bad,
            Ending::Aborted { .. } => Answer::Bad,
            Ending::Interrupted => Answer::Unknown,
            Ending::Completed => Answer::Good,
        }
    }

    /// What matters most.
    pub fn finding(&self) -> String {
        let bad = self.statements.iter().find(|one| one.answer == Answer::Bad);
        let missed = self.held.iter().filter(|one| !one.is_kept()).count();
        let limited = self.statements.iter().find(|one| one.topic == "generator");
        match (&self.run.ending, limited, bad, missed) {
            (_, Some(limited), _, _) => format!("cannot be judged: {}", limited.evidence),
            (_, _, Some(bad), _) => bad.evidence.clone(),
            (Ending::Aborted { why }, _, _, _) => format!("aborted: {why}"),
            (Ending::Interrupted, _, _, _) => "interrupted".to_owned(),
            (_, _, _, 0) => "every threshold was kept".to_owned(),
            (_, _, _, missed) => format!("{missed} of {} thresholds were missed", self.held.len()),
        }
    }

    pub fn to_text(&self) -> String {
        text::write(self)
    }

    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// For a pull request.
    pub fn to_markdown(&self, beside: Beside<'_>) -> String {
        markdown::write(self, beside)
    }

    /// A page that needs nothing else.
    pub fn to_html(&self, beside: Beside<'_>) -> String {
        html::write(self, beside)
    }

    pub fn to_junit(&self) -> String {
        junit::write(self)
    }
}

/// What the service promises and is expected to do, with the source of each.
pub fn thresholds(service: &ServiceSpec) -> Vec<(Threshold, String)> {
    let mut all = Vec::new();
    for objective in &service.objectives {
        let threshold = match objective.sli {
            Sli::Latency { below, of: None } => Threshold {
                of: Measured::Quantile(objective.target),
                limit: below.as_secs_f64(),
            },
            Sli::Success => Threshold {
                of: Measured::Errors,
                limit: 1.0 - objective.target,
            },
            Sli::Throughput(throughput) => Threshold {
                of: Measured::Rate,
                limit: throughput.at_least.per_second(),
            },
            _ => continue,
        };
        all.push((threshold, format!("objective {}", objective.name)));
    }
    if let Some(load) = &service.load {
        let seconds = |of, limit: Duration| {
            let limit = limit.as_secs_f64();
            (Threshold { of, limit }, "load".to_owned())
        };
        all.extend(
            load.average
                .as_ref()
                .map(|range| seconds(Measured::Average, *range.end())),
        );
        all.extend(load.max.map(|max| seconds(Measured::Maximum, max)));
    }
    all
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
