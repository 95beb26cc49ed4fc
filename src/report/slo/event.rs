//! What an objective counts: outcomes, or minutes. Pure.

use super::cause::Causes;
use crate::outcome::{Record, Timestamp, millis};
use crate::slo::slice::slice_start;
use crate::slo::{Budgeting, Judgement, Tally};

/// One event of an objective, or none: our own failing.
#[derive(Debug)]
pub struct Event {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// Nothing at all where no outcome counted.
    pub tally: Tally,
    /// Of what was bad in it.
    pub causes: Causes,
}

impl Event {
    /// An outcome as an event of its own. So many probes watch the same time together, so each
    /// outcome covers its share of it.
    pub fn outcome(record: &Record, judgement: Judgement, probes: usize) -> Self {
        let bad = judgement == Judgement::Bad;
        let mut causes = Causes::default();
        if bad {
            causes.blame(record);
        }
        let probes = i64::try_from(probes.max(1)).unwrap_or(i64::MAX);
        let tally = match judgement {
            Judgement::NotCounted => Tally::default(),
            Judgement::Good | Judgement::Bad => Tally {
                good: u32::from(!bad),
                bad: u32::from(bad),
                covered_ms: u32::try_from(millis(record.interval) / probes).unwrap_or(u32::MAX),
            },
        };
        Self {
            start: record.at,
            end: record.at.after(record.interval),
            tally,
            causes,
        }
    }

    /// A minute by its number.
    pub fn minute(number: i64, tally: Tally, causes: Causes) -> Self {
        let start = slice_start(number);
        Self {
            start,
            end: start.after(Budgeting::SLICE),
            tally,
            causes,
        }
    }
}
