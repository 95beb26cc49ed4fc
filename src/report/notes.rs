//! What numbers lack, in sentences: the same for reports, the status and pages.

use crate::format::{numbers::count, times};
use chrono::{DateTime, Utc};

/// For stored outcomes whose time is in the future.
pub fn future(outcomes: u64, until: DateTime<Utc>) -> String {
    let (count, until) = (count(outcomes), times::second(until));
    format!(
        "{count} stored outcomes are not counted yet: their time, up to {until} UTC, is in the future. \
         The clock was ahead when they were stored, or is behind now."
    )
}

/// For a threshold that is newer than the latencies that are compared with it.
pub fn approximate(before: DateTime<Utc>, within_ratio: f64) -> String {
    let (before, within) = (times::minute(before), within_ratio * 100.0);
    format!(
        "approximate before {before} UTC: the threshold was changed afterwards, and values within \
         {within:.1}% of it may be counted on the wrong side."
    )
}

/// For an objective whose measurement older outcomes were stored without.
pub fn measured_since(since: DateTime<Utc>) -> String {
    let since = times::minute(since);
    format!(
        "measured since {since} UTC: earlier outcomes were stored without it and are not counted."
    )
}

/// For a window that reaches further back than outcomes are kept.
pub const BEYOND_RETENTION: &str = "unavailable: the window is longer than `store.retention`, or for real traffic `observe.retention`, and what is deleted cannot be counted.";
