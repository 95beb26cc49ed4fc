//! The context of reading a document, which collects its errors.

mod variables;
mod wording;

pub(super) use variables::without_final_line_break;
pub use variables::{Piece, from_environment};
pub(super) use wording::odd_remark;
use wording::{expected_mapping, lacks};

use super::key::Keys;
use super::name::is_plain_name;
use super::odd;
use super::outline::Outline;
use super::redactions::Redactions;
use super::secret::resembles_secret;
use super::section::Section;
use super::stamp::Stamp;
use super::tree::{Node, Value};
use crate::diagnostic::{Diagnostic, Place, Severity, Source};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Resolves files and environment variables, and collects errors.
pub struct Reader<'a> {
    base: PathBuf,
    /// The text of the document.
    text: &'a str,
    env: &'a dyn Fn(&str) -> Option<String>,
    found: RefCell<Vec<Diagnostic>>,
    /// Hash of everything that was read from outside the document; see [`Reader::traced`].
    outside: RefCell<DefaultHasher>,
    files: RefCell<BTreeMap<PathBuf, Option<Stamp>>>,
    /// Places of values that can be shown; all others may be secrets.
    public: RefCell<HashSet<Place>>,
    /// Secrets read so far by the innermost [`Reader::traced`].
    redactions: RefCell<Redactions>,
    /// Places of values that come from the environment, at least in part.
    variables: RefCell<HashSet<Place>>,
    /// The first secret that is written in the document itself.
    inline_secret: RefCell<Option<Spot>>,
    /// Places of values that have been reported before they are read.
    faulty: RefCell<HashSet<Place>>,
    /// Sections with unknown keys, and the keys that were most likely intended.
    meant: RefCell<HashMap<String, BTreeSet<String>>>,
    outline: Outline,
}

/// A value that was read, and a trace of its inputs from outside the document.
#[derive(Debug)]
pub struct Traced<T> {
    pub value: T,
    /// Changes with the node and with every file and variable that it refers to. Can be compared only
    /// within one process.
    pub fingerprint: u64,
    /// The secrets among these inputs.
    pub redactions: Redactions,
}

/// A place in the document and its path, for diagnostics.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    pub place: Option<Place>,
    pub path: String,
}

impl Spot {
    /// The place of `node`, with a path.
    pub fn of(node: &Node, path: impl Into<String>) -> Self {
        Self {
            place: Some(node.place),
            path: path.into(),
        }
    }

    /// The path of `name` below this one.
    pub fn below(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

impl<'a> Reader<'a> {
    /// Creates a reader. Relative paths are resolved against `base`; `env` looks up `${NAME}`.
    pub fn new(source: &'a Source, base: &Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            base: base.to_owned(),
            text: &source.text,
            env,
            found: RefCell::default(),
            outside: RefCell::default(),
            files: RefCell::default(),
            public: RefCell::default(),
            redactions: RefCell::default(),
            variables: RefCell::default(),
            inline_secret: RefCell::default(),
            faulty: RefCell::default(),
            meant: RefCell::default(),
            outline: Outline::default(),
        }
    }

    /// Adds the outline of all sections, which is used to suggest the right section for a key.
    #[must_use]
    pub fn with_outline(self, outline: Outline) -> Self {
        Self { outline, ..self }
    }

    pub(super) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Records which key an unknown key of a section was most likely meant to be.
    pub(super) fn note_meant(&self, section: &Spot, name: &str) {
        let mut meant = self.meant.borrow_mut();
        let names = meant.entry(section.path.clone()).or_default();
        names.insert(name.to_owned());
    }

    /// Records that the value at a place has been reported, so that reading it does not report it again.
    pub(super) fn note_faulty(&self, place: Place) {
        self.faulty.borrow_mut().insert(place);
    }

    pub(super) fn is_faulty(&self, place: Place) -> bool {
        self.faulty.borrow().contains(&place)
    }

    /// All diagnostics, in document order and without secrets.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        let meant = self.meant.into_inner();
        found.retain(|one| {
            // The path is that of the section, or of one of its values.
            let section = one.path.rsplit_once('.').map_or("", |(section, _)| section);
            let mut meant = [one.path.as_str(), section]
                .into_iter()
                .filter_map(|path| meant.get(path));
            let is_missing = matches!(one.code, "missing-key" | "missing-kind");
            !is_missing || !meant.any(|names| lacks(one, names))
        });
        found.sort_by_key(|d| (d.place, d.severity));
        // A part that is read for several services is reported once.
        found.dedup();
        found
    }

    /// Records that a value is not a secret: a scalar, or the scalars of a list or a mapping. Deeper
    /// levels are recorded when they are read.
    pub(super) fn publish(&self, node: &Node) {
        let mut public = self.public.borrow_mut();
        let mut scalar = |node: &Node| {
            if matches!(node.value, Value::Text(_)) {
                public.insert(node.place);
            }
        };
        match &node.value {
            Value::Null | Value::Text(_) => scalar(node),
            Value::List(items) => items.iter().for_each(scalar),
            Value::Map(entries) => {
                let is_name = |key: &Node| {
                    key.value
                        .scalar()
                        .is_some_and(|key| !resembles_secret(&key))
                };
                for (key, value) in entries.iter().filter(|(key, _)| is_name(key)) {
                    scalar(key);
                    scalar(value);
                }
            }
        }
    }

    /// Records that the keys of a mapping can be shown.
    pub(super) fn publish_keys(&self, entries: &[(Node, Node)]) {
        let keys = entries.iter().map(|(key, _)| key);
        let names = keys.filter(|key| key.value.scalar().is_some_and(|key| is_plain_name(&key)));
        self.public.borrow_mut().extend(names.map(|key| key.place));
    }

    /// Whether the value at a place can be shown.
    pub fn is_public(&self, place: Place) -> bool {
        self.public.borrow().contains(&place)
    }

    /// Records a secret that was read, and its replacement in messages.
    pub fn redact(&self, value: &str, shown: &str) {
        self.redactions.borrow_mut().add(value, shown);
    }

    /// Records that a secret was read at a place. It is an inline secret unless it comes from the
    /// environment.
    pub fn note_secret(&self, at: &Spot) {
        if !self.is_from_environment(at) {
            let mut first = self.inline_secret.borrow_mut();
            first.get_or_insert_with(|| at.clone());
        }
    }

    /// Whether a part of the value at a place comes from the environment.
    pub fn is_from_environment(&self, at: &Spot) -> bool {
        let variables = self.variables.borrow();
        at.place.is_some_and(|place| variables.contains(&place))
    }

    pub fn inline_secret(&self) -> Option<Spot> {
        self.inline_secret.borrow().clone()
    }

    /// The number of diagnostics so far.
    pub(super) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    pub fn has_findings(&self) -> bool {
        !self.found.borrow().is_empty()
    }

    pub fn has_errors(&self) -> bool {
        let found = self.found.borrow();
        found.iter().any(|d| d.severity == Severity::Error)
    }

    pub fn report(
        &self,
        severity: Severity,
        code: &'static str,
        at: &Spot,
        message: String,
        help: Option<String>,
    ) {
        let redactions = self.redactions.borrow();
        self.found.borrow_mut().push(Diagnostic {
            severity,
            code,
            place: at.place,
            path: redactions.cleaned(at.path.clone()),
            message: redactions.cleaned(message),
            help: help.map(|help| redactions.cleaned(help)),
        });
    }

    pub fn error(
        &self,
        code: &'static str,
        at: &Spot,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(Severity::Error, code, at, message.into(), Some(help.into()));
    }

    /// The place of the bytes `part` of a `text` that was read at `at`. Words are matched in order, so
    /// quoting and indentation do not matter. A part that is not found, because it comes from the
    /// environment, has the place of the whole text.
    pub(super) fn within(&self, at: &Spot, text: &str, part: &Range<usize>) -> Spot {
        let found = || {
            let place = at.place?;
            let (word, before) = (text.get(part.clone())?, text.get(..part.start)?);
            let mut lines = self.text.split_inclusive('\n');
            let start: usize = lines.by_ref().take(place.line - 1).map(str::len).sum();
            let column = self.text[start..].chars().take(place.column - 1);
            let start = start + column.map(char::len_utf8).sum::<usize>();
            let written = self.text[start..].chars().take(place.len);
            let written = &self.text[start..start + written.map(char::len_utf8).sum::<usize>()];
            let mut words = written.match_indices(word).filter(|_| !word.is_empty());
            let (offset, _) = words.nth(before.matches(word).count())?;
            let above = &self.text[..start + offset];
            Some(Place {
                line: above.matches('\n').count() + 1,
                column: above.chars().rev().take_while(|c| *c != '\n').count() + 1,
                len: word.chars().count(),
            })
        };
        Spot {
            place: found().or(at.place),
            path: at.path.clone(),
        }
    }

    pub(super) fn mismatch(&self, at: &Spot, value: &Value, expected: &str) {
        let public = at.place.is_some_and(|place| self.is_public(place));
        let message = match value {
            Value::Null => "missing value".to_owned(),
            Value::Text(text) if text.is_empty() => "invalid value: an empty string".to_owned(),
            Value::Text(_) if !public => "invalid value (not shown: it may be a secret)".to_owned(),
            Value::Text(text) => format!("invalid value `{text}`"),
            Value::List(_) | Value::Map(_) => format!("invalid value: {}", value.kind()),
        };
        let remark = match value {
            Value::Null => " (put `null` or `~` in quotes if it is meant literally)".to_owned(),
            Value::Text(text) if public => odd::first(text)
                .map(|(_, odd)| odd_remark(expected, "value", &odd))
                .unwrap_or_default(),
            _ => String::new(),
        };
        self.error(
            "invalid-value",
            at,
            message,
            format!("expected {expected}{remark}"),
        );
    }

    /// Opens a mapping, and reports its unknown, duplicate and missing keys.
    pub fn section<'n>(&'n self, node: &'n Node, path: &str, keys: Keys) -> Option<Section<'n>> {
        let at = Spot::of(node, path);
        let entries: &[(Node, Node)] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                self.mismatch(&at, other, &expected_mapping(other, keys));
                return None;
            }
        };
        Some(Section::open(self, at, entries, keys))
    }

    /// Resolves a path of the config against the config file's directory.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Records the state of a file before it is read.
    pub(super) fn note_file(&self, path: &Path) {
        let stamp = Stamp::of(path);
        self.files.borrow_mut().insert(path.to_owned(), stamp);
    }

    /// The files that were read so far, each with its state before it was read.
    pub fn files(&self) -> BTreeMap<PathBuf, Option<Stamp>> {
        self.files.borrow().clone()
    }

    /// Adds contents from outside the document to the fingerprint.
    pub(super) fn note_outside(&self, contents: &[u8]) {
        contents.hash(&mut *self.outside.borrow_mut());
    }

    /// Runs `read` for `node`, and traces its inputs from outside the document.
    pub fn traced<T>(&self, node: &Node, read: impl FnOnce() -> T) -> Traced<T> {
        let mut hasher = DefaultHasher::new();
        node.hash(&mut hasher);
        let around = self.outside.replace(hasher);
        let before = self.redactions.take();
        let value = read();
        let redactions = self.redactions.replace(before);
        Traced {
            value,
            fingerprint: self.outside.replace(around).finish(),
            redactions,
        }
    }

    /// Same as [`Reader::traced`], for a node within another one that is traced, which includes its inputs
    /// and secrets.
    pub fn traced_within<T>(&self, node: &Node, read: impl FnOnce() -> T) -> Traced<T> {
        let traced = self.traced(node, read);
        self.note_outside(&traced.fingerprint.to_le_bytes());
        self.redactions.borrow_mut().extend(&traced.redactions);
        traced
    }
}
