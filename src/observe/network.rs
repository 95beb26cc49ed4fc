//! Network devices of the host.

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::root::{HostRoot, read};
use super::unreadable::Unreadable;
use super::view::{NetworkView, SystemView, Traffic};
use crate::config::{Config, Pattern};
use crate::exposition::{Described, Labels, counter};
use std::time::{Duration, Instant};

pub(super) const NETWORK: CollectorKind = CollectorKind {
    name: "network",
    is_on: |config| config.observe.is_on("network"),
    start: |config| {
        let exclude = config.observe.network_exclude.clone();
        Ok(Box::new(NetworkSampler::new(HostRoot::of(config), exclude)))
    },
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, &system.network, |network| {
            Labels::new(&[("device", &network.device)])
        });
    },
};

const DEVICE: &[&str] = &["device"];

const FAMILIES: &[Described<NetworkView>] = &[
    counter(
        "slod_host_network_receive_bytes_total",
        DEVICE,
        "Bytes received since the host started; see observe.network_exclude.",
        |samples, device| samples.count(device.receive.bytes),
    ),
    counter(
        "slod_host_network_transmit_bytes_total",
        DEVICE,
        "Bytes sent since the host started; see observe.network_exclude.",
        |samples, device| samples.count(device.transmit.bytes),
    ),
    counter(
        "slod_host_network_receive_packets_total",
        DEVICE,
        "Packets received since the host started.",
        |samples, device| samples.count(device.receive.packets),
    ),
    counter(
        "slod_host_network_transmit_packets_total",
        DEVICE,
        "Packets sent since the host started.",
        |samples, device| samples.count(device.transmit.packets),
    ),
    counter(
        "slod_host_network_receive_errors_total",
        DEVICE,
        "Damaged packets received since the host started.",
        |samples, device| samples.count(device.receive.errors),
    ),
    counter(
        "slod_host_network_transmit_errors_total",
        DEVICE,
        "Packets that could not be sent since the host started.",
        |samples, device| samples.count(device.transmit.errors),
    ),
    counter(
        "slod_host_network_receive_dropped_total",
        DEVICE,
        "Received packets dropped by the host since it started.",
        |samples, device| samples.count(device.receive.dropped),
    ),
    counter(
        "slod_host_network_transmit_dropped_total",
        DEVICE,
        "Outgoing packets dropped by the host since it started.",
        |samples, device| samples.count(device.transmit.dropped),
    ),
];

/// Maximum number of devices, the first ones by name.
const DEVICES: usize = 200;

impl Collector for NetworkSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let mut devices = self.sample().map_err(|error| error.to_string())?;
        let now = Instant::now();
        if let Some((then, before)) = self.last.replace((now, devices.clone())) {
            add_rates(&mut devices, &before, now - then);
        }
        view.network = devices;
        Ok(())
    }

    fn reload(&mut self, config: &Config) {
        self.root = HostRoot::of(config);
        self.exclude = config.observe.network_exclude.clone();
    }
}

/// Samples the network devices.
#[derive(Debug)]
pub struct NetworkSampler {
    root: HostRoot,
    exclude: Pattern,
    last: Option<(Instant, Vec<NetworkView>)>,
}

impl NetworkSampler {
    /// Devices whose whole name matches `exclude` are omitted.
    pub fn new(root: HostRoot, exclude: Pattern) -> Self {
        Self {
            root,
            exclude,
            last: None,
        }
    }

    /// Samples all devices once, ordered by name.
    pub fn sample(&self) -> Result<Vec<NetworkView>, Unreadable> {
        let path = self.root.net().join("dev");
        let text = read(&path).map_err(|error| Unreadable::file(&path, error))?;
        let mut devices: Vec<_> = text
            .lines()
            .filter_map(device)
            .filter(|view| !self.exclude.0.is_match(&view.device))
            .collect();
        devices.sort_by(|a, b| a.device.cmp(&b.device));
        devices.truncate(DEVICES);
        Ok(devices)
    }
}

/// Parses `eth0: 893953619 38194 0 0 0 0 0 0 2357658 23770 0 0 0 0 0 0`: eight numbers per
/// direction. The two header lines do not match.
fn device(line: &str) -> Option<NetworkView> {
    let (name, numbers) = line.rsplit_once(':')?;
    let mut numbers = numbers.split_whitespace().map(|word| word.parse().ok());
    let numbers: [Option<u64>; 16] = std::array::from_fn(|_| numbers.next().flatten());
    let direction = |first: usize| {
        Some(Traffic {
            bytes: numbers[first]?,
            packets: numbers[first + 1]?,
            errors: numbers[first + 2]?,
            dropped: numbers[first + 3]?,
        })
    };
    Some(NetworkView {
        device: name.trim().to_owned(),
        receive: direction(0)?,
        transmit: direction(8)?,
        bytes_per_second: None,
    })
}

/// A device whose counters decreased was replaced by another one.
fn add_rates(devices: &mut [NetworkView], before: &[NetworkView], elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    for one in devices {
        let last = before.iter().find(|last| last.device == one.device);
        one.bytes_per_second = last.filter(|_| seconds > 0.0).and_then(|last| {
            let received = one.receive.bytes.checked_sub(last.receive.bytes)?;
            let sent = one.transmit.bytes.checked_sub(last.transmit.bytes)?;
            Some([received, sent].map(|bytes| bytes as f64 / seconds))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_matches_its_series() {
        let view = device("  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16").expect("a device");
        let traffic = |bytes, packets, errors, dropped| Traffic {
            bytes,
            packets,
            errors,
            dropped,
        };
        assert_eq!(view.device, "eth0");
        assert_eq!(
            (view.receive, view.transmit),
            (traffic(1, 2, 3, 4), traffic(9, 10, 11, 12))
        );
        let alias = device("eth0:1:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16");
        assert_eq!(alias.expect("a device").device, "eth0:1");
    }

    #[test]
    fn rates_are_those_since_the_last_sample() {
        let of = |received: u64, sent: u64| {
            let line = format!("eth0: {received} 0 0 0 0 0 0 0 {sent} 0 0 0 0 0 0 0");
            [device(&line).expect("a device")]
        };
        let rate = |mut now: [NetworkView; 1], before: &[NetworkView]| {
            add_rates(&mut now, before, Duration::from_secs(10));
            now[0].bytes_per_second
        };
        let before = of(1000, 500);
        assert_eq!(rate(of(3000, 600), &before), Some([200.0, 10.0]));
        assert_eq!(rate(of(3000, 400), &before), None, "it was replaced");
        assert_eq!(rate(of(3000, 600), &[]), None, "it is new");
    }

    #[test]
    fn odd_lines_are_no_devices() {
        for odd in [
            "",
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes",
            "eth0: 1 2 3 4 5 6 7 8 9 10",
            "eth0: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
            "eth0: 18446744073709551616 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        ] {
            assert_eq!(device(odd), None, "{odd}");
        }
    }
}
