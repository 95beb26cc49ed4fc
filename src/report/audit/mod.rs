//! The performance checklist of a service, answered from outside measurements and its metrics.

mod checks;
mod facts;
mod gather;

pub use facts::{AddressFacts, AnswerFacts, ContainerFacts, Facts, PoolFacts, RunFacts};
pub use gather::gather;

use crate::text::printable;
use serde::Serialize;
use std::fmt::Write as _;

/// Answer to a row of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Yes,
    No,
    /// The measurements do not show it.
    Unknown,
}

/// One row of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Text of the row.
    pub row: &'static str,
    pub answer: Answer,
    /// What was measured, or what to configure to measure it.
    pub evidence: String,
}

/// All rows of one service.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    pub service: String,
    /// Set if no address answered: checks based on responses are then unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    pub checks: Vec<Check>,
}

impl Audit {
    pub fn of(service: &str, facts: &Facts) -> Self {
        Self {
            service: service.to_owned(),
            fault: facts.unanswered(),
            checks: checks::ALL.iter().map(|check| check(facts)).collect(),
        }
    }

    /// Whether the service answers and no row is answered with "no".
    pub fn is_fine(&self) -> bool {
        self.fault.is_none() && self.checks.iter().all(|check| check.answer != Answer::No)
    }

    pub fn to_text(&self) -> String {
        let mut out = format!("{}: performance checklist\n", printable(&self.service));
        if let Some(fault) = &self.fault {
            writeln!(out, "  {}", printable(fault)).unwrap_or_default();
        }
        for Check {
            row,
            answer,
            evidence,
        } in &self.checks
        {
            let word = match answer {
                Answer::Yes => "yes",
                Answer::No => "NO",
                Answer::Unknown => "unknown",
            };
            writeln!(out, "  {word:<8} {row}").unwrap_or_default();
            writeln!(out, "           {}", printable(evidence)).unwrap_or_default();
        }
        let count = |answer| {
            self.checks
                .iter()
                .filter(|one| one.answer == answer)
                .count()
        };
        writeln!(
            out,
            "{} yes, {} no, {} unknown",
            count(Answer::Yes),
            count(Answer::No),
            count(Answer::Unknown)
        )
        .unwrap_or_default();
        out
    }
}

#[cfg(test)]
mod tests;
