//! What a good answer looks like. Pure.

use super::headers::is_secret;
use super::json::JsonCondition;
use crate::outcome::Cause;
use http::{HeaderMap, HeaderName, StatusCode};
use regex::{Regex, bytes};
use std::ops::RangeInclusive;

#[derive(Debug)]
pub struct Expect {
    pub status: Vec<RangeInclusive<u16>>,
    pub headers: Vec<(HeaderName, Regex)>,
    pub body: Vec<bytes::Regex>,
    pub body_not: Vec<bytes::Regex>,
    pub json: Vec<JsonCondition>,
}

/// One expectation held against an answer.
#[derive(Debug)]
pub struct Check {
    /// `None` if it holds.
    pub failed: Option<Cause>,
    /// What was expected and what was seen.
    pub told: String,
}

impl Expect {
    /// Whether the body must be kept to judge it.
    pub fn wants_body(&self) -> bool {
        !(self.body.is_empty() && self.body_not.is_empty() && self.json.is_empty())
    }

    pub fn check_status(&self, status: StatusCode) -> Check {
        let holds = self
            .status
            .iter()
            .any(|range| range.contains(&status.as_u16()));
        let wanted: Vec<_> = self.status.iter().map(show_range).collect();
        Check::new(holds, Cause::Status, || {
            format!("status {}, expected {}", status.as_u16(), wanted.join(", "))
        })
    }

    pub fn check_headers<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Check> + 'a {
        self.headers.iter().map(|(name, wanted)| {
            let values = || {
                headers
                    .get_all(name)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()))
            };
            let holds = values().any(|value| wanted.is_match(&value));
            let seen = match values().next() {
                Some(_) if is_secret(name) => "<secret>".into(),
                seen => seen.unwrap_or("nothing".into()),
            };
            Check::new(holds, Cause::Header, || {
                format!("header {name} is {seen}, expected /{wanted}/")
            })
        })
    }

    pub fn check_body(&self, body: &[u8]) -> Vec<Check> {
        let matching = self.body.iter().map(|wanted| {
            let holds = wanted.is_match(body);
            let seen = if holds { "matches" } else { "does not match" };
            Check::new(holds, Cause::Body, || format!("the body {seen} /{wanted}/"))
        });
        let unwanted = self.body_not.iter().map(|unwanted| {
            let holds = !unwanted.is_match(body);
            let seen = if holds { "does not match" } else { "matches" };
            Check::new(holds, Cause::Body, || {
                format!("the body {seen} /{unwanted}/, which it must not")
            })
        });
        let mut checks: Vec<_> = matching.chain(unwanted).collect();
        self.check_json(body, &mut checks);
        checks
    }

    fn check_json(&self, body: &[u8], checks: &mut Vec<Check>) {
        if self.json.is_empty() {
            return;
        }
        let body = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => {
                checks.push(Check::new(false, Cause::Body, || {
                    format!("the body is not JSON: {error}")
                }));
                return;
            }
        };
        checks.extend(self.json.iter().map(|condition| {
            let result = condition.check(&body);
            let holds = result.is_ok();
            let (Ok(seen) | Err(seen)) = result;
            Check::new(holds, Cause::Body, || {
                format!(
                    "{} is {seen}, expected {}",
                    condition.query, condition.wanted
                )
            })
        }));
    }
}

impl Check {
    fn new(holds: bool, cause: Cause, told: impl FnOnce() -> String) -> Self {
        Self {
            failed: (!holds).then_some(cause),
            told: told(),
        }
    }
}

/// `200-299` or `301`, from 100 to 599.
pub fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|status| (100..=599).contains(status))
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
