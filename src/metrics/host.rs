//! The host's instruments.

use crate::observe::HostView;
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, Opts, Registry};

/// Registered when the host is first seen, so that a switched-off collector exports nothing.
#[derive(Clone, Debug)]
pub struct Host {
    /// These three are families of one series that is absent while unknown.
    cpu_usage: GaugeVec,
    memory_used: IntGauge,
    memory_total: IntGauge,
    load1: GaugeVec,
    threads: GaugeVec,
    received: IntCounterVec,
    transmitted: IntCounterVec,
    /// Devices of the last sample.
    devices: Vec<String>,
}

impl Host {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &["device"]);
        let absent = |name, help| GaugeVec::new(Opts::new(name, help), &[]);
        let host = Self {
            cpu_usage: absent(
                "slod_host_cpu_usage_ratio",
                "Busy share of all processors since the last sample. Absent before the second.",
            )?,
            memory_used: IntGauge::new(
                "slod_host_memory_used_bytes",
                "Memory in use: total less available.",
            )?,
            memory_total: IntGauge::new("slod_host_memory_total_bytes", "Memory of the host.")?,
            load1: absent("slod_host_load1", "Runnable tasks, averaged over a minute.")?,
            threads: absent(
                "slod_host_threads",
                "All threads, those of the kernel included.",
            )?,
            received: counter(
                "slod_host_network_receive_bytes_total",
                "Bytes received since the host started; loopback and virtual devices left out.",
            )?,
            transmitted: counter(
                "slod_host_network_transmit_bytes_total",
                "Bytes sent since the host started; loopback and virtual devices left out.",
            )?,
            devices: Vec::new(),
        };
        let instruments: [Box<dyn Collector>; 7] = [
            Box::new(host.cpu_usage.clone()),
            Box::new(host.memory_used.clone()),
            Box::new(host.memory_total.clone()),
            Box::new(host.load1.clone()),
            Box::new(host.threads.clone()),
            Box::new(host.received.clone()),
            Box::new(host.transmitted.clone()),
        ];
        instruments
            .into_iter()
            .try_for_each(|instrument| registry.register(instrument))?;
        Ok(host)
    }

    /// Takes over a sample; what it does not know, and devices that are gone, become absent.
    pub fn set(&mut self, view: &HostView) {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        show(&self.cpu_usage, view.cpu_usage);
        self.memory_used.set(whole(view.memory_used_bytes));
        self.memory_total.set(whole(view.memory_total_bytes));
        show(&self.load1, view.load1);
        show(&self.threads, view.threads.map(|threads| threads as f64));
        for gone in self.devices.drain(..) {
            if view.network.iter().all(|device| device.device != gone) {
                for counter in [&self.received, &self.transmitted] {
                    // It is there, since it was shown.
                    let _ = counter.remove_label_values(&[&gone]);
                }
            }
        }
        for device in &view.network {
            count_up(&self.received, &device.device, device.receive_bytes);
            count_up(&self.transmitted, &device.device, device.transmit_bytes);
            self.devices.push(device.device.clone());
        }
    }
}

/// Sets a family's only series, or takes it away while its value is unknown.
fn show(family: &GaugeVec, value: Option<f64>) {
    match value {
        Some(value) => family.with_label_values::<&str>(&[]).set(value),
        None => family.reset(),
    }
}

/// A device that was taken away and came back starts anew, as Prometheus expects.
fn count_up(family: &IntCounterVec, device: &str, bytes: u64) {
    let counter = family.with_label_values(&[device]);
    if bytes < counter.get() {
        counter.reset();
    }
    counter.inc_by(bytes - counter.get());
}
