//! Climbing error rates.

use super::growth::time;
use super::{Answer, Numbers};
use crate::format::{count, failed};
use crate::signal::Presence;
use crate::trend::{ClimbVerdict, Errors, climb};
use std::time::Duration;

/// The width of the windows.
const WINDOW: Duration = Duration::from_mins(5);

/// Whether the share of errors climbs by at least `least`.
pub fn errors_climbing(windows: &[Errors], numbers: Numbers, least: f64) -> Answer {
    let by = numbers.by();
    let known = windows.iter().filter(|one| one.total > 0).count();
    match climb(windows, least) {
        ClimbVerdict::Climbing {
            from,
            to,
            errors,
            total,
        } => (
            Presence::Active,
            format!(
                "{by}, the error rate climbed from {} to {} in {} ({} of {} failed)",
                failed(from),
                failed(to),
                time(WINDOW.saturating_mul(u32::try_from(known).unwrap_or(u32::MAX))),
                count(errors),
                count(total)
            ),
        ),
        ClimbVerdict::Steady { smallest } => (
            Presence::Clear,
            format!(
                "{by}, the error rate does not climb; a rise of {:.1} percentage points would have been detected",
                smallest * 100.0
            ),
        ),
        ClimbVerdict::Unknown { needed } => (
            Presence::Unknown,
            format!(
                "{by}, {known} of the {needed} 5-minute windows required for a trend are known"
            ),
        ),
    }
}
