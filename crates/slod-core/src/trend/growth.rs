//! Growth of what a process holds: memory, files, threads, connections.

use super::line::Line;
use super::windows::Windows;
use crate::stats::normal::Z_99;
use crate::stats::order::median_of;
use crate::stats::saturation::fits;
use crate::stats::step::criterion_of_step;
use std::time::Duration;

/// What growth is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthRules {
    /// Least growth over the span, as a share of the median.
    pub share: f64,
    /// And in the unit of the values.
    pub floor: f64,
    /// What the value must stay under.
    pub limit: Option<f64>,
}

/// How fast a value grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    pub per_hour: f64,
    /// The interval of 90 % of `per_hour`.
    pub low: f64,
    pub high: f64,
    /// The line's values at the first and at the last window.
    pub from: f64,
    pub to: f64,
    /// Until the line reaches the limit, if it does so within a year.
    pub until_limit: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GrowthVerdict {
    Unknown {
        /// Windows with values, since the last restart, that a verdict takes.
        needed: usize,
    },
    /// No growth, or less than the rules say. `smallest_per_hour` would have been found in 95 % of
    /// such series.
    Steady {
        smallest_per_hour: f64,
    },
    /// It grew and comes to an end: a cache that fills, or a single step.
    Plateauing(Growth),
    Growing(Growth),
}

/// Windows with values, since the last restart, that a verdict takes. The first hour of a warm-up looks
/// like a leak.
pub const MIN_GROWTH_WINDOWS: usize = 48;

/// A difference of information criteria that is positive evidence (Kass and Raftery 1995).
const POSITIVE: f64 = 6.0;

/// Whether a value grows, apart from noise, a warm-up and a step. The values are the minima of their
/// windows for memory (what remains after a garbage collection), medians for counts.
///
/// All must hold: the trend is significant at 1 %, or the rise more than ten times what deviates from a line; the lower end of the slope's interval is above 0;
/// the growth over the span is at least what the rules say; the second half still grows; neither a
/// saturating curve nor a single step describes the series much better than a line. The values
/// before a fall below half, and by the least growth, are left out: a restart.
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
