//! Backoff between delivery attempts.

use crate::outcome::Timestamp;
use crate::units::DAY;
use std::time::Duration;

/// Minimum time for which a message is retried.
const TRIED_FOR: Duration = DAY;
/// Minimum number of attempts: slod may have been down, or the clock may have been set forward.
const TRIES_MIN: u32 = 10;
/// Maximum backoff after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Maximum backoff after any number of failures.
const LONGEST: Duration = Duration::from_mins(5);
/// Maximum pause that a receiver can ask for (`Retry-After`).
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Exponential backoff with jitter, so that receivers that share a server do not retry at the same
/// time.
pub fn pause(failures: u32, retry_after: Option<Duration>, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let own = doubled.min(LONGEST).mul_f64(0.5 + random / 2.0);
    own.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX))
}

/// Whether to give up on a message that was due at `due`, after a number of consecutive failures.
pub fn is_expired(due: Timestamp, now: Timestamp, failures: u32) -> bool {
    failures >= TRIES_MIN && now > due.after(TRIED_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_for_a_day() {
        let due = Timestamp::from_secs(1_000_000);
        let is_expired = |now| is_expired(due, now, TRIES_MIN);
        assert!(!is_expired(due.after(DAY)));
        assert!(is_expired(due.after(DAY + FIRST)));
        assert!(!is_expired(due.before(DAY)), "the clock was set back");
        let late = due.after(DAY + FIRST);
        let few = TRIES_MIN - 1;
        assert!(!super::is_expired(due, late, few), "slod was down");
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_respect_the_receiver() {
        let pauses: Vec<_> = [1, 2, 3, 20].map(|n| pause(n, None, 1.0).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 300]);
        assert_eq!(pause(1, None, 0.0), Duration::from_millis(500));
        let retry_after = Some(Duration::from_secs(90));
        assert_eq!(pause(1, retry_after, 0.5), Duration::from_secs(90));
        let absurd = Some(Duration::from_secs(1_000_000));
        assert_eq!(pause(1, absurd, 0.5), RETRY_AFTER_MAX);
    }
}
