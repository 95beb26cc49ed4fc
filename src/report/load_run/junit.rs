//! The thresholds and verdicts of a run as `JUnit` XML, for continuous integration. What the run could
//! not show is skipped.

use super::RunReport;
use crate::load::Answer;
use std::fmt::Write as _;

pub(super) fn write(report: &RunReport) -> String {
    let mut cases = String::new();
    let (mut failures, mut skipped) = (0, 0);
    let name = format!("{}.{}", report.run.service, report.run.scenario.name);
    let mut case = |title: &str, answer: Answer, evidence: &str| {
        let (class, title) = (escaped(&name), escaped(title));
        write!(cases, "  <testcase classname=\"{class}\" name=\"{title}\"").unwrap_or_default();
        let element = match answer {
            Answer::Good => {
                cases.push_str("/>\n");
                return;
            }
            Answer::Bad => "failure",
            Answer::Unknown => "skipped",
        };
        failures += usize::from(answer == Answer::Bad);
        skipped += usize::from(answer == Answer::Unknown);
        let message = escaped(evidence);
        writeln!(cases, "><{element} message=\"{message}\"/></testcase>").unwrap_or_default();
    };
    for held in &report.held {
        case(
            &held.threshold.to_string(),
            held.decision.answer(),
            &held.in_words(),
        );
    }
    for one in &report.statements {
        case(one.topic, one.answer, &one.evidence);
    }
    let count = report.held.len() + report.statements.len();
    let suite = escaped(&name);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{suite}\" tests=\"{count}\" failures=\"{failures}\" skipped=\"{skipped}\">\n{cases}</testsuite>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML, even escaped.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
