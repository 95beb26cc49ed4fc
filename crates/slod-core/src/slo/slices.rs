//! The newest time slices of one objective.

use super::slice::{Columns, SliceRule, slice_of};
use super::tally::Tally;
use crate::outcome::Timestamp;

/// The newest slices, which late outcomes can still change.
#[derive(Clone, Debug)]
pub(super) struct Slices {
    rule: SliceRule,
    /// The number of the first retained slice.
    first: i64,
    /// Outcomes per slice and column, slice by slice. Stored contiguously, because all of it is copied
    /// whenever an outcome changes published state.
    counts: Vec<Tally>,
    /// Slices below this number are included in the counters.
    closed: i64,
}

impl Slices {
    /// How many minutes late an outcome may be to change its slice.
    const MAX_OPEN_SLICES: usize = 64;

    pub(super) fn new(rule: SliceRule) -> Self {
        Self {
            rule,
            first: 0,
            counts: Vec::new(),
            closed: 0,
        }
    }

    pub(super) const fn rule(&self) -> &SliceRule {
        &self.rule
    }

    pub(super) const fn closed(&self) -> i64 {
        self.closed
    }

    /// Adds a tally of a probe, given its position. Returns how the slice was judged before, and how it is
    /// judged now.
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
        let (column, lanes) = (self.rule.column_of(probe), self.rule.columns());
        let columns = self.counts.chunks_exact_mut(lanes).nth(index)?;
        let before = self.rule.judge(columns);
        columns.get_mut(column)?.add(tally);
        Some((before, self.rule.judge(columns)))
    }

    /// How a slice is judged now; empty without outcomes.
    pub(super) fn judged(&self, slice: i64) -> Tally {
        let index = usize::try_from(slice - self.first).ok();
        let columns = index.and_then(|index| self.slices().nth(index));
        columns.map_or_else(Tally::default, |columns| self.rule.judge(columns))
    }

    fn slices(&self) -> impl Iterator<Item = &Columns> {
        self.counts.chunks_exact(self.rule.columns())
    }

    fn len(&self) -> usize {
        self.counts.len() / self.rule.columns()
    }

    fn make_room(&mut self, slice: i64) {
        let (kept, lanes) = (Self::MAX_OPEN_SLICES as i64, self.rule.columns());
        let end = self.first + self.len() as i64;
        let before = usize::try_from(self.first - slice).unwrap_or(0);
        if before > 0 && end - slice <= kept {
            let empty = std::iter::repeat_n(Tally::default(), before * lanes);
            self.counts.splice(..0, empty);
            self.first = slice;
        }
        if slice - end >= kept {
            self.counts.clear();
            self.first = slice;
        }
        let wanted = usize::try_from(slice - self.first + 1).unwrap_or(0);
        if wanted > self.len() {
            self.counts.resize(wanted * lanes, Tally::default());
        }
        let excess = self.len().saturating_sub(Self::MAX_OPEN_SLICES);
        self.counts.drain(..excess * lanes);
        self.first += excess as i64;
    }

    /// Sums up the slices below `until` that were not summed up before.
    pub(super) fn close(&mut self, until: i64) -> Tally {
        let mut sum = Tally::default();
        for (index, columns) in self.slices().enumerate() {
            let slice = self.first + index as i64;
            if slice >= self.closed && slice < until {
                sum.add(self.rule.judge(columns));
            }
        }
        self.closed = self.closed.max(until);
        sum
    }
}
