//! Runs as a list.

use crate::format::{numbers, times};
use crate::report::table::{drawn, plain};
use crate::store::StoredRun;
use crate::text::printable;
use chrono::{DateTime, Utc};
use serde::Serialize;

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
    drawn(table, &[0, 5])
}
