//! The thresholds and verdicts of a run as `JUnit` XML, for continuous integration.

use super::RunReport;
use crate::load::Answer;
use std::fmt::Write as _;

pub(super) fn write(report: &RunReport) -> String {
    let mut cases = String::new();
    let mut failures = 0;
    let name = format!("{}.{}", report.run.service, report.run.scenario.name);
    let mut case = |title: &str, failure: Option<String>| {
        let (class, title) = (escaped(&name), escaped(title));
        write!(cases, "  <testcase classname=\"{class}\" name=\"{title}\"").unwrap_or_default();
        match failure {
            Some(failure) => {
                failures += 1;
                let failure = escaped(&failure);
                writeln!(cases, "><failure message=\"{failure}\"/></testcase>")
            }
            None => writeln!(cases, "/>"),
        }
        .unwrap_or_default();
    };
    for held in &report.held {
        let measured = held.measured.map_or_else(
            || "nothing was measured".to_owned(),
            |value| held.threshold.of.show(value),
        );
        case(
            &held.threshold.to_string(),
            (!held.is_kept()).then_some(measured),
        );
    }
    for one in &report.statements {
        let failure = (one.answer == Answer::Bad).then(|| one.evidence.clone());
        case(one.topic, failure);
    }
    let count = report.held.len() + report.statements.len();
    let suite = escaped(&name);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{suite}\" tests=\"{count}\" failures=\"{failures}\">\n{cases}</testsuite>\n"
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
