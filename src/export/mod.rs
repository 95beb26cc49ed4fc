//! Exports load scenarios as scripts for other tools, with the objectives as their thresholds.
//! Pure.

mod checks;
mod k6;
mod kubernetes;
mod locust;
mod locust_rate;
mod template;
mod text;

use crate::load::Scenario;
use crate::threshold::{Threshold, ThresholdMetric};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use checks::{ScriptCheck, ScriptTest};
use text::Dialect;
pub use text::{Key, ScriptCapture, ScriptPart, ScriptSource, ScriptText};

/// A tool with an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Locust,
    K6,
}

/// The content of a script.
#[derive(Clone, Debug)]
pub struct Script {
    pub service: String,
    /// Scheme, host and port: `http://127.0.0.1:8000`.
    pub origin: String,
    pub scenario: Scenario,
    /// Never empty.
    pub sequences: Vec<ScriptSequence>,
    /// The file with the `data` values.
    pub data: Option<PathBuf>,
    /// Whether each user keeps cookies.
    pub cookies: bool,
    /// Timeout of a request.
    pub timeout: Duration,
    /// A run that misses one fails.
    pub thresholds: Vec<Threshold>,
    pub certificates: Certificates,
    /// Whether the script reports to its caller what the tool does not output: the counts of
    /// Locust, and the start of the plan in k6.
    pub reports: bool,
}

/// The certificates that verify the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Those that the system trusts.
    System,
    /// Those in the file that the variable `SSL_CERT_FILE` names.
    Named,
    All,
}

/// A sequence of requests of one user, chosen by weight.
#[derive(Clone, Debug)]
pub struct ScriptSequence {
    pub weight: u32,
    pub steps: Vec<ScriptRequest>,
}

#[derive(Clone, Debug)]
pub struct ScriptRequest {
    pub name: String,
    /// The pause before the request, instead of the scenario's think time.
    pub think: Option<Duration>,
    pub method: String,
    /// Including the query: `/chat?mode=short`.
    pub path: ScriptText,
    pub headers: Vec<(String, ScriptText)>,
    pub body: Option<ScriptText>,
    /// The success statuses.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Further conditions for success.
    pub checks: Vec<ScriptCheck>,
    pub captures: Vec<ScriptCapture>,
}

impl Script {
    /// The thresholds that the script of a tool cannot judge, and why.
    pub fn without_equivalent(&self, tool: Tool) -> Vec<String> {
        let fault = |one: &Threshold| Some(format!("{one}: {}", fault(one, tool)?));
        self.thresholds.iter().filter_map(fault).collect()
    }

    /// The thresholds that the script of a tool judges.
    fn judged(&self, tool: Tool) -> impl Iterator<Item = &Threshold> {
        let all = self.thresholds.iter();
        all.filter(move |one| fault(one, tool).is_none())
    }

    pub fn write(&self, tool: Tool) -> String {
        match tool {
            Tool::Locust => locust::write(self),
            Tool::K6 => k6::write(self),
        }
    }

    /// The script with Kubernetes manifests that run it with this number of workers.
    pub fn write_manifests(&self, tool: Tool, workers: u32) -> String {
        kubernetes::write(self, tool, workers)
    }

    fn requests(&self) -> impl Iterator<Item = &ScriptRequest> {
        self.sequences.iter().flat_map(|one| &one.steps)
    }

    /// Whether a response with an expected status can still fail.
    fn inspects_responses(&self) -> bool {
        let mut requests = self.requests();
        requests.any(|one| !one.checks.is_empty() || !one.captures.is_empty())
    }

    /// Whether the path of a request is a value.
    fn has_target_values(&self) -> bool {
        self.requests().any(|one| one.path.starts_with_target())
    }

    fn captures_cookies(&self) -> bool {
        let mut captures = self.requests().flat_map(|one| &one.captures);
        captures.any(|one| matches!(one.from, ScriptSource::Cookie(_)))
    }

    fn captures_locations(&self) -> bool {
        let mut captures = self.requests().flat_map(|one| &one.captures);
        captures.any(|one| matches!(one.from, ScriptSource::Location(_)))
    }

    fn has_checks(&self) -> bool {
        self.requests().any(|one| !one.checks.is_empty())
    }

    /// Whether it reads headers of responses, of which k6 joins repeated ones.
    pub fn reads_headers(&self) -> bool {
        let of_check = |one: &ScriptCheck| one.test.is_of_header();
        let of_capture = |one: &ScriptCapture| {
            matches!(
                one.from,
                ScriptSource::Header(..) | ScriptSource::Location(_)
            )
        };
        self.requests()
            .any(|one| one.checks.iter().any(of_check) || one.captures.iter().any(of_capture))
    }

    /// The variables that the script reads, in order of appearance.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for request in self.requests() {
            for name in request.texts().flat_map(ScriptText::variables) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The first line of the script's comment.
    fn title(&self) -> String {
        let Scenario { name, purpose, .. } = &self.scenario;
        let title = format!("{name} of {}", one_line(&self.service));
        if purpose.is_empty() {
            return title;
        }
        format!("{title}: {}", one_line(purpose))
    }
}

impl ScriptRequest {
    fn texts(&self) -> impl Iterator<Item = &ScriptText> {
        let headers = self.headers.iter().map(|(_, value)| value);
        headers.chain(&self.body).chain([&self.path])
    }

    /// Names and values, as entries of a table in either language.
    fn header_entries(&self, dialect: &Dialect) -> String {
        let entry = |(name, value): &(String, ScriptText)| {
            format!("{}: {}", literal(name), value.expression(dialect))
        };
        joined(self.headers.iter().map(entry))
    }
}

/// Why the script of a tool cannot judge a threshold; `None` if it can.
fn fault(threshold: &Threshold, tool: Tool) -> Option<&'static str> {
    // k6 has no way to escape them in the selector of a threshold.
    let is_separator = |c: char| matches!(c, ',' | '{' | '}' | '"' | '\'');
    let name = threshold.request.as_deref().unwrap_or_default();
    match (threshold.of, tool) {
        (ThresholdMetric::FirstToken(_), _) => Some("only slod's own engine measures tokens"),
        (_, Tool::K6) if name.contains(is_separator) => {
            Some("k6 accepts no commas, braces and quotes in the name of a request")
        }
        _ => None,
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A string literal that is valid in JSON, JavaScript and Python, including in a YAML manifest.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if ends_line(c) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Removes line breaks, since a comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if ends_line(c) { ' ' } else { c })
        .collect()
}

/// Whether it ends a line in JavaScript, Python or YAML, or is invalid there.
fn ends_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
