//! The newest attempts of one probe.

use super::snapshot::{ATTEMPTS, AttemptView};
use crate::outcome::{Timestamp, Verdict};
use std::collections::VecDeque;
use std::time::Duration;

/// At most [`ATTEMPTS`] attempts, oldest first. Entries are smaller than [`AttemptView`], and the capacity matches
/// the length: every probe has them, and they are copied with every outcome.
#[derive(Clone, Debug, Default)]
pub struct Attempts(VecDeque<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Timestamp,
    nanos: u64,
    verdict: Verdict,
}

impl Attempts {
    /// Inserts an attempt in order of time, and replaces one with the same time.
    pub(super) fn note(&mut self, attempt: AttemptView) {
        let entry = Entry {
            at: attempt.at,
            nanos: u64::try_from(attempt.latency.as_nanos()).unwrap_or(u64::MAX),
            verdict: attempt.verdict,
        };
        let mut place = self.0.partition_point(|one| one.at < attempt.at);
        let same = self.0.get_mut(place);
        if let Some(same) = same.filter(|one| one.at == attempt.at) {
            *same = entry;
            return;
        }
        if self.0.len() == ATTEMPTS {
            // Older than all others.
            let Some(next) = place.checked_sub(1) else {
                return;
            };
            self.0.pop_front();
            place = next;
        }
        self.0.reserve_exact(1);
        self.0.insert(place, entry);
    }

    /// Iterates from the oldest to the newest.
    pub fn iter(&self) -> impl Iterator<Item = AttemptView> + '_ {
        self.0.iter().map(|entry| AttemptView {
            at: entry.at,
            verdict: entry.verdict,
            latency: Duration::from_nanos(entry.nanos),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    fn attempt(second: i64, latency: Duration) -> AttemptView {
        AttemptView {
            at: Timestamp(second * 1000),
            verdict: Verdict::Good,
            latency,
        }
    }

    fn seconds(attempts: &Attempts) -> Vec<i64> {
        attempts.iter().map(|one| one.at.0 / 1000).collect()
    }

    #[test]
    fn the_newest_attempts_are_kept_in_order_without_spare_capacity() {
        let mut attempts = Attempts::default();
        let most = i64::try_from(ATTEMPTS).expect("few");
        for second in (1..=most + 1).rev() {
            // Cloned as for a new view.
            attempts = attempts.clone();
            attempts.note(attempt(second, Duration::ZERO));
        }
        let newest: Vec<_> = (2..=most + 1).collect();
        assert_eq!(seconds(&attempts), newest, "one was older than all others");
        attempts.note(attempt(most + 2, Duration::ZERO));
        let newest: Vec<_> = (3..=most + 2).collect();
        assert_eq!(seconds(&attempts), newest);
        assert_eq!(attempts.0.capacity(), ATTEMPTS);
    }

    #[test]
    fn an_attempt_with_the_same_time_is_replaced() {
        let mut attempts = Attempts::default();
        for second in [1, 2, 3] {
            attempts.note(attempt(second, Duration::from_millis(80)));
        }
        let bad = AttemptView {
            verdict: Verdict::Bad(Cause::Timeout),
            ..attempt(2, Duration::from_secs(5))
        };
        attempts.note(bad);
        assert_eq!(seconds(&attempts), [1, 2, 3]);
        assert_eq!(attempts.iter().nth(1), Some(bad));
    }
}
