//! Time range of a report. Pure.

use crate::outcome::{Timestamp, millis};
use crate::slo::{BudgetingMethod, Retention, Window};
use std::time::Duration;

/// From a whole minute to a whole minute, so that no time slice is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// When the report is created; what follows is unknown.
    pub now: Timestamp,
    /// The requested end; the incomplete minute before it is left out.
    pub asked_to: Timestamp,
    /// Retention of outcomes.
    pub retention: Retention,
}

impl Span {
    /// Rounds both ends down to the minute; the span is at least one minute long.
    pub fn new(from: Timestamp, to: Timestamp, now: Timestamp) -> Self {
        let minute = millis(BudgetingMethod::SLICE);
        let down = |at: Timestamp| Timestamp(at.0.div_euclid(minute) * minute);
        let from = down(from);
        let asked_to = to;
        let to = down(to).max(from.after(BudgetingMethod::SLICE));
        Self {
            from,
            to,
            now,
            asked_to,
            retention: Retention::default(),
        }
    }

    /// Sets the retention of outcomes.
    #[must_use]
    pub fn with_retention(self, retention: Duration) -> Self {
        let retention = Retention::of(retention);
        Self { retention, ..self }
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// End of the part with known outcomes.
    pub fn known_to(&self) -> Timestamp {
        self.to.min(self.now).max(self.from)
    }

    /// Exclusive end of the elapsed part: later outcomes are in the future.
    pub fn elapsed_end(&self) -> Timestamp {
        self.to.min(self.now.after(Duration::from_millis(1)))
    }

    pub fn is_over(&self) -> bool {
        self.to <= self.now
    }

    /// Whether it is exactly one window: of the same length, or the same calendar period.
    pub fn is_window(&self, window: &Window) -> bool {
        match window.calendar {
            None => self.length() == window.length,
            Some(calendar) => calendar.around(self.from) == (self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::calendar::{Calendar, Period};

    const DAY: i64 = 86_400;
    /// 2026-11-01 00:00 UTC
    const NOVEMBER: i64 = 1_793_491_200;

    fn span(from: i64, to: i64) -> Span {
        let at = Timestamp::from_secs;
        Span::new(at(from), at(to), at(NOVEMBER + 10 * DAY))
    }

    #[test]
    fn a_span_has_whole_minutes_and_at_least_one() {
        let minutes = |from, to| {
            let Span { from, to, .. } = span(from, to);
            (from.0 / 1000, to.0 / 1000)
        };
        assert_eq!(minutes(119, 121), (60, 120));
        assert_eq!(minutes(61, 62), (60, 120));
        assert_eq!(minutes(-1, 1), (-60, 0));
    }

    #[test]
    fn nothing_is_known_of_the_future() {
        let month = span(NOVEMBER, NOVEMBER + 30 * DAY);
        assert_eq!(month.known_to(), month.now);
        let week = span(NOVEMBER, NOVEMBER + 7 * DAY);
        assert_eq!(week.known_to(), week.to);
    }

    #[test]
    fn a_window_is_a_length_or_a_period() {
        let month = Window {
            length: Period::Month.nominal(),
            calendar: Some(Calendar {
                period: Period::Month,
                zone: crate::units::Tz::UTC,
            }),
        };
        let rolling = Window::rolling(Duration::from_hours(30 * 24));
        let november = span(NOVEMBER, NOVEMBER + 30 * DAY);
        assert!(november.is_window(&month) && november.is_window(&rolling));
        let other = span(NOVEMBER + DAY, NOVEMBER + 31 * DAY);
        assert!(!other.is_window(&month) && other.is_window(&rolling));
        let short = span(NOVEMBER, NOVEMBER + 29 * DAY);
        assert!(!short.is_window(&month) && !short.is_window(&rolling));
    }
}
