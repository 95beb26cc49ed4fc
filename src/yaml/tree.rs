//! A YAML document as a tree of keys and values with source positions.

use super::syntax::{diagnose, odd_indentation};
use crate::diagnostic::{Diagnostic, Place, Source};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Maximum size of a document in bytes; 20,000 services with a probe and labels take about 2 MB. The
/// parser's limits on nodes are set so that this one applies first.
pub const SIZE_LIMIT: usize = 4 << 20;
/// Maximum nesting depth. A config has about 8 levels. The reader is recursive, and a level takes up to
/// 32 KiB of a thread's stack of 2 MiB.
const DEPTH_LIMIT: usize = 32;
/// Maximum number of events replayed by aliases; a config with anchors for its defaults stays far below.
const REPLAY_LIMIT: usize = 100_000;

/// A value and its place (for an alias, where it is used).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
    /// Whether YAML resolves it to a number or a boolean instead of a string.
    pub is_typed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// A scalar as spelled in the document. `1.10`, `0x1F` and `True` are kept unchanged, because only
    /// the key determines whether the value is a number or a password.
    Text(String),
    List(Vec<Node>),
    /// In document order, duplicates included: the reader reports them.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Adds `lines` to the line of every place, for a text that is part of a file.
    pub fn move_down(&mut self, lines: usize) {
        self.place.line += lines;
        match &mut self.value {
            Value::Null | Value::Text(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    key.move_down(lines);
                    value.move_down(lines);
                }
            }
        }
    }
}

/// Ignores places: equal content has equal hashes.
impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&self.value).hash(state);
        match &self.value {
            Value::Null => {}
            Value::Text(value) => value.hash(state),
            Value::List(items) => items.hash(state),
            Value::Map(entries) => entries.hash(state),
        }
    }
}

impl Value {
    /// The kind of value, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// The scalar as spelled in the document; `None` for lists and mappings.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(value) => Some(value.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Parses a document. A syntax error is a single diagnostic, because nothing after it can be trusted.
pub fn parse(source: &Source) -> Result<Node, Box<Diagnostic>> {
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // Names such as `on`, `no` and `007` keep their spelling.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        // `.inf` and `1e400` are not valid numbers for any key, but may be passwords.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_yaml::budget! {
            max_depth: DEPTH_LIMIT,
            flow_nesting_limit: DEPTH_LIMIT,
            max_nodes: SIZE_LIMIT,
            max_events: 2 * SIZE_LIMIT,
            // An anchor that many services use is legitimate; the cost of aliases is bounded below.
            enforce_alias_anchor_ratio: false,
        },
        // Tags of other programs, such as `!env NAME`, would be read as strings.
        reject_unsupported_tags: true,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAY_LIMIT },
    };
    serde_yaml::from_str_with_options::<Spanned<Raw>>(&source.text, options)
        .map(|root| node(root, &source.text))
        .map_err(|error| Box::new(diagnose(&error, &source.text)))
        .and_then(|root| match odd_indentation(&root) {
            Some(fault) => Err(Box::new(fault)),
            None => Ok(root),
        })
}

/// Converts the parser's location to a place.
pub(super) fn place(location: &Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    Place {
        line: number(location.line()),
        column: number(location.column()),
        len: number(location.span().len()),
    }
}

fn node(spanned: Spanned<Raw>, document: &str) -> Node {
    let place = place(&spanned.referenced);
    let is_typed = matches!(spanned.value, Raw::Typed(_));
    let value = match spanned.value {
        Raw::Null => Value::Null,
        Raw::Typed(value) => {
            // Quotes around a tagged number are not part of the value.
            let plain = |written: &&str| !written.starts_with(['"', '\'', '|', '>']);
            let written = spelling(document, &spanned.defined).filter(plain);
            Value::Text(written.map_or(value, str::to_owned))
        }
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| node(item, document)).collect())
        }
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(name, value)| (key(name, document), node(value, document)))
                .collect(),
        ),
    };
    Node {
        place,
        value,
        is_typed,
    }
}

/// Converts a key, which is a name even if it is spelled `null`.
fn key(spanned: Spanned<Raw>, document: &str) -> Node {
    let written = spelling(document, &spanned.defined).map(str::to_owned);
    let mut node = node(spanned, document);
    if let (Value::Null, Some(written)) = (&node.value, written) {
        node.value = Value::Text(written);
    }
    node
}

/// The document's text at a location.
fn spelling<'d>(document: &'d str, at: &Location) -> Option<&'d str> {
    let span = at.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    document.get(start..start.checked_add(length)?)
}

enum Raw {
    Null,
    /// A boolean or number in the parser's spelling, which can differ from the document's.
    Typed(String),
    Text(String),
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
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
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
mod tests;
