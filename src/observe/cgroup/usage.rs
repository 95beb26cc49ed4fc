//! Resource usage and limits of a container.

use super::Version;
use super::place::{Container, Place};
use crate::observe::lines::{first, nth, number};
use crate::observe::root::read;
use std::path::Path;

/// Values that are not measured and limits that are not set are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::observe) struct Usage {
    pub(in crate::observe) memory_bytes: Option<u64>,
    /// Inactive page cache, which the kernel reclaims first.
    pub(in crate::observe) inactive_file_bytes: Option<u64>,
    pub(in crate::observe) anonymous_bytes: Option<u64>,
    pub(in crate::observe) memory_limit_bytes: Option<u64>,
    pub(in crate::observe) oom_kills: Option<u64>,
    pub(in crate::observe) cpu_micros: Option<u64>,
    /// In processors.
    pub(in crate::observe) cpu_limit: Option<f64>,
    pub(in crate::observe) periods: Option<u64>,
    pub(in crate::observe) throttled_periods: Option<u64>,
    pub(in crate::observe) throttled_micros: Option<u64>,
    pub(in crate::observe) pids: Option<u64>,
    pub(in crate::observe) pids_limit: Option<u64>,
}

impl Container {
    pub(in crate::observe) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        if let Some(memory) = &self.memory {
            memory.memory(&mut usage);
        }
        if let Some(cpu) = &self.cpu {
            cpu.throttling(&mut usage);
        }
        usage.cpu_micros = self.cpuacct.as_ref().and_then(Place::cpu_micros);
        if let Some(pids) = &self.pids {
            usage.pids = pids.one("pids.current");
            usage.pids_limit = pids.lowest(|folder| limit(&folder.join("pids.max")));
        }
        usage
    }
}

/// In version 1, an unset memory limit is the largest multiple of the page size.
const UNLIMITED: u64 = 1 << 62;

impl Place {
    fn text(&self, file: &str) -> String {
        read(&self.folder.join(file)).unwrap_or_default()
    }

    fn one(&self, file: &str) -> Option<u64> {
        first(&self.text(file))
    }

    /// The lowest limit among the control group and its ancestors.
    fn lowest(&self, limit: impl Fn(&Path) -> Option<u64>) -> Option<u64> {
        self.with_ancestors().filter_map(limit).min()
    }

    fn memory(&self, usage: &mut Usage) {
        let stat = self.text("memory.stat");
        match self.version {
            Version::V1 => {
                let limit = number(&stat, "hierarchical_memory_limit");
                usage.memory_limit_bytes = limit.filter(|limit| *limit < UNLIMITED);
                usage.memory_bytes = self.one("memory.usage_in_bytes");
                usage.anonymous_bytes = number(&stat, "total_rss");
                usage.inactive_file_bytes = number(&stat, "total_inactive_file");
                usage.oom_kills = number(&self.text("memory.oom_control"), "oom_kill");
            }
            Version::V2 => {
                usage.memory_limit_bytes = self.lowest(|folder| limit(&folder.join("memory.max")));
                usage.memory_bytes = self.one("memory.current");
                usage.anonymous_bytes = number(&stat, "anon");
                usage.inactive_file_bytes = number(&stat, "inactive_file");
                usage.oom_kills = number(&self.text("memory.events"), "oom_kill");
            }
        }
    }

    fn throttling(&self, usage: &mut Usage) {
        let stat = self.text("cpu.stat");
        usage.periods = number(&stat, "nr_periods");
        usage.throttled_periods = number(&stat, "nr_throttled");
        usage.throttled_micros = match self.version {
            Version::V1 => number(&stat, "throttled_time").map(|nanos| nanos / 1000),
            Version::V2 => number(&stat, "throttled_usec"),
        };
        let limits = self
            .with_ancestors()
            .filter_map(|folder| self.cpu_limit(folder));
        usage.cpu_limit = limits.min_by(f64::total_cmp);
    }

    fn cpu_limit(&self, folder: &Path) -> Option<f64> {
        let text = |file: &str| read(&folder.join(file)).unwrap_or_default();
        let (quota, period): (u64, u64) = match self.version {
            // -1 without a limit.
            Version::V1 => (
                first(&text("cpu.cfs_quota_us"))?,
                first(&text("cpu.cfs_period_us"))?,
            ),
            Version::V2 => {
                let max = text("cpu.max");
                (first(&max)?, nth(&max, 1)?)
            }
        };
        (period > 0).then(|| quota as f64 / period as f64)
    }

    fn cpu_micros(&self) -> Option<u64> {
        match self.version {
            Version::V1 => self.one("cpuacct.usage").map(|nanos| nanos / 1000),
            Version::V2 => number(&self.text("cpu.stat"), "usage_usec"),
        }
    }
}

/// A number; `max` means no limit.
fn limit(path: &Path) -> Option<u64> {
    first(&read(path).ok()?)
}
