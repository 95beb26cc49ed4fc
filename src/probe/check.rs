//! The results of expectations.

use super::dial::{Failure, Progress};
use crate::outcome::Cause;

/// The result of one expectation.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// `None` if the expectation is met.
    pub failed: Option<Cause>,
    /// The expected and the actual value.
    pub text: String,
}

impl Check {
    /// `cause` applies unless the expectation is met.
    pub fn new(holds: bool, cause: Cause, text: String) -> Self {
        let failed = (!holds).then_some(cause);
        Self { failed, text }
    }

    /// Records the result. Returns the failure if the expectation is not met.
    pub fn record(self, progress: &mut Progress<'_>) -> Option<Failure> {
        let Self { failed, text } = self;
        let result = if failed.is_none() { "ok" } else { "FAILED" };
        progress.record("expect", || format!("{result}: {text}"));
        failed.map(|cause| Failure::bad(cause, text))
    }
}

/// Records all results. The first expectation that is not met determines the failure.
pub fn record_all(checks: Vec<Check>, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let mut failure = None;
    for check in checks {
        let failed = check.record(progress);
        failure = failure.or(failed);
    }
    failure.map_or(Ok(()), Err)
}
