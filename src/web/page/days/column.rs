//! Bar of one day: its height, and how much of the day is known.

use crate::ledger::snapshot::DayView;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    NoData,
    /// Observed, without events to count: no requests.
    Quiet,
    /// The whole day is excluded by corrections.
    Maintenance,
    /// The target was met on this day.
    Kept,
    Missed,
    /// More than ten times the errors that the target allows.
    FarMissed,
}

impl Level {
    pub fn of(day: &DayView, target: f64) -> Self {
        match ratio(day) {
            None if day.corrected >= 1.0 => Self::Maintenance,
            None if day.coverage.is_some_and(|share| share > 0.0) => Self::Quiet,
            None => Self::NoData,
            Some(ratio) if ratio >= target => Self::Kept,
            Some(ratio) if 1.0 - ratio <= 10.0 * (1.0 - target) => Self::Missed,
            Some(_) => Self::FarMissed,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::NoData => "idle",
            Self::Maintenance => "corrected",
            Self::Kept | Self::Quiet => "ok",
            Self::Missed => "warn",
            Self::FarMissed => "bad",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::NoData => "no data",
            Self::Quiet => "no requests",
            Self::Maintenance => "corrected",
            Self::Kept => "target met",
            Self::Missed => "target missed",
            Self::FarMissed => "target missed by far",
        }
    }

    /// Height of the bar in eighths of the chart.
    const fn height(self) -> usize {
        match self {
            Self::NoData | Self::Quiet | Self::Maintenance | Self::Kept => 5,
            Self::Missed => 7,
            Self::FarMissed => 8,
        }
    }
}

/// SLI of this day alone.
pub fn ratio(day: &DayView) -> Option<f64> {
    let events = day.good + day.bad;
    (events > 0).then(|| day.good as f64 / events as f64)
}

/// A bar: from the bottom known, then excluded, then unknown time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    class: &'static str,
    known: usize,
    /// Upper end of the excluded part.
    corrected: usize,
    whole: usize,
}

impl Column {
    /// CSS classes of the layers, the lowest first.
    pub const CLASSES: [&'static str; 6] = ["track", "corrected", "idle", "ok", "warn", "bad"];

    /// `eighth` is one eighth of the chart's height.
    pub fn of(day: &DayView, target: f64, eighth: usize) -> Self {
        let level = Level::of(day, target);
        let class = level.class();
        let nothing = ratio(day).is_none();
        if nothing && day.corrected <= 0.0 {
            return Self {
                class,
                known: eighth,
                corrected: eighth,
                whole: eighth,
            };
        }
        let whole = level.height() * eighth;
        // The known part of a day is at least one eighth high, so that it is visible.
        let part = |share: f64| scaled(share, whole).max(eighth);
        let counted = day.coverage.unwrap_or(0.0) * (1.0 - day.corrected);
        let mut known = if nothing { 0 } else { part(counted) };
        let mut corrected = known;
        if day.corrected > 0.0 {
            known = known.min(whole - eighth);
            corrected = (known + part(day.corrected)).min(whole);
        }
        Self {
            class,
            known,
            corrected,
            whole,
        }
    }

    /// Class and height of the layers, all starting at the bottom.
    pub fn layers(self) -> impl Iterator<Item = (&'static str, usize)> {
        let layers = [
            ("track", self.whole, self.corrected),
            ("corrected", self.corrected, self.known),
            (self.class, self.known, 0),
        ];
        let seen = layers.into_iter().filter(|(_, top, below)| top > below);
        seen.map(|(class, top, _)| (class, top))
    }
}

/// Rounded product of a ratio from 0 to 1 and a length.
fn scaled(share: f64, of: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the length"
    )]
    let length = (share.clamp(0.0, 1.0) * of as f64).round() as usize;
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(good: u64, bad: u64, coverage: f64, corrected: f64) -> Vec<(&'static str, usize)> {
        let day = DayView {
            good,
            bad,
            coverage: (corrected < 1.0).then_some(coverage),
            corrected,
            ..DayView::default()
        };
        Column::of(&day, 0.99, 100).layers().collect()
    }

    #[test]
    fn a_bar_is_filled_as_far_as_the_day_is_known() {
        assert_eq!(layers(1440, 0, 1.0, 0.0), [("ok", 500)]);
        assert_eq!(layers(720, 0, 0.5, 0.0), [("track", 500), ("ok", 250)]);
        assert_eq!(layers(0, 720, 0.5, 0.0), [("track", 800), ("bad", 400)]);
        assert_eq!(layers(700, 20, 0.75, 0.0), [("track", 700), ("warn", 525)]);
        assert_eq!(layers(0, 0, 0.0, 0.0), [("idle", 100)]);
        assert_eq!(layers(0, 0, 1.0, 0.0), [("ok", 100)], "without requests");
    }

    #[test]
    fn maintenance_is_separate_from_known_and_unknown_time() {
        assert_eq!(layers(0, 0, 0.0, 1.0), [("corrected", 500)]);
        assert_eq!(layers(720, 0, 1.0, 0.5), [("corrected", 500), ("ok", 250)]);
        assert_eq!(
            layers(360, 0, 0.5, 0.5),
            [("track", 500), ("corrected", 375), ("ok", 125)]
        );
        assert_eq!(layers(0, 0, 0.0, 0.5), [("track", 500), ("corrected", 250)]);
    }

    #[test]
    fn a_little_is_not_nothing() {
        let seen = layers(1, 0, 0.001, 0.001);
        assert_eq!(seen, [("track", 500), ("corrected", 200), ("ok", 100)]);
        let seen = layers(1, 0, 1.0, 0.999);
        assert_eq!(seen, [("corrected", 500), ("ok", 100)]);
        let seen = layers(1440, 0, 1.0, 0.001);
        assert_eq!(seen, [("corrected", 500), ("ok", 400)]);
    }
}
