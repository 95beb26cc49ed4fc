//! Sets of past moments, whose memory does not grow while a state lasts.

use crate::outcome::Timestamp;
use std::time::Duration;

/// Moments at most this far apart belong to one run.
const STEP_MS: i64 = super::replay::STEP_MS;

/// How long a service explains alerts of others after a failure during its maintenance.
pub const MAINTAINED_FOR: Duration = Duration::from_mins(10);

/// Moments at which a condition held, as the first and the last moment of each uninterrupted run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Runs(Vec<(Timestamp, Timestamp)>);

/// When the probes of a service failed during its maintenance.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceFailures {
    failures: Runs,
    /// Failures outside of maintenance that followed one within it.
    outside: Runs,
    /// Whether the last failure was within maintenance.
    is_within: bool,
}

impl Runs {
    /// Moments must be added in ascending order.
    pub fn add(&mut self, at: Timestamp) {
        match self.0.last_mut() {
            Some((_, last)) if at.0 - last.0 <= STEP_MS => *last = at,
            _ => self.0.push((at, at)),
        }
    }

    /// The last moment up to `now`.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let begun = self.0.partition_point(|(from, _)| *from <= now);
        let (_, to) = self.0[..begun].last()?;
        Some(now.min(*to))
    }

    /// The first moment after `now`.
    pub fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let next = Timestamp(now.0 + STEP_MS);
        let over = self.0.partition_point(|(_, to)| *to < next);
        self.0.get(over).map(|(from, _)| next.max(*from))
    }
}

impl MaintenanceFailures {
    /// Records a failed probe of the service. Failures must be added in ascending order of time.
    pub fn failed(&mut self, at: Timestamp, is_within: bool) {
        if is_within {
            self.failures.add(at);
        } else if self.is_within {
            self.outside.add(at);
        }
        self.is_within = is_within;
    }

    /// The last failure up to a moment, if it was recent and within maintenance.
    pub(super) fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.failures.until(now)?;
        let is_over = self.outside.until(now).is_some_and(|outside| outside > at);
        (at >= now.before(MAINTAINED_FOR) && !is_over).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    #[test]
    fn runs_find_the_moments_before_and_after() {
        let mut runs = Runs::default();
        for second in [100, 110, 120, 200] {
            runs.add(at(second));
        }
        assert_eq!(runs.0, [(at(100), at(120)), (at(200), at(200))]);
        let found = [90, 115, 150, 300].map(|second| runs.until(at(second)));
        assert_eq!(found, [None, Some(at(115)), Some(at(120)), Some(at(200))]);
        let found = [80, 100, 120, 200].map(|second| runs.after(at(second)));
        assert_eq!(found, [Some(at(100)), Some(at(110)), Some(at(200)), None]);
    }

    #[test]
    fn a_service_in_maintenance_explains_until_it_recovers_or_fails_outside_of_it() {
        let mut maintained = MaintenanceFailures::default();
        for second in [100, 110, 120] {
            maintained.failed(at(second), true);
        }
        let found = [90, 115, 130, 720, 721].map(|second| maintained.last(at(second)));
        let last = Some(at(120));
        assert_eq!(found, [None, Some(at(115)), last, last, None]);
        maintained.failed(at(200), false);
        assert_eq!(maintained.last(at(199)), last);
        assert_eq!(maintained.last(at(200)), None);
    }
}
