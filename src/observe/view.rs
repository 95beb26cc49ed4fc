//! What the last sample showed; unknown is `None`.

use super::scrape::ServiceMetrics;
use std::sync::Arc;
use std::time::Duration;

/// Everything that was sampled. What is switched off is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemView {
    pub host: Option<HostView>,
    pub network: Vec<NetworkView>,
    /// In the order of the config.
    pub processes: Vec<ProcessView>,
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
}

#[derive(Clone, Debug, PartialEq)]
pub struct HostView {
    /// Busy share of all processors since the last sample, from 0 to 1. The first sample has none:
    /// one reading says nothing.
    pub cpu_usage: Option<f64>,
    /// Total less available.
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// Runnable tasks, averaged over a minute.
    pub load1: Option<f64>,
    /// All threads, the kernel's own included.
    pub threads: Option<u64>,
}

/// One device since the host started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkView {
    pub device: String,
    pub receive_bytes: u64,
    pub transmit_bytes: u64,
}

/// Matching processes, summed over all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessView {
    pub service: Arc<str>,
    pub name: Arc<str>,
    /// How many there are; what follows is `None` while there is none.
    pub count: u64,
    /// Processor time in seconds. Never falls: a process that ends leaves its time here.
    pub cpu_seconds: f64,
    /// Share of all processors since the last sample, from 0 to 1.
    pub cpu_usage: Option<f64>,
    /// Memory that several of them share is counted for each.
    pub resident_bytes: Option<u64>,
    pub threads: Option<u64>,
    /// Also `None` where one of them does not let itself be looked into.
    pub open_fds: Option<u64>,
    /// How often all of them were replaced since slod started.
    pub restarts: u64,
}
