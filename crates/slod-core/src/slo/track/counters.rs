//! Exported counters, which never decrease, although late outcomes may change verdicts.

use crate::slo::tally::Tally;

/// Counted events and bad ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// According to the current verdicts.
    counted: [u64; 2],
    /// The highest values so far. After a decrease, the exported values stay constant until `counted`
    /// exceeds them.
    highest: [u64; 2],
}

impl Counters {
    pub(super) const fn continuing_from((events, bad): (u64, u64)) -> Self {
        Self {
            counted: [events, bad],
            highest: [events, bad],
        }
    }

    pub(super) fn add(&mut self, tally: Tally) {
        self.replace(Tally::default(), tally);
    }

    /// Replaces the verdict of a counted slice.
    pub(super) fn replace(&mut self, before: Tally, after: Tally) {
        let parts = |tally: Tally| {
            let bad = u64::from(tally.bad);
            [u64::from(tally.good) + bad, bad]
        };
        let (before, after) = (parts(before), parts(after));
        for (at, counted) in self.counted.iter_mut().enumerate() {
            *counted = (*counted + after[at]).saturating_sub(before[at]);
            self.highest[at] = self.highest[at].max(*counted);
        }
    }

    pub(super) const fn exported(&self) -> (u64, u64) {
        (self.highest[0], self.highest[1])
    }
}
