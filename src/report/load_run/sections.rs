//! The sections of a run's report, in reading order.

use super::chart::{Chart, of_client, of_system};
use super::{Compared, RunReport, tables};
use crate::report::log_file::LogSummary;
use crate::report::sheet::Table;

/// Additional data to show with the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportExtras<'a> {
    pub compared: Option<&'a Compared>,
    pub log: Option<&'a LogSummary>,
}

#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub parts: Vec<SectionPart>,
}

#[derive(Debug)]
pub enum SectionPart {
    /// With a heading if there are several.
    Table(Option<&'static str>, Table),
    Charts(Vec<Chart>),
}

/// Sections without content are left out.
pub fn sections(report: &RunReport, extras: ReportExtras<'_>) -> Vec<Section> {
    let mut all = Vec::new();
    let mut add = |title: &str, parts: Vec<SectionPart>| {
        let is_filled = |part: &SectionPart| match part {
            SectionPart::Table(_, table) => !table.rows.is_empty(),
            SectionPart::Charts(charts) => !charts.is_empty(),
        };
        let parts: Vec<SectionPart> = parts.into_iter().filter(is_filled).collect();
        if !parts.is_empty() {
            let title = title.to_owned();
            all.push(Section { title, parts });
        }
    };
    add(
        "Verdict",
        vec![
            SectionPart::Table(None, tables::statements(&report.statements)),
            SectionPart::Table(Some("Thresholds"), tables::thresholds(report)),
        ],
    );
    add(
        "Client view",
        vec![
            SectionPart::Charts(of_client(report)),
            SectionPart::Table(Some("Requests"), tables::requests(report)),
            SectionPart::Table(Some("Stages"), tables::stages(report)),
            SectionPart::Table(Some("Failures by cause"), tables::failures(report)),
            SectionPart::Table(Some("Whole run"), tables::results(report)),
        ],
    );
    if let Some(log) = extras.log {
        add(
            "Application log",
            vec![SectionPart::Table(None, tables::log(log))],
        );
    }
    add(
        "System metrics",
        vec![
            SectionPart::Charts(of_system(report)),
            SectionPart::Table(Some("Before and after"), tables::observed(report)),
            SectionPart::Table(Some("Healthy indicators"), tables::healthy(report)),
            SectionPart::Table(Some("Warning signs"), tables::warnings(report)),
        ],
    );
    if let Some(compared) = extras.compared {
        let title = format!("Compared with run {} (baseline)", compared.baseline);
        let table = tables::statements(&compared.statements);
        add(&title, vec![SectionPart::Table(None, table)]);
    }
    add(
        "What to do",
        vec![SectionPart::Table(None, tables::advice(report))],
    );
    all
}
