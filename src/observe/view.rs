//! The last sample; unknown values are `None`.

use super::scrape::ServiceMetrics;
use crate::outcome::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// All sampled values. Disabled collectors leave their part empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemView {
    /// When it was sampled: a multiple of the interval.
    pub at: Timestamp,
    pub host: Option<HostView>,
    pub pressure: Vec<PressureView>,
    pub file_systems: Vec<FileSystemView>,
    pub disks: Vec<DiskView>,
    pub network: Vec<NetworkView>,
    /// In the order of the config.
    pub processes: Vec<ProcessView>,
    /// The containers of groups of processes, in the order of the config.
    pub containers: Vec<ContainerView>,
    /// Services that were scraped at least once, in the order of the config.
    pub services: Vec<Arc<ServiceMetrics>>,
    pub collectors: Vec<CollectorView>,
}

/// The result of a collector's last sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorView {
    pub name: &'static str,
    pub success: bool,
    pub took: Duration,
    /// The number of values it added.
    pub samples: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostView {
    /// The busy share of all processors since the last sample, from 0 to 1. `None` for the first
    /// sample.
    pub cpu_usage: Option<f64>,
    /// Time of all processors since the host started, by mode.
    pub cpu_seconds: Vec<(&'static str, f64)>,
    pub memory_total_bytes: Option<u64>,
    pub memory_available_bytes: Option<u64>,
    /// Total minus available.
    pub memory_used_bytes: Option<u64>,
    /// Page cache.
    pub page_cache_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    pub swap_used_bytes: Option<u64>,
    /// Averages over 1, 5 and 15 minutes.
    pub load: [Option<f64>; 3],
    /// All threads, including kernel threads.
    pub threads: Option<u64>,
    pub open_files: Option<u64>,
    pub open_files_limit: Option<u64>,
    /// In seconds since 1970.
    pub boot_time_seconds: Option<u64>,
}

/// How long tasks have waited for a resource since the host started.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureView {
    pub resource: &'static str,
    /// Time in which at least one task waited.
    pub waiting_seconds: Option<f64>,
    /// Time in which all non-idle tasks waited.
    pub stalled_seconds: Option<f64>,
    /// The share of the last minute in which at least one task waited.
    pub waiting_minute: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystemView {
    pub device: String,
    pub mount_point: String,
    pub size_bytes: u64,
    /// Including space reserved for root.
    pub free_bytes: u64,
    pub available_bytes: u64,
    /// `None` if the number of files is not fixed.
    pub files: Option<u64>,
    pub files_free: Option<u64>,
    pub is_read_only: bool,
}

/// One device since the host started.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskView {
    pub device: String,
    pub reads: u64,
    pub writes: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
    /// Time in which it was busy.
    pub io_seconds: f64,
    /// The summed durations of all reads and writes.
    pub weighted_io_seconds: f64,
}

/// One device since the host started.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkView {
    pub device: String,
    pub receive: Traffic,
    pub transmit: Traffic,
    /// Received and sent since the last sample. `None` for the first sample of the device.
    pub bytes_per_second: Option<[f64; 2]>,
}

/// One direction of traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub bytes: u64,
    pub packets: u64,
    pub errors: u64,
    pub dropped: u64,
}

/// Matching processes, summed over all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessView {
    pub service: Arc<str>,
    pub name: Arc<str>,
    /// For the collectors that follow.
    pub pids: Vec<i32>,
    /// The number of processes; gauges are `None` while it is 0.
    pub count: u64,
    /// Processor time in seconds. Never decreases: processes that ended are included.
    pub cpu_seconds: f64,
    /// Share of all processors since the last sample, from 0 to 1.
    pub cpu_usage: Option<f64>,
    /// Of the busiest process.
    pub cpu_usage_max: Option<f64>,
    /// Shared memory is counted for each process.
    pub resident_bytes: Option<u64>,
    /// Of the largest process.
    pub resident_max_bytes: Option<u64>,
    /// Shared memory is divided among the processes (PSS). Up to a minute old.
    pub proportional_bytes: Option<u64>,
    /// Anonymous memory. Up to a minute old.
    pub anonymous_bytes: Option<u64>,
    pub threads: Option<u64>,
    /// Also `None` without permission for one of them.
    pub open_fds: Option<u64>,
    /// The lowest soft limit of open files.
    pub fd_limit: Option<u64>,
    /// The largest share of its limit of open files that a process uses.
    pub fds_max: Option<f64>,
    /// From and to disks. Never decreases, like all counters.
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    /// How often a thread waited. Up to a minute old.
    pub voluntary_switches: Option<u64>,
    /// How often a thread was preempted. Up to a minute old.
    pub involuntary_switches: Option<u64>,
    /// When the oldest process started, in seconds since 1970.
    pub started_seconds: Option<f64>,
    /// How often all processes were replaced since slod started.
    pub restarts: u64,
}

/// The containers (control groups) that a group of processes runs in, summed over all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerView {
    pub service: Arc<str>,
    /// The name of the group of processes.
    pub process: Arc<str>,
    /// The number of containers; gauges are `None` while it is 0.
    pub count: u64,
    pub memory_bytes: Option<u64>,
    /// Without inactive page cache.
    pub working_set_bytes: Option<u64>,
    /// Anonymous memory.
    pub anonymous_bytes: Option<u64>,
    /// `None` if one of them has no limit, like all limits.
    pub memory_limit_bytes: Option<u64>,
    /// The largest share of its limit that the working set of a container takes.
    pub working_set_max: Option<f64>,
    /// Never decreases, like all counters.
    pub oom_kills: Option<u64>,
    pub cpu_seconds: Option<f64>,
    /// In processors.
    pub cpu_limit: Option<f64>,
    /// The largest share of its limit that a container used since the last sample.
    pub cpu_usage_max: Option<f64>,
    /// Periods in which a limit of processor time applied.
    pub periods: Option<u64>,
    /// Periods in which it was reached.
    pub throttled_periods: Option<u64>,
    pub throttled_seconds: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    pub pids_limit: Option<u64>,
    /// The largest share of its limit that a container uses.
    pub pids_max: Option<f64>,
}
