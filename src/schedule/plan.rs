//! The order of ticks. Pure: takes `now`, returns the due ticks.

use crate::outcome::{ProbeKey, Timestamp, millis};
use siphasher::sip::SipHasher13;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// The next tick of every probe, soonest first. Probes are numbered by position.
#[derive(Debug, Default)]
pub struct Plan {
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
    grids: Vec<Grid>,
}

#[derive(Debug)]
struct Grid {
    interval: i64,
    /// The offset of the probe's ticks in its interval: a hash of its name, so that probes are
    /// spread and keep their offset across restarts.
    phase: i64,
}

impl Grid {
    /// The first tick after a time, on the grid `phase + n x interval` of the wall clock.
    fn next(&self, after: Timestamp) -> Timestamp {
        let since = (after.0 - self.phase).rem_euclid(self.interval);
        Timestamp(after.0 + self.interval - since)
    }
}

/// Due ticks of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub probe: usize,
    /// The newest due tick.
    pub at: Timestamp,
    /// Older ticks that did not run, because the process was stopped or the clock was set forward.
    pub skipped: u64,
}

impl Plan {
    pub fn new<'a>(
        probes: impl IntoIterator<Item = (&'a ProbeKey, Duration)>,
        now: Timestamp,
    ) -> Self {
        let mut plan = Self::default();
        for (key, interval) in probes {
            let interval = millis(interval).max(1);
            let grid = Grid {
                interval,
                phase: phase(key, interval),
            };
            plan.heap.push(Reverse((grid.next(now), plan.grids.len())));
            plan.grids.push(grid);
        }
        plan
    }

    /// When the next tick is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one due probe, if any, and schedules its next tick.
    pub fn pop(&mut self, now: Timestamp) -> Option<Due> {
        let Reverse((first, probe)) = *self.heap.peek()?;
        if first > now {
            return None;
        }
        let grid = &self.grids[probe];
        let next = grid.next(now);
        let at = Timestamp(next.0 - grid.interval);
        let skipped = (at.0 - first.0) / grid.interval;
        if let Some(mut top) = self.heap.peek_mut() {
            *top = Reverse((next, probe));
        }
        Some(Due {
            probe,
            at,
            skipped: skipped.unsigned_abs(),
        })
    }

    /// Reschedules all ticks after the wall clock was set.
    pub fn restart(&mut self, now: Timestamp) {
        let ticks = self.grids.iter().enumerate();
        self.heap = ticks
            .map(|(probe, grid)| Reverse((grid.next(now), probe)))
            .collect();
    }
}

fn phase(key: &ProbeKey, interval: i64) -> i64 {
    // A hash that is stable across releases, so that an upgrade does not move probes.
    let mut hasher = SipHasher13::new();
    key.service.hash(&mut hasher);
    key.probe.hash(&mut hasher);
    let spread = hasher.finish() % interval.unsigned_abs();
    i64::try_from(spread).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(count: usize, interval: Duration, now: Timestamp) -> Plan {
        let keys: Vec<_> = (0..count)
            .map(|n| ProbeKey::new(&format!("s{n}"), "p"))
            .collect();
        Plan::new(keys.iter().map(|key| (key, interval)), now)
    }

    #[test]
    fn ticks_never_drift_however_late_they_are_taken() {
        let interval = Duration::from_secs(10);
        let mut plan = plan(1, interval, Timestamp(0));
        let first = plan.next().expect("one probe");
        for n in 0..1000 {
            let due = plan
                .pop(Timestamp(first.0 + n * 10_000 + n % 7 * 1000))
                .expect("due");
            assert_eq!(
                due,
                Due {
                    probe: 0,
                    at: Timestamp(first.0 + n * 10_000),
                    skipped: 0
                }
            );
        }
    }

    #[test]
    fn skipped_ticks_are_counted_and_not_run_later() {
        let mut plan = plan(1, Duration::from_secs(10), Timestamp(0));
        let first = plan.next().expect("one probe");
        let due = plan.pop(Timestamp(first.0 + 605_000)).expect("due");
        assert_eq!((due.skipped, due.at.0), (60, first.0 + 600_000));
        assert_eq!(plan.pop(Timestamp(first.0 + 605_000)), None);
        assert_eq!(plan.next(), Some(Timestamp(first.0 + 610_000)));
    }

    #[test]
    fn probes_spread_evenly_over_their_interval() {
        let mut plan = plan(5000, Duration::from_secs(10), Timestamp(0));
        let mut per_second = [0; 10];
        while let Some(due) = plan.pop(Timestamp(10_000)) {
            per_second[usize::try_from((due.at.0 - 1) / 1000).expect("within 10 s")] += 1;
        }
        assert_eq!(per_second.iter().sum::<i32>(), 5000);
        assert!(
            per_second.iter().all(|n| (400..600).contains(n)),
            "{per_second:?}"
        );
    }
}
