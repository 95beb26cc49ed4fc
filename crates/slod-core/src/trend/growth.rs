//! Growth of resources that a process holds: memory, files, threads, connections.

use super::line::Line;
use super::windows::Windows;
use crate::stats::normal::Z_99;
use crate::stats::order::median_of;
use crate::stats::saturation::fits;
use crate::stats::step::criterion_of_step;
use std::time::Duration;

/// Minimum growth that is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthRules {
    /// Minimum growth over the span, as a share of the median.
    pub share: f64,
    /// Minimum growth in the unit of the values.
    pub floor: f64,
    /// The limit of the value, if any.
    pub limit: Option<f64>,
}

/// The growth of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    pub per_hour: f64,
    /// The 90% interval of `per_hour`.
    pub low: f64,
    pub high: f64,
    /// The line's values at the first and the last window.
    pub from: f64,
    pub to: f64,
    /// The time until the line reaches the limit, if within a year.
    pub until_limit: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GrowthVerdict {
    Unknown {
        /// Required number of windows with values since the last restart.
        needed: usize,
    },
    /// No growth, or less than the rules require. `smallest_per_hour` would have been detected in 95% of
    /// such series.
    Steady {
        smallest_per_hour: f64,
    },
    /// Growth that levels off: a cache that fills, or a single step.
    Plateauing(Growth),
    Growing(Growth),
}

/// Required number of windows with values since the last restart. The first hour of a warm-up looks like a
/// leak.
pub const MIN_GROWTH_WINDOWS: usize = 48;

/// A difference of information criteria that is positive evidence (Kass and Raftery 1995).
const POSITIVE: f64 = 6.0;

/// Whether a value grows, as opposed to noise, a warm-up or a step. The values are the minima of the
/// windows for memory (what remains after a garbage collection), and medians for counts.
///
/// Requires all of: a trend that is significant at 1%, or a rise of more than ten times the spread around
/// the line; a positive lower end of the slope's interval; a growth over the span that meets the rules; a
/// second half that is still growing; and neither a saturating curve nor a single step that describes the
/// series much better than a line. If the value falls below half, and by more than the minimum growth, this
/// is a restart, and earlier values are ignored.
pub fn growth(windows: Windows<'_>, rules: &GrowthRules) -> GrowthVerdict {
    let windows = windows.since_restart(rules.floor);
    let points = windows.floors();
    let is_known = windows.known().count() >= MIN_GROWTH_WINDOWS;
    let level = median_of(points.iter().map(|(_, value)| value.abs()));
    let line = is_known.then(|| Line::of(&points)).flatten();
    let (Some(level), Some(line)) = (level, line) else {
        return GrowthVerdict::Unknown {
            needed: MIN_GROWTH_WINDOWS,
        };
    };
    let least = rules.floor.max(rules.share * level);
    if !line.rises(Z_99) || line.rise() < least {
        let smallest = line.smallest_slope(Z_99).max(least / line.hours());
        return GrowthVerdict::Steady {
            smallest_per_hour: smallest,
        };
    }
    let found = described(&line, rules.limit);
    if line.continues_in(&points[points.len() / 2..]) && is_line(&points) {
        GrowthVerdict::Growing(found)
    } else {
        GrowthVerdict::Plateauing(found)
    }
}

fn described(line: &Line, limit: Option<f64>) -> Growth {
    Growth {
        per_hour: line.slope.slope,
        low: line.slope.low,
        high: line.slope.high,
        from: line.from(),
        to: line.to(),
        until_limit: limit.and_then(|limit| until(limit - line.to(), line.slope.slope)),
    }
}

const YEAR: Duration = Duration::from_hours(365 * 24);

fn until(remaining: f64, per_hour: f64) -> Option<Duration> {
    let hours = (remaining / per_hour).max(0.0);
    let reached = Duration::try_from_secs_f64(hours * 3600.0).ok();
    reached.filter(|duration| *duration <= YEAR)
}

fn is_line(points: &[(f64, f64)]) -> bool {
    let Some(fits) = fits(points) else {
        return false;
    };
    let step = criterion_of_step(points).unwrap_or(f64::INFINITY);
    fits.line <= fits.saturation + POSITIVE && fits.line <= step + 2.0
}
