//! Figures of the stages of a run.

use crate::format::numbers;
use crate::load::{Figures, LoadWindow, RunRecord};
use crate::report::table::{drawn, known, plain};
use crate::text::printable;
use serde::Serialize;
use std::time::Duration;

/// Latencies are in seconds, and absent where there are too few requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRow {
    pub name: String,
    /// The highest level that was due.
    pub level: f64,
    pub requests: u64,
    pub per_second: f64,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub error_ratio: Option<f64>,
    pub dropped: u64,
}

pub fn rows(run: &RunRecord) -> Vec<StageRow> {
    let stages = run.scenario.stages.iter().enumerate();
    let row = |(number, stage): (usize, &crate::load::Stage)| {
        let of_stage = |window: &&LoadWindow| window.stage == number;
        let windows: Vec<&LoadWindow> = run.windows.iter().filter(of_stage).collect();
        let figures = Figures::of(windows.iter().copied());
        let quantile = |q| figures.quantile(q).map(|one| one.as_secs_f64());
        StageRow {
            name: stage.name.clone(),
            level: windows.iter().map(|window| window.due).fold(0.0, f64::max),
            requests: figures.completed,
            per_second: figures.rate(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            error_ratio: figures.error_ratio(),
            dropped: figures.dropped,
        }
    };
    stages.map(row).collect()
}

pub fn table(rows: &[StageRow], unit: &str) -> String {
    let unit = format!("UP TO ({unit})");
    let heads = [
        "STAGE",
        &unit,
        "REQUESTS",
        "PER SECOND",
        "P50",
        "P95",
        "P99",
        "ERRORS",
        "DROPPED",
    ];
    let mut table = plain(&heads);
    for row in rows {
        let latency = |seconds| {
            known(seconds, |one| {
                numbers::latency(Duration::from_secs_f64(one))
            })
        };
        table.add_row(vec![
            printable(&row.name).to_string(),
            format!("{:.0}", row.level),
            numbers::count(row.requests),
            format!("{:.1}", row.per_second),
            latency(row.p50),
            latency(row.p95),
            latency(row.p99),
            known(row.error_ratio, |ratio| format!("{:.2}%", ratio * 100.0)),
            numbers::count(row.dropped),
        ]);
    }
    drawn(table, &[1, 2, 3, 4, 5, 6, 7, 8])
}
