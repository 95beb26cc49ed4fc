//! Processor, memory, load, threads and network of the host.

use std::fs;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, Networks, System};
use tokio::time::Instant;

/// The host at one moment; unknown is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct HostView {
    /// Busy share of all processors since the last sample, from 0 to 1. The first sample has none:
    /// one reading says nothing.
    pub cpu_usage: Option<f64>,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// Runnable tasks, averaged over a minute.
    pub load1: Option<f64>,
    /// All threads, the kernel's own included.
    pub threads: Option<u64>,
    pub network: Vec<NetworkView>,
}

/// One device since the host started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkView {
    pub device: String,
    pub receive_bytes: u64,
    pub transmit_bytes: u64,
}

/// Devices that carry the traffic of others once more.
const VIRTUAL: [&str; 12] = [
    "veth", "docker", "br-", "virbr", "cni", "flannel", "cali", "vnet", "tap", "podman", "lxc",
    "lxd",
];

/// Samples the host again and again.
#[derive(Debug)]
pub struct HostSampler {
    system: System,
    networks: Networks,
    /// When the processors were last read.
    last_cpu: Option<Instant>,
}

impl HostSampler {
    pub fn new() -> Result<Self, sysinfo::Error> {
        Ok(Self {
            system: System::new()?,
            networks: Networks::new_with_refreshed_list()?,
            last_cpu: None,
        })
    }

    /// Reads everything once. Blocks for the time of a few reads of `/proc`.
    pub fn sample(&mut self) -> HostView {
        self.system.refresh_memory();
        self.networks.refresh(true);
        let (load1, threads) = load_and_threads();
        HostView {
            cpu_usage: self.cpu_usage(),
            memory_used_bytes: self.system.used_memory(),
            memory_total_bytes: self.system.total_memory(),
            load1,
            threads,
            network: self.network(),
        }
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

    fn network(&self) -> Vec<NetworkView> {
        let devices = self.networks.iter().map(|(name, data)| NetworkView {
            device: name.to_string_lossy().into_owned(),
            receive_bytes: data.total_received(),
            transmit_bytes: data.total_transmitted(),
        });
        let real = |view: &NetworkView| {
            let virtual_one = VIRTUAL.iter().any(|prefix| view.device.starts_with(prefix));
            view.device != "lo" && !virtual_one
        };
        devices.filter(real).collect()
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
