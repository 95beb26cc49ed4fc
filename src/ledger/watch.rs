//! The wall clock as the ledger sees it: what was counted by a time that is no longer true, or was
//! left out because its time was still to come, is counted anew from the store.

use crate::outcome::{Timestamp, millis};
use crate::store::Ahead;
use std::time::Duration;
use tokio::time::Instant;

/// Wall and monotonic time may differ by so much before it is a jump; windows are coarser.
const JUMP_MS: i64 = 2000;
/// While the time of stored outcomes comes bit by bit, they are counted this often.
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

    /// Whether everything must be counted anew: the clock was set back, or it is now the time of
    /// outcomes that were `ahead` of it.
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
    async fn a_clock_that_is_set_back_and_outcomes_whose_time_comes() {
        let at = Timestamp::from_secs;
        let mut watch = ClockWatch::new(at(0));
        let (none, mut ahead) = (Ahead::default(), Ahead::default());
        ahead.add(at(100), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!watch.must_recount(at(9), &ahead), "a second is no jump");
        assert!(
            !watch.must_recount(at(90_000), &none),
            "nothing was left out"
        );
        assert!(watch.must_recount(at(9), &ahead), "set back");
        assert!(watch.must_recount(at(100), &ahead), "a jump to their time");
        assert!(!watch.must_recount(at(101), &ahead), "a moment later");
        tokio::time::advance(CHECK_INTERVAL).await;
        assert!(watch.must_recount(at(161), &ahead));
    }
}
