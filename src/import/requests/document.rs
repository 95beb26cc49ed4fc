//! A JSON or YAML document with the position of each value.

use super::text::has_reference;
use super::{Remark, RequestsError, SIZE_MAX};
use crate::text::printable;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Maximum number of values in a document. A value may use several hundred bytes of memory.
const VALUES_MAX: usize = 2_000_000;
/// Maximum nesting of YAML; the JSON parser has its own limit of 128.
const DEPTH_MAX: usize = 64;
/// Maximum number of values repeated by aliases.
const REPLAY_MAX: usize = 100_000;
const TOO_COMPLEX: &str = "is nested too deeply, or has too many values or aliases";
/// Longer keys are truncated in positions.
const KEY_SHOWN: usize = 60;

/// The text of a file, without a byte order mark.
pub fn text(file: &[u8]) -> Result<&str, RequestsError> {
    if file.len() > SIZE_MAX {
        return Err(invalid("", "is larger than 64 MiB"));
    }
    let text = str::from_utf8(file).map_err(|error| {
        let line = file[..error.valid_up_to()].split(|byte| *byte == b'\n');
        invalid(format!("line {}", line.count()), "is not UTF-8")
    })?;
    Ok(text.trim_start_matches('\u{feff}'))
}

pub fn json_or_yaml(text: &str) -> Result<Value, RequestsError> {
    if text.trim_start().starts_with('{') {
        json(text)
    } else {
        yaml(text)
    }
}

pub fn json(text: &str) -> Result<Value, RequestsError> {
    if values(text) > VALUES_MAX {
        return Err(too_many());
    }
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        // The parser's message about a syntax error quotes nothing from the document.
        let whole = error.to_string();
        let what = whole.split(" at line ").next().unwrap_or_default();
        let what = match what {
            "recursion limit exceeded" => "is nested too deeply, at most 128 levels".to_owned(),
            what => format!("is not valid JSON: {what}"),
        };
        invalid(place, what)
    })
}

fn yaml(text: &str) -> Result<Value, RequestsError> {
    let options = serde_yaml::options! {
        // Names such as `on`, `no` and `007` keep their spelling.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        budget: serde_yaml::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: VALUES_MAX,
            max_events: 2 * VALUES_MAX,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAY_MAX },
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| {
            format!("line {}, column {}", at.line(), at.column())
        });
        invalid(place, yaml_fault(&error))
    })
}

/// Describes an error. The parser's own message may quote the document, which may contain secrets.
fn yaml_fault(error: &serde_yaml::Error) -> &'static str {
    use serde_yaml::Error;
    match error.without_snippet() {
        Error::AliasError { error, .. } => yaml_fault(error),
        Error::MultipleDocuments { .. } => "has more than one document",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => TOO_COMPLEX,
        other if other.to_string().contains("recursion") => TOO_COMPLEX,
        _ => "is not valid YAML",
    }
}

/// An upper bound on the number of values in the document: each value except the first follows one
/// of these characters.
fn values(text: &str) -> usize {
    let (mut count, mut in_text, mut escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b':' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// Rejects documents that contain our own reference characters.
pub fn without_references(value: Value) -> Result<Value, RequestsError> {
    if contains_reference(&value) {
        let what = "contains U+FDD0 or U+FDD1, which are not valid in a text";
        return Err(invalid("", what));
    }
    Ok(value)
}

fn contains_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => has_reference(text),
        Value::Array(items) => items.iter().any(contains_reference),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| has_reference(name) || contains_reference(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn too_many() -> RequestsError {
    invalid("", "has more than 2,000,000 values")
}

fn invalid(place: impl Into<String>, what: impl Into<String>) -> RequestsError {
    RequestsError::Invalid(Remark {
        place: place.into(),
        what: what.into(),
    })
}

/// A value with its position.
#[derive(Clone, Debug)]
pub struct At<'a> {
    pub value: &'a Value,
    place: String,
}

impl<'a> At<'a> {
    pub const fn root(value: &'a Value) -> Self {
        Self {
            value,
            place: String::new(),
        }
    }

    /// The member of a mapping; `None` if it is missing or `null`.
    pub fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(self.member(name, value))
    }

    /// The value that a JSON pointer in a URL fragment refers to.
    pub fn pointer(&self, pointer: &str) -> Option<Self> {
        let pointer = percent_decode_str(pointer).decode_utf8().ok()?;
        let value = self.value.pointer(&pointer)?;
        let place: Vec<&str> = pointer.split('/').skip(1).collect();
        Some(Self {
            value,
            place: excerpt(&place.join(".").replace("~1", "/").replace("~0", "~")),
        })
    }

    pub fn need(&self, name: &str) -> Result<Self, RequestsError> {
        if !self.value.is_object() {
            return Err(self.expected("a mapping"));
        }
        self.get(name)
            .ok_or_else(|| self.fault(format!("`{name}` is missing")))
    }

    pub fn text(&self) -> Result<&'a str, RequestsError> {
        self.value.as_str().ok_or_else(|| self.expected("text"))
    }

    /// A text, or a number or boolean as written.
    pub fn scalar(&self) -> Result<String, RequestsError> {
        match self.value {
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => self.text().map(str::to_owned),
        }
    }

    /// The text of a member; empty if it is missing.
    pub fn text_of(&self, name: &str) -> Result<&'a str, RequestsError> {
        self.get(name).map_or(Ok(""), |member| member.text())
    }

    /// Whether a member is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.value.get(name) == Some(&Value::Bool(true))
    }

    pub fn items(&self) -> Result<impl Iterator<Item = Self> + use<'a>, RequestsError> {
        let items = self.value.as_array();
        let items = items.ok_or_else(|| self.expected("a list"))?;
        let place = self.place.clone();
        let item = move |(number, value)| Self {
            value,
            place: format!("{place}[{number}]"),
        };
        Ok(items.iter().enumerate().map(item))
    }

    /// The items of a member; empty if it is missing.
    pub fn items_of(&self, name: &str) -> Result<Vec<Self>, RequestsError> {
        self.get(name)
            .map_or(Ok(Vec::new()), |list| list.items().map(Iterator::collect))
    }

    pub fn entries(&self) -> Result<Vec<(&'a str, Self)>, RequestsError> {
        let entries = self.value.as_object();
        let entries = entries.ok_or_else(|| self.expected("a mapping"))?;
        let entry =
            |(name, value): (&'a String, &'a Value)| (name.as_str(), self.member(name, value));
        Ok(entries.iter().map(entry).collect())
    }

    pub fn fault(&self, what: impl Into<String>) -> RequestsError {
        invalid(self.place.clone(), what)
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    fn expected(&self, what: &str) -> RequestsError {
        self.fault(format!("expected {what}"))
    }

    fn member(&self, name: &str, value: &'a Value) -> Self {
        let dot = if self.place.is_empty() { "" } else { "." };
        Self {
            value,
            place: format!("{}{dot}{}", self.place, excerpt(name)),
        }
    }
}

/// A key, truncated.
fn excerpt(name: &str) -> String {
    let shown: String = name.chars().take(KEY_SHOWN).collect();
    let dots = if shown.len() < name.len() { "..." } else { "" };
    format!("{}{dots}", printable(&shown))
}
