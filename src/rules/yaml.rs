//! YAML with exact texts: characters that a terminal would not show are escaped.

use crate::text::{escaped, has_hidden};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_yaml::DoubleQuoted;
use std::collections::BTreeMap;

/// Writes a document. Texts from a config are written by [`text`], [`optional`] and [`texts`], since they may
/// contain any characters.
pub(super) fn write(value: &impl Serialize) -> Result<String, String> {
    let written = serde_yaml::to_string(value);
    let written = written.map_err(|error| format!("the file cannot be written: {error}"))?;
    Ok(escaped(&written).into_owned())
}

struct Text<'t>(&'t str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only double-quoted strings support escapes.
        if has_hidden(self.0) {
            DoubleQuoted(self.0).serialize(serializer)
        } else {
            serializer.serialize_str(self.0)
        }
    }
}

pub(super) fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Text(text).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn optional<S: Serializer>(
    text: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text.as_deref().map(Text).serialize(serializer)
}

pub(super) fn texts<S: Serializer>(
    all: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(all.len()))?;
    for (name, value) in all {
        map.serialize_entry(name, &Text(value))?;
    }
    map.end()
}
