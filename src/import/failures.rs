//! Causes of failures, from what clients report: statuses, messages of errors, and failed checks.

use crate::load::RetryAfter;
use crate::outcome::Cause;
use std::time::Duration;

/// A check of an exported script that an answer with an expected status failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCheck<'a> {
    /// The answer has no value for a later request.
    Missing(&'a str),
    /// The answer does not meet a condition.
    Unmet(&'a str),
}

impl FailedCheck<'_> {
    /// As in slod's own engine, except that the source of a missing value is unknown.
    pub fn cause(self) -> Cause {
        match self {
            Self::Unmet(condition) if condition.starts_with("header ") => Cause::Header,
            Self::Unmet(_) | Self::Missing(_) => Cause::Body,
        }
    }

    pub fn words(self) -> String {
        match self {
            Self::Unmet(condition) => format!("not met: {condition}"),
            Self::Missing(name) => format!("the response has no value for `{name}`"),
        }
    }
}

/// The cause for an unexpected status, as in slod's own engine.
pub const fn status_cause(status: u16) -> Cause {
    match status {
        429 => Cause::RateLimited,
        _ => Cause::Status,
    }
}

/// The error of a Go client without the request: `Get "URL": ERROR`.
pub fn without_url(error: &str) -> &str {
    error.rsplit_once("\": ").map_or(error, |(_, error)| error)
}

/// The `Retry-After` header of a response with status 429, as exported scripts report it: seconds, or a word for
/// a date.
pub fn retry_after(asked: &str) -> RetryAfter {
    RetryAfter::of(asked.parse().ok().map(Duration::from_secs))
}

/// The cause for an error message of a Go, Rust or Python client. As in probe attempts, a connection that
/// ends before the answer is `closed`, and a body that ends early is invalid: Go reports `EOF` for the
/// former and `unexpected EOF` for the latter.
pub fn cause_of(error: &str) -> Cause {
    // The URL may contain any of these words.
    let error = without_url(error).to_ascii_lowercase();
    let contains_any = |words: &[&str]| words.iter().any(|word| error.contains(word));
    let is_closed = contains_any(&["connection closed", "closed connection", "disconnected"])
        || contains_any(&["server closed idle connection"])
        || error == "eof"
        || error.ends_with(": eof");
    if contains_any(&["timeout", "deadline", "timed out"]) {
        Cause::Timeout
    } else if contains_any(&["refused"]) {
        Cause::Refused
    } else if contains_any(&["no such host", "dns", "resolve", "lookup", "gaierror"]) {
        Cause::Dns
    } else if contains_any(&["reset", "broken pipe"]) {
        Cause::Reset
    } else if is_closed {
        Cause::Closed
    } else if contains_any(&["certificate", "x509"]) {
        Cause::Certificate
    } else if contains_any(&["tls", "handshake", "sslerror"]) {
        Cause::Tls
    } else if contains_any(&["unreachable", "no route"]) {
        Cause::Unreachable
    } else {
        Cause::Protocol
    }
}
