//! Finds the values of a response that later requests may send.

use super::{Captures, Known, path_of};
use crate::import::requests::CaptureKeys;
use crate::import::requests::secrets::is_secret;
use crate::import::requests::text::has_reference;
use http::HeaderName;
use http::header::{LOCATION, SET_COOKIE};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Minimum length of a value; shorter ones may be equal by chance.
const VALUE_MIN: usize = 8;
/// Maximum length of a value that a step can capture.
const VALUE_MAX: usize = 16 << 10;
/// Minimum number of digits in the number of an identifier.
const NUMBER_MIN: usize = 4;
/// Maximum number of values that are looked for.
const KNOWN_MAX: usize = 200_000;
/// Maximum length of a body that a step searches.
const BODY_MAX: usize = 1 << 20;
/// Maximum length of an address whose parts are looked for.
const LOCATION_MAX: usize = 2 << 10;

/// A response of a recording.
pub struct Recorded<'a> {
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Names and values of the cookies that it sets.
    pub cookies: Vec<(&'a str, &'a str)>,
    pub body: String,
}

impl Captures {
    /// Adds the values of the response to a step.
    pub fn add(&mut self, step: usize, response: &Recorded<'_>) {
        for (name, value) in &response.headers {
            let is_valid = HeaderName::from_bytes(name.as_bytes()).is_ok();
            if is_valid && !name.eq_ignore_ascii_case(SET_COOKIE.as_str()) {
                let keys = || vec![("header", (*name).to_owned())];
                self.know(step, value, name, keys);
            }
            if name.eq_ignore_ascii_case(LOCATION.as_str()) && value.len() <= LOCATION_MAX {
                self.add_location(step, value);
            }
        }
        if response.body.len() <= BODY_MAX {
            match serde_json::from_str(&response.body) {
                Ok(json) => self.add_json(step, "", "$", &json),
                Err(_) => self.add_html(step, &response.body),
            }
        }
        for (name, value) in response
            .cookies
            .iter()
            .filter(|(name, _)| !name.contains('{'))
        {
            let value = decoded(value);
            let keys = || vec![("cookie", (*name).to_owned())];
            self.know(step, &value, name, keys);
        }
    }

    /// Adds the parts of an address that differ in each session: segments of its path, and values of its query.
    fn add_location(&mut self, step: usize, address: &str) {
        let target = &address[path_of(address)..];
        let (path, query) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
        let (mut before, mut field) = (String::new(), "id");
        for segment in path.split('/').skip(1) {
            let keys = || in_location(format!("{before}/([^/?#]+)"));
            let value = decoded(segment);
            if is_number(&value) {
                self.insert(step, &value, field, keys());
            } else {
                self.know(step, &value, field, keys);
            }
            before.push('/');
            before += &if self.known.contains_key(&value) {
                "[^/?#]+".to_owned()
            } else {
                regex::escape(segment)
            };
            field = segment;
        }
        for (name, value) in query
            .split(['?', '&', '#'])
            .filter_map(|pair| pair.split_once('='))
        {
            let keys = || in_location(format!("[?&#]{}=([^&#]+)", regex::escape(name)));
            self.know(step, &decoded(value), name, keys);
        }
    }

    fn add_json(&mut self, step: usize, name: &str, path: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                // A query must not refer to a variable.
                let members = members.iter();
                for (name, value) in
                    members.filter(|(name, _)| !name.contains('{') && !has_reference(name))
                {
                    let is_name = name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
                    let path = if is_name && !name.is_empty() {
                        format!("{path}.{name}")
                    } else {
                        format!("{path}[{}]", Value::from(name.as_str()))
                    };
                    self.add_json(step, name, &path, value);
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.add_json(step, name, &format!("{path}[{place}]"), item);
                }
            }
            Value::String(text) => {
                self.know(step, text, name, || vec![("json", path.to_owned())]);
            }
            Value::Number(number) if name.to_ascii_lowercase().ends_with("id") => {
                let digits = number.to_string();
                if is_number(&digits) {
                    self.insert(step, &digits, name, vec![("json", path.to_owned())]);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Adds the hidden fields of forms, and the tokens in the head of a page.
    fn add_html(&mut self, step: usize, body: &str) {
        for tag in body.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let held = match tag.split(char::is_whitespace).next() {
                Some("input") => "value",
                Some("meta") => "content",
                _ => continue,
            };
            let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, held)) else {
                continue;
            };
            let (field, content) = (&tag[name.clone()], &tag[value.clone()]);
            let (name_is, value_is) = (
                format!(" name=\"{}\"", regex::escape(field)),
                format!(" {held}=\"([^\"]+)\""),
            );
            self.know(step, content, field, || {
                let (first, second) = if name.start < value.start {
                    (name_is, value_is)
                } else {
                    (value_is, name_is)
                };
                vec![("regex", format!("{first}[^>]*{second}"))]
            });
        }
    }

    /// Adds a value if it looks like one of a session: a secret, or long and with a digit.
    fn know(&mut self, step: usize, value: &str, field: &str, keys: impl FnOnce() -> CaptureKeys) {
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
        let is_of_session = value.chars().any(|c| c.is_ascii_digit()) || is_secret(field, value);
        let is_long = (VALUE_MIN..=VALUE_MAX).contains(&value.len());
        if is_long && is_of_session && value.chars().all(is_plain) {
            self.insert(step, value, field, keys());
        }
    }

    fn insert(&mut self, step: usize, value: &str, field: &str, keys: CaptureKeys) {
        if self.known.len() < KNOWN_MAX && !self.sent.contains(value) {
            self.known.entry(value.to_owned()).or_insert_with(|| Known {
                step,
                keys,
                field: field.to_owned(),
                name: None,
            });
        }
    }
}

/// A value in an address or a cookie, as a step captures it.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether it looks like the number of an identifier.
fn is_number(text: &str) -> bool {
    text.len() >= NUMBER_MIN && text.chars().all(|c| c.is_ascii_digit())
}

/// The keys of what an expression finds in a `Location` header.
fn in_location(expression: String) -> CaptureKeys {
    vec![("header", LOCATION.to_string()), ("regex", expression)]
}

/// The value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let begin = format!(" {name}=\"");
    let from = tag.find(&begin)? + begin.len();
    let length = tag[from..].find('"')?;
    Some(from..from + length)
}
