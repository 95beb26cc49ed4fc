//! Measures how long a probe's thread waited for a processor before it could read a response, i.e.
//! the part of the measured latency that is caused by our own scheduling.

use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// How often the thread wakes up while attempts are running; the precision of the lag.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// The thread always has a timer that is due before the timeouts of attempts: tokio wakes a thread
/// unnecessarily each time it sets the earliest timer.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// Timers have millisecond precision, so a wake-up up to this late is on time.
const GRAIN: Duration = Duration::from_millis(2);

/// Wakes up regularly while attempts are running on its thread, and measures how late it is.
#[derive(Clone, Debug, Default)]
pub(super) struct LagMeter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    /// Notified when the first attempt starts or the last one ends.
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When the next wake-up is due; `None` while no attempt is running.
    due: Option<Instant>,
    /// When the last wake-up was due, and when it happened.
    last: Option<(Instant, Instant)>,
}

/// A running attempt.
#[derive(Debug)]
pub(super) struct Running(LagMeter);

impl LagMeter {
    /// Never returns; must run on the measured thread.
    pub(super) async fn run(self) {
        loop {
            while self.0.running.load(Ordering::Relaxed) == 0 {
                self.state().due = None;
                let _ = timeout(IDLE_INTERVAL, self.0.changed.notified()).await;
            }
            let due = Instant::now() + CHECK_INTERVAL;
            self.state().due = Some(due);
            tokio::select! {
                () = sleep_until(due) => self.state().last = Some((due, Instant::now())),
                // If the last attempt has ended, the wake-up is not needed.
                () = self.0.changed.notified() => {}
            }
        }
    }

    /// Registers a running attempt until the returned value is dropped.
    pub(super) fn enter(&self) -> Running {
        if self.0.running.fetch_add(1, Ordering::Relaxed) == 0 {
            self.0.changed.notify_one();
        }
        Running(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

impl Running {
    /// How long the thread had waited for a processor when it woke up just now.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        self.0.state().lag(now)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.0.running.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.0.changed.notify_one();
        }
    }
}

impl State {
    /// Considers a wake-up that is overdue, and one that happened just now and was therefore late
    /// by the same time.
    fn lag(&self, now: Instant) -> Duration {
        let overdue = self.due.map(|due| now.saturating_duration_since(due));
        let just_now = self
            .last
            .filter(|(_, came)| now.saturating_duration_since(*came) < GRAIN);
        let late = just_now.map(|(due, came)| came.saturating_duration_since(due));
        let lag = overdue.max(late).unwrap_or_default();
        if lag < GRAIN { Duration::ZERO } else { lag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn only_a_late_wake_up_that_affects_an_attempt_is_its_lag() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut state = State::default();
        assert_eq!(state.lag(at(500)), ms(0), "nothing runs");
        state.due = Some(at(10));
        assert_eq!(state.lag(at(9)), ms(0), "not due yet");
        assert_eq!(state.lag(at(11)), ms(0), "the grain of timers");
        assert_eq!(
            state.lag(at(45)),
            ms(35),
            "overdue: the attempt woke up first"
        );
        state.last = Some((at(10), at(45)));
        state.due = Some(at(55));
        assert_eq!(state.lag(at(46)), ms(35), "the attempt woke up second");
        assert_eq!(state.lag(at(50)), ms(0), "woken up by itself later");
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_up_only_while_attempts_run() {
        let meter = LagMeter::default();
        let task = tokio::spawn(meter.clone().run());
        tokio::time::sleep(ms(100)).await;
        assert!(meter.state().last.is_none(), "nothing ran");
        let running = meter.enter();
        tokio::time::sleep(ms(100)).await;
        assert!(meter.state().last.is_some() && meter.state().due.is_some());
        drop(running);
        tokio::time::sleep(ms(100)).await;
        assert!(meter.state().due.is_none(), "nothing is running");
        task.abort();
    }
}
