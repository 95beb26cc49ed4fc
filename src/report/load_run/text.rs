//! Text summary of a run, in the order of k6's summary.

use super::{ReportExtras, RunReport, tables};
use crate::load::{Advice, Answer, Indicators, OBSERVED, Statement};
use crate::report::log_file::LogSummary;
use crate::report::sheet::Table;
use crate::text::printable;
use std::fmt::Write as _;

/// The words for good and bad.
const ANSWERS: [&str; 2] = ["ok", "BAD"];

pub(super) fn write(report: &RunReport, extras: ReportExtras<'_>) -> String {
    let mut out = format!("{}\n", printable(&report.headline()));
    writeln!(out, "  verdict: {}", report.verdict_in_words()).unwrap_or_default();
    let purpose = printable(&report.run.scenario.purpose);
    if report.run.engine == OBSERVED {
        writeln!(out, "  watched: {purpose}").unwrap_or_default();
    } else if report.run.is_imported() {
        writeln!(out, "  imported: {purpose}").unwrap_or_default();
    }
    verdicts(&mut out, report);
    thresholds(&mut out, report);
    results(&mut out, report);
    sheet(&mut out, "REQUESTS", &tables::requests(report));
    sheet(&mut out, "STAGES", &tables::stages(report));
    out.extend(extras.log.map(LogSummary::to_text));
    sheet(&mut out, "BEFORE AND AFTER", &tables::observed(report));
    indicators(&mut out, report);
    if let Some(compared) = extras.compared {
        let title = format!("COMPARED WITH RUN {} (BASELINE)", compared.baseline);
        statements(&mut out, &title, &compared.statements, ANSWERS);
    }
    advice(&mut out, report);
    out
}

fn verdicts(out: &mut String, report: &RunReport) {
    if report.statements.is_empty() {
        return;
    }
    statements(out, "VERDICT", &report.statements, ANSWERS);
}

/// A list of statements, each with a word for its answer; `words` are those for good and bad.
fn statements(out: &mut String, title: &str, list: &[Statement], words: [&str; 2]) {
    writeln!(out, "\n  {title}").unwrap_or_default();
    for one in list {
        let word = match one.answer {
            Answer::Good => words[0],
            Answer::Bad => words[1],
            Answer::Unknown => "unknown",
        };
        let evidence = printable(&one.evidence);
        writeln!(out, "    {word:<8}{}: {evidence}", one.topic).unwrap_or_default();
    }
}

fn thresholds(out: &mut String, report: &RunReport) {
    if report.results.is_empty() {
        return;
    }
    out.push_str("\n  THRESHOLDS\n");
    let names = report.results.iter().map(|one| one.threshold.to_string());
    let width = names.map(|name| name.chars().count()).fold(17, usize::max);
    for result in &report.results {
        let sign = match result.decision.answer() {
            Answer::Good => '\u{2713}',
            Answer::Bad => '\u{2717}',
            Answer::Unknown => '?',
        };
        let (threshold, measured) = (result.threshold.to_string(), result.in_words());
        let source = printable(&result.source);
        writeln!(
            out,
            "    {sign} {threshold:<width$} {measured:<11}  {source}"
        )
        .unwrap_or_default();
    }
}

fn results(out: &mut String, report: &RunReport) {
    out.push_str("\n  RESULTS\n");
    for (name, value) in tables::figures(report) {
        let dots = ".".repeat(20_usize.saturating_sub(name.len()));
        writeln!(out, "    {name}{dots}: {value}").unwrap_or_default();
    }
    for (cause, count) in report.run.causes() {
        let example = report
            .run
            .example(cause)
            .map(|words| format!("  first: {}", printable(words)));
        let example = example.unwrap_or_default();
        writeln!(out, "      {}: {count}{example}", cause.label()).unwrap_or_default();
    }
}

fn sheet(out: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    writeln!(out, "\n  {title}").unwrap_or_default();
    for line in table.to_text().lines() {
        writeln!(out, "    {line}").unwrap_or_default();
    }
}

/// The two lists of the checklist, with the answer for each row.
fn indicators(out: &mut String, report: &RunReport) {
    let Indicators { healthy, warnings } = &report.indicators;
    statements(out, "HEALTHY INDICATORS", healthy, ["yes", "NO"]);
    statements(out, "WARNING SIGNS", warnings, ["no", "YES"]);
}

/// Recommended actions; nothing if all is well.
fn advice(out: &mut String, report: &RunReport) {
    let advice = report.advice();
    if advice.is_empty() {
        return;
    }
    out.push_str("\n  WHAT TO DO\n");
    for Advice { row, what } in advice {
        writeln!(out, "    {row}: {what}").unwrap_or_default();
    }
}
