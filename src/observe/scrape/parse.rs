//! Parses a line of the Prometheus text format 0.0.4 or of OpenMetrics 1.0. Pure; borrows from the
//! line.
//!
//! Implements the grammar of Prometheus, so that samples and types that Prometheus rejects are rejected
//! here too. Comments and units of OpenMetrics are not checked.

mod labels;
mod number;

pub use labels::{LabelSet, SortedLabels};
use labels::{quoted_name, skip_blanks};
pub use number::{excerpt, parse_value};
use number::{openmetrics_timestamp, text_timestamp};

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFormat {
    /// Version 0.0.4.
    Text,
    /// Version 1.0, which ends with `# EOF`.
    OpenMetrics,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// An empty line or a comment.
    Comment,
    Type {
        family: &'a str,
        kind: &'a str,
    },
    Help {
        family: &'a str,
        text: &'a str,
    },
    Unit {
        family: &'a str,
        unit: &'a str,
    },
    Sample(Sample<'a>),
    /// The end of an OpenMetrics page.
    Eof,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    pub name: &'a str,
    pub labels: LabelSet<'a>,
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// Parses one line without its line break, or returns what is invalid.
pub fn parse_line(line: &[u8], format: PageFormat) -> Result<Line<'_>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not valid UTF-8".to_owned())?;
    let text = skip_blanks(line);
    match text.as_bytes().first() {
        None if format == PageFormat::OpenMetrics => {
            Err("OpenMetrics has no empty lines".to_owned())
        }
        None => Ok(Line::Comment),
        Some(b'#') => comment(text, format),
        Some(_) => sample(text, format).map(Line::Sample),
    }
    .map_err(|fault| explained(fault, line))
}

/// Explains a carriage return, which makes a value or type invalid but is not visible.
fn explained(fault: String, line: &str) -> String {
    if line.ends_with('\r') {
        return "it ends with CR LF, but the format requires LF (Prometheus rejects it too)"
            .to_owned();
    }
    fault
}

fn comment(text: &str, format: PageFormat) -> Result<Line<'_>, String> {
    if format == PageFormat::OpenMetrics && text == "# EOF" {
        return Ok(Line::Eof);
    }
    let rest = text[1..].trim_start_matches([' ', '\t']);
    // Without a blank after `#`, the line is a comment.
    if rest.len() + 1 == text.len() {
        return Ok(Line::Comment);
    }
    let blank = [' ', '\t'];
    let Some((keyword, rest)) = rest.split_once(blank) else {
        return Ok(Line::Comment);
    };
    if !matches!(keyword, "TYPE" | "HELP" | "UNIT") {
        return Ok(Line::Comment);
    }
    let rest = rest.trim_start_matches(blank);
    let (family, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_name(quoted)?,
        None => name(rest)?,
    };
    let value = match after.as_bytes().first() {
        None => "",
        Some(b' ' | b'\t') => after[1..].trim_start_matches(blank),
        Some(_) => return Err(format!("`{}` is not a valid metric name", excerpt(rest))),
    };
    Ok(match keyword {
        "TYPE" => Line::Type {
            family,
            kind: kind(value, format)?,
        },
        "HELP" => Line::Help {
            family,
            text: value,
        },
        // 0.0.4 has no units.
        _ if format == PageFormat::Text => Line::Comment,
        _ => Line::Unit {
            family,
            unit: value,
        },
    })
}

fn kind(written: &str, format: PageFormat) -> Result<&str, String> {
    let is_known = match written {
        "counter" | "gauge" | "histogram" | "summary" => true,
        "untyped" => format == PageFormat::Text,
        "unknown" | "info" | "stateset" | "gaugehistogram" => format == PageFormat::OpenMetrics,
        _ => false,
    };
    if is_known {
        return Ok(written);
    }
    Err(format!("`{}` is not a metric type", excerpt(written)))
}

/// Splits off a metric name.
fn name(text: &str) -> Result<(&str, &str), String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let end = text.bytes().position(|byte| !is_part(byte));
    let end = end.unwrap_or(text.len());
    if end == 0 || text.as_bytes()[0].is_ascii_digit() {
        return Err(format!("`{}` is not a valid metric name", excerpt(text)));
    }
    Ok(text.split_at(end))
}

fn sample(text: &str, format: PageFormat) -> Result<Sample<'_>, String> {
    let invalid = || format!("`{}` is not a valid metric name", excerpt(text));
    let (plain, rest) = if text.starts_with('{') {
        (None, text)
    } else {
        let (name, rest) = name(text)?;
        (Some(name), rest)
    };
    let after = rest;
    let rest = skip_blanks(rest);
    let (labels, quoted, rest) = match rest.strip_prefix('{') {
        Some(inner) => LabelSet::read(inner)?,
        None if !rest.is_empty() && rest.len() == after.len() => return Err(invalid()),
        None => (LabelSet::default(), None, rest),
    };
    let name = match (plain, quoted) {
        (Some(_), Some(_)) => return Err("the metric has two names".to_owned()),
        (plain, quoted) => plain.or(quoted).ok_or_else(invalid)?,
    };
    let rest = skip_blanks(rest);
    let end = memchr::memchr2(b' ', b'\t', rest.as_bytes());
    let (value, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let value = parse_value(value)?;
    let rest = skip_blanks(rest);
    let timestamp = match format {
        PageFormat::Text => text_timestamp(rest.trim_end_matches([' ', '\t']))?,
        PageFormat::OpenMetrics => {
            let (timestamp, exemplar) = split_exemplar(rest)?;
            if let Some(exemplar) = exemplar {
                check_exemplar(exemplar)?;
            }
            openmetrics_timestamp(timestamp)?
        }
    };
    Ok(Sample {
        name,
        labels,
        value,
        timestamp,
    })
}

/// Splits the part after the value: a timestamp, an exemplar, both or nothing.
fn split_exemplar(rest: &str) -> Result<(&str, Option<&str>), String> {
    let Some(at) = rest.find('#') else {
        return Ok((rest, None));
    };
    let exemplar = rest[at + 1..].trim_start_matches([' ', '\t']);
    match exemplar.strip_prefix('{') {
        Some(labels) => Ok((rest[..at].trim_end_matches([' ', '\t']), Some(labels))),
        None => Err("the exemplar has no labels in braces".to_owned()),
    }
}

/// Exemplars are not used, but an invalid one makes the page invalid.
fn check_exemplar(labels: &str) -> Result<(), String> {
    let blank = [' ', '\t'];
    let (_, metric, rest) = LabelSet::read(labels)?;
    if metric.is_some() {
        return Err("the exemplar has a label without a value".to_owned());
    }
    let rest = rest.trim_start_matches(blank);
    let (value, timestamp) = rest.split_once(blank).unwrap_or((rest, ""));
    parse_value(value)?;
    openmetrics_timestamp(timestamp.trim_start_matches(blank))?;
    Ok(())
}

#[cfg(test)]
mod tests;
