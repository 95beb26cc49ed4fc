//! Tables of a run. measured.rs: its figures.

mod measured;

pub use measured::{failures, figures, observed, requests, results, stages, with_retry_after};

use super::RunReport;
use crate::format::numbers;
use crate::load::{Advice, Answer, Statement};
use crate::report::log_file::{KindSummary, LogSummary};
use crate::report::sheet::{Cell, Column, Kind, Table, Tone, column};

const STATEMENTS: &[Column] = &[
    column("Subject", Kind::Text),
    column("Answer", Kind::Text),
    column("Evidence", Kind::Long),
];

const ADVICE: &[Column] = &[
    column("Checklist", Kind::Text),
    column("What to do", Kind::Long),
];

const THRESHOLDS: &[Column] = &[
    column("Threshold", Kind::Text),
    column("Met", Kind::Text),
    column("Measured", Kind::Number),
    column("Source", Kind::Long),
];

const LOG: &[Column] = &[
    column("Lines", Kind::Text),
    column("Count", Kind::Number),
    column("Worst window", Kind::Text),
    column("Most frequent", Kind::Long),
];

/// Badge of an answer, with the words for a good and a bad one.
fn badge(answer: Answer, [good, bad]: [&'static str; 2]) -> (Tone, &'static str) {
    match answer {
        Answer::Good => (Tone::Good, good),
        Answer::Bad => (Tone::Bad, bad),
        Answer::Unknown => (Tone::Idle, "unknown"),
    }
}

pub fn statements(statements: &[Statement]) -> Table {
    answered(statements, ["ok", "bad"])
}

fn answered(statements: &[Statement], words: [&'static str; 2]) -> Table {
    let row = |one: &Statement| {
        let (tone, word) = badge(one.answer, words);
        vec![
            Cell::Trusted(one.topic.to_owned()),
            Cell::Badge(tone, word),
            Cell::Sentence(one.evidence.clone()),
        ]
    };
    Table::new(STATEMENTS, statements.iter().map(row))
}

/// Warning signs, with labels for present and absent.
pub fn warnings(report: &RunReport) -> Table {
    answered(&report.indicators.warnings, ["no", "yes"])
}

/// Indicators of a healthy service.
pub fn healthy(report: &RunReport) -> Table {
    answered(&report.indicators.healthy, ["yes", "no"])
}

pub fn advice(report: &RunReport) -> Table {
    let row = |one: Advice| {
        vec![
            Cell::Trusted(one.row.to_owned()),
            Cell::Trusted(one.what.to_owned()),
        ]
    };
    Table::new(ADVICE, report.advice().into_iter().map(row))
}

pub fn thresholds(report: &RunReport) -> Table {
    let rows = report.results.iter().map(|result| {
        let (tone, word) = badge(result.decision.answer(), ["met", "missed"]);
        vec![
            Cell::Trusted(result.threshold.to_string()),
            Cell::Badge(tone, word),
            Cell::Trusted(result.in_words()),
            Cell::untrusted(&result.source),
        ]
    });
    Table::new(THRESHOLDS, rows)
}

pub fn log(log: &LogSummary) -> Table {
    let row = |one: &KindSummary| {
        let (most, at) = one.worst(log.width);
        let message = one.messages.first();
        let message = message.map(|(message, count)| format!("{count} x {message}"));
        vec![
            Cell::Trusted(one.kind.title().to_owned()),
            Cell::Trusted(numbers::count(one.count)),
            Cell::Trusted(format!("{most}, {} s after the start", at.as_secs())),
            Cell::Untrusted(message.unwrap_or_default()),
        ]
    };
    let mut rows: Vec<_> = log.kinds.iter().map(row).collect();
    if let Some(elsewhere) = log.elsewhere() {
        rows.push(vec![
            Cell::Trusted("outside of the run".to_owned()),
            Cell::Trusted(numbers::count(log.outside)),
            Cell::Trusted("-".to_owned()),
            Cell::Trusted(elsewhere),
        ]);
    }
    if log.without_time > 0 {
        rows.push(vec![
            Cell::Trusted("without a readable time".to_owned()),
            Cell::Trusted(numbers::count(log.without_time)),
            Cell::Trusted("-".to_owned()),
            Cell::Trusted(String::new()),
        ]);
    }
    Table::new(LOG, rows)
}
