//! List of stored load runs, and comparisons of two runs.

use crate::format::{numbers, times};
use crate::load::{Answer, Statement};
use crate::outcome::Timestamp;
use crate::report::load_run::RunSummary;
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

/// A run in a list, with its summary.
#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    #[serde(flatten)]
    entry: RunEntry,
    /// `None` if the run cannot be read.
    summary: Option<RunSummary>,
}

impl RunRow {
    pub fn of(run: &StoredRun, now: Timestamp, summary: Option<RunSummary>) -> Self {
        Self {
            entry: RunEntry::of(run, now),
            summary,
        }
    }

    /// Verdict of a completed run.
    fn verdict(&self) -> String {
        let is_over = self.entry.state == RunState::Ended.label();
        match &self.summary {
            None => "unreadable".to_owned(),
            Some(summary) if is_over => summary.verdict(),
            Some(_) => "-".to_owned(),
        }
    }
}

pub fn list_to_text(runs: &[RunRow]) -> String {
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
        "VERDICT",
        "",
    ];
    let mut table = plain(&heads);
    for row in runs {
        let run = &row.entry;
        let length = (run.to - run.from).to_std().unwrap_or_default();
        table.add_row(vec![
            run.id.to_string(),
            printable(&run.service).to_string(),
            printable(&run.scenario).to_string(),
            printable(&run.engine).to_string(),
            times::second(run.from),
            numbers::span(length),
            row.verdict(),
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

    fn summary() -> RunSummary {
        RunSummary {
            finding: String::new(),
            verdict: "passed".into(),
            findings: 1,
            peak: 200.0,
            peak_unit: "users".into(),
            requests: 1000,
            rate_per_second: 10.0,
            error_ratio: Some(0.0),
            p95_seconds: None,
        }
    }

    #[test]
    fn a_list_shows_verdicts_baselines_and_running_runs() {
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
            let text = list_to_text(&[RunRow::of(run, now, Some(summary()))]);
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
            "passed,",
            "1",
            "finding",
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
