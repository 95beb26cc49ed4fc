//! Schedule for the deletion of old records.

use crate::outcome::{Timestamp, millis};
use std::time::{Duration, Instant};

/// Minimum time between deletions, each of one hour's records. This is 60 times faster than records
/// arrive, and limits how much history a wall clock deletes that is years ahead for a while.
const EVERY: Duration = Duration::from_mins(1);
/// If the wall clock advances by this much more than the monotonic clock, in milliseconds, it was
/// set.
const STEP_MS: i64 = 60_000;
/// How long nothing is deleted after the clock was set, so that an administrator can correct a
/// wrong time.
pub const SETTLE: Duration = Duration::from_hours(1);
/// If the wall clock is further ahead of all records at startup, it may not have been set yet, for
/// example because the clock's battery is empty and no time server was reachable.
const AHEAD: Duration = Duration::from_hours(24);

/// Decides when to delete records older than their retention. It does not delete right after the
/// wall clock was set, or while the clock may be wrong: a clock that is days ahead for a moment
/// would delete all records.
#[derive(Debug, Default)]
pub struct Expiry {
    next: Option<Instant>,
    seen: Option<(Instant, Timestamp)>,
    /// The time until which the clock is not trusted, and the newest record, which it is far ahead
    /// of.
    doubted: Option<(Instant, Timestamp)>,
}

impl Expiry {
    /// Takes both clocks at startup. `newest` is the newest record in the store that is older than
    /// [`SETTLE`]: records of the last hour may come from the same wrong clock before a restart.
    pub fn new(at: Instant, now: Timestamp, newest: Option<Timestamp>) -> Self {
        let newest = newest.filter(|newest| is_ahead(now, *newest));
        Self {
            doubted: newest.map(|newest| (at + SETTLE, newest)),
            ..Self::default()
        }
    }

    /// How far the clock is ahead of the newest record if it is not trusted for that reason.
    pub fn doubted_by(&self, now: Timestamp) -> Option<Duration> {
        self.doubted.map(|(_, newest)| now.since(newest))
    }

    /// The time up to which old records may be reduced to a lower resolution.
    pub fn trusted(&self, now: Timestamp) -> Timestamp {
        self.doubted.map_or(now, |(_, newest)| newest.min(now))
    }

    /// Takes the current time of both clocks; called regularly. Returns whether deletion is due.
    pub fn is_due(&mut self, at: Instant, now: Timestamp) -> bool {
        let before = self.seen.replace((at, now));
        let passed = |(then, _): (Instant, _)| millis(at.saturating_duration_since(then));
        let was_set = before.is_some_and(|seen| now.0 - seen.1.0 > passed(seen) + STEP_MS);
        if was_set {
            self.next = Some(at + SETTLE);
        }
        self.doubted = self
            .doubted
            .filter(|(until, newest)| at < *until && is_ahead(now, *newest));
        if self.doubted.is_some() || self.next.is_some_and(|next| at < next) {
            return false;
        }
        self.next = Some(at + EVERY);
        true
    }
}

fn is_ahead(now: Timestamp, newest: Timestamp) -> bool {
    now.since(newest) > AHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_deleted_every_minute_but_not_right_after_the_clock_was_set() {
        let (start, hour) = (Instant::now(), 3_600_000);
        let mut expiry = Expiry::default();
        let mut is_due = |second: u64, wall: i64| {
            let now = Timestamp(second.cast_signed() * 1000 + wall);
            expiry.is_due(start + Duration::from_secs(second), now)
        };
        assert_eq!(
            [0, 1, 60, 61].map(|second| is_due(second, 0)),
            [true, false, true, false]
        );
        // Ten days ahead for ten minutes.
        let ahead = 240 * hour;
        assert_eq!(
            [130, 200, 730].map(|second| is_due(second, ahead)),
            [false; 3]
        );
        assert_eq!(
            [731, 1000, 3729].map(|second| is_due(second, 0)),
            [false; 3]
        );
        assert!(is_due(3730, 0));
        assert!(
            is_due(3790, -hour),
            "a clock that is behind deletes nothing early"
        );
    }

    #[test]
    fn a_clock_far_ahead_at_startup_is_not_trusted_immediately() {
        let (start, newest) = (Instant::now(), Timestamp::from_secs(1_000_000));
        let began = |ahead: Duration| Expiry::new(start, newest.after(ahead), Some(newest));
        let is_due = |expiry: &mut Expiry, ahead: Duration, passed: Duration| {
            expiry.is_due(start + passed, newest.after(ahead).after(passed))
        };
        let (year, minute) = (AHEAD * 365, Duration::from_mins(1));
        let mut expiry = began(year);
        assert!(!is_due(&mut expiry, year, Duration::ZERO));
        assert_eq!(expiry.trusted(newest.after(year)), newest);
        assert!(!is_due(&mut expiry, year, 59 * minute));
        assert!(is_due(&mut expiry, year, SETTLE), "the host was off");
        assert_eq!(expiry.doubted_by(newest), None);
        let mut expiry = began(year);
        assert!(!is_due(&mut expiry, year, minute));
        assert!(
            is_due(&mut expiry, Duration::ZERO, 2 * minute),
            "it came back"
        );
        assert!(is_due(&mut began(AHEAD), AHEAD, Duration::ZERO));
        let mut empty = Expiry::new(start, newest, None);
        assert!(
            empty.is_due(start, newest),
            "there is no record to compare with"
        );
    }
}
