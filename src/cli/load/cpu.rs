//! CPU usage of a process.

use procfs::process::Process;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// The kernel counts in hundredths of a second, which is too coarse for shorter intervals. Windows that
/// were queued arrive that close together.
const SHORTEST: Duration = Duration::from_millis(250);

pub struct CpuMeter {
    /// Process ID; `None` for this process.
    id: Option<i32>,
    /// Number of CPUs that it can use.
    processors: f64,
    before: Option<(Instant, f64)>,
    last: Option<f64>,
}

impl CpuMeter {
    pub fn own() -> Self {
        Self::new(None, None)
    }

    /// Measures another process, which can use this number of CPUs; all of them if `None`.
    pub fn of(id: i32, processors: Option<f64>) -> Self {
        Self::new(Some(id), processors)
    }

    fn new(id: Option<i32>, processors: Option<f64>) -> Self {
        let all = || available_parallelism().map_or(1, usize::from) as f64;
        Self {
            id,
            processors: processors.unwrap_or_else(all),
            before: seconds(id).map(|used| (Instant::now(), used)),
            last: None,
        }
    }

    /// Usage since the previous call, as a ratio of the usable CPUs, or the previous result if that call
    /// was just before; `None` if the kernel does not report it.
    pub fn share(&mut self) -> Option<f64> {
        let (now, used) = (Instant::now(), seconds(self.id)?);
        let (since, before) = *self.before.get_or_insert((now, used));
        let elapsed = now.duration_since(since);
        if elapsed >= SHORTEST {
            self.before = Some((now, used));
            self.last = Some((used - before) / elapsed.as_secs_f64() / self.processors);
        }
        self.last
    }
}

/// CPU time of a process, in seconds.
fn seconds(id: Option<i32>) -> Option<f64> {
    let process = id.map_or_else(Process::myself, Process::new).ok()?;
    let stat = process.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(ticks as f64 / procfs::ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_arrive_together_share_one_cpu_value() {
        let mut meter = CpuMeter::own();
        meter.before = seconds(None).map(|used| (Instant::now(), used));
        assert_eq!(meter.share(), None, "nothing was measured yet");
        let (since, used) = meter.before.expect("known");
        let earlier = since
            .checked_sub(Duration::from_secs(2))
            .expect("up for longer");
        meter.before = Some((earlier, used - 1.0));
        let share = meter.share().expect("two seconds");
        assert!((0.1..1.5).contains(&(share * meter.processors)), "{share}");
        assert_eq!(meter.share(), Some(share), "the next window came with it");
    }
}
