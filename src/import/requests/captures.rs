//! Values that a response of a recording contains and a later request sends: tokens and identifiers. They differ
//! in each session, so a step captures them.

use super::ImportedCapture;
use super::collector::Draft;
use super::secrets::is_secret;
use super::text::{TextPart, has_reference};
use http::HeaderName;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Minimum length of a value; shorter ones may be equal by chance.
const VALUE_MIN: usize = 8;
/// Maximum length of a value that a step can capture.
const VALUE_MAX: usize = 16 << 10;
/// Minimum number of digits in the number of an identifier.
const NUMBER_MIN: usize = 4;
/// Maximum number of values that are looked for.
const KNOWN_MAX: usize = 200_000;
/// Maximum number of values that are captured; a step can capture as many.
const CAPTURED_MAX: usize = 50;
/// Maximum length of a body that a step searches.
const BODY_MAX: usize = 1 << 20;
const NAME_MAX: usize = 40;

/// The values of the responses so far.
#[derive(Default)]
pub struct Captures {
    known: HashMap<String, Known>,
    /// Words of the requests so far. A response that repeats one is not its source.
    sent: HashSet<String>,
    names: BTreeSet<String>,
}

/// Where a value was first.
struct Known {
    step: usize,
    way: &'static str,
    query: String,
    /// The name in the response, from which that of the capture is derived.
    field: String,
    /// The name of the capture, once a request sends the value.
    name: Option<String>,
}

/// A response of a recording.
pub struct Recorded<'a> {
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: String,
}

impl Captures {
    /// Replaces the known values in a request by references. Returns the captures that this requires, and the step
    /// of each.
    pub fn replace(&mut self, draft: &mut Draft) -> Vec<(usize, ImportedCapture)> {
        let mut needed = Vec::new();
        let path = path_of(&draft.address);
        let target = self.in_words(&draft.address[path..], &mut needed);
        draft.address.replace_range(path.., &target);
        for (name, value) in &mut draft.headers {
            if !name.eq_ignore_ascii_case("cookie") {
                *value = self.in_header(value, &mut needed);
            }
        }
        if let Some(body) = &mut draft.body {
            *body = self.in_words(body, &mut needed);
        }
        needed
    }

    /// The whole value, or what follows a scheme such as `Bearer`, may contain other characters than a word.
    fn in_header(&mut self, value: &str, needed: &mut Vec<(usize, ImportedCapture)>) -> String {
        let begin = value.rfind(' ').map_or(0, |space| space + 1);
        match self.reference(&value[begin..], needed) {
            Some(reference) => value[..begin].to_owned() + &reference,
            None => self.in_words(value, needed),
        }
    }

    fn in_words(&mut self, text: &str, needed: &mut Vec<(usize, ImportedCapture)>) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c| !is_word(c)) {
            let word = piece.trim_end_matches(|c| !is_word(c));
            if let Some(reference) = self.reference(word, needed) {
                out += &reference;
            } else {
                out += word;
                self.sent.insert(word.to_owned());
            }
            out += &piece[word.len()..];
        }
        out
    }

    fn reference(
        &mut self,
        value: &str,
        needed: &mut Vec<(usize, ImportedCapture)>,
    ) -> Option<String> {
        let known = self.known.get_mut(value)?;
        if known.name.is_none() {
            if self.names.len() == CAPTURED_MAX {
                return None;
            }
            let name = new_name(&known.field, &self.names);
            self.names.insert(name.clone());
            let capture = ImportedCapture {
                name: name.clone(),
                way: known.way,
                query: known.query.clone(),
            };
            needed.push((known.step, capture));
            known.name = Some(name);
        }
        let name = known.name.as_deref()?;
        Some(TextPart::mark(&format!("captured.{name}")))
    }

    /// Adds the values of the response to a step.
    pub fn add(&mut self, step: usize, response: &Recorded<'_>) {
        for (name, value) in &response.headers {
            let is_valid = HeaderName::from_bytes(name.as_bytes()).is_ok();
            if is_valid && !name.eq_ignore_ascii_case("set-cookie") {
                self.know(step, value, name, "header", || (*name).to_owned());
            }
        }
        if response.body.len() > BODY_MAX {
            return;
        }
        match serde_json::from_str(&response.body) {
            Ok(json) => self.add_json(step, "", "$", &json),
            Err(_) => self.add_html(step, &response.body),
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
            Value::String(text) => self.know(step, text, name, "json", || path.to_owned()),
            Value::Number(number) if name.to_ascii_lowercase().ends_with("id") => {
                let digits = number.to_string();
                if digits.len() >= NUMBER_MIN && digits.chars().all(|c| c.is_ascii_digit()) {
                    self.insert(step, &digits, name, "json", path.to_owned());
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
            self.know(step, content, field, "regex", || {
                if name.start < value.start {
                    format!("{name_is}[^>]*{value_is}")
                } else {
                    format!("{value_is}[^>]*{name_is}")
                }
            });
        }
    }

    /// Adds a value if it looks like one of a session: a secret, or long and with a digit.
    fn know(
        &mut self,
        step: usize,
        value: &str,
        field: &str,
        way: &'static str,
        query: impl FnOnce() -> String,
    ) {
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
        let is_of_session = value.chars().any(|c| c.is_ascii_digit()) || is_secret(field, value);
        let is_long = (VALUE_MIN..=VALUE_MAX).contains(&value.len());
        if is_long && is_of_session && value.chars().all(is_plain) {
            self.insert(step, value, field, way, query());
        }
    }

    fn insert(&mut self, step: usize, value: &str, field: &str, way: &'static str, query: String) {
        if self.known.len() < KNOWN_MAX && !self.sent.contains(value) {
            self.known.entry(value.to_owned()).or_insert_with(|| Known {
                step,
                way,
                query,
                field: field.to_owned(),
                name: None,
            });
        }
    }
}

/// Whether it is an unreserved character of a URI (RFC 3986, section 2.3), which is written the same everywhere.
const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

/// Where the path of an address begins.
fn path_of(address: &str) -> usize {
    let host = address.find("://").map_or(0, |place| place + 3);
    let path = address[host..].find(['/', '?', '#']);
    path.map_or(address.len(), |place| host + place)
}

/// The value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let begin = format!(" {name}=\"");
    let from = tag.find(&begin)? + begin.len();
    let length = tag[from..].find('"')?;
    Some(from..from + length)
}

/// A name that no other capture has.
fn new_name(field: &str, taken: &BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let field: String = field.chars().take(NAME_MAX).map(plain).collect();
    let field = field.trim_matches('_');
    let field = if field.is_empty() { "value" } else { field };
    let names = (1..).map(|number: u32| match number {
        1 => field.to_owned(),
        _ => format!("{field}_{number}"),
    });
    names
        .into_iter()
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}
