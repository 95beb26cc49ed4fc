//! Reads typed values from a mapping, and reports all errors.

mod names;
mod public;

use super::form::{List, Map, Mapping, OutOfRange, Scalar, Structure};
use super::hint;
use super::key::{Declared, Key, Keys, Need};
use super::name::shown_name;
use super::reader::{Reader, Spot};
use super::scalar::{FilePath, Text};
use super::tree::{Node, Value};
use std::ops::Range;
use std::path::PathBuf;

/// A mapping whose keys are known.
#[derive(Clone)]
pub struct Section<'n> {
    reader: &'n Reader<'n>,
    at: Spot,
    entries: &'n [(Node, Node)],
    keys: Keys,
}

impl<'n> Section<'n> {
    pub(super) fn open(
        reader: &'n Reader<'n>,
        at: Spot,
        entries: &'n [(Node, Node)],
        keys: Keys,
    ) -> Self {
        let section = Self {
            reader,
            at,
            entries,
            keys,
        };
        section.publish();
        section.check_keys();
        section.check_needs();
        section
    }

    pub fn reader(&self) -> &'n Reader<'n> {
        self.reader
    }

    /// The position of the section.
    pub fn spot(&self) -> &Spot {
        &self.at
    }

    /// The position of a key's value, or of the section if the key is absent.
    pub fn spot_of(&self, key: &dyn Declared) -> Spot {
        self.written_name(key)
            .and_then(|name| Some(self.inner(&name, self.node(&name)?)))
            .unwrap_or_else(|| self.at.clone())
    }

    /// Reports an error at the value of a key.
    pub fn error(
        &self,
        code: &'static str,
        key: &dyn Declared,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.reader.error(code, &self.spot_of(key), message, help);
    }

    /// Reports an error at the bytes `part` of the `text` of a key.
    pub fn error_within(
        &self,
        key: &dyn Declared,
        (text, part): (&str, &Range<usize>),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let at = self.reader.within(&self.spot_of(key), text, part);
        self.reader.error("invalid-value", &at, message, help);
    }

    /// Whether a key has a value, directly or with `NAME_file`.
    pub fn has(&self, key: &dyn Declared) -> bool {
        self.written_name(key).is_some()
    }

    /// The name under which a key has a value: its own name, or `NAME_file`.
    pub fn written_name(&self, key: &dyn Declared) -> Option<String> {
        debug_assert!(
            self.keys.iter().any(|known| known.name() == key.name()),
            "`{}` is read but not declared at {}",
            key.name(),
            self.at.path
        );
        let names = [Some(key.name().to_owned()), key.file_name()];
        let mut names = names.into_iter().flatten();
        names.find(|name| self.node(name).is_some())
    }

    /// The position of a key that is written without a value.
    pub fn spot_of_null(&self, key: &dyn Declared) -> Option<Spot> {
        let (name, _) = self.entries.iter().find(|(name, value)| {
            name.value.scalar().as_deref() == Some(key.name()) && value.value == Value::Null
        })?;
        Some(self.inner(key.name(), name))
    }

    /// The node of a key's value.
    pub fn node_of(&self, key: &dyn Declared) -> Option<&'n Node> {
        self.node(key.name())
    }

    /// The node of a name, unless it is null.
    pub(super) fn node(&self, name: &str) -> Option<&'n Node> {
        let is = |(key, value): &&(Node, Node)| {
            key.value.scalar().as_deref() == Some(name) && value.value != Value::Null
        };
        self.entries.iter().find(is).map(|(_, value)| value)
    }

    /// The entries that are not declared keys, one of which can be a probe kind.
    pub fn undeclared(&self) -> impl Iterator<Item = (String, &'n Node, &'n Node)> + '_ {
        self.entries.iter().filter_map(|(key, value)| {
            let name = key.value.scalar().unwrap_or_default();
            let is_known = self.names().any(|known| known == name);
            (!is_known).then_some((name, key, value))
        })
    }

    pub(super) fn inner(&self, name: &str, node: &Node) -> Spot {
        Spot::of(node, self.at.below(name))
    }

    /// All valid names in this section, except those of probe kinds.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.declared()
            .flat_map(|key| std::iter::once(key.name().to_owned()).chain(key.file_name()))
    }

    fn declared(&self) -> impl Iterator<Item = &'static dyn Declared> + '_ {
        let by_name =
            |key: &&'static dyn Declared| !matches!(key.form().structure(), Structure::ProbeKind);
        self.keys.iter().copied().filter(by_name)
    }

    /// The value of a key, or its default if it is absent. `None` if there is neither, or if the value
    /// is invalid, which is reported.
    pub fn get<F: Scalar>(&self, key: &Key<F>) -> Option<F::Value> {
        let default = key.default().and_then(|text| key.form.parse(text));
        self.get_or(key, default)
    }

    /// Same as [`Self::get`], with a default that depends on other keys.
    pub fn get_or<F: Scalar>(&self, key: &Key<F>, default: Option<F::Value>) -> Option<F::Value> {
        if !self.has(key) {
            return default;
        }
        let node = self.node(key.name)?;
        self.scalar(&key.form, node, &self.inner(key.name, node))
    }

    /// The value of a key, parsed by `read`. An error with `expected` is reported if it returns `None`.
    pub fn parse<T>(
        &self,
        key: &Key<Text>,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key.name)?;
        self.parse_at(node, &self.inner(key.name, node), expected, read)
    }

    /// The items of a list, parsed by `read` in the same way.
    pub fn parse_all<T>(
        &self,
        key: &Key<List<Text>>,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let items = self.list(key).into_iter();
        items
            .filter_map(|(at, item)| self.parse_at(item, &at, expected, &read))
            .collect()
    }

    fn parse_at<T>(
        &self,
        node: &Node,
        at: &Spot,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (written, text) = self.text_at(node, at, expected)?;
        let value = read(&text);
        if value.is_none() {
            // Without expanding variables, which may be secret.
            self.reader.mismatch(at, &Value::Text(written), expected);
        }
        value
    }

    /// A value as written, and with its variables expanded.
    fn text_at(&self, node: &Node, at: &Spot, expected: &str) -> Option<(String, String)> {
        if self.reader.is_faulty(node.place) {
            return None;
        }
        let Some(written) = node.value.scalar() else {
            self.reader.mismatch(at, &node.value, expected);
            return None;
        };
        let text = self.reader.expand(&written, at)?;
        Some((written, text))
    }

    pub(super) fn scalar<F: Scalar>(&self, form: &F, node: &Node, at: &Spot) -> Option<F::Value> {
        let written = node.value.scalar().unwrap_or_default();
        let mut expected = form.expected(&written);
        if self.reader.is_public(node.place) && form.parse(&written).is_none() {
            expected += &hint::suggestion(form, &written);
        }
        let read = self.parse_at(node, at, &expected, |text| form.parse(text))?;
        match form.check(&read) {
            Ok(()) => Some(read),
            Err(OutOfRange { message, help }) => {
                self.reader.error("out-of-range", at, message, help);
                None
            }
        }
    }

    /// A path, resolved against the config file's directory.
    pub fn path(&self, key: &Key<FilePath>) -> Option<PathBuf> {
        let path = self.get(key)?;
        Some(self.reader.resolve(&path))
    }

    /// A nested mapping.
    pub fn section(&self, key: &Key<Mapping>) -> Option<Section<'n>> {
        let node = self.node(key.name)?;
        let path = self.inner(key.name, node).path;
        self.reader.section(node, &path, key.form.0)
    }

    /// A nested mapping, which is empty if it is absent, so that all keys have their defaults.
    /// `None` if it is not a mapping, which is reported.
    pub fn section_or_empty(&self, key: &Key<Mapping>) -> Option<Section<'n>> {
        if self.has(key) {
            return self.section(key);
        }
        let at = Spot {
            path: self.at.below(key.name),
            ..self.at.clone()
        };
        Some(Section::open(self.reader, at, &[], key.form.0))
    }

    /// The mappings of a list.
    pub fn sections(&self, key: &Key<List<Mapping>>) -> impl Iterator<Item = Section<'n>> {
        let (reader, keys) = (self.reader, key.form.item.0);
        let node = self.node(key.name);
        let is_misplaced = node.is_some_and(|node| {
            let at = self.inner(key.name, node);
            self.check_names(node, &at, keys)
        });
        let items = if is_misplaced {
            Vec::new()
        } else {
            self.list(key)
        };
        items
            .into_iter()
            .filter_map(move |(at, node)| reader.section(node, &at.path, keys))
    }

    /// The items of a list, each with its position. A single value counts as a list with one item. Items
    /// beyond the maximum are dropped, which is reported.
    pub fn list<F>(&self, key: &Key<List<F>>) -> Vec<(Spot, &'n Node)>
    where
        Key<List<F>>: Declared,
    {
        let Some(node) = self.node(key.name) else {
            return Vec::new();
        };
        let at = self.inner(key.name, node);
        let Value::List(items) = &node.value else {
            return vec![(at, node)];
        };
        let max = key.form.max.unwrap_or(items.len());
        if items.len() > max {
            let message = format!("too many items in `{}`: {}", key.name, items.len());
            let help = format!("expected at most {max}");
            self.error("out-of-range", key, message, help);
        }
        let items = items.iter().take(max).enumerate();
        items
            .map(|(index, item)| (Spot::of(item, format!("{}[{index}]", at.path)), item))
            .collect()
    }

    /// The valid items of a list, or its default if it is empty or absent.
    pub fn all<F: Scalar>(&self, key: &Key<List<F>>) -> Vec<F::Value> {
        let (form, items) = (&key.form.item, self.list(key));
        if items.is_empty() {
            let default = key.default().and_then(|text| form.parse(text));
            return default.into_iter().collect();
        }
        items
            .into_iter()
            .filter_map(|(at, item)| self.scalar(form, item, &at))
            .collect()
    }

    /// The entries of a map, each with its name and position.
    pub fn map<F: Scalar>(&self, key: &Key<Map<F>>) -> Vec<(String, F::Value, Spot)> {
        self.entries_of(key)
            .into_iter()
            .filter_map(|(name, value, at)| {
                let null = key.form.null.filter(|_| value.value == Value::Null);
                let value = match null {
                    Some(text) => key.form.item.parse(text),
                    None => self.scalar(&key.form.item, value, &at),
                };
                Some((name, value?, at))
            })
            .collect()
    }

    /// Same as [`Self::map`], with the unparsed values.
    pub fn entries_of<F>(&self, key: &Key<Map<F>>) -> Vec<(String, &'n Node, Spot)>
    where
        Key<Map<F>>: Declared,
    {
        let Some(node) = self.node(key.name) else {
            return Vec::new();
        };
        let at = self.inner(key.name, node);
        let Value::Map(entries) = &node.value else {
            self.reader
                .mismatch(&at, &node.value, "a mapping of names to values");
            return Vec::new();
        };
        self.reader.publish_keys(entries);
        let entries = entries.iter().map(|(name, value)| {
            let name = name.value.scalar().unwrap_or_default();
            let at = Spot::of(value, at.below(&shown_name(&name)));
            (name, value, at)
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests;
