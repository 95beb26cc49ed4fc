//! A YAML document as a tree in which every key and value knows its place.

use crate::diagnostic::{Diagnostic, Place, Severity, Source};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Location, Spanned};
use std::fmt;
use std::hash::{Hash, Hasher};

/// The largest document in bytes: 20,000 services with a probe and labels take about 2 MB. The
/// parser's own limits on nodes are set so that this one is met first.
pub const SIZE_LIMIT: usize = 4 << 20;
/// The deepest nesting that is read. A config has about 8 levels; the reader is recursive.
const DEPTH_LIMIT: usize = 64;
/// How much aliases may repeat: a config with anchors for its defaults stays far below.
const REPLAY_LIMIT: usize = 100_000;

/// A value and where it stands (where it is used, for an alias).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In document order, duplicates included: the reader reports them.
    Map(Vec<(Node, Node)>),
}

/// Equal content hashes equally, wherever it stands.
impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&self.value).hash(state);
        match &self.value {
            Value::Null => {}
            Value::Bool(value) => value.hash(state),
            Value::Integer(value) => value.hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            Value::Text(value) => value.hash(state),
            Value::List(items) => items.hash(state),
            Value::Map(entries) => entries.hash(state),
        }
    }
}

impl Value {
    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar as it would be written.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Float(value) => Some(value.to_string()),
            Self::Text(value) => Some(value.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Reads a document; a syntax error is one diagnostic, since nothing after it can be trusted.
pub fn parse(source: &Source) -> Result<Node, Box<Diagnostic>> {
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // Names such as `on`, `no` and `007` stay what was written.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        budget: serde_yaml::budget! {
            max_depth: DEPTH_LIMIT,
            flow_nesting_limit: DEPTH_LIMIT,
            max_nodes: SIZE_LIMIT,
            max_events: 2 * SIZE_LIMIT,
            // One anchor for many services is a good use; what aliases cost is bounded below.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAY_LIMIT },
    };
    serde_yaml::from_str_with_options::<Spanned<Raw>>(&source.text, options)
        .map(node)
        .map_err(|error| {
            let (message, help) = explain(&error);
            Box::new(Diagnostic {
                severity: Severity::Error,
                code: "syntax",
                place: error.location().as_ref().map(place),
                path: String::new(),
                message,
                help,
            })
        })
}

/// What the parser's words mean to somebody who writes a config.
const HINTS: &[(&str, &str)] = &[
    ("tab", "indent with spaces, as YAML wants it"),
    ("unclosed", "something that is opened here is never closed"),
    ("recursion", "use fewer levels"),
];

/// What went wrong, and what to do about it, where more is known than the parser says.
fn explain(error: &serde_yaml::Error) -> (String, Option<String>) {
    use serde_yaml::Error;
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error),
        Error::MultipleDocuments { .. } => (
            "there is more than one document in this file".to_owned(),
            Some("keep one: take out the `---` line between them".to_owned()),
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "this document nests or repeats itself without measure".to_owned(),
            Some("use fewer aliases and levels".to_owned()),
        ),
        other => {
            let reason = reason(other);
            let hint = HINTS.iter().find(|(word, _)| reason.contains(word));
            let help = hint.map(|(_, help)| (*help).to_owned());
            (format!("this is not YAML: {reason}"), help)
        }
    }
}

/// The parser's sentence without the position, which we draw ourselves.
fn reason(error: &serde_yaml::Error) -> String {
    let full = error.to_string();
    let first = full.lines().next().unwrap_or_default();
    let sentence = first.split(" at line ").next().unwrap_or(first);
    sentence.trim().to_owned()
}

fn place(location: &Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    Place {
        line: number(location.line()),
        column: number(location.column()),
        len: number(location.span().len()),
    }
}

fn node(spanned: Spanned<Raw>) -> Node {
    let place = place(&spanned.referenced);
    let value = match spanned.value {
        Raw::Scalar(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(node).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (node(key), node(value)))
                .collect(),
        ),
    };
    Node { place, value }
}

enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        let value = i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer);
        Ok(Raw::Scalar(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Node, Box<Diagnostic>> {
        parse(&Source {
            name: String::new(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn names_stay_what_was_written() {
        for name in ["on", "no", "y", "007", "1_000", "2001:db8::1", "12:30"] {
            let node = parsed(name).expect("a scalar");
            assert_eq!(node.value, Value::Text(name.to_owned()));
        }
        assert_eq!(parsed("true").expect("a boolean").value, Value::Bool(true));
        assert_eq!(parsed("7").expect("a number").value, Value::Integer(7));
    }

    #[test]
    fn nesting_and_repeating_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parsed(&nested(20)).is_ok());
        let blocks = "- ".repeat(5000);
        for text in [nested(5000), blocks, "{a: ".repeat(5000)] {
            assert_eq!(parsed(&text).expect_err("too deep").code, "syntax");
        }
    }

    #[test]
    fn one_anchor_may_serve_many_and_be_overridden() {
        let mut text = "- &a { x: 1, y: 2 }\n".to_owned();
        text += &"- { <<: *a, y: 3 }\n".repeat(500);
        let Value::List(items) = parsed(&text).expect("merged").value else {
            panic!("a list")
        };
        let Value::Map(entries) = &items[500].value else {
            panic!("a mapping")
        };
        let pairs: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.value.scalar(), value.value.clone()))
            .collect();
        assert_eq!(pairs.len(), 2, "{pairs:?}");
        assert!(pairs.contains(&(Some("x".to_owned()), Value::Integer(1))));
        assert!(pairs.contains(&(Some("y".to_owned()), Value::Integer(3))));
    }

    #[test]
    fn an_alias_stands_where_it_is_used() {
        let node = parsed("a: &x [1]\nb: *x\n").expect("an alias");
        let Value::Map(entries) = node.value else {
            panic!("a mapping")
        };
        assert_eq!(entries[1].1.place.line, 2);
        assert!(matches!(&entries[1].1.value, Value::List(items) if items.len() == 1));
    }
}
