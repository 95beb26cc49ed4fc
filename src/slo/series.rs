//! Exact counts over time in three resolutions, small because equal neighbours share one entry.

use super::correction::Spans;
use super::objective::Budgeting;
use super::tally::Tally;
use crate::outcome::{Timestamp, millis};
use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Slot width and number of slots per tier: windows up to 2 h are counted in 10 s slots, up to
/// one day in 5 min slots, longer ones in hours. A window thus ends within 3.4 % (5m) or less of
/// its nominal start, and always at the same border for everybody.
const TIERS: [(i64, usize); 2] = [(10_000, 720), (5 * MINUTE, 288)];

/// Counts of events over time, for windows from 10 s to `longest`.
#[derive(Clone, Debug)]
pub struct Series {
    tiers: [Ring; 3],
}

/// Sums over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub bad: u64,
    /// How much of the window the counted events stand for, in milliseconds.
    pub covered_ms: u64,
}

impl AddAssign<(Tally, u64)> for Counts {
    fn add_assign(&mut self, (tally, times): (Tally, u64)) {
        self.good += u64::from(tally.good) * times;
        self.bad += u64::from(tally.bad) * times;
        self.covered_ms += u64::from(tally.covered_ms) * times;
    }
}

impl SubAssign<Tally> for Counts {
    fn sub_assign(&mut self, tally: Tally) {
        self.good = self.good.saturating_sub(u64::from(tally.good));
        self.bad = self.bad.saturating_sub(u64::from(tally.bad));
        self.covered_ms = self.covered_ms.saturating_sub(u64::from(tally.covered_ms));
    }
}

impl Series {
    /// `longest` is the longest window that will be asked for.
    pub fn new(longest: Duration) -> Self {
        let hours = usize::try_from((millis(longest) + HOUR - 1) / HOUR).unwrap_or(usize::MAX);
        let [fine, middle] = TIERS.map(|(width, slots)| Ring::new(width, slots));
        Self {
            tiers: [fine, middle, Ring::new(HOUR, hours.max(1))],
        }
    }

    /// How far back outcomes must be replayed to fill all but the hourly tier.
    pub fn replay_span() -> Duration {
        Duration::from_millis((TIERS[1].0.unsigned_abs()) * TIERS[1].1 as u64)
    }

    /// Makes `now` the newest moment, so that what a window of now does not hold is not taken.
    pub fn anchor(&mut self, now: Timestamp) {
        for tier in &mut self.tiers {
            tier.change(now, |_| {});
        }
    }

    /// The end of the newest slot.
    pub fn newest(&self) -> Timestamp {
        let fine = &self.tiers[0];
        Timestamp((fine.newest + 1).saturating_mul(fine.width))
    }

    /// Adds an event at its time; events may come late and out of order.
    pub fn add(&mut self, at: Timestamp, event: Tally) {
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.add(event));
        }
    }

    /// Takes an event back, because its slice is judged anew.
    pub fn take_back(&mut self, at: Timestamp, event: Tally) {
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.take(event));
        }
    }

    /// How far back outcomes must be replayed one by one.
    pub fn fine_span() -> Duration {
        Duration::from_millis(TIERS[0].0.unsigned_abs() * TIERS[0].1 as u64)
    }

    /// Number of the slot of the middle tier that a moment is in.
    pub fn slot_of(at: Timestamp) -> i64 {
        at.0.div_euclid(TIERS[1].0)
    }

    /// Adds a slot of the middle tier that is older than [`Series::fine_span`].
    pub fn add_slot(&mut self, slot: i64, sums: Tally) {
        let at = Timestamp(slot * TIERS[1].0);
        for tier in &mut self.tiers[1..] {
            tier.change(at, |tally| tally.add(sums));
        }
    }

    /// Adds a whole hour that is older than [`Series::replay_span`], known by its sums only.
    pub fn add_hour(&mut self, at: Timestamp, sums: Tally) {
        self.tiers[2].change(at, |tally| tally.add(sums));
    }

    /// Adds `missing` for every time slice from `from` up to `until` that no event stands for and
    /// that is not corrected. Both are the starts of slices, `until` that of an hour.
    pub fn complete(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        missing: Tally,
        corrected: &Spans,
    ) {
        for tier in &mut self.tiers {
            tier.complete(from.0, until.0, missing, corrected);
        }
    }

    /// Sums over the last `window` up to `now`: the slots that end the window, the one of `now`
    /// included, so never an event older than `window`.
    pub fn sum(&self, now: Timestamp, window: Duration) -> Counts {
        self.tier(window).sum(now, millis(window))
    }

    /// Sums from the hour of `start` up to `now`.
    pub fn sum_since(&self, start: Timestamp, now: Timestamp) -> Counts {
        let hours = now.0.div_euclid(HOUR) - start.0.div_euclid(HOUR) + 1;
        self.tiers[2].sum(now, hours * HOUR)
    }

    /// The start of a window that ends with the slot of `now`.
    pub fn start(&self, now: Timestamp, window: Duration) -> Timestamp {
        let width = self.tier(window).width;
        Timestamp((now.0.div_euclid(width) + 1) * width).before(window)
    }

    /// Bad events per hour slot from the oldest to the newest, with the hour's start: what a
    /// forecast lets age out of the window.
    pub fn bad_by_hour(&self, now: Timestamp, window: Duration) -> Vec<(Timestamp, u64)> {
        self.tiers[2].bad_by_slot(now, millis(window))
    }

    /// Sums per UTC day, the one of `now` last.
    pub fn days<const N: usize>(&self, now: Timestamp) -> [Counts; N] {
        let hours = &self.tiers[2];
        let today = now.0.div_euclid(24 * HOUR);
        let mut days = [Counts::default(); N];
        hours.visit(now, (N as i64 + 1) * 24 * HOUR, |newest, tally, len| {
            for slot in newest + 1 - len..=newest {
                let age = usize::try_from(today - slot.div_euclid(24)).unwrap_or(usize::MAX);
                if let Some(day) = N
                    .checked_sub(age.saturating_add(1))
                    .and_then(|index| days.get_mut(index))
                {
                    *day += (tally, 1);
                }
            }
        });
        days
    }

    fn tier(&self, window: Duration) -> &Ring {
        let window = millis(window);
        let fits = |ring: &&Ring| ring.width * ring.slots as i64 >= window;
        self.tiers.iter().find(fits).unwrap_or(&self.tiers[2])
    }
}

/// Equal slots in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    tally: Tally,
    len: u32,
}

/// The last `slots` slots of one width.
#[derive(Clone, Debug)]
struct Ring {
    /// Milliseconds per slot.
    width: i64,
    slots: usize,
    /// Number of the newest slot that was touched.
    newest: i64,
    /// Oldest first; together never more than `slots` long.
    runs: VecDeque<Run>,
}

impl Ring {
    const fn new(width: i64, slots: usize) -> Self {
        Self {
            width,
            slots,
            newest: 0,
            runs: VecDeque::new(),
        }
    }

    fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len as usize).sum()
    }

    fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Tally)) {
        let slot = at.0.div_euclid(self.width);
        if self.runs.is_empty() || slot > self.newest {
            self.advance(slot);
        }
        let Ok(age) = usize::try_from(self.newest - slot) else {
            return;
        };
        if age >= self.slots {
            return;
        }
        self.reach_back(age);
        self.change_slot(age, change);
    }

    /// Makes `slot` the newest, with empty slots before it where time was skipped.
    fn advance(&mut self, slot: i64) {
        let skipped = if self.runs.is_empty() {
            1
        } else {
            slot - self.newest
        };
        if skipped >= self.slots as i64 {
            self.runs.clear();
        }
        let fresh = u32::try_from(skipped.min(self.slots as i64)).unwrap_or(u32::MAX);
        self.newest = slot;
        self.push(Run {
            tally: Tally::default(),
            len: fresh,
        });
        self.trim();
    }

    fn push(&mut self, run: Run) {
        match self.runs.back_mut() {
            Some(last) if last.tally == run.tally => last.len += run.len,
            _ => {
                self.make_room(1);
                self.runs.push_back(run);
            }
        }
    }

    /// Grows by half, and never beyond what the ring can hold: there are thousands of them.
    fn make_room(&mut self, more: usize) {
        let (len, most) = (self.runs.len(), self.slots + 3);
        if len + more > self.runs.capacity() {
            let wanted = (len + len / 2).clamp(len + more, most.max(len + more));
            self.runs.reserve_exact(wanted - len);
        }
    }

    /// Forgets what is older than the ring is long.
    fn trim(&mut self) {
        let mut excess = self.len().saturating_sub(self.slots);
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

    /// Adds empty slots at the old end until the slot of that age exists.
    fn reach_back(&mut self, age: usize) {
        let missing = (age + 1).saturating_sub(self.len());
        if missing > 0 {
            let len = u32::try_from(missing).unwrap_or(u32::MAX);
            self.make_room(1);
            self.runs.push_front(Run {
                tally: Tally::default(),
                len,
            });
        }
    }

    /// Changes one slot: its run is split around it, and equal neighbours are joined again.
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
        self.make_room(2);
        let run = self.runs[index];
        let mut tally = run.tally;
        change(&mut tally);
        let after = u32::try_from(newer).unwrap_or(0);
        let before = run.len - 1 - after;
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

    /// Joins the run with the next newer one if both are equal.
    fn join(&mut self, index: usize) {
        if let (Some(run), Some(next)) = (self.runs.get(index), self.runs.get(index + 1))
            && run.tally == next.tally
        {
            self.runs[index].len += next.len;
            self.runs.remove(index + 1);
        }
    }

    /// Visits the runs' parts inside the window, newest first, as (newest slot, tally, length).
    fn visit(&self, now: Timestamp, window: i64, mut visit: impl FnMut(i64, Tally, i64)) {
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
    fn complete(&mut self, from: i64, until: i64, missing: Tally, corrected: &Spans) {
        let slice = millis(Budgeting::SLICE);
        let next_slice = |at: i64| (at + slice - 1).div_euclid(slice) * slice;
        let oldest = (self.newest - self.slots as i64 + 1) * self.width;
        let mut start = from.max(oldest);
        for tally in self.tallies(start, until) {
            let end = (start.div_euclid(self.width) + 1) * self.width;
            // Slices that begin in this slot.
            let (first, last) = (next_slice(start), next_slice(end.min(until)));
            let taken_out = corrected.overlap(Timestamp(first), Timestamp(last));
            let wanted = (last - first - millis(taken_out)) / slice;
            let counted = (tally.good + tally.bad) / (missing.good + missing.bad);
            let lacking = u32::try_from(wanted - i64::from(counted)).unwrap_or(0);
            if lacking > 0 {
                self.change(Timestamp(start), |tally| tally.add(missing.times(lacking)));
            }
            start = end;
        }
    }

    /// The tallies of all slots that `from..until` touches, in the order of time.
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

    fn sum(&self, now: Timestamp, window: i64) -> Counts {
        let mut counts = Counts::default();
        self.visit(now, window, |_, tally, len| {
            counts += (tally, len.unsigned_abs());
        });
        counts
    }

    fn bad_by_slot(&self, now: Timestamp, window: i64) -> Vec<(Timestamp, u64)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: Tally = Tally {
        good: 1,
        bad: 0,
        covered_ms: 10_000,
    };
    const BAD: Tally = Tally {
        good: 0,
        bad: 1,
        covered_ms: 10_000,
    };
    const WINDOWS: [u64; 6] = [300, 3600, 7200, 86_400, 3 * 86_400, 30 * 86_400];

    /// The definition, written down: an event counts if its slot is one of the window's last.
    fn recount(events: &[(i64, bool)], now: i64, window: i64) -> (u64, u64) {
        let width = match window {
            w if w <= 2 * HOUR => 10_000,
            w if w <= 24 * HOUR => 5 * MINUTE,
            _ => HOUR,
        };
        let last = now.div_euclid(width);
        let inside = |at: i64| (last - window / width + 1..=last).contains(&at.div_euclid(width));
        let count = |wanted: bool| {
            events
                .iter()
                .filter(|(at, good)| *good == wanted && inside(*at))
                .count() as u64
        };
        (count(true), count(false))
    }

    #[test]
    fn a_healthy_month_is_one_run_per_tier() {
        let mut series = Series::new(Duration::from_secs(30 * 86_400));
        for tick in 0..259_200 {
            series.add(Timestamp(tick * 10_000), GOOD);
        }
        assert!(series.tiers.iter().all(|tier| tier.runs.len() <= 2));
        let now = Timestamp(259_200 * 10_000 - 1);
        let month = series.sum(now, Duration::from_secs(30 * 86_400));
        assert_eq!((month.good, month.covered_ms), (259_200, 2_592_000_000));
    }

    #[test]
    fn the_worst_month_takes_less_than_28_kib() {
        let mut series = Series::new(Duration::from_secs(30 * 86_400));
        for slot in 0..30 * 8640 {
            // No two neighbours are equal in any tier.
            let good = u32::try_from(slot % 3 + slot / 30 % 2 + slot / 360 % 2).expect("small");
            let tally = Tally { good, ..BAD };
            series.add(Timestamp(slot * 10_000), tally);
        }
        let runs = series
            .tiers
            .iter()
            .map(|tier| tier.runs.len())
            .sum::<usize>();
        assert!(runs > 1700, "{runs} runs: not the worst");
        let room = series.tiers.iter().map(|tier| tier.runs.capacity());
        let bytes = room.sum::<usize>() * size_of::<Run>();
        assert!(bytes < 28 * 1024, "{bytes} bytes");
    }

    proptest! {
        #[test]
        fn windows_equal_a_brute_force_recount(
            steps in prop::collection::vec((0_i64..4_000_000, any::<bool>(), 0_i64..200_000), 1..120),
            later in 0_i64..100_000_000,
        ) {
            let mut series = Series::new(Duration::from_secs(30 * 86_400));
            let mut events = Vec::new();
            let mut clock = 1_700_000_000_000_i64;
            for (step, good, late) in steps {
                clock += step;
                let at = clock - late;
                series.add(Timestamp(at), if good { GOOD } else { BAD });
                events.push((at, good));
            }
            for now in [clock, clock + later] {
                for window in WINDOWS {
                    let sum = series.sum(Timestamp(now), Duration::from_secs(window));
                    prop_assert_eq!((sum.good, sum.bad), recount(&events, now, window as i64 * 1000));
                    prop_assert_eq!(sum.covered_ms, (sum.good + sum.bad) * 10_000);
                }
            }
        }

        #[test]
        fn taking_back_undoes(times in prop::collection::vec(0_i64..80_000_000, 1..60)) {
            let mut series = Series::new(Duration::from_secs(30 * 86_400));
            for at in &times { series.add(Timestamp(*at), BAD); }
            for at in &times { series.take_back(Timestamp(*at), BAD); }
            for window in WINDOWS {
                prop_assert_eq!(series.sum(Timestamp(80_000_000), Duration::from_secs(window)), Counts::default());
            }
        }
    }
}
