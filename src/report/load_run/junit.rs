//! `JUnit` XML of a run's thresholds and verdicts, for continuous integration. A missed threshold is a
//! failure, a failed load generator an error. Whatever the run could not show is skipped, and other
//! findings are the output of a passing case. There is a failure only if the run failed as a whole.

use super::RunReport;
use crate::load::{Answer, Ending};
use std::fmt::Write as _;

/// Result of a test case, with its reason.
enum Case<'a> {
    Passed,
    Found(&'a str),
    Skipped(&'a str),
    Failed(&'a str),
    /// The load generator failed.
    Error(&'a str),
}

#[derive(Default)]
struct Suite {
    class: String,
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn add(&mut self, title: &str, case: &Case<'_>) {
        self.tests += 1;
        let inner = match case {
            Case::Passed => String::new(),
            Case::Found(why) => format!("<system-out>found: {}</system-out>", escaped(why)),
            Case::Skipped(why) => {
                self.skipped += 1;
                format!("<skipped message=\"{}\"/>", escaped(why))
            }
            Case::Failed(why) => {
                self.failures += 1;
                format!("<failure message=\"{}\"/>", escaped(why))
            }
            Case::Error(why) => {
                self.errors += 1;
                format!("<error message=\"{}\"/>", escaped(why))
            }
        };
        let (class, title) = (&self.class, escaped(title));
        let head = format!("testcase classname=\"{class}\" name=\"{title}\"");
        match inner.as_str() {
            "" => writeln!(self.cases, "  <{head}/>"),
            inner => writeln!(self.cases, "  <{head}>{inner}</testcase>"),
        }
        .unwrap_or_default();
    }
}

pub(super) fn write(report: &RunReport) -> String {
    let run = &report.run;
    let mut suite = Suite {
        class: escaped(&format!("{}.{}", run.service, run.scenario.name)),
        ..Suite::default()
    };
    let has_failed = report.answer() == Answer::Bad;
    suite.add("run", &ended(&run.ending, has_failed));
    for result in &report.results {
        let words = result.in_words();
        let bad = if has_failed {
            Case::Failed
        } else {
            Case::Skipped
        };
        let case = case(result.decision.answer(), &words, bad);
        suite.add(&result.threshold.to_string(), &case);
    }
    for one in &report.statements {
        let bad = if has_failed && report.is_failure(one) {
            Case::Failed
        } else {
            Case::Found
        };
        suite.add(one.topic, &case(one.answer, &one.evidence, bad));
    }
    let Suite {
        class,
        cases,
        tests,
        failures,
        errors,
        skipped,
    } = suite;
    let (at, seconds) = (run.from.to_utc(), report.length().as_secs_f64());
    let at = at.format("%Y-%m-%dT%H:%M:%S");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{class}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{at}\">\n{cases}</testsuite>\n"
    )
}

fn case<'a>(answer: Answer, words: &'a str, bad: impl Fn(&'a str) -> Case<'a>) -> Case<'a> {
    match answer {
        Answer::Good => Case::Passed,
        Answer::Bad => bad(words),
        Answer::Unknown => Case::Skipped(words),
    }
}

fn ended(ending: &Ending, has_failed: bool) -> Case<'_> {
    match ending {
        Ending::Completed => Case::Passed,
        Ending::Aborted { why } if has_failed => Case::Failed(why),
        Ending::Aborted { why } => Case::Skipped(why),
        Ending::Interrupted => Case::Skipped("interrupted"),
        Ending::Failed { why } => Case::Error(why),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML, even if escaped.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
