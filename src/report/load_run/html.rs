//! HTML of a run: the parts shared with the daemon's pages, and a self-contained page.

use super::RunReport;
use super::drawing::drawn;
use super::sections::{ReportExtras, Section, SectionPart, sections};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: PreEscaped<&str> = PreEscaped(concat!(
    include_str!("../slo/report.css"),
    include_str!("run.css")
));

pub(super) fn write(report: &RunReport, extras: ReportExtras<'_>) -> String {
    let verdict = report.verdict_in_words();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (report.title()) ": " (verdict) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                style { (STYLE) }
            }
            body {
                header.top {
                    strong { "Load run" }
                    p.quiet dir="auto" { (report.circumstances()) }
                }
                main {
                    section class={ "headline " (report.level().class()) } {
                        h1 dir="auto" { (report.headline()) }
                        p { "Verdict: " (verdict) }
                        @if !report.run.scenario.purpose.is_empty() {
                            p dir="auto" { "Purpose: " (report.run.scenario.purpose) }
                        }
                    }
                    (body(report, extras))
                }
            }
        }
    };
    page.into_string()
}

/// Everything below the headline.
pub fn body(report: &RunReport, extras: ReportExtras<'_>) -> Markup {
    html! {
        @for part in sections(report, extras) { (section(report, &part)) }
    }
}

fn section(report: &RunReport, section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            div.card.sheet {
                @for part in &section.parts {
                    @match part {
                        SectionPart::Table(heading, table) => {
                            @if let Some(heading) = heading { h3 { (heading) } }
                            (table.to_html())
                        }
                        SectionPart::Charts(charts) => {
                            @for chart in charts { (drawn(chart, report)) }
                        }
                    }
                }
            }
        }
    }
}
