//! What the last sample showed; unknown is `None`.

use super::scrape::ServiceMetrics;
use crate::outcome::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Everything that was sampled. What is switched off is empty.
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
    /// Of the groups of processes that run in containers, in the order of the config.
    pub containers: Vec<ContainerView>,
    /// Those that were scraped at least once, in the order of the config.
    pub services: Vec<Arc<ServiceMetrics>>,
    pub collectors: Vec<CollectorView>,
}

/// How one collector's last sample went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectorView {
    pub name: &'static str,
    pub success: bool,
    pub took: Duration,
    /// Numbers that it added.
    pub samples: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostView {
    /// Busy share of all processors since the last sample, from 0 to 1. The first sample has none:
    /// one reading says nothing.
    pub cpu_usage: Option<f64>,
    /// Time of all processors since the host started, by mode.
    pub cpu_seconds: Vec<(&'static str, f64)>,
    pub memory_total_bytes: Option<u64>,
    pub memory_available_bytes: Option<u64>,
    /// Total less available.
    pub memory_used_bytes: Option<u64>,
    /// Contents of files.
    pub page_cache_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    pub swap_used_bytes: Option<u64>,
    /// Averaged over 1, 5 and 15 minutes.
    pub load: [Option<f64>; 3],
    /// All threads, the kernel's own included.
    pub threads: Option<u64>,
    pub open_files: Option<u64>,
    pub open_files_limit: Option<u64>,
    /// In seconds since 1970.
    pub boot_time_seconds: Option<u64>,
}

/// Time since the host started in which tasks waited for a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureView {
    pub resource: &'static str,
    /// In which at least one task waited.
    pub waiting_seconds: Option<f64>,
    /// In which all waited that were not idle.
    pub stalled_seconds: Option<f64>,
    /// Share of the last minute in which at least one task waited.
    pub waiting_minute: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystemView {
    pub device: String,
    pub mount_point: String,
    pub size_bytes: u64,
    /// Including what is reserved for root.
    pub free_bytes: u64,
    pub available_bytes: u64,
    /// `None` where the number of files is not fixed.
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
    /// In which it had something to do.
    pub io_seconds: f64,
    /// Of all reads and writes, each from its start to its end.
    pub weighted_io_seconds: f64,
}

/// One device since the host started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkView {
    pub device: String,
    pub receive: Traffic,
    pub transmit: Traffic,
}

/// Of one direction.
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
    /// Who they are, for the collectors that follow.
    pub pids: Vec<i32>,
    /// How many there are; gauges are `None` while there is none.
    pub count: u64,
    /// Processor time in seconds. Never falls: a process that ends leaves its time here.
    pub cpu_seconds: f64,
    /// Share of all processors since the last sample, from 0 to 1.
    pub cpu_usage: Option<f64>,
    /// Of the busiest one.
    pub cpu_usage_max: Option<f64>,
    /// Memory that several of them share is counted for each.
    pub resident_bytes: Option<u64>,
    /// Of the largest one.
    pub resident_max_bytes: Option<u64>,
    /// Memory that several of them share is divided among them. Up to a minute old.
    pub proportional_bytes: Option<u64>,
    /// Memory that is of no file. Up to a minute old.
    pub anonymous_bytes: Option<u64>,
    pub threads: Option<u64>,
    /// Also `None` where one of them does not let itself be looked into.
    pub open_fds: Option<u64>,
    /// The lowest soft limit of open files.
    pub fd_limit: Option<u64>,
    /// The largest share of its limit of open files that one of them uses.
    pub fds_max: Option<f64>,
    /// From and to disks. Never falls, like all counters.
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    /// How often a thread waited. Up to a minute old.
    pub voluntary_switches: Option<u64>,
    /// How often a thread lost its processor. Up to a minute old.
    pub involuntary_switches: Option<u64>,
    /// When the oldest one started, in seconds since 1970.
    pub started_seconds: Option<f64>,
    /// How often all of them were replaced since slod started.
    pub restarts: u64,
}

/// The containers (control groups) that a group of processes runs in, summed over all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerView {
    pub service: Arc<str>,
    /// The name of the group of processes.
    pub process: Arc<str>,
    /// How many there are; gauges are `None` while there is none.
    pub count: u64,
    pub memory_bytes: Option<u64>,
    /// Without the contents of files that were not used lately.
    pub working_set_bytes: Option<u64>,
    /// Memory that is of no file.
    pub anonymous_bytes: Option<u64>,
    /// `None` where one of them has no limit; so for all limits.
    pub memory_limit_bytes: Option<u64>,
    /// The largest share of its limit that the working set of one of them takes.
    pub working_set_max: Option<f64>,
    /// Never falls, like all counters.
    pub oom_kills: Option<u64>,
    pub cpu_seconds: Option<f64>,
    /// Processors.
    pub cpu_limit: Option<f64>,
    /// The largest share of its limit that one of them used since the last sample.
    pub cpu_usage_max: Option<f64>,
    /// Periods in which a limit of processor time applied.
    pub periods: Option<u64>,
    /// Those in which it was reached.
    pub throttled_periods: Option<u64>,
    pub throttled_seconds: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    pub pids_limit: Option<u64>,
    /// The largest share of its limit that one of them uses.
    pub pids_max: Option<f64>,
}
