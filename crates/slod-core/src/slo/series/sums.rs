//! Prefix sums of a ring, which sum up any window in two steps.

use super::Counts;
use crate::slo::tally::Tally;
use std::collections::VecDeque;

/// Prefix sums over the slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// The sum up to the slot before the oldest one.
    before: Counts,
    /// One per slot, oldest first.
    up_to: VecDeque<Counts>,
}

impl Sums {
    /// Adds empty slots at the new end, and keeps at most `most`.
    pub(super) fn advance(&mut self, fresh: usize, most: usize) {
        let last = self.last();
        for _ in 0..fresh {
            if self.up_to.len() == most {
                self.before = self.up_to.pop_front().unwrap_or(self.before);
            }
            self.up_to.push_back(last);
        }
    }

    /// Adds empty slots at the old end.
    pub(super) fn reach_back(&mut self, slots: usize) {
        for _ in 0..slots {
            self.up_to.push_front(self.before);
        }
    }

    /// Changes the slot with this age; the newest slot has age 0.
    pub(super) fn replace(&mut self, age: usize, old: Tally, new: Tally) {
        for sum in self.up_to.iter_mut().rev().take(age + 1) {
            *sum += (new, 1);
            *sum -= old;
        }
    }

    /// The sum over slots from one age to another. Slots newer than the newest are empty, and those older
    /// than the oldest are unknown.
    pub(super) fn between(&self, newest: i64, oldest: i64) -> Counts {
        let (to, from) = (self.at(newest.max(0)), self.at(oldest.saturating_add(1)));
        Counts {
            good: to.good - from.good,
            bad: to.bad - from.bad,
            void: to.void - from.void,
            covered_ms: to.covered_ms - from.covered_ms,
        }
    }

    fn last(&self) -> Counts {
        self.up_to.back().copied().unwrap_or(self.before)
    }

    fn at(&self, age: i64) -> Counts {
        let Ok(age) = usize::try_from(age) else {
            return self.last();
        };
        let place = self.up_to.len().checked_sub(age.saturating_add(1));
        place.map_or(self.before, |place| self.up_to[place])
    }
}
