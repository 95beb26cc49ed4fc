//! Unknown, duplicate and missing keys of a section. Each mistake is reported as a single error.

use super::{Declared, Need, Section, Structure};
use crate::diagnostic::{Place, nearest};
use crate::yaml::name::shown_name;
use crate::yaml::odd;
use crate::yaml::reader::{Spot, odd_remark};
use crate::yaml::tree::{Node, Value};
use std::collections::BTreeSet;

/// Other names for a key, used by people and by other tools.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("start", &["from"]),
    ("starts_at", &["from"]),
    ("begin", &["from"]),
    ("end", &["to"]),
    ("ends_at", &["to"]),
    ("until", &["to"]),
    ("duration", &["for"]),
    ("length", &["for"]),
    ("threshold", &["below"]),
    ("objective", &["target"]),
    ("slos", &["objectives"]),
    ("slo", &["objectives"]),
    ("endpoints", &["services", "probes"]),
    ("monitors", &["services", "probes"]),
    ("targets", &["services", "probes"]),
    ("checks", &["probes"]),
    ("conditions", &["expect"]),
    ("assertions", &["expect"]),
    ("tags", &["labels"]),
    ("server", &["listen", "address"]),
    ("bind", &["listen"]),
    ("storage", &["store"]),
    ("database", &["store"]),
    ("notifications", &["receivers"]),
    ("notifiers", &["receivers"]),
    ("contact_points", &["receivers"]),
    ("alerting", &["receivers"]),
    ("receiver", &["to"]),
    ("matchers", &["match"]),
    ("group_wait", &["wait"]),
    ("repeat_interval", &["repeat"]),
    ("host", &["address"]),
    ("port", &["address", "listen"]),
    ("endpoint", &["url", "address"]),
    ("interval", &["every"]),
    ("period", &["every", "interval"]),
    ("cron", &["schedule"]),
    ("crontab", &["schedule"]),
    ("tz", &["timezone"]),
    ("skip_verify", &["insecure"]),
    ("insecure_skip_verify", &["insecure"]),
    ("payload", &["body"]),
    ("data", &["body"]),
    ("ping", &["icmp"]),
    ("push", &["heartbeat"]),
];

/// Keys at the root of other tools' files, each with the command that converts the file to a config.
const IMPORTED: &[(&str, &str)] = &[
    ("modules", "slod import blackbox FILE"),
    (
        "scrape_configs",
        "slod import blackbox BLACKBOX_YML --targets FILE",
    ),
    ("slos", "slod import sloth FILE"),
    (
        "apiVersion",
        "slod import openslo FILE` or `slod import sloth FILE",
    ),
];

/// Suggestions of other sections are omitted after this many errors in a document.
const PLACES_MAX: usize = 1000;

fn synonyms(name: &str) -> impl Iterator<Item = &'static str> {
    let found = SYNONYMS.iter().find(|(other, _)| *other == name);
    found
        .into_iter()
        .flat_map(|(_, meant)| meant.iter().copied())
}

impl Section<'_> {
    /// The declared name, or the one of `others`, that an unknown name was most likely meant to be. That
    /// key is then not reported as missing.
    pub fn nearest_name<'o>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'o str>,
    ) -> Option<String> {
        let near = self.near(name, &others.into_iter().collect::<Vec<_>>());
        if let Some(near) = &near {
            self.reader.note_meant(&self.at, near);
        }
        near
    }

    fn near(&self, name: &str, others: &[&str]) -> Option<String> {
        let names: Vec<String> = self.names().collect();
        let name = odd::plain(name).to_lowercase();
        let is_known =
            |meant: &&str| names.iter().any(|one| one == meant) || others.contains(meant);
        if let Some(meant) = synonyms(&name).find(is_known) {
            return Some(meant.to_owned());
        }
        let fits = |known: &&str| !known.ends_with("_file") || name.contains("fil");
        let known = names.iter().map(String::as_str).filter(fits);
        nearest(&name, known.chain(others.iter().copied())).map(str::to_owned)
    }

    /// A sentence about where else a name is a valid key. `None` after too many errors.
    pub fn place_of(&self, name: &str) -> Option<String> {
        if self.reader.count() > PLACES_MAX {
            return None;
        }
        let place_of = |name: &str| self.reader.outline().place_of(name, &self.at.path);
        place_of(name).or_else(|| synonyms(name).find_map(place_of))
    }

    /// Whether the section can contain a probe kind. Unknown names are then reported by its reader.
    fn takes_kinds(&self) -> bool {
        self.declared().count() < self.keys.len()
    }

    pub(super) fn check_keys(&self) {
        let names: BTreeSet<String> = self.names().collect();
        let mut seen = BTreeSet::new();
        for (index, (key, value)) in self.entries.iter().enumerate() {
            let name = key.value.scalar().unwrap_or_default();
            let at = self.inner(&shown_name(&name), key);
            let is_known = names.contains(&name);
            if !is_known && self.check_comma(index) {
                continue;
            }
            if !is_known && !self.takes_kinds() {
                self.report_unknown(&name, value, &at);
            } else if !seen.insert(name.clone()) {
                let message = format!("duplicate key `{}`", shown_name(&name));
                self.reader
                    .error("duplicate-key", &at, message, "remove one of them");
            }
        }
    }

    /// The command that imports files with such a key at their root.
    fn import_of(&self, name: &str) -> Option<&'static str> {
        let found = IMPORTED.iter().find(|(key, _)| *key == name);
        found
            .map(|(_, command)| *command)
            .filter(|_| self.at.path.is_empty())
    }

    fn report_unknown(&self, name: &str, value: &Node, at: &Spot) {
        let near = self.nearest_name(name, []);
        self.publish_misspelled(name, near.as_deref(), value);
        let names = || self.names().collect::<Vec<_>>().join(", ");
        let place = self.place_of(name);
        let mut help = match (self.import_of(name), near, place) {
            (Some(command), _, _) => {
                self.reader.note_meant(&self.at, "services");
                format!("this is a key of another tool; `{command}` converts its file to a config")
            }
            (None, Some(near), _) => format!("did you mean `{near}`?"),
            (None, None, Some(place)) => place,
            (None, None, None) => format!("valid here: {}", names()),
        };
        if let Some((_, odd)) = odd::first(name) {
            help += &odd_remark(&help, "name", &odd);
        }
        let message = format!("unknown key `{}`", shown_name(name));
        self.reader.error("unknown-key", at, message, help);
    }

    pub(super) fn check_needs(&self) {
        let required = |key: &&dyn Declared| key.need() == Need::Required;
        for key in self.declared().filter(required) {
            if !self.has(key) {
                let message = format!("`{}` is missing", key.name());
                self.reader
                    .error("missing-key", &self.at, message, key.doc());
            }
        }
    }

    /// Reports a decimal comma, which ends a value within braces: `target: 99,9%` is parsed as the value
    /// `99` and the key `9%`. Returns whether an entry is the rest of such a number.
    fn check_comma(&self, index: usize) -> bool {
        let rest = self.entries.get(index);
        let before = index
            .checked_sub(1)
            .and_then(|index| self.entries.get(index));
        let (Some((name, number)), Some((rest, null))) = (before, rest) else {
            return false;
        };
        let texts = (
            name.value.scalar(),
            number.value.scalar(),
            rest.value.scalar(),
        );
        let (Some(name), Some(whole), Some(part)) = texts else {
            return false;
        };
        let (from, to) = (number.place, rest.place);
        let is_one = from.line == to.line && from.column + from.len + 1 == to.column;
        let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let is_part = part.starts_with(|c: char| c.is_ascii_digit());
        let is_comma = is_one && is_number && is_part && null.value == Value::Null;
        if !is_comma || part.chars().count() > 16 || !self.is_public(&name, number) {
            return false;
        }
        self.reader.publish(rest);
        let at = Spot {
            place: Some(Place {
                len: from.len + 1 + to.len,
                ..from
            }),
            path: self.at.below(&name),
        };
        let message =
            format!("`{whole},{part}` contains a comma, which ends the value within braces");
        let help = format!("write `{whole}.{part}`, with a decimal point");
        self.reader.error("invalid-value", &at, message, help);
        self.reader.note_faulty(from);
        true
    }

    /// Reports a mapping of names instead of a list, such as `probes: { health: { http: ... } }`.
    /// Returns whether it is one.
    pub(super) fn check_names(&self, node: &Node, at: &Spot, keys: super::Keys) -> bool {
        let Value::Map(entries) = &node.value else {
            return false;
        };
        let outline = self.reader.outline();
        let is_key = |name: &Node| {
            let name = name.value.scalar().unwrap_or_default();
            let is_file = |key: &dyn Declared| key.file_name().as_ref() == Some(&name);
            let kind = |key: &dyn Declared| {
                matches!(key.form().structure(), Structure::ProbeKind) && outline.is_kind(&name)
            };
            let mut keys = keys.iter();
            keys.any(|key| key.name() == name || is_file(*key) || kind(*key))
        };
        let is_item = |value: &Node| match &value.value {
            Value::Map(inner) => inner.iter().any(|(name, _)| is_key(name)),
            _ => false,
        };
        let are_items = entries
            .iter()
            .all(|(name, value)| !is_key(name) && is_item(value));
        let Some((first, _)) = entries.first().filter(|_| are_items) else {
            return false;
        };
        self.reader.publish_keys(entries);
        let named = keys.iter().any(|key| key.name() == "name");
        let first = first.value.scalar().unwrap_or_default();
        let help = match shown_name(&first) {
            name if named && name == first => {
                format!("expected a list: `- name: {name}` with the other keys below it, and so on")
            }
            _ => "expected a list: start each item with `- `".to_owned(),
        };
        let message = "invalid value: a mapping of names instead of a list";
        self.reader.error("invalid-value", at, message, help);
        true
    }
}
