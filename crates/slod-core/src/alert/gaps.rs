//! The times in which a past daemon did not evaluate alerts, for replays.

use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use std::collections::VecDeque;
use std::time::Duration;

/// Gaps in the evaluation of alerts, passed in ascending order of time.
#[derive(Debug, Default)]
pub(super) struct Gaps(VecDeque<(Timestamp, Timestamp)>);

impl Gaps {
    /// Those of a replay that evaluates alerts from a time on.
    pub(super) fn new(spans: &Spans, start: Timestamp) -> Self {
        let rest = spans.iter().map(|(from, end)| (from.max(start), end));
        Self(rest.filter(|(from, end)| from < end).collect())
    }

    /// If gaps ended by `now` and after the previous call: the time at which the conditions of the alerts that
    /// continue count as last met.
    pub(super) fn ended(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut last_met = None;
        while let Some((_, end)) = self.0.front().filter(|(_, end)| *end <= now) {
            last_met = Some(before_end(*end));
            self.0.pop_front();
        }
        last_met
    }

    /// The gap that contains `now`: slod evaluated alerts at its start and its end, but not between them. Called after
    /// [`Gaps::ended`].
    pub(super) fn around(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let next = self.0.front().copied();
        next.filter(|(from, end)| *from < now && now < *end)
    }
}

/// When the conditions of alerts that continue after a gap count as last met. Only the evaluation at its end decides
/// what is met then.
pub(super) fn before_end(end: Timestamp) -> Timestamp {
    end.before(Duration::from_millis(1))
}
