//! Values that a response of a recording contains and a later request sends: tokens and identifiers. They differ
//! in each session, so a step captures them.

mod recorded;

use super::collector::Draft;
use super::text::TextPart;
use super::{CaptureKeys, ImportedCapture};
use http::header::{CONTENT_TYPE, COOKIE};
use percent_encoding::percent_decode_str;
use std::collections::{BTreeSet, HashMap, HashSet};

pub use recorded::Recorded;

/// Maximum number of values that are captured; a step can capture as many.
const CAPTURED_MAX: usize = 50;
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
    keys: CaptureKeys,
    /// The name in the response, from which that of the capture is derived.
    field: String,
    /// The name of the capture, once a request sends the value.
    name: Option<String>,
}

impl Captures {
    /// Replaces the known values in a request by references. Returns the captures that this requires, and the step
    /// of each.
    pub fn replace(&mut self, draft: &mut Draft) -> Vec<(usize, ImportedCapture)> {
        let mut needed = Vec::new();
        let path = path_of(&draft.address);
        let target = self.in_encoded(&draft.address[path..], &mut needed);
        draft.address.replace_range(path.., &target);
        for (name, value) in &mut draft.headers {
            if !name.eq_ignore_ascii_case(COOKIE.as_str()) {
                *value = self.in_header(value, &mut needed);
            }
        }
        let mut headers = draft.headers.iter();
        let is_form = headers.any(|(name, value)| {
            name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()) && value.contains("form-urlencoded")
        });
        if let Some(body) = &mut draft.body {
            *body = if is_form {
                self.in_encoded(body, &mut needed)
            } else {
                self.in_quoted(body, &mut needed)
            };
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

    /// A value in a target or a form is percent-encoded.
    fn in_encoded(&mut self, text: &str, needed: &mut Vec<(usize, ImportedCapture)>) -> String {
        let is_apart = |c: char| !is_word(c) && c != '%';
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(is_apart) {
            let value = piece.trim_end_matches(is_apart);
            let decoded = percent_decode_str(value).decode_utf8_lossy();
            match self.reference(&decoded, needed) {
                Some(reference) => out += &reference,
                None => out += &self.in_words(value, needed),
            }
            out += &piece[value.len()..];
        }
        out
    }

    /// A whole text in quotes, as in JSON, may contain other characters than a word.
    fn in_quoted(&mut self, text: &str, needed: &mut Vec<(usize, ImportedCapture)>) -> String {
        let texts = text
            .split('"')
            .map(|text| match self.reference(text, needed) {
                Some(reference) => reference,
                None => self.in_words(text, needed),
            });
        texts.collect::<Vec<_>>().join("\"")
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
                keys: known.keys.clone(),
            };
            needed.push((known.step, capture));
            known.name = Some(name);
        }
        let name = known.name.as_deref()?;
        Some(TextPart::mark(&format!("captured.{name}")))
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
