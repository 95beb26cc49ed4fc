//! The report of a load run: what broke, when and why, and the figures of its stages.

mod list;
mod stage;

pub use list::{RunEntry, list_to_text};
pub use stage::StageRow;

use crate::config::ServiceSpec;
use crate::format::{numbers, times};
use crate::load::{Answer, Ending, Expected, Limit, Model, RunRecord, Statement, held, statements};
use crate::slo::Sli;
use crate::store::StoredRun;
use crate::text::printable;
use serde::Serialize;
use std::fmt::Write as _;

/// What a run is judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expectations {
    limit: Option<Limit>,
    expected: Expected,
}

/// One statement, as users see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub topic: &'static str,
    /// `good`, `bad`, or `cannot tell`.
    pub answer: &'static str,
    pub evidence: String,
}

/// A run with what it shows.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    #[serde(flatten)]
    pub run: RunEntry,
    /// The most important one.
    pub headline: String,
    pub findings: Vec<Finding>,
    /// `users` or `requests per second`.
    pub unit: &'static str,
    pub stages: Vec<StageRow>,
    /// Why it ended early.
    pub ended_early: Option<String>,
}

impl Expectations {
    /// The strictest quantile of the latency objectives of a service is the one that breaks it.
    pub fn of(service: &ServiceSpec, model: Model) -> Self {
        let latencies = service.objectives.iter().filter_map(|one| match one.sli {
            Sli::Latency { of: None, below } => Some(Limit {
                quantile: one.target,
                below,
            }),
            _ => None,
        });
        let limit = latencies.min_by(|a, b| a.quantile.total_cmp(&b.quantile));
        let Some(load) = &service.load else {
            return Self {
                limit,
                ..Self::default()
            };
        };
        let (level, peak) = match model {
            Model::Closed { .. } => (
                load.users.as_ref().map(|users| f64::from(*users.end())),
                load.peak_users.map(f64::from),
            ),
            Model::Open { .. } => (load.rate.as_ref().map(|rate| *rate.end()), load.peak_rate),
        };
        Self {
            limit,
            expected: Expected {
                level,
                peak,
                average: load.average.as_ref().map(|average| *average.end()),
                max: load.max,
            },
        }
    }
}

impl Finding {
    pub fn of(statement: Statement) -> Self {
        Self {
            topic: statement.topic,
            answer: match statement.answer {
                Answer::Good => "good",
                Answer::Bad => "bad",
                Answer::Unknown => "cannot tell",
            },
            evidence: statement.evidence,
        }
    }

    pub fn is_bad(&self) -> bool {
        self.answer == "bad"
    }
}

impl RunReport {
    pub fn of(stored: &StoredRun, run: &RunRecord, expectations: &Expectations) -> Self {
        let mut all = statements(run, expectations.limit);
        all.extend(held(run, &expectations.expected));
        let findings: Vec<Finding> = all.into_iter().map(Finding::of).collect();
        Self {
            run: RunEntry::of(stored),
            headline: headline(&findings),
            findings,
            unit: match run.scenario.model {
                Model::Closed { .. } => "users",
                Model::Open { .. } => "requests per second",
            },
            stages: stage::rows(run),
            ended_early: match &run.ending {
                Ending::Completed => None,
                Ending::Aborted { why } => Some(why.clone()),
                Ending::Interrupted => Some("interrupted by its user".to_owned()),
            },
        }
    }

    /// Whether nothing is bad.
    pub fn is_fine(&self) -> bool {
        !self.findings.iter().any(Finding::is_bad)
    }

    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n{}\n", printable(&self.headline), self.title());
        if let Some(why) = &self.ended_early {
            writeln!(out, "Ended early: {}", printable(why)).unwrap_or_default();
        }
        out += "\n";
        out += &findings_to_text(&self.findings);
        out += "\n";
        out += &stage::table(&self.stages, self.unit);
        out
    }

    pub fn to_markdown(&self) -> String {
        let mut out = format!("# {}\n\n{}\n\n", printable(&self.headline), self.title());
        out += "| | answer | evidence |\n|---|---|---|\n";
        for one in &self.findings {
            let evidence = printable(&one.evidence).replace('|', "\\|");
            writeln!(out, "| {} | {} | {evidence} |", one.topic, one.answer).unwrap_or_default();
        }
        out + "\n```text\n" + &stage::table(&self.stages, self.unit) + "```\n"
    }

    fn title(&self) -> String {
        let run = &self.run;
        format!(
            "Run {} of {}: {} by {}, {} UTC, {}",
            run.id,
            printable(&run.service),
            printable(&run.scenario),
            printable(&run.engine),
            times::second(run.from),
            numbers::span((run.to - run.from).to_std().unwrap_or_default()),
        )
    }
}

/// The first bad one, or else the first that cannot be told.
fn headline(findings: &[Finding]) -> String {
    let by = |answer| findings.iter().find(|one| one.answer == answer);
    match by("bad").or_else(|| by("cannot tell")) {
        Some(one) => format!("{}, {}: {}", one.topic, one.answer, one.evidence),
        None => findings.first().map_or_else(
            || "nothing was judged: the plan has no rising load and is no soak".to_owned(),
            |one| format!("nothing is bad: {}", one.evidence),
        ),
    }
}

pub fn findings_to_text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for one in findings {
        writeln!(
            out,
            "  {:<11}  {}: {}",
            one.answer,
            one.topic,
            printable(&one.evidence)
        )
        .unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests;
