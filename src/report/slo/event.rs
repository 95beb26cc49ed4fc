//! What an objective counts: outcomes, or minutes. Pure.

use super::cause::Causes;
use crate::outcome::{Measurement, Record, Timestamp};
use crate::slo::slice::slice_start;
use crate::slo::{BudgetingMethod, Judgement, Tally, whole_ms};

/// One event of an objective, or none: a failure of slod itself.
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
    /// An outcome as an event of its own; `of` is as for [`Causes::blame`].
    pub fn outcome(record: &Record, judgement: Judgement, of: Option<Measurement>) -> Self {
        let bad = judgement == Judgement::Bad;
        let mut causes = Causes::default();
        if bad {
            causes.blame(record, of);
        }
        let tally = match judgement {
            Judgement::NotCounted | Judgement::NotMeasured => Tally::default(),
            Judgement::Good | Judgement::Bad => Tally {
                good: u32::from(!bad),
                bad: u32::from(bad),
                void: 0,
                covered_ms: whole_ms(record.interval),
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
            end: start.after(BudgetingMethod::SLICE),
            tally,
            causes,
        }
    }
}
