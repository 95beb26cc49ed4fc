//! When old records are deleted.

use crate::outcome::{Timestamp, millis};
use std::time::{Duration, Instant};

/// One old hour is deleted this often at most. That keeps up sixtyfold, and a wall clock that is
/// years ahead for long takes hours of history along, not all of it.
const EVERY: Duration = Duration::from_mins(1);
/// A wall clock that runs ahead of the monotonic one by more was set.
const STEP_MS: i64 = 60_000;
/// After that nothing is deleted for so long: somebody may see the wrong time and set it back.
const SETTLE: Duration = Duration::from_hours(1);

/// Says when to delete what is older than its retention: not when the wall clock was just set, since
/// one that is days ahead for a moment would take all along.
#[derive(Debug, Default)]
pub struct Expiry {
    next: Option<Instant>,
    seen: Option<(Instant, Timestamp)>,
}

impl Expiry {
    /// Takes both clocks as they are now, regularly. Whether it is time to delete.
    pub fn is_due(&mut self, at: Instant, now: Timestamp) -> bool {
        let before = self.seen.replace((at, now));
        let passed = |(then, _): (Instant, _)| millis(at.saturating_duration_since(then));
        let was_set = before.is_some_and(|seen| now.0 - seen.1.0 > passed(seen) + STEP_MS);
        if was_set {
            self.next = Some(at + SETTLE);
        }
        if self.next.is_some_and(|next| at < next) {
            return false;
        }
        self.next = Some(at + EVERY);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_deleted_each_minute_and_not_after_the_clock_was_set() {
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
        // Ahead by ten days for ten minutes.
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
            "a clock that is behind deletes nothing too early"
        );
    }
}
