//! Pressure stall information: how long tasks waited for processors, memory and disks.

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::lines;
use super::root::{HostRoot, read};
use super::unreadable::Unreadable;
use super::view::{PressureView, SystemView};
use crate::config::Config;
use crate::exposition::{Described, Labels, counter};
use std::str::FromStr;

pub(super) const PRESSURE: CollectorKind = CollectorKind {
    name: "pressure",
    is_on: |config| config.observe.is_on("pressure"),
    start: |config| Ok(Box::new(PressureSampler::new(HostRoot::of(config)))),
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, &system.pressure, |pressure| {
            Labels::new(&[("resource", pressure.resource)])
        });
    },
};

const RESOURCE: &[&str] = &["resource"];

const FAMILIES: &[Described<PressureView>] = &[
    counter(
        "slod_host_pressure_waiting_seconds_total",
        RESOURCE,
        "Time during which at least one task waited for the resource: cpu, memory, io. Absent if the kernel does not measure it.",
        |samples, pressure| samples.value(pressure.waiting_seconds),
    ),
    counter(
        "slod_host_pressure_stalled_seconds_total",
        RESOURCE,
        "Time during which all non-idle tasks waited for the resource: memory, io. The kernel does not define it for cpu.",
        |samples, pressure| samples.value(pressure.stalled_seconds),
    ),
];

const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// Samples the pressure.
#[derive(Debug)]
pub struct PressureSampler {
    root: HostRoot,
}

impl PressureSampler {
    pub fn new(root: HostRoot) -> Self {
        Self { root }
    }

    /// Samples all resources once. The first error is returned with the resources that could be
    /// read.
    pub fn sample(&self) -> (Vec<PressureView>, Option<Unreadable>) {
        let (mut views, mut fault) = (Vec::new(), None);
        for resource in RESOURCES {
            let path = self.root.path(format!("/proc/pressure/{resource}"));
            match read(&path) {
                Ok(text) => views.push(PressureView {
                    resource,
                    waiting_seconds: total(&text, "some"),
                    waiting_minute: field(&text, "some", "avg60=")
                        .map(|percent: f64| percent / 100.0),
                    // The kernel writes 0 for cpu.
                    stalled_seconds: (resource != "cpu").then(|| total(&text, "full")).flatten(),
                }),
                Err(error) => {
                    let reason = error.to_string();
                    _ = fault.get_or_insert(Unreadable::Pressure { path, reason });
                }
            }
        }
        (views, fault)
    }
}

impl Collector for PressureSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let (pressure, fault) = self.sample();
        view.pressure = pressure;
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    fn reload(&mut self, config: &Config) {
        self.root = HostRoot::of(config);
    }
}

/// In seconds.
fn total(text: &str, what: &str) -> Option<f64> {
    field(text, what, "total=").map(|micros: u64| micros as f64 / 1e6)
}

/// Parses `some avg10=0.00 avg60=0.00 avg300=0.00 total=391926`: shares in percent, and
/// microseconds.
fn field<T: FromStr>(text: &str, what: &str, name: &str) -> Option<T> {
    let mut fields = lines::after(text, what)?.split_whitespace();
    fields
        .find_map(|field| field.strip_prefix(name))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn values_measured_by_the_kernel_are_read_and_others_are_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        let pressure = folder.path().join("proc/pressure");
        let sampler = PressureSampler::new(HostRoot::new(folder.path()));
        let (views, fault) = sampler.sample();
        let reason = fault.expect("no such files").to_string();
        assert!(views.is_empty() && reason.contains("psi=1"), "{reason}");

        fs::create_dir_all(&pressure).expect("created");
        let both = "some avg10=0.00 avg60=1.50 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n";
        fs::write(pressure.join("cpu"), both).expect("written");
        fs::write(pressure.join("memory"), both).expect("written");
        fs::write(
            pressure.join("io"),
            "some é total=18446744073709551616\nfull avg10=0.00 tot",
        )
        .expect("written");
        let (views, fault) = sampler.sample();
        assert_eq!(fault, None);
        let shown = views
            .iter()
            .map(|view| (view.resource, view.waiting_seconds, view.stalled_seconds));
        assert_eq!(views[0].waiting_minute, Some(0.015));
        assert!(shown.eq([
            ("cpu", Some(2.5), None),
            ("memory", Some(2.5), Some(1.0)),
            ("io", None, None),
        ]));
    }
}
