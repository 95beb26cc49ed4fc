//! Typed access to the keys of a mapping.

use crate::import::document::At;
use crate::units;
use crate::yaml::{Value, shown_name};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// A mapping whose keys are read one by one. An error is a message with the line of the file.
pub(super) struct Keys<'a> {
    pub at: At<'a>,
    read: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Keys<'a> {
    pub fn of(at: At<'a>) -> Result<Self, String> {
        let Value::Map(entries) = at.value() else {
            let message = format!("expected a mapping, not {}", at.value().kind());
            return Err(at.fault(message, "keys with their values, such as `prober: http`"));
        };
        let mut seen = BTreeSet::new();
        for (key, _) in entries {
            let name = key.value.scalar().unwrap_or_default();
            if seen.contains(&name) {
                let message = format!("duplicate key `{}`", shown_name(&name));
                return Err(at.fault(message, "remove one of them"));
            }
            seen.insert(name);
        }
        Ok(Self {
            at,
            read: RefCell::default(),
        })
    }

    /// An empty mapping at a position where keys are possible.
    pub fn none(at: At<'a>) -> Self {
        Self {
            at: at.empty(),
            read: RefCell::default(),
        }
    }

    pub fn get(&self, name: &'static str) -> Option<At<'a>> {
        self.read.borrow_mut().insert(name);
        self.at.get(&[name])
    }

    /// The mapping of a key; `None` if it is missing or empty.
    pub fn keys(&self, name: &'static str) -> Result<Option<Self>, String> {
        self.get(name).map(Self::of).transpose()
    }

    pub fn text(&self, name: &'static str) -> Result<Option<String>, String> {
        self.get(name).map(text).transpose()
    }

    /// A text that is not empty.
    pub fn filled(&self, name: &'static str) -> Result<Option<String>, String> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub fn boolean(&self, name: &'static str) -> Result<Option<bool>, String> {
        self.get(name).map(boolean).transpose()
    }

    pub fn is_true(&self, name: &'static str) -> Result<bool, String> {
        Ok(self.boolean(name)? == Some(true))
    }

    pub fn number(&self, name: &'static str) -> Result<Option<u64>, String> {
        let read = |at: At<'_>| {
            let number = text(at)?.parse();
            number.map_err(|_| at.fault(format!("`{name}` is not a number"), "a whole number"))
        };
        self.get(name).map(read).transpose()
    }

    pub fn duration(&self, name: &'static str) -> Result<Option<Duration>, String> {
        let read = |at: At<'_>| {
            let help = "a duration such as 500ms, 5s or 1m";
            duration(&text(at)?)
                .ok_or_else(|| at.fault(format!("`{name}` is not a duration"), help))
        };
        self.get(name).map(read).transpose()
    }

    /// The items of a list.
    pub fn items(&self, name: &'static str) -> Result<Vec<At<'a>>, String> {
        self.get(name).map_or(Ok(Vec::new()), items)
    }

    /// The texts of a list.
    pub fn texts(&self, name: &'static str) -> Result<Vec<String>, String> {
        self.items(name)?.into_iter().map(text).collect()
    }

    /// Adds a remark that a key is left out, if it is present and not empty.
    pub fn left_out(&self, name: &'static str, why: &str) {
        let is_empty = |at: &At<'_>| match at.value() {
            Value::Text(text) => text.is_empty() || text == "false",
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Null => true,
        };
        if let Some(at) = self.get(name).filter(|at| !is_empty(at)) {
            at.remark(format!("`{name}` is left out: {why}"));
        }
    }

    /// Adds a remark for each key that was not read.
    pub fn rest(&self) {
        for (name, at) in self.unread() {
            at.remark(format!("`{}` is left out: unknown key", shown_name(&name)));
        }
    }

    pub fn unread(&self) -> Vec<(String, At<'a>)> {
        let read = self.read.borrow();
        let entries = self.at.entries().into_iter();
        entries
            .filter(|(name, _)| !read.contains(name.as_str()))
            .collect()
    }
}

pub(super) fn items(at: At<'_>) -> Result<Vec<At<'_>>, String> {
    match at.value() {
        Value::List(_) => Ok(at.items()),
        other => {
            let message = format!("expected a list, not {}", other.kind());
            Err(at.fault(message, "`[...]`, or a line with `-` for each item"))
        }
    }
}

pub(super) fn text(at: At<'_>) -> Result<String, String> {
    let fault = || {
        at.fault(
            format!("expected a text, not {}", at.value().kind()),
            "a text or number",
        )
    };
    at.raw().ok_or_else(fault)
}

fn boolean(at: At<'_>) -> Result<bool, String> {
    let fault = || at.fault("expected true or false", "true or false");
    at.boolean().ok_or_else(fault)
}

/// Parses durations as in Prometheus, and with fractions as in Go: `1.5s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if let Some(span) = units::duration(text) {
        return Some(span);
    }
    if let Some(years) = text.strip_suffix('y') {
        let years: u32 = years.parse().ok().filter(|years| *years <= 100)?;
        return Some(Duration::from_hours(365 * 24) * years);
    }
    let (number, unit) = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}
