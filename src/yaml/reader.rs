//! The context of reading a document, and where its errors are collected.

use super::key::Keys;
use super::section::Section;
use super::stamp::Stamp;
use super::tree::{Node, Value};
use crate::diagnostic::{Diagnostic, Place, Severity};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Knows where files are and what the environment says, and collects faults.
pub struct Reader<'a> {
    base: PathBuf,
    env: &'a dyn Fn(&str) -> Option<String>,
    found: RefCell<Vec<Diagnostic>>,
    /// Everything that was read from outside the document: see [`Reader::fingerprint`].
    outside: RefCell<DefaultHasher>,
    files: RefCell<BTreeMap<PathBuf, Option<Stamp>>>,
}

/// A place in the document and its path: where faults are reported.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    pub place: Option<Place>,
    pub path: String,
}

impl Spot {
    /// Where `node` stands, under a path.
    pub fn of(node: &Node, path: impl Into<String>) -> Self {
        Self {
            place: Some(node.place),
            path: path.into(),
        }
    }

    /// The path of something named below this one.
    pub fn below(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

impl<'a> Reader<'a> {
    /// `base` is the folder that relative paths start from; `env` looks up `${NAME}`.
    pub fn new(base: &Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            base: base.to_owned(),
            env,
            found: RefCell::default(),
            outside: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// Everything found so far, in document order.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|d| (d.place, d.severity));
        found
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
        self.found.borrow_mut().push(Diagnostic {
            severity,
            code,
            place: at.place,
            path: at.path.clone(),
            message,
            help,
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

    pub(super) fn mismatch(&self, at: &Spot, value: &Value, expected: &str) {
        let seen = match value {
            Value::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Value::List(_) | Value::Map(_) | Value::Null => value.kind().to_owned(),
            Value::Text(text) => format!("`{text}`"),
        };
        let quotes = match value {
            Value::Null => " (in quotes, if the word `null` or `~` is meant)",
            _ => "",
        };
        self.error(
            "invalid-value",
            at,
            format!("{seen} does not fit here"),
            format!("expected {expected}{quotes}"),
        );
    }

    /// Opens a mapping; its unknown, duplicate and missing keys are reported here, once.
    pub fn section<'n>(&'n self, node: &'n Node, path: &str, keys: Keys) -> Option<Section<'n>> {
        let at = Spot::of(node, path);
        let entries: &[(Node, Node)] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                let names: Vec<_> = keys.iter().map(|key| key.name()).take(4).collect();
                let expected = format!("a mapping with keys such as {}", names.join(", "));
                self.mismatch(&at, other, &expected);
                return None;
            }
        };
        Some(Section::open(self, at, entries, keys))
    }

    /// A path of the config, seen from where the process is.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Takes note of a file before it is read.
    pub(super) fn note_file(&self, path: &Path) {
        let stamp = Stamp::of(path);
        self.files.borrow_mut().insert(path.to_owned(), stamp);
    }

    /// The files that were read so far, each as it was before.
    pub fn files(&self) -> BTreeMap<PathBuf, Option<Stamp>> {
        self.files.borrow().clone()
    }

    /// Takes note of contents from outside the document.
    pub(super) fn note_outside(&self, contents: &[u8]) {
        contents.hash(&mut *self.outside.borrow_mut());
    }

    /// Runs `read` over `node`, and returns a number that changes with the node and with every
    /// file and variable that was read for it. It may be compared within one process only.
    pub fn fingerprint<T>(&self, node: &Node, read: impl FnOnce() -> T) -> (T, u64) {
        let mut hasher = DefaultHasher::new();
        node.hash(&mut hasher);
        let around = self.outside.replace(hasher);
        let value = read();
        (value, self.outside.replace(around).finish())
    }

    /// Replaces `${NAME}` by the environment's value; `$${` stands for a literal `${`.
    pub(super) fn expand(&self, text: &str, at: &Spot) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                out.push_str(&rest[..start]);
                out.push('{');
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(&rest[..start]);
            let tail = &rest[start + 2..];
            let Some(end) = tail.find('}') else {
                self.error(
                    "invalid-value",
                    at,
                    "`${` without a closing `}`",
                    "write ${NAME}, or $${ for a literal ${",
                );
                return None;
            };
            let value = self.variable(&tail[..end], at)?;
            self.note_outside(value.as_bytes());
            out.push_str(&value);
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn variable(&self, name: &str, at: &Spot) -> Option<String> {
        let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(word) {
            self.error(
                "invalid-value",
                at,
                // Without the text, which may be a part of a secret.
                "the text in `${...}` is not the name of an environment variable",
                "write ${NAME}, or $${ for a literal ${",
            );
            return None;
        }
        let value = (self.env)(name);
        if value.is_none() {
            self.error(
                "unset-variable",
                at,
                format!("the environment variable {name} is not set"),
                "set it in the environment of slod, or write the value here",
            );
        }
        value
    }
}
