//! Error ratios that rise over hours.

use super::windows::MIN_WINDOWS;
use crate::stats::normal::{Z_95, Z_995};
use crate::stats::proportion::{Share, cochran_armitage};

/// The counts of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    pub errors: u64,
    pub total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClimbVerdict {
    Unknown {
        /// Required number of windows with events.
        needed: usize,
    },
    /// No rise, or a smaller one than required. A rise of `smallest`, in absolute terms, would have been
    /// detected in 95% of such series.
    Steady { smallest: f64 },
    /// The error ratios of the first and the last third.
    Climbing {
        from: f64,
        to: f64,
        /// Totals over all windows.
        errors: u64,
        total: u64,
    },
}

/// Minimum number of errors for a trend.
const MIN_ERRORS: u64 = 20;

/// Whether an error ratio rises from window to window.
///
/// Requires all of: a Cochran-Armitage trend that is significant at 0.5% with the variance of bursty
/// errors; a ratio in the last third at least `least` above that in the first; at least 20 errors.
pub fn climb(windows: &[Errors], least: f64) -> ClimbVerdict {
    let shares: Vec<Share> = windows
        .iter()
        .filter(|window| window.total > 0)
        .map(|window| Share {
            hits: window.errors.min(window.total),
            total: window.total,
        })
        .collect();
    if shares.len() < MIN_WINDOWS {
        return ClimbVerdict::Unknown {
            needed: MIN_WINDOWS,
        };
    }
    let third = shares.len() / 3;
    let early = Share::sum(&shares[..third]);
    let late = Share::sum(&shares[shares.len() - third..]);
    let all = Share::sum(&shares);
    let trend = cochran_armitage(&shares);
    let (from, to) = (early.ratio().unwrap_or(0.0), late.ratio().unwrap_or(0.0));
    let significant = trend.is_some_and(|trend| trend.z > Z_995);
    if significant && to - from >= least && all.hits >= MIN_ERRORS {
        return ClimbVerdict::Climbing {
            from,
            to,
            errors: all.hits,
            total: all.total,
        };
    }
    let dispersion = trend.map_or(1.0, |trend| trend.overdispersion);
    ClimbVerdict::Steady {
        smallest: smallest(early, late, all, dispersion).max(least),
    }
}

/// The difference between the thirds that is detected in 95% of cases: the standard deviations of the
/// threshold plus those of the power.
fn smallest(early: Share, late: Share, all: Share, dispersion: f64) -> f64 {
    // Half an error more than observed: zero observed errors do not mean that none are possible.
    let ratio = (all.hits as f64 + 0.5) / (all.total as f64 + 1.0);
    let spread = ratio * (1.0 - ratio) * (1.0 / early.total as f64 + 1.0 / late.total as f64);
    ((Z_995 + Z_95) * (spread * dispersion).sqrt()).min(1.0)
}
