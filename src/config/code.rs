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
        "The text is not YAML, or nests or repeats itself without measure.",
    ),
    ("empty-config", "There is nothing in the file."),
    ("unknown-key", "A key that is not known at this place."),
    ("duplicate-key", "A key that is given twice."),
    ("missing-key", "A key that is needed."),
    ("invalid-value", "A value of another form than expected."),
    ("out-of-range", "A value that is too small or too large."),
    ("conflict", "Keys that exclude each other."),
    ("empty-list", "A list that needs at least one item."),
    (
        "invalid-name",
        "A name or label that metrics, addresses or the command line could not carry.",
    ),
    (
        "duplicate-name",
        "A name that is taken already; the help says where.",
    ),
    ("unknown-kind", "A probe kind that does not exist."),
    ("missing-kind", "A probe without a kind."),
    ("several-kinds", "A probe with more than one kind."),
    (
        "unknown-probe",
        "An objective names a probe, or a service, that does not exist.",
    ),
    ("nothing-counts", "No probe counts for an objective."),
    (
        "unknown-name",
        "A correction names a service or an objective that does not exist.",
    ),
    (
        "timeout-exceeds-interval",
        "An attempt could last beyond the start of the next one.",
    ),
    (
        "unset-variable",
        "An environment variable, used as `${NAME}`, that is not set.",
    ),
    ("unreadable-file", "A file that cannot be read."),
];
