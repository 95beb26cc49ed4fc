//! Kept load runs as a list, and comparisons of two of them.

use crate::format::{numbers, times};
use crate::load::{Answer, Statement};
use crate::report::table::{drawn, plain};
use crate::store::StoredRun;
use crate::text::printable;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Clone, Debug, Serialize)]
pub struct RunEntry {
    pub id: i64,
    pub service: String,
    pub scenario: String,
    pub engine: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub is_baseline: bool,
}

impl RunEntry {
    pub fn of(run: &StoredRun) -> Self {
        Self {
            id: run.id,
            service: run.service.clone(),
            scenario: run.scenario.clone(),
            engine: run.engine.clone(),
            from: run.from.to_utc(),
            to: run.to.to_utc(),
            is_baseline: run.is_baseline,
        }
    }
}

pub fn list_to_text(runs: &[RunEntry]) -> String {
    if runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let heads = [
        "RUN",
        "SERVICE",
        "SCENARIO",
        "ENGINE",
        "FROM (UTC)",
        "LENGTH",
        "",
    ];
    let mut table = plain(&heads);
    for run in runs {
        let length = (run.to - run.from).to_std().unwrap_or_default();
        table.add_row(vec![
            run.id.to_string(),
            printable(&run.service).to_string(),
            printable(&run.scenario).to_string(),
            printable(&run.engine).to_string(),
            times::second(run.from),
            numbers::span(length),
            if run.is_baseline { "baseline" } else { "" }.to_owned(),
        ]);
    }
    drawn(table, &[0, 5]) + "\n"
}

/// One statement of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub topic: &'static str,
    /// `ok`, `bad`, or `unknown`.
    pub answer: &'static str,
    pub evidence: String,
}

impl Finding {
    pub fn of(statement: Statement) -> Self {
        Self {
            topic: statement.topic,
            answer: match statement.answer {
                Answer::Good => "ok",
                Answer::Bad => "bad",
                Answer::Unknown => "unknown",
            },
            evidence: statement.evidence,
        }
    }
}

pub fn findings_to_text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for one in findings {
        let evidence = printable(&one.evidence);
        writeln!(out, "  {:<8} {}: {evidence}", one.answer, one.topic).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;

    #[test]
    fn a_list_shows_baselines() {
        let run = StoredRun {
            id: 3,
            service: "rag".to_owned(),
            scenario: "stress".to_owned(),
            engine: "slod".to_owned(),
            from: Timestamp(0),
            to: Timestamp::from_secs(600),
            is_baseline: true,
        };
        let text = list_to_text(&[RunEntry::of(&run)]);
        let row: Vec<&str> = text
            .lines()
            .nth(1)
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let expected = [
            "3",
            "rag",
            "stress",
            "slod",
            "1970-01-01",
            "00:00:00",
            "10m",
            "baseline",
        ];
        assert_eq!(row, expected);
        assert_eq!(list_to_text(&[]), "no runs\n");
    }
}
