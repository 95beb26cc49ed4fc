//! The codes of what `slod check` reports.

use crate::diagnostic::Severity;

/// What can be reported: a stable code, how grave it is, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub severity: Severity,
    pub meaning: &'static str,
}

/// Every error that reading can report, except those of probe kinds.
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
        "A name or label that is not valid in metrics, addresses or on the command line.",
    ),
    (
        "duplicate-name",
        "A duplicate name; the help shows where the first one is.",
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
    ("nothing-counts", "An objective has no probe that counts."),
    (
        "unknown-name",
        "A correction refers to an unknown service or objective, a route to an unknown receiver, or `web.user_roles` to an unknown user.",
    ),
    (
        "timeout-exceeds-interval",
        "An attempt or a scrape could last beyond the start of the next one.",
    ),
    (
        "unset-variable",
        "An environment variable, used as `${NAME}`, that is not set.",
    ),
    (
        "unknown-reference",
        "`${captured.NAME}` of which no earlier step captures the name, or `${data.NAME}` that is no column of the data file.",
    ),
    ("unreadable-file", "A file that cannot be read."),
];
