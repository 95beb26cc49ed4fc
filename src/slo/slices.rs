//! The newest time slices of one objective.

use super::objective::{Tally, judge_slice, slice_of};
use crate::outcome::Timestamp;
use std::collections::VecDeque;

/// The newest slices, still open to late outcomes.
#[derive(Clone, Debug, Default)]
pub(super) struct Slices {
    /// Number of the first slice kept.
    first: i64,
    /// Good and bad outcomes per slice.
    counts: VecDeque<(u32, u32)>,
    /// Slices below this number are in the counters.
    closed: i64,
}

impl Slices {
    /// A late outcome changes its slice for this many minutes.
    const KEPT: usize = 64;

    /// Counts one outcome; returns how its slice was judged before and is now.
    pub(super) fn count(
        &mut self,
        at: Timestamp,
        bad: bool,
        slice_target: f64,
    ) -> Option<(Tally, Tally)> {
        let slice = slice_of(at);
        if self.counts.is_empty() {
            self.first = slice;
        }
        self.make_room(slice);
        let index = usize::try_from(slice - self.first).ok()?;
        let (good, failed) = self.counts.get_mut(index)?;
        let before = judge_slice(*good, *failed, slice_target);
        let counted = if bad { &mut *failed } else { &mut *good };
        *counted += 1;
        Some((before, judge_slice(*good, *failed, slice_target)))
    }

    /// How a slice is judged now; nothing if it holds no outcome.
    pub(super) fn judged(&self, slice: i64, slice_target: f64) -> Tally {
        let index = usize::try_from(slice - self.first).ok();
        let counts = index.and_then(|index| self.counts.get(index));
        counts.map_or_else(Tally::default, |(good, bad)| {
            judge_slice(*good, *bad, slice_target)
        })
    }

    fn make_room(&mut self, slice: i64) {
        let kept = Self::KEPT as i64;
        let end = self.first + self.counts.len() as i64;
        if slice < self.first && end - slice <= kept {
            for _ in slice..self.first {
                self.counts.push_front((0, 0));
            }
            self.first = slice;
        }
        if slice - end >= kept {
            self.counts.clear();
            self.first = slice;
        }
        while self.first + (self.counts.len() as i64) <= slice {
            self.counts.push_back((0, 0));
        }
        while self.counts.len() > Self::KEPT {
            self.counts.pop_front();
            self.first += 1;
        }
    }

    /// Sums the slices below `until` that were not summed before.
    pub(super) fn close(&mut self, until: i64, slice_target: f64) -> Tally {
        let mut sum = Tally::default();
        for (index, (good, bad)) in self.counts.iter().enumerate() {
            let slice = self.first + index as i64;
            if slice >= self.closed && slice < until {
                sum.add(judge_slice(*good, *bad, slice_target));
            }
        }
        self.closed = self.closed.max(until);
        sum
    }
}
