//! Parts of error messages.

use crate::diagnostic::Diagnostic;
use crate::yaml::form::Structure;
use crate::yaml::key::{Declared, Keys, Need};
use crate::yaml::tree::Value;
use std::collections::BTreeSet;

/// Whether a diagnostic reports one of these keys as missing. Misspelled keys are reported as unknown
/// instead.
pub(super) fn lacks(diagnostic: &Diagnostic, names: &BTreeSet<String>) -> bool {
    let has_name = |text: &str| {
        let mut words = text.split(|c: char| c != '_' && !c.is_alphanumeric());
        words.any(|word| names.contains(word))
    };
    let help = diagnostic.help.as_deref();
    let help = help.filter(|help| help.starts_with("add "));
    has_name(&diagnostic.message) || help.is_some_and(has_name)
}

/// A sentence, appended to a help text, about a character that looks like another one.
pub(in crate::yaml) fn odd_remark(help: &str, what: &str, odd: &str) -> String {
    let end = if help.ends_with('?') { "" } else { "." };
    format!("{end} The {what} contains {odd}")
}

/// What is expected instead of a value that is not a mapping. For a scalar, the required keys are shown.
pub(super) fn expected_mapping(written: &Value, keys: Keys) -> String {
    let names: Vec<_> = keys.iter().map(|key| key.name()).take(4).collect();
    let names = names.join(", ");
    if !matches!(written, Value::Text(_)) {
        return format!("a mapping with keys such as {names}");
    }
    let is_needed = |key: &&&dyn Declared| {
        key.need() == Need::Required && !matches!(key.form().structure(), Structure::ProbeKind)
    };
    let mut shown: Vec<_> = keys.iter().filter(is_needed).collect();
    if shown.is_empty() {
        shown.extend(keys.first());
    }
    let shown: Vec<_> = shown
        .iter()
        .map(|key| format!("{}: ...", key.name()))
        .collect();
    format!(
        "a mapping such as `{{ {} }}`, with keys such as {names}",
        shown.join(", ")
    )
}
