//! The threads that attempts run on. Nothing else runs there: a page, a snapshot or a commit that
//! keeps a processor busy delays no attempt. Each thread has a runtime of its own, so the thread
//! that the kernel wakes for a socket is the one that goes on with its attempt; a shared runtime
//! wakes a second thread for that, and on a busy machine each of them waits for a processor.

use super::lag::LagMeter;
use std::io;
use std::num::NonZero;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// More threads than this only cost memory: one of them makes some thousand attempts a second.
const MAX_THREADS: usize = 8;
/// Attempts a second of one thread before another one shares them: fewer of them on two threads find
/// the caches of both processors cold, and take a tenth more processor time. One takes 0.3 ms, and
/// about 1 ms with TLS.
const SHARED_ABOVE: f64 = 200.0;
/// Threads for blocking work, such as reading files, of all runtimes together.
const MAX_BLOCKING: usize = 512;

/// Where attempts run. The threads end when this is dropped.
#[derive(Debug)]
pub struct ProbeThreads {
    first: ProbeThread,
    more: Vec<ProbeThread>,
    _stop: Option<DropGuard>,
}

#[derive(Debug)]
pub(super) struct ProbeThread {
    pub(super) runtime: Handle,
    pub(super) meter: LagMeter,
}

impl ProbeThreads {
    /// Starts a thread per processor.
    pub fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let count = count.min(MAX_THREADS);
        let stop = CancellationToken::new();
        let start = |number| start_thread(number, MAX_BLOCKING / count, stop.clone());
        Ok(Self {
            first: start(0)?,
            more: (1..count).map(start).collect::<io::Result<_>>()?,
            _stop: Some(stop.clone().drop_guard()),
        })
    }

    /// No threads: everything runs where this is called, and no lag is measured.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn none() -> Self {
        Self {
            first: ProbeThread {
                runtime: Handle::current(),
                meter: LagMeter::default(),
            },
            more: Vec::new(),
            _stop: None,
        }
    }

    /// Where the schedule itself runs.
    pub fn first(&self) -> &Handle {
        &self.first.runtime
    }

    /// How many of the threads share so many attempts a second.
    pub(super) fn needed(&self, rate: f64) -> usize {
        let most = self.more.len() + 1;
        let suffices = |count: &usize| rate <= SHARED_ABOVE * *count as f64;
        (1..most).find(suffices).unwrap_or(most)
    }

    /// Where a probe's attempts run if `count` threads share them, which is at least one and at most
    /// all of them.
    pub(super) fn of(&self, probe: usize, count: usize) -> &ProbeThread {
        match probe % count {
            0 => &self.first,
            number => &self.more[number - 1],
        }
    }
}

fn start_thread(
    number: usize,
    blocking: usize,
    stop: CancellationToken,
) -> io::Result<ProbeThread> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking)
        .build()?;
    let meter = LagMeter::default();
    let started = ProbeThread {
        runtime: runtime.handle().clone(),
        meter: meter.clone(),
    };
    // A task of its own: before it polls again what it blocks on, tokio asks the kernel for events.
    runtime.spawn(meter.run());
    thread::Builder::new()
        .name(format!("probe-{number}"))
        .spawn(move || runtime.block_on(stop.cancelled_owned()))?;
    Ok(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn few_attempts_share_no_threads() {
        let thread = || ProbeThread {
            runtime: Handle::current(),
            meter: LagMeter::default(),
        };
        let threads = ProbeThreads {
            first: thread(),
            more: vec![thread(), thread()],
            _stop: None,
        };
        for (rate, wanted) in [
            (0.0, 1),
            (200.0, 1),
            (201.0, 2),
            (400.0, 2),
            (401.0, 3),
            (1e6, 3),
        ] {
            assert_eq!(threads.needed(rate), wanted, "{rate}");
        }
        assert_eq!(ProbeThreads::none().needed(1e6), 1);
    }
}
