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

    /// Where a probe's attempts run.
    pub(super) fn of(&self, probe: usize) -> &ProbeThread {
        match probe % (self.more.len() + 1) {
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
