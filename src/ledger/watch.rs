//! Watches the wall clock: outcomes counted under a wrong time, or left out because they were in
//! the future, must be recounted from the store.

use crate::outcome::{Timestamp, millis};
use crate::store::Ahead;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum difference between wall and monotonic time that is not a jump; windows are coarser.
const JUMP_MS: i64 = 2000;
/// While the time of stored outcomes arrives gradually, they are recounted this often.
const CHECK_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct ClockWatch {
    wall: Timestamp,
    seen: Instant,
    counted: Option<Instant>,
}

impl ClockWatch {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            wall: now,
            seen: Instant::now(),
            counted: None,
        }
    }

    /// Whether everything must be recounted: the clock was set back, or the time of outcomes that
    /// were `ahead` has come.
    pub(super) fn must_recount(&mut self, now: Timestamp, ahead: &Ahead) -> bool {
        let jump = now.0 - self.wall.0 - millis(self.seen.elapsed());
        (self.wall, self.seen) = (now, Instant::now());
        let arrived = ahead.first.is_some_and(|first| first <= now);
        let soon = self
            .counted
            .is_some_and(|last| last.elapsed() < CHECK_INTERVAL);
        let recount = jump < -JUMP_MS || (arrived && (!soon || jump > JUMP_MS));
        if recount {
            self.counted = Some(Instant::now());
        }
        recount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_set_back_and_outcomes_whose_time_comes_cause_a_recount() {
        let at = Timestamp::from_secs;
        let mut watch = ClockWatch::new(at(0));
        let (none, mut ahead) = (Ahead::default(), Ahead::default());
        ahead.add(at(100), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!watch.must_recount(at(9), &ahead), "a second is not a jump");
        assert!(
            !watch.must_recount(at(90_000), &none),
            "no outcomes were ahead"
        );
        assert!(watch.must_recount(at(9), &ahead), "set back");
        assert!(watch.must_recount(at(100), &ahead), "a jump to their time");
        assert!(!watch.must_recount(at(101), &ahead), "a moment later");
        tokio::time::advance(CHECK_INTERVAL).await;
        assert!(watch.must_recount(at(161), &ahead));
    }
}
