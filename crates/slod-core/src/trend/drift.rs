//! Latencies that rise over hours.

use super::line::Line;
use super::windows::{MIN_WINDOWS, Points, Windows};
use crate::stats::normal::{Z_95, Z_9975};
use crate::stats::order::median_of;
use crate::stats::shift::hodges_lehmann;

/// The rise of a latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// The medians of the first and the last third.
    pub from: f64,
    pub to: f64,
    /// The rise of the fitted line over the span, as a share of its start.
    pub share: f64,
    /// Whether the second half is still rising.
    pub still: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DriftVerdict {
    Unknown {
        /// Required number of windows with values.
        needed: usize,
    },
    /// No rise, or a smaller one than required. A rise by the share `smallest` would have been detected in
    /// 95% of such series.
    Steady {
        smallest: f64,
    },
    Rising(Rise),
}

/// Whether a latency rises. The values are quantiles of the windows; the detector uses their logarithms, so
/// that noise proportional to the latency is uniform.
///
/// Requires all of: a trend that is significant at 0.25%; a rise of the line over the span by at least the
/// share `least` at the lower end of its interval; a last third above the first. Values that are not positive
/// are ignored.
pub fn drift(windows: Windows<'_>, least: f64) -> DriftVerdict {
    let points: Points = windows
        .points()
        .into_iter()
        .filter(|(_, value)| *value > 0.0)
        .map(|(time, value)| (time, value.ln()))
        .collect();
    let Some(line) = Line::of(&points).filter(|_| points.len() >= MIN_WINDOWS) else {
        return DriftVerdict::Unknown {
            needed: MIN_WINDOWS,
        };
    };
    let share = line.rise().exp_m1();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let third = values.len() / 3;
    let (early, late) = (&values[..third], &values[values.len() - third..]);
    let shifted = hodges_lehmann(early, late).is_some_and(|shift| shift > 0.0);
    let certain = (line.slope.low * line.hours()).exp_m1();
    if !line.rises(Z_9975) || certain < least || !shifted {
        let significant = line.smallest_slope(Z_9975) * line.hours();
        let certain = least.ln_1p() + line.smallest_slope(Z_95) * line.hours();
        return DriftVerdict::Steady {
            smallest: significant.max(certain).exp_m1(),
        };
    }
    let level = |third: &[f64]| median_of(third.iter().copied()).map_or(0.0, f64::exp);
    DriftVerdict::Rising(Rise {
        from: level(early),
        to: level(late),
        share,
        still: line.continues_in(&points[points.len() / 2..]),
    })
}
