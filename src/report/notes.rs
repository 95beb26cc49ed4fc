//! Notes on limitations of numbers, shared by reports, the status and pages.

use crate::format::{numbers::count, times};
use chrono::{DateTime, Utc};

/// Stored outcomes whose time is in the future.
pub fn future(outcomes: u64, until: DateTime<Utc>) -> String {
    let (count, until) = (count(outcomes), times::second(until));
    format!(
        "{count} stored outcomes are not counted yet: their time, up to {until} UTC, is in the future. \
         The clock was ahead when they were stored, or is behind now."
    )
}

/// A threshold that is newer than some of the latencies compared with it.
pub fn approximate(before: DateTime<Utc>, within_ratio: f64) -> String {
    let (before, within) = (times::minute(before), within_ratio * 100.0);
    format!(
        "approximate before {before} UTC: the threshold was changed afterwards, and values within \
         {within:.1}% of it may be counted on the wrong side."
    )
}

/// An objective whose measurement is missing from older outcomes.
pub fn measured_since(since: DateTime<Utc>) -> String {
    let since = times::minute(since);
    format!(
        "measured since {since} UTC: earlier outcomes were stored without it and are not counted."
    )
}

/// A window that is longer than the retention.
pub const BEYOND_RETENTION: &str = "unavailable: the window is longer than `store.retention`, or for real traffic `observe.retention`, and what is deleted cannot be counted.";
