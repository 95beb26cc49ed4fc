//! Texts that contain references to variables.
//!
//! Until a request is finished, a reference is a name between two noncharacters of Unicode, which no
//! valid text contains. So texts can be split, encoded and joined as usual, and no text of a file is
//! mistaken for a reference.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const BEGIN: char = '\u{fdd0}';
const END: char = '\u{fdd1}';
/// Prefix of every variable name, so that existing environment variables (`PATH`, `USER`) are not sent.
const PREFIX: &str = "LOAD_";
const NAME_MAX: usize = 48;

/// Characters that are invalid in a path or query, except their separators. Percent-encoded characters
/// are kept.
pub const NOT_IN_TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// Characters that a value must not contain as part of a path or query.
const SEPARATORS: &AsciiSet = &NOT_IN_TARGET
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b';')
    .add(b'=')
    .add(b'?');

/// A reference to the variable for a header, parameter or key with this name.
pub fn reference(name: &str) -> String {
    let (mut variable, mut was_lower) = (String::new(), false);
    for c in name.chars().take(NAME_MAX) {
        // `userToken` and `user-token` both become USER_TOKEN.
        let is_end = !c.is_ascii_alphanumeric() || was_lower && c.is_ascii_uppercase();
        if is_end && !variable.is_empty() && !variable.ends_with('_') {
            variable.push('_');
        }
        if c.is_ascii_alphanumeric() {
            variable.push(c.to_ascii_uppercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    let variable = variable.trim_end_matches('_');
    let variable = if variable.is_empty() {
        "VALUE"
    } else {
        variable
    };
    format!("{BEGIN}{PREFIX}{variable}{END}")
}

/// A part of a text with references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    Plain(String),
    Name(String),
}

impl TextPart {
    /// A reference with this name.
    pub fn mark(name: &str) -> String {
        format!("{BEGIN}{name}{END}")
    }

    pub fn parts(text: &str) -> Vec<Self> {
        let mut parts = Vec::new();
        for part in text.split_inclusive(END) {
            let (plain, name) = part.split_once(BEGIN).unwrap_or((part, ""));
            if !plain.is_empty() {
                parts.push(Self::Plain(plain.to_owned()));
            }
            if let Some(name) = name.strip_suffix(END) {
                parts.push(Self::Name(name.to_owned()));
            }
        }
        parts
    }
}

pub fn has_reference(text: &str) -> bool {
    text.contains([BEGIN, END])
}

pub fn without_references(text: &str) -> String {
    let parts = text.split_inclusive(END);
    parts
        .map(|part| part.split_once(BEGIN).map_or(part, |(plain, _)| plain))
        .collect()
}

/// The text as written in the config; adds the names of its environment variables to `variables`.
pub fn finish(text: &str, variables: &mut BTreeSet<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(END) {
        let (plain, name) = part.split_once(BEGIN).unwrap_or((part, ""));
        let Some(name) = name.strip_suffix(END) else {
            out.push_str(&plain.replace("${", "$${"));
            continue;
        };
        // A dollar sign before a reference would escape it, so it becomes part of the value.
        let plain = plain.trim_end_matches('$').replace("${", "$${");
        write!(out, "{plain}${{{name}}}").unwrap_or_default();
        if name.starts_with(PREFIX) {
            variables.insert(name.to_owned());
        }
    }
    out
}

/// Encodes characters that are invalid in a path and query; percent-encoded characters are kept.
pub fn encode_target(text: &str) -> String {
    encode(text, NOT_IN_TARGET)
}

/// Encodes one value for a path or query.
pub fn encode_value(text: &str) -> String {
    encode(text, SEPARATORS)
}

fn encode(text: &str, set: &'static AsciiSet) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(END) {
        let cut = part.find(BEGIN).unwrap_or(part.len());
        out.extend(utf8_percent_encode(&part[..cut], set));
        out.push_str(&part[cut..]);
    }
    out
}
