//! Climbing error rates.

use super::{Answer, Numbers};
use crate::signal::Presence;
use crate::trend::{ClimbVerdict, Errors, climb};

/// Whether the share of errors climbs by at least `least`.
pub fn errors_climbing(windows: &[Errors], numbers: Numbers, least: f64) -> Answer {
    let by = numbers.by();
    match climb(windows, least) {
        ClimbVerdict::Climbing {
            from,
            to,
            errors,
            total,
        } => (
            Presence::Active,
            format!(
                "{by}, the error rate climbed from {:.2} to {:.2} % ({errors} of {total} failed)",
                from * 100.0,
                to * 100.0
            ),
        ),
        ClimbVerdict::Steady { smallest } => (
            Presence::Clear,
            format!(
                "{by}, the error rate does not climb; a rise of {:.1} percentage points would have been detected",
                smallest * 100.0
            ),
        ),
        ClimbVerdict::Unknown { needed } => {
            let known = windows.iter().filter(|one| one.total > 0).count();
            (
                Presence::Unknown,
                format!(
                    "{by}, {known} of the {needed} 5-minute windows required for a trend are known"
                ),
            )
        }
    }
}
