//! The parts of a run's report, in the order in which people look at them.

use super::chart::{Chart, of_client, of_system};
use super::{Compared, RunReport, tables};
use crate::report::log_file::LogSummary;
use crate::report::sheet::Table;

/// What can be shown beside the run itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    pub compared: Option<&'a Compared>,
    pub log: Option<&'a LogSummary>,
}

#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub parts: Vec<Part>,
}

#[derive(Debug)]
pub enum Part {
    /// With a heading, if there are several.
    Table(Option<&'static str>, Table),
    Charts(Vec<Chart>),
}

/// Sections without content are left out.
pub fn sections(report: &RunReport, beside: Beside<'_>) -> Vec<Section> {
    let mut all = Vec::new();
    let mut add = |title: &str, parts: Vec<Part>| {
        let is_filled = |part: &Part| match part {
            Part::Table(_, table) => !table.rows.is_empty(),
            Part::Charts(charts) => !charts.is_empty(),
        };
        let parts: Vec<Part> = parts.into_iter().filter(is_filled).collect();
        if !parts.is_empty() {
            let title = title.to_owned();
            all.push(Section { title, parts });
        }
    };
    add(
        "Verdict",
        vec![
            Part::Table(None, tables::statements(&report.statements)),
            Part::Table(Some("Thresholds"), tables::thresholds(report)),
        ],
    );
    add(
        "Client view",
        vec![
            Part::Charts(of_client(report)),
            Part::Table(Some("Requests"), tables::requests(report)),
            Part::Table(Some("Stages"), tables::stages(report)),
            Part::Table(Some("Failures by cause"), tables::failures(report)),
            Part::Table(Some("Whole run"), tables::results(report)),
        ],
    );
    if let Some(log) = beside.log {
        add("Application log", vec![Part::Table(None, tables::log(log))]);
    }
    add(
        "System metrics",
        vec![
            Part::Charts(of_system(report)),
            Part::Table(Some("Before and after"), tables::observed(report)),
            Part::Table(Some("Healthy indicators"), tables::healthy(report)),
            Part::Table(Some("Warning signs"), tables::warnings(report)),
        ],
    );
    if let Some(compared) = beside.compared {
        let title = format!("Compared with run {} (baseline)", compared.baseline);
        let table = tables::statements(&compared.statements);
        add(&title, vec![Part::Table(None, table)]);
    }
    add(
        "What to do",
        vec![Part::Table(None, tables::advice(report))],
    );
    all
}
