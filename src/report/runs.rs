//! Kept load runs as a list, and comparisons of two of them.

use crate::format::{numbers, times};
use crate::load::{Answer, Statement};
use crate::outcome::Timestamp;
use crate::report::table::{drawn, plain};
use crate::store::{RunState, StoredRun};
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
    /// `running`, `ended`, or `interrupted`.
    pub state: &'static str,
}

impl RunEntry {
    pub fn of(run: &StoredRun, now: Timestamp) -> Self {
        Self {
            id: run.id,
            service: run.service.clone(),
            scenario: run.scenario.clone(),
            engine: run.engine.clone(),
            from: run.from.to_utc(),
            to: run.to.to_utc(),
            is_baseline: run.is_baseline,
            state: run.state(now).label(),
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
            remark(run).to_owned(),
        ]);
    }
    drawn(table, &[0, 5]) + "\n"
}

fn remark(run: &RunEntry) -> &'static str {
    let is_over = run.state == RunState::Ended.label();
    match (is_over, run.is_baseline) {
        (false, _) => run.state,
        (true, true) => "baseline",
        (true, false) => "",
    }
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

    #[test]
    fn a_list_shows_baselines_and_what_goes_on() {
        let end = Timestamp::from_secs(600);
        let mut run = StoredRun {
            id: 3,
            service: "rag".to_owned(),
            scenario: "stress".to_owned(),
            engine: "slod".to_owned(),
            from: Timestamp(0),
            to: end,
            is_baseline: true,
            is_open: false,
        };
        let row = |run: &StoredRun, now: Timestamp| -> Vec<String> {
            let text = list_to_text(&[RunEntry::of(run, now)]);
            let row = text.lines().nth(1).unwrap_or_default().split_whitespace();
            row.map(str::to_owned).collect()
        };
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
        assert_eq!(row(&run, end), expected);
        run.is_open = true;
        let last = |now| row(&run, now).last().cloned();
        let later = |seconds| end.after(std::time::Duration::from_secs(seconds));
        assert_eq!(last(later(20)).as_deref(), Some("running"));
        assert_eq!(last(later(21)).as_deref(), Some("interrupted"));
        assert_eq!(list_to_text(&[]), "no runs\n");
    }
}
