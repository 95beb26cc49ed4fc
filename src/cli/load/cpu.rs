//! How much of its processors' time a process uses.

use procfs::process::Process;
use std::thread::available_parallelism;
use std::time::Instant;

pub struct CpuMeter {
    /// `None` for this process.
    id: Option<i32>,
    /// Processors that it can use.
    processors: f64,
    before: Option<(Instant, f64)>,
}

impl CpuMeter {
    pub fn own() -> Self {
        Self::new(None, None)
    }

    /// Of another process, which can use so many processors; all if that is not known.
    pub fn of(id: i32, processors: Option<f64>) -> Self {
        Self::new(Some(id), processors)
    }

    fn new(id: Option<i32>, processors: Option<f64>) -> Self {
        let all = || available_parallelism().map_or(1, usize::from) as f64;
        Self {
            id,
            processors: processors.unwrap_or_else(all),
            before: seconds(id).map(|used| (Instant::now(), used)),
        }
    }

    /// Since it was asked last; `None` where the kernel does not say.
    pub fn share(&mut self) -> Option<f64> {
        let (now, used) = (Instant::now(), seconds(self.id)?);
        let (since, before) = self.before.replace((now, used))?;
        let elapsed = now.duration_since(since).as_secs_f64();
        (elapsed > 0.0).then(|| (used - before) / elapsed / self.processors)
    }
}

/// Processor time of a process, in seconds.
fn seconds(id: Option<i32>) -> Option<f64> {
    let process = id.map_or_else(Process::myself, Process::new).ok()?;
    let stat = process.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(ticks as f64 / procfs::ticks_per_second() as f64)
}
