//! Signals that ask a run for its end.

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

pub struct StopRequests {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl StopRequests {
    pub fn new() -> Result<Self, String> {
        let on = |kind| {
            unix::signal(kind).map_err(|error| format!("cannot handle signals: {}", error.kind()))
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    /// The next one, to be passed on.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
        }
    }
}
