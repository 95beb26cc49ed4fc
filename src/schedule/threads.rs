//! The threads that attempts run on, and nothing else: a page, a snapshot or a commit that occupies
//! a processor delays no attempt. Each thread has its own runtime, so the thread that the kernel
//! wakes for a socket continues its attempt itself; a shared runtime would wake a second thread for
//! that, and on a busy machine each of them waits for a processor.

use super::lag::LagMeter;
use std::io;
use std::num::NonZero;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// More threads only cost memory: one performs about a thousand attempts per second.
const MAX_THREADS: usize = 8;
/// Attempts per second of one thread above which another one is used: for fewer, two threads would
/// run with cold caches on both processors, and take 10% more processor time. An attempt takes 0.3
/// ms, or about 1 ms with TLS.
const SHARED_ABOVE: f64 = 200.0;
/// Maximum number of threads for blocking work, such as reading files, of all runtimes together.
const MAX_BLOCKING: usize = 512;

/// The threads that attempts run on. They end when this is dropped.
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
    /// Starts one thread per processor.
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

    /// Uses no threads: everything runs on the caller's runtime, and no lag is measured.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
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

    /// The thread on which the schedule itself runs.
    pub fn first(&self) -> &Handle {
        &self.first.runtime
    }

    /// The number of threads to use for `rate` attempts per second.
    pub(super) fn needed(&self, rate: f64) -> usize {
        let most = self.more.len() + 1;
        let suffices = |count: &usize| rate <= SHARED_ABOVE * *count as f64;
        (1..most).find(suffices).unwrap_or(most)
    }

    /// The thread that a probe's attempts run on if `count` threads are used, which is at least one
    /// and at most all of them.
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
    // A separate task: tokio polls the kernel for events before it polls the future of `block_on`
    // again.
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
