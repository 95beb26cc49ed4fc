//! Signals that request the end of a run.

use rustix::process::Signal;
use std::time::Duration;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::Instant;

/// Requests within this time count as one: Ctrl-C reaches the whole process group, and `timeout`, npm and
/// others also forward the signals that they receive.
const REPEATED_WITHIN: Duration = Duration::from_secs(1);

pub struct StopRequests {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    repeats: Repeats,
}

impl StopRequests {
    pub fn new() -> Result<Self, String> {
        let on = |kind| {
            unix::signal(kind).map_err(|error| format!("cannot handle signals: {}", error.kind()))
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            repeats: Repeats::default(),
        })
    }

    /// Waits for the next request, and returns its signal for forwarding.
    pub async fn next(&mut self) -> Signal {
        loop {
            let signal = tokio::select! {
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.terminate.recv() => Signal::TERM,
            };
            if self.repeats.is_new(Instant::now()) {
                return signal;
            }
        }
    }
}

/// Detects requests that repeat the previous one.
#[derive(Default)]
struct Repeats {
    last_new: Option<Instant>,
}

impl Repeats {
    fn is_new(&mut self, now: Instant) -> bool {
        let is_new = self
            .last_new
            .is_none_or(|last| now.saturating_duration_since(last) >= REPEATED_WITHIN);
        if is_new {
            self.last_new = Some(now);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_within_a_second_are_one() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        let is_new = [0, 2, 999, 1000, 1500, 1999, 2000]
            .map(|after| repeats.is_new(start + Duration::from_millis(after)));
        assert_eq!(is_new, [true, false, false, true, false, false, true]);
    }
}
