//! Load scenarios as scripts for other tools, with the objectives as their thresholds. Pure.

mod k6;
mod kubernetes;
mod locust;
mod locust_rate;
mod template;
mod text;

use crate::load::Scenario;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use text::Dialect;
pub use text::{Key, ScriptCapture, ScriptPart, ScriptSource, ScriptText};

/// A tool that scripts are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Locust,
    K6,
}

/// What a script does.
#[derive(Clone, Debug)]
pub struct Script {
    pub service: String,
    /// Scheme, host and port: `http://127.0.0.1:8000`.
    pub origin: String,
    pub scenario: Scenario,
    /// At least one.
    pub sequences: Vec<ScriptSequence>,
    /// The file of `data` values.
    pub data: Option<PathBuf>,
    /// Whether each user keeps cookies.
    pub cookies: bool,
    /// How long a request may take.
    pub timeout: Duration,
    pub limits: Limits,
    pub certificates: Certificates,
    /// Whether the script writes for whoever started it what the tool itself does not: what Locust
    /// counts, and when k6 begins.
    pub reports: bool,
}

/// Which certificates of the service are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Those that the system trusts.
    System,
    /// Those of a file that the variable `SSL_CERT_FILE` names.
    Named,
    All,
}

/// Requests that one user makes in their order, chosen by its weight.
#[derive(Clone, Debug)]
pub struct ScriptSequence {
    pub weight: u32,
    pub steps: Vec<ScriptRequest>,
}

#[derive(Clone, Debug)]
pub struct ScriptRequest {
    pub name: String,
    /// Before it, instead of the scenario's think time.
    pub think: Option<Duration>,
    pub method: String,
    /// With the query: `/chat?mode=short`.
    pub path: ScriptText,
    pub headers: Vec<(String, ScriptText)>,
    pub body: Option<ScriptText>,
    /// Statuses of a success.
    pub statuses: Vec<RangeInclusive<u16>>,
    pub captures: Vec<ScriptCapture>,
}

/// What the service promises; a run that exceeds it fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Quantile and the latency that it must stay under, such as 0.95 and 500 ms.
    pub latencies: Vec<(f64, Duration)>,
    /// The share of failed requests must stay under this.
    pub failed: Option<f64>,
}

impl Script {
    pub fn write(&self, tool: Tool) -> String {
        match tool {
            Tool::Locust => locust::write(self),
            Tool::K6 => k6::write(self),
        }
    }

    /// The script with the Kubernetes manifests that run it with so many workers.
    pub fn write_manifests(&self, tool: Tool, workers: u32) -> String {
        kubernetes::write(self, tool, workers)
    }

    fn requests(&self) -> impl Iterator<Item = &ScriptRequest> {
        self.sequences.iter().flat_map(|one| &one.steps)
    }

    /// The variables that the script reads, in the order in which they appear.
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

    /// The first line of a script's comment.
    fn title(&self) -> String {
        let Scenario { name, purpose, .. } = &self.scenario;
        format!(
            "{name} of {}: {}",
            one_line(&self.service),
            one_line(purpose)
        )
    }
}

impl ScriptRequest {
    fn texts(&self) -> impl Iterator<Item = &ScriptText> {
        let headers = self.headers.iter().map(|(_, value)| value);
        headers.chain(&self.body).chain([&self.path])
    }

    /// Names and values, as a table of either language has them between its braces.
    fn header_entries(&self, dialect: &Dialect) -> String {
        let entry = |(name, value): &(String, ScriptText)| {
            format!("{}: {}", literal(name), value.expression(dialect))
        };
        joined(self.headers.iter().map(entry))
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A text as a literal that JSON, JavaScript and Python read alike, also inside a YAML manifest.
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

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if ends_line(c) { ' ' } else { c })
        .collect()
}

/// Whether it ends a line of JavaScript, Python or YAML, or is not valid in one.
fn ends_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
