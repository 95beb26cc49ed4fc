//! The codes of what `slod check` reports.

use crate::diagnostic::Severity;

/// A kind of diagnostic: a stable code, its severity and its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub severity: Severity,
    pub meaning: &'static str,
}

impl Code {
    pub(super) const fn error(code: &'static str, meaning: &'static str) -> Self {
        Self {
            code,
            severity: Severity::Error,
            meaning,
        }
    }

    pub(super) const fn warning(code: &'static str, meaning: &'static str) -> Self {
        Self {
            code,
            severity: Severity::Warning,
            meaning,
        }
    }

    pub(super) const fn note(code: &'static str, meaning: &'static str) -> Self {
        Self {
            code,
            severity: Severity::Note,
            meaning,
        }
    }
}

/// The codes of everything that is reported while a config is read, also by probe kinds.
pub(super) const CODES: &[Code] = &[
    Code::error(
        "syntax",
        "The text is not valid YAML, or is nested too deeply.",
    ),
    Code::error("empty-config", "The file is empty."),
    Code::error("unknown-key", "An unknown key."),
    Code::error("duplicate-key", "A duplicate key."),
    Code::error("missing-key", "A required key is missing."),
    Code::error("invalid-value", "A value of the wrong type or format."),
    Code::error("out-of-range", "A value that is too small or too large."),
    Code::error(
        "conflict",
        "Mutually exclusive keys, or a key that has no effect next to another one.",
    ),
    Code::error("empty-list", "A list that needs at least one item."),
    Code::error(
        "invalid-name",
        "A name or label that is invalid in metrics, in URLs or on the command line.",
    ),
    Code::error(
        "duplicate-name",
        "A duplicate name; the help text gives the line of the first one.",
    ),
    Code::error("unknown-kind", "An unknown probe kind."),
    Code::error("missing-kind", "A probe or a receiver without a kind."),
    Code::error(
        "several-kinds",
        "A probe or a receiver with more than one kind.",
    ),
    Code::error(
        "unknown-probe",
        "An objective refers to an unknown probe or service.",
    ),
    Code::error("nothing-counts", "No probe counts for an objective."),
    Code::error(
        "unknown-name",
        "A correction refers to an unknown service or objective, a route to an unknown receiver, `depends_on` to an unknown service, `alerts` to an unknown tier, or `web.user_roles` to an unknown user (a warning).",
    ),
    Code::error(
        "timeout-exceeds-interval",
        "A timeout exceeds the interval, so attempts or scrapes could overlap.",
    ),
    Code::error(
        "unset-variable",
        "An environment variable, referenced as `${NAME}`, is not set.",
    ),
    Code::error(
        "unknown-reference",
        "`${captured.NAME}` that no earlier step captures, or `${data.NAME}` without such a column in the data file.",
    ),
    Code::error("unreadable-file", "A file that cannot be read."),
    Code::error(
        "credentials-in-url",
        "An address contains a user or a password.",
    ),
    Code::warning(
        "secret-in-url",
        "A parameter in an address that is written in the config looks like a secret.",
    ),
    Code::warning(
        "secret-file-readable",
        "A file that contains a secret is readable by all users of the machine.",
    ),
    Code::warning(
        "open-credentials",
        "Credentials are sent over plain `http` to another machine.",
    ),
    Code::warning(
        "insecure-tls",
        "With `insecure: true`, every certificate is trusted.",
    ),
    Code::warning(
        "certificate-out-of-date",
        "A configured certificate is not valid now.",
    ),
    Code::warning(
        "program-not-executable",
        "The program of a receiver does not exist on this machine, or is not executable.",
    ),
    Code::warning("not-sent", "A header that HTTP/2 does not have."),
    Code::warning(
        "body-without-type",
        "A request has a body, but no `Content-Type`.",
    ),
    Code::warning(
        "escape-sent",
        "What a `tcp` probe sends contains a backslash and a letter instead of a line break.",
    ),
    Code::warning(
        "matches-every-body",
        "An expression for a body matches every text, so it checks nothing or rejects every response.",
    ),
    Code::warning(
        "redirect-followed",
        "Only redirects are expected, but they are followed.",
    ),
    Code::warning(
        "half-a-ratio",
        "Only one of two roles of `metrics` that form a ratio is configured.",
    ),
    Code::warning(
        "exception-without-occurrence",
        "An item of `except` matches no occurrence of the correction, so it has no effect.",
    ),
];
