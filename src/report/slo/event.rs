//! Events of an objective: outcomes, or minutes. Pure.

use super::cause::{Causes, traffic_cause};
use crate::outcome::{Measurement, Record, Timestamp};
use crate::slo::slice::slice_start;
use crate::slo::{BudgetingMethod, Sli, Tally};
use std::time::Duration;

/// One event of an objective; void events are failures of slod itself.
#[derive(Debug)]
pub struct Event {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// All zero if nothing counts.
    pub tally: Tally,
    /// Causes of its bad outcomes.
    pub causes: Causes,
}

impl Event {
    /// An outcome with its tally; `of` is as for [`Causes::blame`].
    pub fn outcome(record: &Record, tally: Tally, of: Option<Measurement>) -> Self {
        let mut causes = Causes::default();
        if tally.bad > 0 {
            causes.blame(record, of);
        }
        Self {
            start: record.at,
            end: record.at.after(record.interval),
            tally,
            causes,
        }
    }

    /// Real requests counted up to a time.
    pub fn traffic(at: Timestamp, tally: Tally, sli: Sli) -> Self {
        let mut causes = Causes::default();
        if tally.bad > 0 {
            causes.add_many(traffic_cause(sli), u64::from(tally.bad));
        }
        Self {
            start: at.before(Duration::from_millis(tally.covered_ms)),
            end: at,
            tally,
            causes,
        }
    }

    /// A minute, given its number since the Unix epoch.
    pub fn minute(number: i64, tally: Tally, causes: Causes) -> Self {
        let start = slice_start(number);
        Self {
            start,
            end: start.after(BudgetingMethod::SLICE),
            tally,
            causes,
        }
    }
}
