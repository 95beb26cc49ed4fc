//! Detects stalls of this process: while it is stopped by a signal, frozen or starved of processor
//! time, it measures itself instead of the services.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the detector should be called.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Without a call for longer than this, the process was stalled. Latencies would be wrong by as
/// much.
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of stalls remembered: more than can affect the longest attempt.
const MAX_STALLS: usize = 64;

/// Checks the time regularly, and remembers when it could not.
#[derive(Clone, Debug)]
pub struct StallDetector(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    last: Instant,
    /// Start and end, oldest first.
    breaks: VecDeque<(Instant, Instant)>,
}

impl StallDetector {
    pub fn new(now: Instant) -> Self {
        let breaks = VecDeque::new();
        Self(Arc::new(Mutex::new(State { last: now, breaks })))
    }

    /// Must be called at least every `CHECK_INTERVAL`.
    pub fn beat(&self, now: Instant) {
        let mut state = self.0.lock();
        if now.saturating_duration_since(state.last) > STALLED_AFTER {
            let from = state.last;
            state.breaks.push_back((from, now));
            if state.breaks.len() > MAX_STALLS {
                state.breaks.pop_front();
            }
        }
        state.last = now;
    }

    /// How long ago the last call was.
    pub fn since_last(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.lock().last)
    }

    /// The longest stall since `start`; `None` if there was none.
    pub fn stalled_since(&self, start: Instant, now: Instant) -> Option<Duration> {
        let state = self.0.lock();
        let running = std::iter::once((state.last, now));
        let breaks = state.breaks.iter().copied().chain(running);
        let lengths = breaks
            .filter(|(_, end)| *end > start)
            .map(|(from, end)| end.saturating_duration_since(from));
        lengths.filter(|length| *length > STALLED_AFTER).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_affects_only_attempts_that_ran_during_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let stall = StallDetector::new(start);
        for ms in (0..=1000).step_by(250) {
            stall.beat(at(ms));
        }
        assert_eq!(stall.stalled_since(start, at(1900)), None);
        // Without a call since: an attempt that ends first must not wait for the next one.
        let five = Some(Duration::from_secs(5));
        assert_eq!(stall.stalled_since(at(900), at(6000)), five);
        stall.beat(at(6000));
        assert_eq!(stall.stalled_since(at(900), at(6100)), five);
        assert_eq!(
            stall.stalled_since(at(5900), at(6100)),
            five,
            "it started during the stall"
        );
        assert_eq!(stall.stalled_since(at(6000), at(6100)), None);
    }

    #[test]
    fn the_number_of_remembered_stalls_is_limited() {
        let start = Instant::now();
        let stall = StallDetector::new(start);
        for second in 1..=1000 {
            stall.beat(start + Duration::from_secs(2 * second));
        }
        assert_eq!(stall.0.lock().breaks.len(), MAX_STALLS);
    }
}
