//! All sections of a config with their keys, to suggest the right section for a misplaced key.

use super::form::Structure;
use super::key::Keys;

/// All possible sections of a document.
#[derive(Debug, Default)]
pub struct Outline {
    sections: Vec<OutlineSection>,
    kinds: Vec<&'static str>,
}

struct OutlineSection {
    /// Such as `services[].probes[].http`; empty for the whole document.
    path: String,
    keys: Keys,
}

impl std::fmt::Debug for OutlineSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

impl Outline {
    /// The sections below `root`; `kinds` are the names and keys of the probe kinds.
    pub fn of(root: Keys, kinds: &[(&'static str, Keys)]) -> Self {
        let mut outline = Self {
            sections: Vec::new(),
            kinds: kinds.iter().map(|(name, _)| *name).collect(),
        };
        outline.add(String::new(), root, kinds);
        outline
    }

    fn add(&mut self, path: String, keys: Keys, kinds: &[(&'static str, Keys)]) {
        let below = |name: &str| match path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for key in keys {
            match key.form().structure() {
                Structure::Mapping { suffix, keys } => {
                    self.add(below(key.name()) + suffix, keys, kinds);
                }
                Structure::ProbeKind => {
                    for (name, keys) in kinds {
                        self.add(below(name), keys, kinds);
                    }
                }
                _ => {}
            }
        }
        self.sections.push(OutlineSection { path, keys });
    }

    /// Whether a name is that of a probe kind.
    pub(super) fn is_kind(&self, name: &str) -> bool {
        self.kinds.contains(&name)
    }

    /// A sentence about where a key that is unknown at `path` is valid: in a section below, in the
    /// enclosing one, or in the only other one.
    pub(super) fn place_of(&self, name: &str, path: &str) -> Option<String> {
        let here = without_indexes(path);
        let found: Vec<_> = self
            .sections
            .iter()
            .filter(|section| has(section.keys, name))
            .collect();
        let below: Vec<_> = found
            .iter()
            .filter_map(|section| last_below(&section.path, &here))
            .map(|last| format!("`{last}`"))
            .collect();
        if let Some((last, others)) = below.split_last() {
            let others = match others {
                [] => String::new(),
                _ => format!("{} and ", others.join(", ")),
            };
            return Some(format!("`{name}` is valid in {others}{last}"));
        }
        let around = found
            .iter()
            .find(|section| last_below(&here, &without_indexes(&section.path)).is_some());
        if let Some(around) = around {
            let location = location(&around.path);
            return Some(format!("`{name}` is valid one level higher, {location}"));
        }
        // The same section can occur in several places; the nearest one is shown.
        let mut others = found.iter();
        let first = others.next()?;
        if !others.all(|other| is_same(other.keys, first.keys)) {
            return None;
        }
        let common = |path: &str| {
            let path = without_indexes(path);
            path.chars()
                .zip(here.chars())
                .take_while(|(a, b)| a == b)
                .count()
        };
        let nearest = found.iter().max_by_key(|section| common(&section.path))?;
        Some(format!("`{name}` is valid {}", location(&nearest.path)))
    }
}

fn has(keys: Keys, name: &str) -> bool {
    let is = |known: &str| known == name;
    let mut keys = keys
        .iter()
        .filter(|key| !matches!(key.form().structure(), Structure::ProbeKind));
    keys.any(|key| is(key.name()) || key.file_name().as_deref().is_some_and(is))
}

/// Whether two sections are the same, such as probes of services and of `vantage`.
fn is_same(one: Keys, other: Keys) -> bool {
    let names = |keys: Keys| keys.iter().map(|key| key.name());
    names(one).eq(names(other))
}

/// The last part of a path, if it is one level below `above`.
fn last_below<'p>(path: &'p str, above: &str) -> Option<&'p str> {
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
    (!path.is_empty() && without_indexes(parent) == above).then_some(last)
}

fn location(path: &str) -> String {
    match path {
        "" => "at the top level".to_owned(),
        path => format!("in `{path}`"),
    }
}

/// Converts `services[0].probes[]` to `services.probes`.
fn without_indexes(path: &str) -> String {
    let mut is_inside = false;
    let outside = path.chars().filter(|c| {
        is_inside = (is_inside || *c == '[') && *c != ']';
        !is_inside && *c != ']'
    });
    outside.collect()
}
