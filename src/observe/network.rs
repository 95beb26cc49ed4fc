//! Network devices of the host.

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::view::{NetworkView, SystemView};
use crate::config::{Config, Pattern};
use crate::exposition::{Described, Family, Labels};
use sysinfo::Networks;

pub(super) const NETWORK: CollectorKind = CollectorKind {
    name: "network",
    is_on: |config| config.observe.network,
    start: |config| match NetworkSampler::new(config.observe.network_exclude.clone()) {
        Ok(sampler) => Ok(Box::new(sampler)),
        Err(error) => Err(error.to_string()),
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
    (
        Family::counter(
            "slod_host_network_receive_bytes_total",
            DEVICE,
            "Bytes received since the host started; see observe.network_exclude.",
        ),
        |samples, device| samples.count(device.receive_bytes),
    ),
    (
        Family::counter(
            "slod_host_network_transmit_bytes_total",
            DEVICE,
            "Bytes sent since the host started; see observe.network_exclude.",
        ),
        |samples, device| samples.count(device.transmit_bytes),
    ),
];

impl Collector for NetworkSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        view.network = self.sample();
        Ok(())
    }

    fn reload(&mut self, config: &Config) {
        self.exclude = config.observe.network_exclude.clone();
    }
}

/// Samples the devices again and again.
#[derive(Debug)]
pub struct NetworkSampler {
    networks: Networks,
    exclude: Pattern,
}

impl NetworkSampler {
    /// Devices whose whole name `exclude` matches are left out.
    pub fn new(exclude: Pattern) -> Result<Self, sysinfo::Error> {
        Ok(Self {
            networks: Networks::new_with_refreshed_list()?,
            exclude,
        })
    }

    /// Reads all devices once, in the order of their names.
    pub fn sample(&mut self) -> Vec<NetworkView> {
        self.networks.refresh(true);
        let devices = self.networks.iter().map(|(name, data)| NetworkView {
            device: name.to_string_lossy().into_owned(),
            receive_bytes: data.total_received(),
            transmit_bytes: data.total_transmitted(),
        });
        let mut devices: Vec<_> = devices
            .filter(|view| !self.exclude.0.is_match(&view.device))
            .collect();
        devices.sort_by(|a, b| a.device.cmp(&b.device));
        devices
    }
}
