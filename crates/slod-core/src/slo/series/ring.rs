//! Slots of one width. Equal neighboring slots share one entry to save memory.

use super::Counts;
use super::sums::Sums;
use crate::outcome::{Timestamp, millis};
use crate::slo::correction::Spans;
use crate::slo::objective::BudgetingMethod;
use crate::slo::tally::Tally;
use std::collections::VecDeque;

/// Before every possible slot, and far enough from the limits of the type to compute with.
const NEVER: i64 = i64::MIN >> 24;

/// Consecutive equal slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    tally: Tally,
    len: u32,
}

/// The last `slots` slots of one width.
#[derive(Debug)]
pub(super) struct Ring {
    /// Milliseconds per slot.
    pub(super) width: i64,
    pub(super) slots: usize,
    /// The number of the newest slot that was touched. Nothing is allocated before the first change.
    pub(super) newest: i64,
    /// Oldest first; at most `slots` long in total.
    pub(super) runs: VecDeque<Run>,
    /// Total number of slots in all runs.
    len: usize,
    /// Only if windows are summed up more often than slots change.
    sums: Option<Box<Sums>>,
}

/// Reserves room for one more run: a ring is copied when an event is about to change it.
impl Clone for Ring {
    fn clone(&self) -> Self {
        let mut runs = VecDeque::with_capacity(self.runs.len() + 1);
        runs.extend(&self.runs);
        let sums = self.sums.clone();
        Self {
            runs,
            sums,
            ..*self
        }
    }
}

impl Ring {
    pub(super) const fn new(width: i64, slots: usize) -> Self {
        Self {
            width,
            slots,
            newest: NEVER,
            runs: VecDeque::new(),
            len: 0,
            sums: None,
        }
    }

    /// Maintains a sum per slot, so that a window is summed up in two steps. Only for an empty ring.
    pub(super) fn with_sums(self) -> Self {
        let sums = Some(Box::default());
        Self { sums, ..self }
    }

    /// Makes the slot of a moment the newest, unless it is older.
    pub(super) fn anchor(&mut self, at: Timestamp) {
        let slot = at.0.div_euclid(self.width);
        if slot > self.newest {
            self.advance(slot);
        }
    }

    pub(super) fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Tally)) {
        self.anchor(at);
        let slot = at.0.div_euclid(self.width);
        let Ok(age) = usize::try_from(self.newest - slot) else {
            return;
        };
        if age >= self.slots {
            return;
        }
        self.reach_back(age);
        self.change_slot(age, change);
    }

    /// Makes `slot` the newest, and adds empty slots for skipped time.
    fn advance(&mut self, slot: i64) {
        let skipped = slot - self.newest;
        if self.runs.is_empty() {
            self.newest = slot;
            return;
        }
        if skipped >= self.slots as i64 {
            self.runs.clear();
            self.len = 0;
        }
        let fresh = u32::try_from(skipped.min(self.slots as i64)).unwrap_or(u32::MAX);
        self.newest = slot;
        self.push(Run {
            tally: Tally::default(),
            len: fresh,
        });
        if let Some(sums) = &mut self.sums {
            sums.advance(fresh as usize, self.slots);
        }
        self.trim();
    }

    fn push(&mut self, run: Run) {
        self.len += run.len as usize;
        match self.runs.back_mut() {
            Some(last) if last.tally == run.tally => last.len += run.len,
            _ => {
                self.make_room(1);
                self.runs.push_back(run);
            }
        }
    }

    /// Grows by half, but never beyond the capacity of the ring: there are thousands of rings.
    fn make_room(&mut self, more: usize) {
        let (len, most) = (self.runs.len(), self.slots + 3);
        if len + more > self.runs.capacity() {
            let wanted = (len + len / 2).clamp(len + more, most.max(len + more));
            self.runs.reserve_exact(wanted - len);
        }
    }

    /// Drops slots that are older than the length of the ring.
    fn trim(&mut self) {
        let mut excess = self.len.saturating_sub(self.slots);
        self.len -= excess;
        while excess > 0 {
            let Some(first) = self.runs.front_mut() else {
                return;
            };
            if first.len as usize > excess {
                first.len -= u32::try_from(excess).unwrap_or(first.len);
                return;
            }
            excess -= first.len as usize;
            self.runs.pop_front();
        }
    }

    /// Adds empty slots at the old end until there is a slot of that age.
    fn reach_back(&mut self, age: usize) {
        let missing = (age + 1).saturating_sub(self.len);
        if missing > 0 {
            self.len += missing;
            let len = u32::try_from(missing).unwrap_or(u32::MAX);
            self.make_room(1);
            self.runs.push_front(Run {
                tally: Tally::default(),
                len,
            });
            if let Some(sums) = &mut self.sums {
                sums.reach_back(missing);
            }
        }
    }

    /// Changes one slot. Its run is split around it, and equal neighbors are merged again.
    fn change_slot(&mut self, age: usize, change: impl FnOnce(&mut Tally)) {
        let mut newer = age;
        let Some(index) = self.runs.iter().rposition(|run| {
            let inside = newer < run.len as usize;
            if !inside {
                newer -= run.len as usize;
            }
            inside
        }) else {
            return;
        };
        let run = self.runs[index];
        let mut tally = run.tally;
        change(&mut tally);
        if let Some(sums) = &mut self.sums {
            sums.replace(age, run.tally, tally);
        }
        let after = u32::try_from(newer).unwrap_or(0);
        let before = run.len - 1 - after;
        self.make_room(usize::from(after > 0) + usize::from(before > 0));
        self.runs[index] = Run { tally, len: 1 };
        if after > 0 {
            self.runs.insert(index + 1, Run { len: after, ..run });
        }
        if before > 0 {
            self.runs.insert(index, Run { len: before, ..run });
        }
        let changed = index + usize::from(before > 0);
        self.join(changed);
        if changed > 0 {
            self.join(changed - 1);
        }
    }

    /// Merges a run with the next newer one if both are equal.
    fn join(&mut self, index: usize) {
        if let (Some(run), Some(next)) = (self.runs.get(index), self.runs.get(index + 1))
            && run.tally == next.tally
        {
            self.runs[index].len += next.len;
            self.runs.remove(index + 1);
        }
    }

    /// Visits the parts of runs within the window, newest first, as (newest slot, tally, length).
    pub(super) fn visit(
        &self,
        now: Timestamp,
        window: i64,
        mut visit: impl FnMut(i64, Tally, i64),
    ) {
        let last = now.0.div_euclid(self.width);
        let first = last - window / self.width + 1;
        let mut newest = self.newest;
        for run in self.runs.iter().rev() {
            let oldest = newest - i64::from(run.len) + 1;
            let (from, to) = (oldest.max(first), newest.min(last));
            if from <= to {
                visit(to, run.tally, to - from + 1);
            }
            newest = oldest - 1;
            if newest < first {
                break;
            }
        }
    }

    /// See [`Series::complete`].
    pub(super) fn complete(&mut self, from: i64, until: i64, missing: Tally, corrected: &Spans) {
        let slice = millis(BudgetingMethod::SLICE);
        let next_slice = |at: i64| (at + slice - 1).div_euclid(slice) * slice;
        let oldest = (self.newest - self.slots as i64 + 1) * self.width;
        let mut start = from.max(oldest);
        for tally in self.tallies(start, until) {
            let end = (start.div_euclid(self.width) + 1) * self.width;
            // Slices that begin in this slot.
            let (first, last) = (next_slice(start), next_slice(end.min(until)));
            let taken_out = corrected.overlap(Timestamp(first), Timestamp(last));
            let wanted = (last - first - millis(taken_out)) / slice;
            let observed = i64::try_from(tally.covered_ms / missing.covered_ms).unwrap_or(i64::MAX);
            let lacking = u32::try_from(wanted - observed).unwrap_or(0);
            if lacking > 0 {
                self.change(Timestamp(start), |tally| tally.add(missing.times(lacking)));
            }
            start = end;
        }
    }

    /// The tallies of all slots that overlap `from..until`, in order of time.
    fn tallies(&self, from: i64, until: i64) -> Vec<Tally> {
        let (first, last) = (
            from.div_euclid(self.width),
            (until - 1).div_euclid(self.width),
        );
        let slots = usize::try_from(last - first + 1).unwrap_or(0);
        let mut tallies = vec![Tally::default(); slots];
        self.visit(
            Timestamp(until - 1),
            slots as i64 * self.width,
            |newest, tally, len| {
                let end = usize::try_from(newest + 1 - first).unwrap_or(0);
                let len = usize::try_from(len).unwrap_or(0);
                tallies[end - len..end].fill(tally);
            },
        );
        tallies
    }

    pub(super) fn sum(&self, now: Timestamp, window: i64) -> Counts {
        if let Some(sums) = &self.sums {
            let last = now.0.div_euclid(self.width);
            let first = last - window / self.width + 1;
            return sums.between(self.newest - last, self.newest - first);
        }
        let mut counts = Counts::default();
        self.visit(now, window, |_, tally, len| {
            counts += (tally, len.unsigned_abs());
        });
        counts
    }

    pub(super) fn bad_by_slot(&self, now: Timestamp, window: i64) -> Vec<(Timestamp, u64)> {
        let mut slots = Vec::new();
        self.visit(now, window, |newest, tally, len| {
            if tally.bad > 0 {
                let each = (0..len).map(|back| {
                    (
                        Timestamp((newest - back) * self.width),
                        u64::from(tally.bad),
                    )
                });
                slots.extend(each);
            }
        });
        slots.reverse();
        slots
    }
}
