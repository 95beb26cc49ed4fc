//! The summary at the end of a run, in the order that users of k6 know.

use super::{RunReport, tables};
use crate::load::Answer;
use crate::report::sheet::Table;
use crate::text::printable;
use std::fmt::Write as _;

pub(super) fn write(report: &RunReport) -> String {
    let mut out = format!("{}\n", printable(&report.headline()));
    verdicts(&mut out, report);
    table(&mut out, "THRESHOLDS", &tables::thresholds(report));
    out.push_str("\n  RESULTS\n");
    for (name, value) in tables::figures(report) {
        let dots = ".".repeat(20_usize.saturating_sub(name.len()));
        writeln!(out, "    {name}{dots}: {value}").unwrap_or_default();
    }
    table(&mut out, "FAILURES", &tables::failures(report));
    table(&mut out, "STAGES", &tables::stages(report));
    out
}

fn verdicts(out: &mut String, report: &RunReport) {
    if report.statements.is_empty() {
        return;
    }
    out.push_str("\n  VERDICT\n");
    for one in &report.statements {
        let word = match one.answer {
            Answer::Good => "ok",
            Answer::Bad => "BAD",
            Answer::Unknown => "unknown",
        };
        let evidence = printable(&one.evidence);
        writeln!(out, "    {word:<8}{}: {evidence}", one.topic).unwrap_or_default();
    }
}

/// Nothing for a table without rows.
fn table(out: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    writeln!(out, "\n  {title}").unwrap_or_default();
    for line in table.to_text().lines() {
        writeln!(out, "    {line}").unwrap_or_default();
    }
}
