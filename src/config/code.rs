//! The codes of what `slod check` reports.

use crate::diagnostic::Severity;

/// A kind of diagnostic: a stable code, its severity and its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub severity: Severity,
    pub meaning: &'static str,
}

/// All error codes, except those of probe kinds.
pub(super) const ERRORS: &[(&str, &str)] = &[
    (
        "syntax",
        "The text is not valid YAML, or is nested too deeply.",
    ),
    ("empty-config", "The file is empty."),
    ("unknown-key", "An unknown key."),
    ("duplicate-key", "A duplicate key."),
    ("missing-key", "A required key is missing."),
    ("invalid-value", "A value of the wrong type or format."),
    ("out-of-range", "A value that is too small or too large."),
    ("conflict", "Mutually exclusive keys."),
    ("empty-list", "A list that needs at least one item."),
    (
        "invalid-name",
        "A name or label that is invalid in metrics, in URLs or on the command line.",
    ),
    (
        "duplicate-name",
        "A duplicate name; the help text gives the line of the first one.",
    ),
    ("unknown-kind", "An unknown probe kind."),
    ("missing-kind", "A probe or a receiver without a kind."),
    (
        "several-kinds",
        "A probe or a receiver with more than one kind.",
    ),
    (
        "unknown-probe",
        "An objective refers to an unknown probe or service.",
    ),
    ("nothing-counts", "No probe counts for an objective."),
    (
        "unknown-name",
        "A correction refers to an unknown service or objective, a route to an unknown receiver, or `web.user_roles` to an unknown user.",
    ),
    (
        "timeout-exceeds-interval",
        "A timeout exceeds the interval, so attempts or scrapes could overlap.",
    ),
    (
        "unset-variable",
        "An environment variable, referenced as `${NAME}`, is not set.",
    ),
    (
        "unknown-reference",
        "`${captured.NAME}` that no earlier step captures, or `${data.NAME}` without such a column in the data file.",
    ),
    ("unreadable-file", "A file that cannot be read."),
];
