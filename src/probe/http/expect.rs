//! The expected response. Pure.

use super::body::unknown_codings;
use super::headers::is_secret;
use super::json::{JsonAbsence, JsonCondition};
use super::text::{Text, is_charset, is_plain};
use crate::outcome::Cause;
use crate::probe::check::Check;
use crate::probe::json_text;
use crate::probe::pattern::display_pattern;
use crate::probe::quoted::quoted;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, StatusCode};
use regex::bytes::Regex;
use std::ops::RangeInclusive;

/// Without conditions by default.
#[derive(Debug, Default)]
pub struct Expect {
    pub status: Vec<RangeInclusive<u16>>,
    pub headers: Vec<(HeaderName, Regex)>,
    pub headers_not: Vec<(HeaderName, Regex)>,
    pub body: Vec<Regex>,
    pub body_not: Vec<Regex>,
    pub json: Vec<JsonCondition>,
    pub json_not: Vec<JsonAbsence>,
}

impl Expect {
    /// Whether the body must be kept for the checks.
    pub fn wants_body(&self) -> bool {
        !(self.body.is_empty()
            && self.body_not.is_empty()
            && self.json.is_empty()
            && self.json_not.is_empty())
    }

    /// Whether anything other than the status is checked.
    pub fn checks_content(&self) -> bool {
        self.wants_body() || !self.headers.is_empty() || !self.headers_not.is_empty()
    }

    /// Checks everything but the status. Slow, so it runs outside of the async workers.
    pub fn check_content(&self, headers: &HeaderMap, body: &[u8]) -> Vec<Check> {
        let mut checks: Vec<_> = self.check_headers(headers).collect();
        checks.extend(self.check_headers_not(headers));
        if self.wants_body() {
            let content_type = headers.get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok());
            let text = Text::new(body, content_type);
            let codings = unknown_codings(headers);
            let unreadable = unreadable(&text, &codings, body);
            let mut of_body = self.check_body(&text, unreadable.as_deref());
            if !codings.is_empty() {
                note(&codings, &mut of_body);
            }
            checks.extend(of_body);
        }
        checks
    }

    pub fn allows(&self, status: StatusCode) -> bool {
        let mut ranges = self.status.iter();
        ranges.any(|range| range.contains(&status.as_u16()))
    }

    /// Whether a status is checked, and not one of the expected ones.
    pub fn rejects(&self, status: StatusCode) -> bool {
        !self.status.is_empty() && !self.allows(status)
    }

    /// The expected and the actual status.
    pub fn status_text(&self, status: StatusCode) -> String {
        let wanted: Vec<_> = self.status.iter().map(show_range).collect();
        format!("status {}, expected {}", status.as_u16(), wanted.join(", "))
    }

    fn check_headers<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Check> + 'a {
        self.headers.iter().map(|(name, wanted)| {
            let values = headers.get_all(name);
            let mut values = values.iter().map(|value| Text::new(value.as_bytes(), None));
            let first = headers
                .get(name)
                .map(|value| Text::new(value.as_bytes(), None));
            let holds = values.any(|value| value.is_match(wanted));
            let seen = match &first {
                Some(_) if is_secret(name) => "is <secret>".to_owned(),
                Some(first) => format!("is {}", first.as_str()),
                None => "is missing".to_owned(),
            };
            let wanted = display_pattern(wanted.as_str());
            let text = format!("header {name} {seen}, expected {wanted}");
            Check::new(holds, Cause::Header, text)
        })
    }

    fn check_headers_not<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Check> + 'a {
        self.headers_not.iter().map(|(name, unwanted)| {
            let values = headers.get_all(name);
            let mut values = values.iter().map(|value| Text::new(value.as_bytes(), None));
            let found = values.find(|value| value.is_match(unwanted));
            let seen = match &found {
                Some(_) if is_secret(name) => "is <secret>, which matches".to_owned(),
                Some(value) => format!("is {}, which matches", value.as_str()),
                None => "does not match".to_owned(),
            };
            let unwanted = display_pattern(unwanted.as_str());
            let text = format!("header {name} {seen} {unwanted}");
            Check::new(found.is_none(), Cause::Header, text)
        })
    }

    /// `unreadable` says why a pattern that was not found may still be in the body.
    fn check_body(&self, body: &Text<'_>, unreadable: Option<&str>) -> Vec<Check> {
        let matching = self.body.iter().map(|wanted| {
            let holds = body.is_match(wanted);
            let seen = if holds { "matches" } else { "does not match" };
            let wanted = display_pattern(wanted.as_str());
            Check::new(holds, Cause::Body, format!("the body {seen} {wanted}"))
        });
        let unwanted = self.body_not.iter().map(|unwanted| {
            let found = body.is_match(unwanted);
            // A body that cannot be decoded may still contain the pattern.
            let unreadable = unreadable.filter(|_| !found);
            let seen = match unreadable {
                Some(why) => why,
                None if found => "matches",
                None => "does not match",
            };
            let unwanted = display_pattern(unwanted.as_str());
            let text = format!("the body {seen} {unwanted}, which it must not match");
            Check::new(!found && unreadable.is_none(), Cause::Body, text)
        });
        let mut checks: Vec<_> = matching.chain(unwanted).collect();
        self.check_json(body, &mut checks);
        checks
    }

    fn check_json(&self, body: &Text<'_>, checks: &mut Vec<Check>) {
        if self.json.is_empty() && self.json_not.is_empty() {
            return;
        }
        let body = match json_text::parse(body.as_str().as_bytes()) {
            Ok(body) => body,
            Err(error) => {
                let text = format!("the body is not valid JSON: {error}");
                checks.push(Check::new(false, Cause::Body, text));
                return;
            }
        };
        checks.extend(self.json.iter().map(|condition| {
            let (holds, text) = condition.check(&body);
            Check::new(holds, Cause::Body, text)
        }));
        checks.extend(self.json_not.iter().map(|absence| {
            let found = absence.found(&body);
            let query = &absence.query;
            let text = match &found {
                Some(seen) => format!("{query} is {seen}, expected no result"),
                None => format!("{query} has no result"),
            };
            Check::new(found.is_none(), Cause::Body, text)
        }));
    }
}

/// Why a received body cannot be searched.
fn unreadable(text: &Text<'_>, codings: &[String], body: &[u8]) -> Option<String> {
    if let Some(charset) = &text.unknown_charset {
        let charset = charset.escape_debug();
        return Some(format!(
            "has the charset `{charset}` and cannot be decoded to check for"
        ));
    }
    let is_opaque = !is_plain(body) && codings.iter().any(|coding| !is_charset(coding));
    is_opaque.then(|| "is encoded and cannot be decoded to check for".to_owned())
}

/// Notes in failed checks that the body has an unknown encoding.
fn note(codings: &[String], checks: &mut [Check]) {
    let codings = quoted(codings.join(", ").as_bytes());
    for check in checks.iter_mut().filter(|check| check.failed.is_some()) {
        check.text = format!(
            "{}; the body has the unknown encoding {codings}",
            check.text
        );
    }
}

/// Parses a status or a range from 100 to 999, such as `200-299` or `301`.
pub fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|status| (100..=999).contains(status))
    };
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (status(from)?, status(to)?),
        None => (status(text)?, status(text)?),
    };
    (from <= to).then_some(from..=to)
}

fn show_range(range: &RangeInclusive<u16>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}-{}", range.start(), range.end())
    }
}
