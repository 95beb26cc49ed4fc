//! Calendar periods that begin within an hour, as in zones with a half-hour offset: the counts of that hour
//! before the start, which hourly slots do not contain.

use super::{Counts, millis};
use crate::outcome::Timestamp;
use crate::slo::calendar::Calendar;
use crate::slo::correction::Spans;
use crate::slo::objective::BudgetingMethod;
use crate::slo::tally::Tally;
use std::collections::VecDeque;

/// Known periods: the current one, and the previous one in case the clock is set back.
const MAX_BORDERS: usize = 2;

/// The newest period starts of one calendar.
#[derive(Clone, Debug)]
pub(super) struct PeriodStarts {
    calendar: Calendar,
    /// Oldest first.
    known: VecDeque<PeriodStart>,
}

#[derive(Clone, Debug)]
struct PeriodStart {
    start: Timestamp,
    /// The start of the next period.
    end: Timestamp,
    /// The counts of the starting hour before the start.
    before: Counts,
}

impl PeriodStart {
    /// Whether a moment is in the part of the hour that belongs to the previous period.
    fn holds(&self, at: Timestamp) -> bool {
        self.start.hour() <= at && at < self.start
    }
}

impl PeriodStarts {
    pub(super) const fn new(calendar: Calendar) -> Self {
        let known = VecDeque::new();
        Self { calendar, known }
    }

    pub(super) fn is_of(&self, calendar: Calendar) -> bool {
        self.calendar == calendar
    }

    /// Whether a moment is in a period that has not begun yet.
    pub(super) fn is_due(&self, at: Timestamp) -> bool {
        self.known.back().is_none_or(|newest| at >= newest.end)
    }

    /// Begins the period of a moment if it is new. `count` sums up a span of the last day.
    pub(super) fn turn(&mut self, at: Timestamp, count: impl Fn(Timestamp, Timestamp) -> Counts) {
        if !self.is_due(at) {
            return;
        }
        let (start, end) = self.calendar.around(at);
        let before = count(start.hour(), start);
        self.known.push_back(PeriodStart { start, end, before });
        if self.known.len() > MAX_BORDERS {
            self.known.pop_front();
        }
    }

    pub(super) fn change(&mut self, at: Timestamp, change: impl Fn(&mut Counts)) {
        for border in self.known.iter_mut().filter(|border| border.holds(at)) {
            change(&mut border.before);
        }
    }

    /// Period starts within an hour.
    pub(super) fn within(&self, hour: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let starts = self.known.iter().map(|border| border.start);
        starts.filter(move |start| *start > hour && start.hour() == hour)
    }

    /// The counts of the starting hour before the start of the period.
    pub(super) fn before(&self, start: Timestamp) -> Counts {
        let mut known = self.known.iter();
        let found = known.find(|border| border.start == start);
        found.map_or_else(Counts::default, |border| border.before)
    }

    /// See [`super::Series::complete`].
    pub(super) fn complete(&mut self, from: i64, until: i64, missing: Tally, corrected: &Spans) {
        for border in &mut self.known {
            let begin = Timestamp(from.max(border.start.hour().0));
            let end = Timestamp(until.min(border.start.0));
            if begin >= end {
                continue;
            }
            let length = end.0 - begin.0 - millis(corrected.overlap(begin, end));
            let wanted = (length / millis(BudgetingMethod::SLICE)).unsigned_abs();
            let observed = border.before.covered_ms / missing.covered_ms;
            border.before += (missing, wanted.saturating_sub(observed));
        }
    }
}
