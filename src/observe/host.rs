//! Processors, memory, load and threads of the host.

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::view::{HostView, SystemView};
use crate::exposition::{Described, Family, Labels};
use std::fs;
use std::time::Instant;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

pub(super) const HOST: CollectorKind = CollectorKind {
    name: "host",
    is_on: |config| config.observe.host,
    start: |_| match HostSampler::new() {
        Ok(sampler) => Ok(Box::new(sampler)),
        Err(error) => Err(error.to_string()),
    },
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, system.host.as_slice(), |_| {
            Labels::default()
        });
    },
};

const NONE: &[&str] = &[];

const FAMILIES: &[Described<HostView>] = &[
    (
        Family::gauge(
            "slod_host_cpu_usage_ratio",
            "ratio",
            NONE,
            "Usage of all processors since the last sample. Absent before the second.",
        ),
        |samples, host| samples.value(host.cpu_usage),
    ),
    (
        Family::gauge(
            "slod_host_memory_used_bytes",
            "bytes",
            NONE,
            "Memory in use: total minus available.",
        ),
        |samples, host| samples.count(host.memory_used_bytes),
    ),
    (
        Family::gauge(
            "slod_host_memory_total_bytes",
            "bytes",
            NONE,
            "Total memory of the host.",
        ),
        |samples, host| samples.count(host.memory_total_bytes),
    ),
    (
        Family::gauge(
            "slod_host_load1",
            "",
            NONE,
            "Runnable tasks, averaged over a minute.",
        ),
        |samples, host| samples.value(host.load1),
    ),
    (
        Family::gauge(
            "slod_host_threads",
            "",
            NONE,
            "All threads, including those of the kernel.",
        ),
        |samples, host| samples.value(host.threads.map(|threads| threads as f64)),
    ),
];

impl Collector for HostSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        view.host = self.sample();
        let is_known = view.host.is_some();
        let unknown = || "the system does not report its memory".to_owned();
        is_known.then_some(()).ok_or_else(unknown)
    }
}

/// Samples the host again and again.
#[derive(Debug)]
pub struct HostSampler {
    system: System,
    /// When the processors were last read.
    last_cpu: Option<Instant>,
}

impl HostSampler {
    pub fn new() -> Result<Self, sysinfo::Error> {
        Ok(Self {
            system: System::new()?,
            last_cpu: None,
        })
    }

    /// Reads everything once. Blocks for the time of a few reads of `/proc`. Nothing where memory
    /// is not known, as the rest would not be either.
    pub fn sample(&mut self) -> Option<HostView> {
        self.system.refresh_memory();
        let (load1, threads) = load_and_threads();
        let view = HostView {
            cpu_usage: self.cpu_usage(),
            memory_used_bytes: self.system.used_memory(),
            memory_total_bytes: self.system.total_memory(),
            load1,
            threads,
        };
        (view.memory_total_bytes > 0).then_some(view)
    }

    /// sysinfo compares with its last reading; before there is one, or too soon after it, what it
    /// says means nothing.
    fn cpu_usage(&mut self) -> Option<f64> {
        let known = self
            .last_cpu
            .is_some_and(|last| last.elapsed() >= MINIMUM_CPU_UPDATE_INTERVAL);
        self.system.refresh_cpu_usage();
        self.last_cpu = Some(Instant::now());
        known.then(|| f64::from(self.system.global_cpu_usage()) / 100.0)
    }
}

/// sysinfo does not count the host's threads; one line of the kernel has them beside the load:
/// `0.20 0.18 0.12 1/80 11206`.
fn load_and_threads() -> (Option<f64>, Option<u64>) {
    let line = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut fields = line.split(' ');
    let load1 = fields.next().and_then(|load| load.parse().ok());
    let threads = fields
        .nth(2)
        .and_then(|tasks| tasks.split_once('/')?.1.parse().ok());
    (load1, threads)
}
