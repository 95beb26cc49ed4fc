//! The table of the stages of a run.

use super::RunReport;
use crate::format::numbers;
use crate::load::{StageRow, stage_rows};
use crate::report::table::{drawn, known, plain};
use crate::text::printable;
use crate::units::{show_duration, whole};
use std::fmt::Write as _;

const HEADS: [&str; 11] = [
    "STAGE",
    "LOAD",
    "LENGTH",
    "PER SECOND",
    "P50",
    "P95",
    "P99",
    "FAILED",
    "CPU",
    "MEMORY",
    "DROPPED",
];

/// CPU is that of the host, memory that of the service's processes.
pub(super) fn write(out: &mut String, report: &RunReport) {
    let rows = stage_rows(&report.run);
    if rows.is_empty() {
        return;
    }
    let mut table = plain(&HEADS);
    for row in &rows {
        table.add_row(cells(row));
    }
    out.push_str("\n  STAGES\n");
    for line in drawn(table, &[2, 3, 4, 5, 6, 7, 8, 9, 10]).lines() {
        writeln!(out, "    {line}").unwrap_or_default();
    }
}

fn cells(row: &StageRow) -> [String; 11] {
    let quantile = |q: f64| known(row.figures.quantile(q), numbers::latency);
    [
        printable(&row.name).into_owned(),
        load(row),
        show_duration(row.length),
        format!("{:.1}", row.figures.rate()),
        quantile(0.5),
        quantile(0.95),
        quantile(0.99),
        known(row.figures.error_ratio(), numbers::spent),
        known(row.cpu, |share| format!("{:.0}%", share * 100.0)),
        known(row.memory, |bytes| numbers::bytes(whole(bytes))),
        row.figures.dropped.to_string(),
    ]
}

fn load(row: &StageRow) -> String {
    let shown = |level: f64| format!("{}", (level * 10.0).round() / 10.0);
    if (row.from - row.to).abs() < f64::EPSILON {
        shown(row.to)
    } else {
        format!("{} to {}", shown(row.from), shown(row.to))
    }
}
