//! Conditions that a response must meet in addition to its status.

use http::HeaderMap;
use slod_core::outcome::Cause;
use std::fmt;

/// The conditions of one request. They are checked on the thread that sends requests, after the latency has
/// been measured: slow ones make the generator late, which its lag shows.
pub trait Conditions: fmt::Debug + Send + Sync {
    /// The names of all conditions, for reports.
    fn names(&self) -> &[String];

    /// Whether the body must be kept, up to [`BODY_MAX`](crate::BODY_MAX).
    fn need_body(&self) -> bool;

    /// The first condition that the response does not meet.
    fn unmet(&self, headers: &HeaderMap, body: &[u8]) -> Option<Unmet>;
}

/// A condition that a response does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Its index among the names.
    pub number: usize,
    pub cause: Cause,
    /// The expected and the actual value. May quote the response.
    pub words: String,
}
