//! Takes typed values out of a mapping, reporting every fault on the way.

use super::key::{Key, Need, Shape};
use super::reader::{Reader, Spot, shown_name};
use super::secret::sounds_secret;
use super::tree::{Node, Value};
use crate::diagnostic::nearest;
use crate::units;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// A mapping whose keys are known.
#[derive(Clone)]
pub struct Section<'n> {
    reader: &'n Reader<'n>,
    at: Spot,
    entries: &'n [(Node, Node)],
    keys: &'static [Key],
}

impl<'n> Section<'n> {
    pub(super) fn open(
        reader: &'n Reader<'n>,
        at: Spot,
        entries: &'n [(Node, Node)],
        keys: &'static [Key],
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
        let mut entries = self.entries.iter();
        let found = entries.find(|(key, value)| {
            key.value.scalar().as_deref() == Some(name) && value.value != Value::Null
        });
        found.map(|(_, node)| node)
    }

    /// Shows the values of declared keys that take no secret. A mapping in place of a text, or of
    /// keys that are not known yet, shows nothing.
    fn publish(&self) {
        self.reader.publish_keys(self.entries);
        for (key, value) in self.entries {
            let name = key.value.scalar().unwrap_or_default();
            let fits = !matches!(value.value, Value::Map(_)) || self.takes_map(&name);
            if fits && self.knows(&name) && self.is_public(&name) {
                self.reader.publish(value);
            }
        }
    }

    fn takes_map(&self, name: &str) -> bool {
        let mut keys = self.declared();
        keys.any(|key| key.name == name && matches!(key.shape, Shape::Map(_)))
    }

    pub(super) fn takes_secret(&self, name: &str) -> bool {
        let mut keys = self.declared();
        keys.any(|key| key.name == name && matches!(key.shape, Shape::Secret))
    }

    /// Whether the value of a declared key may be shown.
    fn is_public(&self, name: &str) -> bool {
        let key = self.declared().find(|key| key.name == name);
        // The others are `NAME_file`: paths.
        key.is_none_or(|key| key.shape.is_public())
    }

    /// The keys as written, with their places, in document order.
    pub fn entries(&self) -> &'n [(Node, Node)] {
        self.entries
    }

    /// The entries that no declared key has, where a probe kind may stand.
    pub fn undeclared(&self) -> impl Iterator<Item = (String, &'n Node, &'n Node)> + '_ {
        self.entries.iter().filter_map(|(key, value)| {
            let name = key.value.scalar().unwrap_or_default();
            (!self.knows(&name)).then_some((name, key, value))
        })
    }

    fn inner(&self, name: &str, node: &Node) -> Spot {
        Spot::of(node, self.at.below(name))
    }

    fn knows(&self, name: &str) -> bool {
        let file = name.strip_suffix("_file");
        let mut keys = self.declared();
        keys.any(|key| key.name == name || (key.shape.has_file() && Some(key.name) == file))
    }

    /// Every name that is understood here, apart from probe kinds.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.declared().flat_map(|key| {
            let file = key.shape.has_file().then(|| format!("{}_file", key.name));
            std::iter::once(key.name.to_owned()).chain(file)
        })
    }

    fn declared(&self) -> impl Iterator<Item = &'static Key> + '_ {
        let by_name = |key: &&Key| !matches!(key.shape, Shape::ProbeKind);
        self.keys.iter().filter(by_name)
    }

    fn check_keys(&self) {
        let names: Vec<String> = self.names().collect();
        // Where a kind may stand, only its reader knows which names are wrong.
        let takes_kinds = self.declared().count() < self.keys.len();
        let mut seen = BTreeSet::new();
        for (key, value) in self.entries {
            let name = key.value.scalar().unwrap_or_default();
            let shown = shown_name(&name);
            let at = self.inner(&shown, key);
            if !names.contains(&name) && !takes_kinds {
                let fits = |known: &&String| !known.ends_with("_file") || name.contains("file");
                let near = nearest(&name, names.iter().filter(fits).map(String::as_str));
                self.publish_misspelled(&name, near, value);
                let help = near.map_or_else(
                    || format!("known here: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("unknown key `{shown}`");
                self.reader.error("unknown-key", &at, message, help);
            } else if !seen.insert(name.clone()) {
                let message = format!("`{name}` is given twice");
                self.reader
                    .error("duplicate-key", &at, message, "keep one of them");
            }
        }
    }

    /// Shows the value of a key that is most likely misspelled, unless it may be a secret.
    pub fn publish_misspelled(&self, name: &str, meant: Option<&str>, value: &Node) {
        let public = |meant| self.knows(meant) && self.is_public(meant);
        if meant.is_some_and(public) && !sounds_secret(name) {
            self.reader.publish(value);
        }
    }

    fn check_needs(&self) {
        for key in self.declared().filter(|key| key.need == Need::Required) {
            let by_file = key.shape.has_file() && self.has(&format!("{}_file", key.name));
            if !self.has(key.name) && !by_file {
                let message = format!("`{}` is missing", key.name);
                self.reader.error("missing-key", &self.at, message, key.doc);
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
        let expected = "a duration such as 500ms, 10s, 5m, 2h or 30d";
        let expected = self.suggest(name, expected, "s", |n| n > 0.0);
        self.parse(name, &expected, units::duration)
    }

    pub fn ratio(&self, name: &str) -> Option<f64> {
        let expected = "a ratio such as 99.9% or 0.999";
        let expected = self.suggest(name, expected, "%", |n| n > 1.0 && n <= 100.0);
        self.parse(name, &expected, units::ratio)
    }

    /// Adds the unit that a bare number lacks to what is expected.
    fn suggest(
        &self,
        name: &str,
        expected: &str,
        unit: &str,
        likely: impl Fn(f64) -> bool,
    ) -> String {
        let written = self.node(name).and_then(|node| node.value.scalar());
        match written.as_deref().map(str::parse::<f64>) {
            Some(Ok(number)) if likely(number) => {
                format!("{expected}; did you mean `{number}{unit}`?")
            }
            _ => expected.to_owned(),
        }
    }

    pub fn size(&self, name: &str) -> Option<u64> {
        self.parse(name, "a size such as 64KiB or 1MiB", units::size)
    }

    pub fn rate(&self, name: &str) -> Option<f64> {
        self.parse(name, "a rate such as 100/s or 200/min", units::rate)
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.parse(name, "true or false", units::boolean)
    }

    pub fn integer(&self, name: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.parse(name, &expected, |text| {
            units::integer(text).filter(|n| range.contains(n))
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

    /// A path, resolved against the config file's folder.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(|path| self.reader.resolve(&path))
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
                .map(|(index, item)| (Spot::of(item, format!("{}[{index}]", at.path)), item))
                .collect(),
            _ => vec![(at, node)],
        }
    }

    /// The items of a list of texts that `read` understands.
    pub fn texts<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.list(name)
            .into_iter()
            .filter_map(|(at, item)| {
                let text = match item.value.scalar() {
                    Some(text) => Some(self.reader.expand(&text, &at)?),
                    None => None,
                };
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
        self.map(name, None)
    }

    /// A mapping of any names to JSON values or other texts; `null` is a value here.
    pub fn json_map(&self, name: &str) -> Vec<(String, String, Spot)> {
        self.map(name, Some("null"))
    }

    fn map(&self, name: &str, null: Option<&str>) -> Vec<(String, String, Spot)> {
        let Some(node) = self.node(name) else {
            return Vec::new();
        };
        let at = self.inner(name, node);
        let Value::Map(entries) = &node.value else {
            self.reader
                .mismatch(&at, &node.value, "a mapping of names to texts");
            return Vec::new();
        };
        self.reader.publish_keys(entries);
        entries
            .iter()
            .filter_map(|(key, value)| {
                let name = key.value.scalar().unwrap_or_default();
                let spot = Spot::of(value, at.below(&shown_name(&name)));
                let null = null.filter(|_| value.value == Value::Null);
                let Some(text) = null.map(str::to_owned).or_else(|| value.value.scalar()) else {
                    self.reader.mismatch(&spot, &value.value, "text");
                    return None;
                };
                Some((name, self.reader.expand(&text, &spot)?, spot))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
