//! Labels of a service, which are part of `/metrics` and of every message about the service, and those of all
//! alerts.

use super::name::label_fault;
use crate::yaml::{Key, Map, Section, Text};
use std::collections::BTreeSet;

/// Maximum number of labels of a service or of all alerts.
const MAX: usize = 64;
/// Maximum number of characters of a label's name and of its value.
const NAME_MAX: usize = 100;
const VALUE_MAX: usize = 500;

/// Labels that slod sets on some alerts, overriding those of the config.
pub(super) const OF_ALERTS: [&str; 5] = ["alertname", "slo", "tier", "signal", "subject"];

/// Reads the valid labels; errors in the others are reported.
pub(super) fn labels(section: &Section<'_>, key: &Key<Map<Text>>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut seen = BTreeSet::new();
    let reader = section.reader();
    for (name, value, at) in section.map(key) {
        if let Some(fault) = label_fault(&name) {
            let message = format!("invalid label name `{name:.NAME_MAX$}`");
            reader.error("invalid-name", &at, message, fault);
        } else if name.chars().count() > NAME_MAX {
            let help = format!("expected up to {NAME_MAX} characters");
            reader.error("invalid-name", &at, "this label name is too long", help);
        } else if let Some(fault) = value_fault(&value) {
            let message = format!("the value of `{name}` {fault}");
            let help = format!("expected up to {VALUE_MAX} characters on one line");
            reader.error("invalid-value", &at, message, help);
        } else if !seen.insert(name.clone()) {
            let message = format!("duplicate label `{name}`");
            reader.error("duplicate-key", &at, message, "remove one of them");
        } else {
            labels.push((name, value));
        }
    }
    if labels.len() > MAX {
        let message = format!("too many labels: {}", labels.len());
        let help = format!("expected at most {MAX}");
        section.error("out-of-range", key, message, help);
    }
    labels
}

fn value_fault(value: &str) -> Option<&'static str> {
    if value.chars().count() > VALUE_MAX {
        return Some("is too long");
    }
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    value
        .chars()
        .any(breaks)
        .then_some("contains control characters or line breaks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::diagnostic::Source;
    use std::path::Path;

    fn faults(labels: &str) -> Vec<String> {
        let text = format!(
            "services:\n  - name: web\n    labels: {{ {labels} }}\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: []\n"
        );
        let source = Source::new("test", text);
        let loaded = Config::load(&source, Path::new(""), &|_| None);
        let found = loaded.diagnostics.into_iter();
        found.map(|one| one.message).collect()
    }

    #[test]
    fn labels_are_few_and_short_and_have_one_line() {
        let many = |count: usize| {
            let all: Vec<_> = (0..count).map(|number| format!("l{number}: x")).collect();
            all.join(", ")
        };
        let long = |length: usize| format!("team: \"{}\"", "\u{e9}".repeat(length));
        let name = |length: usize| format!("{}: x", "n".repeat(length));
        for good in [
            many(MAX),
            long(VALUE_MAX),
            name(NAME_MAX),
            "team: \"\"".to_owned(),
            "team: \"Gr\u{fc}n \\\"x\\\"\"".to_owned(),
        ] {
            assert_eq!(faults(&good), Vec::<String>::new(), "{good:.60}");
        }
        for (wrong, fault) in [
            (many(MAX + 1), "too many labels: 65"),
            (long(VALUE_MAX + 1), "the value of `team` is too long"),
            (name(NAME_MAX + 1), "this label name is too long"),
            (
                "team: \"a\\0b\"".to_owned(),
                "the value of `team` contains control characters or line breaks",
            ),
            (
                "team: \"a\\u2028b\"".to_owned(),
                "the value of `team` contains control characters or line breaks",
            ),
        ] {
            assert_eq!(faults(&wrong), [fault], "{wrong:.60}");
        }
    }
}
