//! The values of an imported config, in the order in which they are written.

use crate::import::document::escaped;
use serde::ser::{Serialize, SerializeMap, Serializer};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// A text in config syntax, where `${NAME}` is a variable.
    Text(String),
    Number(u64),
    Bool(bool),
    List(Vec<Self>),
    Map(Map),
}

impl Value {
    /// A text without variables.
    pub fn plain(text: &str) -> Self {
        Self::Text(escaped(text))
    }

    pub fn plain_list(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::plain(text)).collect())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Bool(is) => is.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

/// Keys with their values, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Map(Vec<(String, Value)>);

impl Map {
    pub fn of(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let named = entries.into_iter();
        Self(named.map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(own, _)| own == key);
        found.map(|(_, value)| value)
    }

    /// The entry of this name, ignoring case, as for headers.
    pub fn find_header(&self, name: &str) -> Option<&Value> {
        let found = self
            .0
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    pub fn has_header(&self, name: &str) -> bool {
        self.find_header(name).is_some()
    }

    pub fn set(&mut self, key: impl Into<String>, value: Value) {
        let key = key.into();
        match self.0.iter_mut().find(|(own, _)| *own == key) {
            Some((_, own)) => *own = value,
            None => self.0.push((key, value)),
        }
    }

    /// Sets a mapping unless it is empty.
    pub fn set_map(&mut self, key: &str, map: Self) {
        if !map.is_empty() {
            self.set(key, Value::Map(map));
        }
    }

    /// Sets a key in the mapping of another key.
    pub fn set_in(&mut self, key: &str, name: impl Into<String>, value: Value) {
        let mut inner = match self.get(key) {
            Some(Value::Map(map)) => map.clone(),
            _ => Self::default(),
        };
        inner.set(name, value);
        self.set(key, Value::Map(inner));
    }

    /// Appends the entries of another mapping.
    pub fn and(mut self, other: &Self) -> Self {
        for (key, value) in &other.0 {
            self.set(key.clone(), value.clone());
        }
        self
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::yaml::{self, parse};

    fn is_kept(text: &str) {
        let map = Map::of([("a", Value::Text(text.to_owned()))]);
        let written = serde_yaml::to_string(&map).expect("YAML");
        let source = Source::new("", written.clone());
        let root = parse(&source).unwrap_or_else(|fault| panic!("{written:?} {fault:?}"));
        let yaml::Value::Map(entries) = root.value else {
            panic!("{written:?}");
        };
        let read = &entries[0].1.value;
        assert_eq!(*read, yaml::Value::Text(text.to_owned()), "{written:?}");
    }

    #[test]
    fn words_that_yaml_could_read_otherwise_are_kept() {
        for text in [
            "",
            " ",
            "null",
            "~",
            "Null",
            "yes",
            "no",
            "on",
            "y",
            "true",
            "True",
            "007",
            "0x1F",
            "1e3",
            ".5",
            "1_000",
            ".inf",
            "-",
            "- a",
            "?",
            "a: b",
            "a #b",
            "#",
            "'",
            "\"",
            "a\n",
            "\na",
            "a\n\n",
            "a \nb",
            " a\nb",
            "\t",
            "a\r\n",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "2024-01-01",
            "12:30:45",
            "!x",
            "&x",
            "*x",
            "%x",
            "@x",
            "`x",
            "[",
            "{",
            "}",
            "---",
            "...",
            "--- a",
            "<<",
            "=",
            "|",
            ">",
            "a,b",
            "a:",
            ":a",
            "\0",
            "\u{7f}",
        ] {
            is_kept(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_kept(text in "(?s:.){0,12}|[ \n\t\r\"':#a-]{0,12}") {
            is_kept(&text);
        }
    }
}
