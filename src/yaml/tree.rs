//! A YAML document as a tree in which every key and value knows its place.

use super::syntax::{diagnose, odd_indentation};
use crate::diagnostic::{Diagnostic, Place, Source};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};
use std::fmt;
use std::hash::{Hash, Hasher};

/// The largest document in bytes: 20,000 services with a probe and labels take about 2 MB. The
/// parser's own limits on nodes are set so that this one is met first.
pub const SIZE_LIMIT: usize = 4 << 20;
/// The deepest nesting that is read. A config has about 8 levels; the reader is recursive, and a
/// level takes up to 32 KiB of the 2 MiB of a thread.
const DEPTH_LIMIT: usize = 32;
/// How much aliases may repeat: a config with anchors for its defaults stays far below.
const REPLAY_LIMIT: usize = 100_000;

/// A value and where it stands (where it is used, for an alias).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
    /// Whether YAML takes it for a number or a boolean, not for a text.
    pub is_typed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// A scalar with the spelling of the document: `1.10`, `0x1F` and `True` are not rewritten,
    /// since only the key that takes it knows whether it is a number or a password.
    Text(String),
    List(Vec<Node>),
    /// In document order, duplicates included: the reader reports them.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Moves every place down: the text is a part of a file, with so many lines above it.
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

/// Equal content hashes equally, wherever it stands.
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
    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar as it is written.
    pub fn scalar(&self) -> Option<String> {
        match self {
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
        // `.inf` and `1e400` are no numbers that a key takes, but they may be passwords.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_yaml::budget! {
            max_depth: DEPTH_LIMIT,
            flow_nesting_limit: DEPTH_LIMIT,
            max_nodes: SIZE_LIMIT,
            max_events: 2 * SIZE_LIMIT,
            // One anchor for many services is a good use; what aliases cost is bounded below.
            enforce_alias_anchor_ratio: false,
        },
        // Those of other programs, such as `!env NAME`, would be texts here.
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

/// Where something stands, as we count.
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
            // Quotes around a tagged number are not part of it.
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

/// A key is a name, also where it is called `null`.
fn key(spanned: Spanned<Raw>, document: &str) -> Node {
    let written = spelling(document, &spanned.defined).map(str::to_owned);
    let mut node = node(spanned, document);
    if let (Value::Null, Some(written)) = (&node.value, written) {
        node.value = Value::Text(written);
    }
    node
}

/// What stands at a place of the document.
fn spelling<'d>(document: &'d str, at: &Location) -> Option<&'d str> {
    let span = at.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    document.get(start..start.checked_add(length)?)
}

enum Raw {
    Null,
    /// A boolean or number in the parser's spelling, which need not be the document's.
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
