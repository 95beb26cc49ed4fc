//! Network devices of the host.

use super::view::NetworkView;
use crate::config::Pattern;
use sysinfo::Networks;

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
