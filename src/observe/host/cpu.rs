//! Processor time of the host.

use crate::observe::lines;
use std::time::{Duration, Instant};

/// The order of the `cpu` line in `/proc/stat`. Guest time is included in the first two.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
/// Modes in which a processor is idle.
const IDLE: [usize; 2] = [3, 4];

/// The kernel counts in ticks of 10 ms, so that a share of a shorter time is meaningless.
pub(in crate::observe) const MIN_SPAN: Duration = Duration::from_millis(200);

/// Ticks of all processors since the host started, by mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CpuTicks([u64; MODES.len()]);

impl CpuTicks {
    /// Modes that an older kernel does not have are 0.
    pub(super) fn parse(stat: &str) -> Option<Self> {
        let line = lines::after(stat, "cpu")?;
        let mut ticks = [0; MODES.len()];
        for (place, mode) in ticks.iter_mut().enumerate() {
            match lines::nth(line, place) {
                Some(number) => *mode = number,
                None if line.split_whitespace().count() <= place && place > IDLE[0] => break,
                None => return None,
            }
        }
        Some(Self(ticks))
    }

    /// The seconds in each mode.
    pub(super) fn seconds(self) -> Vec<(&'static str, f64)> {
        let hz = procfs::ticks_per_second() as f64;
        let seconds = self.0.map(|ticks| ticks as f64 / hz);
        MODES.into_iter().zip(seconds).collect()
    }

    /// The share of the time since `before` that was not idle.
    fn busy_since(self, before: Self) -> Option<f64> {
        let mut spent = self.0;
        for (now, before) in spent.iter_mut().zip(before.0) {
            // Idle time is known to decrease by a few ticks.
            *now = now.saturating_sub(before);
        }
        let sum = |ticks: &[u64]| ticks.iter().map(|ticks| *ticks as f64).sum::<f64>();
        let (all, idle) = (sum(&spent), sum(&IDLE.map(|mode| spent[mode])));
        (all > 0.0).then(|| (all - idle) / all)
    }
}

/// Processor usage between consecutive samples.
#[derive(Debug, Default)]
pub(super) struct CpuUsage {
    last: Option<(Instant, CpuTicks)>,
}

impl CpuUsage {
    /// Returns the usage since the last sample; `None` for the first sample, and if the last one
    /// was too recent.
    pub(super) fn take(&mut self, now: Instant, ticks: CpuTicks) -> Option<f64> {
        let (at, before) = self.last.replace((now, ticks))?;
        let is_long = now.saturating_duration_since(at) >= MIN_SPAN;
        is_long.then(|| ticks.busy_since(before)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_what_is_not_idle() {
        let parse = |line: &str| CpuTicks::parse(line);
        let (start, mut usage) = (Instant::now(), CpuUsage::default());
        let first = parse("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1").expect("whole");
        assert_eq!(usage.take(start, first), None, "one reading");
        let later = parse("cpu  30 0 20 130 20 0 0 0 5 0\n").expect("whole");
        let end = start + Duration::from_secs(1);
        assert_eq!(usage.take(end, later), Some(0.3));
        assert_eq!(usage.take(end, first), None, "too soon");
        let rest = end + Duration::from_secs(1);
        assert_eq!(usage.take(rest, first), None, "nothing passed");
    }

    #[test]
    fn odd_lines_are_unknown() {
        for odd in ["", "cpu", "cpu  1 2 x 4 5", "cpu0 1 2 3 4 5", "cpu  1 2 3"] {
            assert_eq!(CpuTicks::parse(odd), None, "{odd}");
        }
        let old = CpuTicks::parse("cpu  1 2 3 4\n").expect("an old kernel");
        assert_eq!(old.0, [1, 2, 3, 4, 0, 0, 0, 0]);
        let huge = format!("cpu  {0} {0} {0} {0} {0} 0 0 0\n", u64::MAX);
        assert!(CpuTicks::parse(&huge).is_some_and(|huge| huge.busy_since(old).is_some()));
    }
}
