//! Takes typed values out of a tree, collecting every fault on the way.

use super::key::{Key, Need, Shape};
use super::secret::Secret;
use super::tree::{Node, Value};
use super::units;
use crate::diagnostic::{Diagnostic, Place, Severity, nearest};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What reading needs besides the document: where files are, what the environment says, and
/// where faults go.
pub struct Reader<'a> {
    base: PathBuf,
    env: &'a dyn Fn(&str) -> Option<String>,
    found: RefCell<Vec<Diagnostic>>,
}

/// A place in the document and its path: where faults are reported.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    pub place: Option<Place>,
    pub path: String,
}

impl<'a> Reader<'a> {
    /// `base` is the folder that relative paths start from; `env` looks up `${NAME}`.
    pub fn new(base: &Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            base: base.to_owned(),
            env,
            found: RefCell::default(),
        }
    }

    /// Everything found so far, in document order.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|d| (d.place, d.severity));
        found
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

    fn mismatch(&self, at: &Spot, seen: &Value, expected: &str) {
        let seen = match seen {
            Value::Text(text) => format!("`{text}`"),
            other => other.kind().to_owned(),
        };
        self.error(
            "invalid-value",
            at,
            format!("{seen} does not fit here"),
            format!("expected {expected}"),
        );
    }

    /// Opens a mapping; its unknown, duplicate and missing keys are reported here, once.
    pub fn section<'n>(
        &'n self,
        node: &'n Node,
        path: &str,
        keys: &'static [Key],
    ) -> Option<Section<'n>> {
        let at = Spot {
            place: Some(node.place),
            path: path.to_owned(),
        };
        let entries: &[(Node, Node)] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                let names: Vec<_> = keys.iter().map(|key| key.name).collect();
                self.mismatch(
                    &at,
                    other,
                    &format!(
                        "a mapping with keys such as {}",
                        names[..names.len().min(4)].join(", ")
                    ),
                );
                return None;
            }
        };
        let section = Section {
            reader: self,
            at,
            entries,
            keys,
        };
        section.check_keys();
        Some(section)
    }

    /// Replaces `${NAME}` by the environment's value; `$${` stands for a literal `${`.
    fn expand(&self, text: &str, at: &Spot) -> Option<String> {
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
                    "`${` without `}`",
                    "write ${NAME}, or $${ for a literal ${",
                );
                return None;
            };
            let name = &tail[..end];
            let Some(value) = (self.env)(name) else {
                self.error(
                    "unset-variable",
                    at,
                    format!("the environment variable {name} is not set"),
                    "set it, or write the value here",
                );
                return None;
            };
            out.push_str(&value);
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }
}

/// A mapping whose keys are known.
pub struct Section<'n> {
    reader: &'n Reader<'n>,
    at: Spot,
    entries: &'n [(Node, Node)],
    keys: &'static [Key],
}

impl<'n> Section<'n> {
    pub fn reader(&self) -> &'n Reader<'n> {
        self.reader
    }

    /// Where the section itself stands.
    pub fn spot(&self) -> &Spot {
        &self.at
    }

    /// Where the value of `name` stands; the section itself if it is left out.
    pub fn spot_of(&self, name: &str) -> Spot {
        self.node(name)
            .map_or_else(|| self.at.clone(), |node| self.inner(name, node))
    }

    /// Reports a fault at the value of `name`.
    pub fn error(
        &self,
        code: &'static str,
        name: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.reader.error(code, &self.spot_of(name), message, help);
    }

    pub fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    /// The raw value, for shapes of one place only.
    pub fn node(&self, name: &str) -> Option<&'n Node> {
        debug_assert!(
            self.knows(name),
            "`{name}` is read but not declared at {}",
            self.at.path
        );
        self.entries
            .iter()
            .find(|(key, value)| {
                key.value.scalar().as_deref() == Some(name) && value.value != Value::Null
            })
            .map(|(_, value)| value)
    }

    /// The keys as written, with their places, in document order.
    pub fn entries(&self) -> &'n [(Node, Node)] {
        self.entries
    }

    fn inner(&self, name: &str, node: &Node) -> Spot {
        let path = if self.at.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.at.path)
        };
        Spot {
            place: Some(node.place),
            path,
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.keys.iter().flat_map(|key| {
            let file = matches!(key.shape, Shape::Secret).then(|| format!("{}_file", key.name));
            std::iter::once(key.name.to_owned()).chain(file)
        })
    }

    fn check_keys(&self) {
        let names: Vec<String> = self.names().collect();
        for (index, (key, _)) in self.entries.iter().enumerate() {
            let name = key.value.scalar().unwrap_or_default();
            let at = self.inner(&name, key);
            if !names.contains(&name) {
                let near = nearest(&name, names.iter().map(String::as_str));
                let help = near.map_or_else(
                    || format!("known here: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.reader
                    .error("unknown-key", &at, format!("unknown key `{name}`"), help);
            } else if self.entries[..index]
                .iter()
                .any(|(other, _)| other.value == key.value)
            {
                self.reader.error(
                    "duplicate-key",
                    &at,
                    format!("`{name}` is given twice"),
                    "keep one of them",
                );
            }
        }
        for key in self.keys.iter().filter(|key| key.need == Need::Required) {
            let given = self.has(key.name)
                || (matches!(key.shape, Shape::Secret) && self.has(&format!("{}_file", key.name)));
            if !given {
                self.reader.error(
                    "missing-key",
                    &self.at,
                    format!("`{}` is missing", key.name),
                    key.doc,
                );
            }
        }
    }

    /// A scalar that `read` understands; anything else is reported with what was `expected`.
    pub fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(name)?;
        let at = self.inner(name, node);
        let Some(written) = node.value.scalar() else {
            self.reader.mismatch(&at, &node.value, expected);
            return None;
        };
        let text = self.reader.expand(&written, &at)?;
        let value = read(&text);
        if value.is_none() {
            self.reader.mismatch(&at, &Value::Text(written), expected);
        }
        value
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.parse(name, "text", |text| Some(text.to_owned()))
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.parse(
            name,
            "a duration such as 500ms, 10s, 5m, 2h or 30d",
            units::duration,
        )
    }

    pub fn ratio(&self, name: &str) -> Option<f64> {
        self.parse(name, "a ratio such as 99.9% or 0.999", units::ratio)
    }

    pub fn size(&self, name: &str) -> Option<u64> {
        self.parse(name, "a size such as 64KiB or 1MiB", units::size)
    }

    pub fn rate(&self, name: &str) -> Option<f64> {
        self.parse(name, "a rate such as 100/s or 200/min", units::rate)
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.parse(name, "true or false", |text| text.parse().ok())
    }

    pub fn integer(&self, name: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.parse(name, &expected, |text| {
            text.parse().ok().filter(|n| range.contains(n))
        })
    }

    /// One of a closed set of words.
    pub fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.parse(name, &format!("one of {}", known.join(", ")), |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
        })
    }

    /// A path, made absolute against the config file's folder.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(|path| self.reader.base.join(path))
    }

    /// The contents of the file that `name` points to.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name)?;
        match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.error("unreadable-file", name, format!("cannot read {}: {error}", path.display()), "check the path and its permissions (relative paths start at the config file's folder)");
                None
            }
        }
    }

    /// A secret, written here (or as `${ENV}`), or in the file that `NAME_file` points to, whose
    /// final line break does not count.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        let file_key = format!("{name}_file");
        if !self.has(&file_key) {
            return self.text(name).map(Secret::new);
        }
        if self.has(name) {
            self.error(
                "conflict",
                &file_key,
                format!("both `{name}` and `{file_key}` are given"),
                "keep one of them",
            );
        }
        let bytes = self.file(&file_key)?;
        let Ok(text) = String::from_utf8(bytes) else {
            self.error(
                "unreadable-file",
                &file_key,
                "the file is not UTF-8 text",
                "store the secret as plain text",
            );
            return None;
        };
        Some(Secret::new(text.trim_end_matches(['\n', '\r'])))
    }

    /// A nested mapping.
    pub fn section(&self, name: &str, keys: &'static [Key]) -> Option<Section<'n>> {
        let node = self.node(name)?;
        self.reader
            .section(node, &self.inner(name, node).path, keys)
    }

    /// The items of a list, each with its spot; a single value stands for a list of one.
    pub fn list(&self, name: &str) -> Vec<(Spot, &'n Node)> {
        let Some(node) = self.node(name) else {
            return Vec::new();
        };
        let at = self.inner(name, node);
        match &node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{}[{index}]", at.path);
                    (
                        Spot {
                            place: Some(item.place),
                            path,
                        },
                        item,
                    )
                })
                .collect(),
            _ => vec![(at, node)],
        }
    }

    /// The items of a list of texts that `read` understands.
    pub fn texts<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.list(name)
            .into_iter()
            .filter_map(|(at, item)| {
                let text = item
                    .value
                    .scalar()
                    .and_then(|text| self.reader.expand(&text, &at));
                let value = text.as_deref().and_then(&read);
                if value.is_none() {
                    self.reader.mismatch(&at, &item.value, expected);
                }
                value
            })
            .collect()
    }

    /// A mapping of any names to texts, each with its spot.
    pub fn text_map(&self, name: &str) -> Vec<(String, String, Spot)> {
        let Some(node) = self.node(name) else {
            return Vec::new();
        };
        let at = self.inner(name, node);
        let Value::Map(entries) = &node.value else {
            self.reader
                .mismatch(&at, &node.value, "a mapping of names to texts");
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| {
                let name = key.value.scalar().unwrap_or_default();
                let spot = Spot {
                    place: Some(value.place),
                    path: format!("{}.{name}", at.path),
                };
                let Some(text) = value.value.scalar() else {
                    self.reader.mismatch(&spot, &value.value, "text");
                    return None;
                };
                Some((name, self.reader.expand(&text, &spot)?, spot))
            })
            .collect()
    }
}
