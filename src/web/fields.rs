//! Named values sent by a client: parameters of a query or keys of a JSON body. Each is checked when read,
//! so that an error states its name and what is valid.

use super::auth::Identity;
use super::problem::{NAME_SHOWN, Problem};
use crate::diagnostic::nearest;
use crate::outcome::Timestamp;
use crate::text::{beginning, printable};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::ops::RangeInclusive;

/// Maximum length of a reason, a note or an author.
pub const LINE_MAX: usize = 500;

/// Source of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Query,
    Body,
}

/// Names and values; each name is known and unique.
#[derive(Debug)]
pub struct Fields {
    title: &'static str,
    origin: Origin,
    pairs: Vec<(String, Value)>,
}

impl Fields {
    /// Fields of a query with these valid `names`.
    pub fn of_query(pairs: Vec<(String, Value)>, names: &[&str]) -> Result<Self, Problem> {
        let fields = Self {
            title: "invalid query",
            origin: Origin::Query,
            pairs,
        };
        fields.known(names)
    }

    /// Fields of a body, with the title of its errors.
    pub fn of_body(
        title: &'static str,
        pairs: Vec<(String, Value)>,
        names: &[&str],
    ) -> Result<Self, Problem> {
        let fields = Self {
            title,
            origin: Origin::Body,
            pairs,
        };
        fields.known(names)
    }

    fn known(self, names: &[&str]) -> Result<Self, Problem> {
        let what = match self.origin {
            Origin::Query => "parameter",
            Origin::Body => "key",
        };
        for (at, (name, _)) in self.pairs.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                let name = beginning(name, NAME_SHOWN);
                let name = printable(&name);
                let valid = match (nearest(&name, names.iter().copied()), names) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, []) => "this address takes no parameters".to_owned(),
                    (None, names) => format!("valid: {}", quoted(names)),
                };
                return Err(self.fault(format!("unknown {what} `{name}`; {valid}")));
            }
            if self.pairs[..at].iter().any(|(before, _)| before == name) {
                return Err(self.fault(format!("`{name}` is given twice")));
            }
        }
        Ok(self)
    }

    /// An error in the client's input.
    pub fn fault(&self, reason: impl Into<String>) -> Problem {
        let status = match self.origin {
            Origin::Query => StatusCode::BAD_REQUEST,
            Origin::Body => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, self.title).because(reason)
    }

    fn missing(&self, name: &str) -> Problem {
        self.fault(format!("`{name}` is missing"))
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|one| !one.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let fault = || self.fault(format!("`{name}` must be a string"));
        let text = self.value(name).map(|one| one.as_str().ok_or_else(fault));
        text.transpose()
    }

    pub fn required_text(&self, name: &str) -> Result<&str, Problem> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// One line of text. Invisible characters and those that change the text direction are replaced.
    pub fn line(&self, name: &str, length: RangeInclusive<usize>) -> Result<String, Problem> {
        let least = *length.start();
        let given = match self.text(name)? {
            None if least > 0 => return Err(self.missing(name)),
            given => printable(given.unwrap_or_default()).trim().to_owned(),
        };
        if length.contains(&given.chars().count()) {
            return Ok(given);
        }
        let most = length.end();
        Err(self.fault(match least {
            0 => format!("`{name}` must have at most {most} characters"),
            _ => format!("`{name}` must have {least} to {most} characters"),
        }))
    }

    /// The authenticated user, otherwise the field `author`.
    pub fn author(&self, by: &Identity) -> Result<String, Problem> {
        if by.is_authenticated {
            return Ok(by.name.to_string());
        }
        self.line("author", 1..=LINE_MAX)
    }

    /// An integer.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        let read = |value: &Value| match value {
            Value::String(text) if self.origin == Origin::Query => text.parse().ok(),
            value => value.as_i64(),
        };
        let fault = || self.fault(format!("`{name}` must be a whole number"));
        let number = self.value(name).map(|one| read(one).ok_or_else(fault));
        number.transpose()
    }

    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        // Also with a space instead of the `T`.
        let spaced = || {
            let at = text.parse::<DateTime<Utc>>().ok()?;
            Some(Timestamp(at.timestamp_millis()))
        };
        if let Some(at) = Timestamp::parse(text).or_else(spaced) {
            return Ok(Some(at));
        }
        let form = format!("`{name}` must be a time such as 2026-11-01T14:00:00Z");
        // `+` in a query is decoded as a space.
        let is_cut = self.origin == Origin::Query && text.contains(' ');
        Err(self.fault(if is_cut {
            format!("{form}, or 2026-11-01T14:00:00%2B01:00 with `+` written as %2B")
        } else {
            form
        }))
    }

    pub fn required_time(&self, name: &str) -> Result<Timestamp, Problem> {
        self.time(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of strings; empty if absent.
    pub fn strings(&self, name: &str) -> Result<Vec<String>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let items = value.as_array().map(|items| {
            let texts = items.iter().map(|one| one.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        });
        let fault = || self.fault(format!("`{name}` must be a list of strings"));
        items.flatten().ok_or_else(fault)
    }

    /// Number of rows of a response, from the parameter `limit`.
    pub fn limit(&self, default: u32, most: u32) -> Result<u32, Problem> {
        let asked = self.number("limit")?.unwrap_or(default.into());
        let limit = u32::try_from(asked).ok().filter(|limit| *limit <= most);
        let fault = || self.fault(format!("`limit` must be from 1 to {most}"));
        limit.filter(|limit| *limit > 0).ok_or_else(fault)
    }

    /// End of the previous page, from the `Link` header: see [`super::listing::link_next_in`].
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        let fault = || self.fault("`cursor` must be taken from a `Link` header");
        let read = |text: &str| serde_json::from_str(text).map_err(|_| fault());
        self.text("cursor")?.map(read).transpose()
    }

    /// Half-open range of the parameters `from` and `to`; an absent end is unbounded.
    pub fn span(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            return Err(self.fault("`to` must be after `from`"));
        }
        Ok((from, to))
    }
}

/// Formats `a`, `b`, `c`.
pub fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: [&str; 5] = ["from", "to", "limit", "reason", "services"];

    fn fields(body: &Value) -> Result<Fields, Problem> {
        let pairs = body.as_object().expect("an object").clone();
        Fields::of_body("invalid", pairs.into_iter().collect(), &NAMES)
    }

    fn query(name: &str, value: &str) -> Fields {
        let pairs = vec![(name.to_owned(), value.into())];
        Fields::of_query(pairs, &NAMES).expect("known")
    }

    fn detail<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        let problem = result.expect_err("invalid");
        problem.detail().unwrap_or_default().to_owned()
    }

    #[test]
    fn faults_name_what_is_invalid_and_what_is_valid() {
        assert_eq!(
            detail(fields(&json!({"form": 1}))),
            "unknown key `form`; did you mean `from`?"
        );
        assert_eq!(
            detail(fields(&json!({"zzz": 1}))),
            "unknown key `zzz`; valid: `from`, `to`, `limit`, `reason`, `services`"
        );
        let given = fields(&json!({"from": 1, "to": "x", "reason": " ", "services": "a"}));
        let given = given.expect("known");
        assert_eq!(detail(given.time("from")), "`from` must be a string");
        let time = "`to` must be a time such as 2026-11-01T14:00:00Z";
        assert_eq!(detail(given.time("to")), time);
        let words = given.line("reason", 1..=LINE_MAX);
        assert_eq!(detail(words), "`reason` must have 1 to 500 characters");
        let services = given.strings("services");
        assert_eq!(detail(services), "`services` must be a list of strings");
        assert_eq!(detail(given.required_text("limit")), "`limit` is missing");
        let limit = detail(query("limit", "0").limit(10, 100));
        assert_eq!(limit, "`limit` must be from 1 to 100");
        let zone = detail(query("from", "2026-11-01T14:00:00 01:00").time("from"));
        assert!(zone.ends_with("with `+` written as %2B"), "{zone}");
        let twice = vec![("to".to_owned(), Value::Null); 2];
        assert_eq!(
            detail(Fields::of_query(twice, &NAMES)),
            "`to` is given twice"
        );
        let none = vec![("service".to_owned(), "a".into())];
        assert_eq!(
            detail(Fields::of_query(none, &[])),
            "unknown parameter `service`; this address takes no parameters"
        );
    }

    #[test]
    fn text_is_one_line_of_visible_characters() {
        let given = fields(&json!({"reason": " a\u{0}b\u{202e}\nc "})).expect("known");
        let words = given.line("reason", 1..=LINE_MAX).expect("valid");
        assert_eq!(words, "a\u{fffd}b\u{fffd} c");
    }
}
