//! One function per row of the checklist.
//!
//! ```text
//! outside.rs: from what the addresses answer    inside.rs: from metrics, processes and containers
//! ```

mod inside;
mod outside;

use super::facts::Facts;
use super::{Answer, Check};

/// The checks in the order of the checklist.
pub const ALL: [fn(&Facts) -> Check; 10] = [
    inside::pooling,
    outside::caching,
    outside::compression,
    outside::queries,
    inside::breakers,
    outside::rate_limit,
    outside::health,
    inside::logging,
    inside::leaks,
    inside::limits,
];

fn check(row: &'static str, answer: Answer, evidence: impl Into<String>) -> Check {
    let evidence = evidence.into();
    Check {
        row,
        answer,
        evidence,
    }
}

/// Explains why nothing is known, if no metric shows it.
fn no_metrics(facts: &Facts, what: &str) -> String {
    if facts.has_metrics {
        format!("the service's metrics do not show {what}")
    } else {
        format!("`metrics` is not configured for the service, so it cannot show {what}")
    }
}
