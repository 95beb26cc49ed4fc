//! The host's instruments.

use crate::observe::HostView;
use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGauge, Opts, Registry};

/// Registered when the host is first seen, so that a switched-off collector exports nothing.
#[derive(Clone, Debug)]
pub struct Host {
    /// A family of one series that is absent while unknown.
    cpu_usage: GaugeVec,
    memory_used: IntGauge,
    memory_total: IntGauge,
    load1: Gauge,
    threads: IntGauge,
    received: IntCounterVec,
    transmitted: IntCounterVec,
}

impl Host {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &["device"]);
        let host = Self {
            cpu_usage: GaugeVec::new(
                Opts::new(
                    "slod_host_cpu_usage_ratio",
                    "Busy share of all processors since the last sample. Absent before the second.",
                ),
                &[],
            )?,
            memory_used: IntGauge::new(
                "slod_host_memory_used_bytes",
                "Memory in use: total less available.",
            )?,
            memory_total: IntGauge::new("slod_host_memory_total_bytes", "Memory of the host.")?,
            load1: Gauge::new("slod_host_load1", "Runnable tasks, averaged over a minute.")?,
            threads: IntGauge::new(
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

    /// Takes over a sample.
    pub fn set(&self, view: &HostView) {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        if let Some(usage) = view.cpu_usage {
            self.cpu_usage.with_label_values::<&str>(&[]).set(usage);
        }
        self.memory_used.set(whole(view.memory_used_bytes));
        self.memory_total.set(whole(view.memory_total_bytes));
        if let Some(load) = view.load1 {
            self.load1.set(load);
        }
        if let Some(threads) = view.threads {
            self.threads.set(whole(threads));
        }
        for device in &view.network {
            for (counter, bytes) in [
                (&self.received, device.receive_bytes),
                (&self.transmitted, device.transmit_bytes),
            ] {
                let counter = counter.with_label_values(&[&device.device]);
                // A device that was taken away and came back starts anew, as Prometheus expects.
                if bytes < counter.get() {
                    counter.reset();
                }
                counter.inc_by(bytes - counter.get());
            }
        }
    }
}
