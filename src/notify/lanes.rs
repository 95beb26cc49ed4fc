//! Schedules the groups of a receiver, so that a group that fails or hangs does not delay others.

use super::backoff::{RETRY_AFTER_MAX, pause};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of concurrent attempts at a receiver.
const MAX_RUNNING: usize = 4;
/// Maximum number of concurrent retries among them, so that new messages always have a free slot.
const MAX_RETRIES: usize = 2;

/// The groups of one receiver. Each has at most one running attempt, and backs off after failures.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    running: BTreeSet<String>,
    failing: BTreeMap<String, Failing>,
    /// The end of a pause that the receiver asked for.
    closed: Option<Instant>,
}

#[derive(Debug)]
struct Failing {
    /// Number of consecutive failures.
    failures: u32,
    /// Earliest time of the next attempt.
    again: Instant,
}

impl Lanes {
    /// The groups that must not be tried now; `None` if no group can be.
    pub fn without(&self, now: Instant) -> Option<BTreeSet<String>> {
        let is_closed = self.closed.is_some_and(|until| now < until);
        if is_closed || self.running.len() >= MAX_RUNNING {
            return None;
        }
        let retries = self.running.iter();
        let retries = retries.filter(|group| self.failing.contains_key(*group));
        let is_full = retries.count() >= MAX_RETRIES;
        let waiting = self.failing.iter();
        let waiting = waiting.filter(|(_, one)| is_full || now < one.again);
        let waiting = waiting.map(|(group, _)| group.clone());
        Some(self.running.iter().cloned().chain(waiting).collect())
    }

    /// Time until a group or the receiver can be tried again.
    pub fn until_next(&self, now: Instant) -> Option<Duration> {
        let idle = self.failing.iter();
        let idle = idle.filter(|(group, _)| !self.running.contains(*group));
        let times = idle.map(|(_, one)| one.again).chain(self.closed);
        let ahead = times.filter(|at| *at > now).min();
        ahead.map(|at| at - now)
    }

    pub fn start(&mut self, group: &str) {
        self.running.insert(group.to_owned());
    }

    /// Records that an attempt succeeded, or that its message was given up.
    pub fn settled(&mut self, group: &str) {
        self.running.remove(group);
        self.failing.remove(group);
    }

    /// Records that an attempt failed. A pause that the receiver asked for, `retry_after`, applies to all groups.
    pub fn failed(&mut self, group: &str, retry_after: Option<Duration>, now: Instant) {
        self.running.remove(group);
        let failures = self.failing.get(group).map_or(1, |one| one.failures + 1);
        let again = now + pause(failures, retry_after, fastrand::f64());
        // Other groups do not wait for this group's backoff.
        if let Some(retry_after) = retry_after {
            self.closed = Some(now + retry_after.min(RETRY_AFTER_MAX));
        }
        self.failing
            .insert(group.to_owned(), Failing { failures, again });
    }

    /// Records that an attempt ended with an unknown result. It is repeated at `again`.
    pub fn postponed(&mut self, group: &str, again: Instant) {
        self.running.remove(group);
        let one = self.failing.entry(group.to_owned());
        one.or_insert(Failing { failures: 0, again }).again = again;
    }

    /// Removes failed groups that have nothing left to try: those not in `without`, which could have
    /// been tried.
    pub fn remove_idle(&mut self, without: &BTreeSet<String>) {
        let running = &self.running;
        self.failing
            .retain(|group, _| without.contains(group) || running.contains(group));
    }

    pub fn is_failing(&self, group: &str) -> bool {
        self.failing.contains_key(group)
    }

    /// Number of consecutive failures of a group.
    pub fn failures(&self, group: &str) -> u32 {
        self.failing.get(group).map_or(0, |one| one.failures)
    }

    /// Number of failing groups.
    pub fn failing(&self) -> usize {
        self.failing.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|one| (*one).to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_group_delays_no_other_group() {
        let (mut lanes, start) = (Lanes::default(), Instant::now());
        lanes.start("a");
        assert_eq!(lanes.without(start), Some(groups(&["a"])), "once at a time");
        lanes.failed("a", None, start);
        assert_eq!(lanes.without(start), Some(groups(&["a"])));
        let rest = lanes.until_next(start).expect("it is tried again");
        assert_eq!(lanes.without(start + rest), Some(groups(&[])));
        lanes.start("a");
        assert_eq!(lanes.until_next(start), None, "it runs");
        lanes.settled("a");
        assert_eq!(
            (lanes.without(start), lanes.failing()),
            (Some(groups(&[])), 0)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn groups_that_hang_leave_room_for_new_ones() {
        let (mut lanes, start) = (Lanes::default(), Instant::now());
        for group in ["a", "b", "c"] {
            lanes.failed(group, None, start);
        }
        let later = start + Duration::from_mins(10);
        lanes.start("a");
        assert_eq!(lanes.without(later), Some(groups(&["a"])));
        lanes.start("b");
        assert_eq!(
            lanes.without(later),
            Some(groups(&["a", "b", "c"])),
            "no more"
        );
        lanes.start("new");
        assert_eq!(lanes.without(later), Some(groups(&["a", "b", "c", "new"])));
        lanes.start("newer");
        assert_eq!(lanes.without(later), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_with_nothing_left_to_try_is_removed() {
        let (mut lanes, start) = (Lanes::default(), Instant::now());
        for group in ["gone", "tried", "waits"] {
            lanes.failed(group, None, start);
        }
        let later = start + Duration::from_mins(10);
        lanes.failed("waits", None, later);
        let without = lanes.without(later).expect("some may be tried");
        assert_eq!(without, groups(&["waits"]));
        lanes.start("tried");
        lanes.remove_idle(&without);
        assert!(lanes.is_failing("tried") && lanes.is_failing("waits"));
        assert!(!lanes.is_failing("gone"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_a_receiver_asks_for_applies_to_all_groups() {
        let (mut lanes, start) = (Lanes::default(), Instant::now());
        let retry_after = Duration::from_secs(90);
        lanes.failed("a", Some(retry_after), start);
        assert_eq!(lanes.without(start), None);
        assert_eq!(lanes.until_next(start), Some(retry_after));
        assert_eq!(lanes.without(start + retry_after), Some(groups(&[])));
    }
}
