//! Groups bad events to incidents. Pure.
//!
//! An incident of an objective starts with a bad event and ends when there was no other one for [`QUIET`].
//! It has at least [`MIN_BAD`] bad events, and lasts from the start of the first to the end of the last: a
//! bad outcome lasts its interval, a bad minute one minute. An event is bad if the objective's budget
//! counts it at least in part, so events excluded by corrections do not count.

use super::cause::Causes;
use crate::outcome::{Timestamp, millis};
use std::time::Duration;

/// Shorter pauses belong to the same incident: a service that crash-loops, or recovers and fails again, is
/// up for a few minutes in between, and would get one post-mortem only.
pub const QUIET: Duration = Duration::from_mins(10);

/// A single failure is not an incident.
pub const MIN_BAD: u64 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// Number of bad events, in whole or in part.
    pub events: u64,
    /// Bad parts counted by the budget, in [`crate::slo::BudgetingMethod::parts`].
    pub bad: u64,
    pub causes: Causes,
}

/// Takes bad events ordered by time.
#[derive(Debug, Default)]
pub struct Finder {
    open: Option<Incident>,
    found: Vec<Incident>,
    /// Bad parts of events that are too few for an incident.
    scattered: u64,
}

impl Finder {
    pub fn bad(&mut self, start: Timestamp, end: Timestamp, bad: u64, causes: &Causes) {
        match &mut self.open {
            Some(open) if start.0 - open.end.0 < millis(QUIET) => {
                open.end = open.end.max(end);
                open.events += 1;
                open.bad += bad;
                open.causes.merge(causes);
            }
            _ => {
                self.close();
                self.open = Some(Incident {
                    start,
                    end,
                    events: 1,
                    bad,
                    causes: causes.clone(),
                });
            }
        }
    }

    fn close(&mut self) {
        match self.open.take() {
            Some(incident) if incident.events >= MIN_BAD => self.found.push(incident),
            Some(incident) => self.scattered += incident.bad,
            None => {}
        }
    }

    /// Returns the incidents, those with the most bad parts first, and the bad parts outside of incidents.
    pub fn finish(mut self) -> (Vec<Incident>, u64) {
        self.close();
        self.found
            .sort_by_key(|incident| (std::cmp::Reverse(incident.bad), incident.start));
        (self.found, self.scattered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bad events of ten seconds each, by start; incidents as (start, end, bad).
    fn found(starts: &[i64]) -> (Vec<(i64, i64, u64)>, u64) {
        let mut finder = Finder::default();
        for start in starts {
            let mut causes = Causes::default();
            causes.add("timeout", || None);
            let at = Timestamp::from_secs;
            finder.bad(at(*start), at(start + 10), 3, &causes);
        }
        let (incidents, scattered) = finder.finish();
        let shown = incidents
            .iter()
            .map(|one| (one.start.0 / 1000, one.end.0 / 1000, one.events));
        assert!(incidents.iter().all(|one| one.bad == 3 * one.events));
        (shown.collect(), scattered / 3)
    }

    #[test]
    fn ten_quiet_minutes_end_an_incident() {
        assert_eq!(found(&[0, 609]), (vec![(0, 619, 2)], 0));
        assert_eq!(found(&[0, 610]), (vec![], 2));
        assert_eq!(found(&[]), (vec![], 0));
    }

    #[test]
    fn the_worst_incident_comes_first_and_one_failure_is_none() {
        let starts = [0, 10, 5000, 9000, 9010, 9020];
        assert_eq!(
            found(&starts),
            (vec![(9000, 9030, 3), (0, 20, 2)], 1),
            "the one at 5000 is alone"
        );
    }
}
