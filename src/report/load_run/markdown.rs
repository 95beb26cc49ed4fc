//! A run as GitHub-flavored Markdown, for example for a pull request.

use super::RunReport;
use super::sections::{ReportExtras, SectionPart, sections};
use crate::report::sheet::{escaped, line};

pub(super) fn write(report: &RunReport, extras: ReportExtras<'_>) -> String {
    let verdict = report.verdict_in_words();
    let mut page = format!("# Load run: {}\n\n", escaped(&report.title()));
    let finding = escaped(&report.finding());
    line(&mut page, &format!("**{verdict}**: {finding}\n"));
    line(&mut page, &escaped(&report.circumstances()));
    for section in sections(report, extras) {
        line(&mut page, &format!("\n## {}", section.title));
        for part in section.parts {
            match part {
                SectionPart::Table(heading, table) => {
                    if let Some(heading) = heading {
                        line(&mut page, &format!("\n### {heading}"));
                    }
                    page.push('\n');
                    table.to_markdown(&mut page);
                }
                // Markdown has no charts.
                SectionPart::Charts(_) => {}
            }
        }
    }
    page
}
