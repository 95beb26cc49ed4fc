//! The newest time slices of one objective.

use super::slice::{Columns, SliceRule, slice_of};
use super::tally::Tally;
use crate::outcome::Timestamp;
use std::collections::VecDeque;

/// The newest slices, still open to late outcomes.
#[derive(Clone, Debug)]
pub(super) struct Slices {
    rule: SliceRule,
    /// Number of the first slice kept.
    first: i64,
    /// Good and bad outcomes per slice and lane.
    counts: VecDeque<Box<Columns>>,
    /// Slices below this number are in the counters.
    closed: i64,
}

impl Slices {
    /// A late outcome changes its slice for this many minutes.
    const MAX_OPEN_SLICES: usize = 64;

    pub(super) fn new(rule: SliceRule) -> Self {
        Self {
            rule,
            first: 0,
            counts: VecDeque::new(),
            closed: 0,
        }
    }

    pub(super) const fn rule(&self) -> &SliceRule {
        &self.rule
    }

    pub(super) const fn closed(&self) -> i64 {
        self.closed
    }

    /// Adds a tally of a probe, given its position; returns how its slice was judged before and is
    /// now.
    pub(super) fn count(
        &mut self,
        at: Timestamp,
        probe: usize,
        tally: Tally,
    ) -> Option<(Tally, Tally)> {
        let slice = slice_of(at);
        if self.counts.is_empty() {
            self.first = slice;
        }
        self.make_room(slice);
        let index = usize::try_from(slice - self.first).ok()?;
        let column = self.rule.column_of(probe);
        let columns = self.counts.get_mut(index)?;
        let before = self.rule.judge(columns);
        columns.get_mut(column)?.add(tally);
        Some((before, self.rule.judge(columns)))
    }

    /// How a slice is judged now; nothing if it holds no outcome.
    pub(super) fn judged(&self, slice: i64) -> Tally {
        let index = usize::try_from(slice - self.first).ok();
        let columns = index.and_then(|index| self.counts.get(index));
        columns.map_or_else(Tally::default, |columns| self.rule.judge(columns))
    }

    fn make_room(&mut self, slice: i64) {
        let kept = Self::MAX_OPEN_SLICES as i64;
        let end = self.first + self.counts.len() as i64;
        if slice < self.first && end - slice <= kept {
            for _ in slice..self.first {
                self.counts.push_front(self.empty());
            }
            self.first = slice;
        }
        if slice - end >= kept {
            self.counts.clear();
            self.first = slice;
        }
        while self.first + (self.counts.len() as i64) <= slice {
            self.counts.push_back(self.empty());
        }
        while self.counts.len() > Self::MAX_OPEN_SLICES {
            self.counts.pop_front();
            self.first += 1;
        }
    }

    fn empty(&self) -> Box<Columns> {
        vec![Tally::default(); self.rule.columns()].into()
    }

    /// Sums the slices below `until` that were not summed before.
    pub(super) fn close(&mut self, until: i64) -> Tally {
        let mut sum = Tally::default();
        for (index, columns) in self.counts.iter().enumerate() {
            let slice = self.first + index as i64;
            if slice >= self.closed && slice < until {
                sum.add(self.rule.judge(columns));
            }
        }
        self.closed = self.closed.max(until);
        sum
    }
}
