//! Names of services, probes and objectives.

use crate::yaml::{Key, Section, Spot, Text};
use std::collections::BTreeMap;

/// Maximum number of characters.
pub(super) const MAX_LENGTH: usize = 100;

/// Names of one kind that must differ from each other.
pub(super) struct Names {
    /// The kind of thing that is named, for messages.
    what: &'static str,
    taken: BTreeMap<String, Spot>,
}

impl Names {
    pub(super) fn of(what: &'static str) -> Self {
        Self {
            what,
            taken: BTreeMap::new(),
        }
    }

    /// Reads and reserves the section's name; `None` if it is invalid or taken, which is reported.
    pub(super) fn take(&mut self, section: &Section<'_>, key: &Key<Text>) -> Option<String> {
        let name = section.get(key)?;
        self.claim(section, key, name)
    }

    /// Reserves a name for the section, configured or derived; `None` if it is invalid or taken, which
    /// is reported.
    pub(super) fn claim(
        &mut self,
        section: &Section<'_>,
        key: &Key<Text>,
        name: String,
    ) -> Option<String> {
        if let Some(fault) = fault(&name) {
            let help = format!(
                "expected up to {MAX_LENGTH} characters, without `/`, line breaks, and leading or trailing spaces"
            );
            section.error("invalid-name", key, fault, help);
            return None;
        }
        let at = section.spot_of(key);
        if let Some(first) = self.taken.get(&name) {
            let line = first.place.map_or(0, |place| place.line);
            section.error(
                "duplicate-name",
                key,
                format!("duplicate {} `{name}`", self.what),
                format!(
                    "first used in line {line} ({}); rename one of them",
                    first.path
                ),
            );
            return None;
        }
        self.taken.insert(name.clone(), at);
        Some(name)
    }
}

/// Why a name is invalid. Names are used in URLs, in metric labels and on the command line
/// (`service/probe`).
fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("a name cannot be empty");
    }
    if name.chars().count() > MAX_LENGTH {
        return Some("this name is too long");
    }
    if name.trim() != name {
        return Some("a name cannot start or end with a space");
    }
    if name.contains('/') {
        return Some("a name cannot contain `/`, which separates service and probe");
    }
    let is_separator = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if name.chars().any(is_separator) {
        return Some("a name cannot contain control characters or line breaks");
    }
    // Prometheus treats it as invalid UTF-8, and rejects rules that contain it.
    if name.contains(char::REPLACEMENT_CHARACTER) {
        return Some("a name cannot contain U+FFFD, the replacement character");
    }
    // Browsers treat these as relative path segments.
    matches!(name, "." | "..").then_some("a name cannot be `.` or `..`")
}

/// Why a label name is invalid: it is not a Prometheus label name, or slod's metrics use it, so that
/// it could not be joined to them.
pub fn label_fault(name: &str) -> Option<&'static str> {
    // Prometheus' own first; a test of `metrics` compares the rest with the metric families.
    const USED: &[&str] = &[
        "instance",
        "job",
        "le",
        "collector",
        "device",
        "direction",
        "engine",
        "error_type",
        "limit",
        "model",
        "phase",
        "probe",
        "process",
        "quantile",
        "reason",
        "remote",
        "result",
        "scenario",
        "service",
        "severity",
        "sli",
        "slo",
        "source",
        "window",
    ];
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    let word = |c: char| letter(c) || c.is_ascii_digit();
    if !name.starts_with(letter) || !name.chars().all(word) {
        return Some("label names are letters, digits and `_`, and do not start with a digit");
    }
    if name.starts_with("__") {
        return Some("label names that start with `__` belong to Prometheus");
    }
    // Names of OpenTelemetry (`ledger::llm`) and Sloth (`rules`), which slod uses as well.
    let is_others = ["gen_ai_", "sloth_"]
        .iter()
        .any(|start| name.starts_with(start));
    let is_used = USED.contains(&name) || is_others;
    is_used.then_some("this label is set by slod or Prometheus itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_any_text_that_is_safe_in_paths_and_labels() {
        let long = "x".repeat(MAX_LENGTH);
        for good in [
            "concierge",
            "Zahlung (EU)",
            "検索",
            "a",
            "v1.2_x-y",
            long.as_str(),
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        let longer = "x".repeat(MAX_LENGTH + 1);
        for wrong in [
            "",
            " a",
            "a\u{a0}",
            "a/b",
            "a\nb",
            "a\0",
            "a\u{fffd}",
            ".",
            "..",
            longer.as_str(),
        ] {
            assert!(fault(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn labels_follow_the_rules_of_prometheus() {
        for good in ["team", "_x", "Tier2"] {
            assert_eq!(label_fault(good), None, "{good}");
        }
        for wrong in [
            "", "2nd", "a-b", "é", "__name__", "service", "le", "process",
        ] {
            assert!(label_fault(wrong).is_some(), "{wrong:?}");
        }
    }
}
