//! What receivers are sent about an alert.

use crate::outcome::Timestamp;
use std::collections::BTreeMap;

/// The annotation of an alert that was held back at first: what held it back, and until when.
pub const HELD_BACK: &str = "held_back";

/// One alert as its receivers see it, in the terms of Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Identify the alert: `alertname`, `service`, `severity`, and the labels specific to its source.
    pub labels: BTreeMap<String, String>,
    /// For people: `summary`, `description`, `runbook_url`.
    pub annotations: BTreeMap<String, String>,
    pub from: Timestamp,
    /// `None` while firing.
    pub to: Option<Timestamp>,
}

impl Notice {
    pub const fn is_resolved(&self) -> bool {
        self.to.is_some()
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// The fingerprint of the labels as Prometheus and Alertmanager compute it: FNV-1a over the sorted
    /// names and values, each followed by the byte 255.
    pub fn fingerprint(&self) -> u64 {
        let words = self.labels.iter().flat_map(|(name, value)| [name, value]);
        words.fold(0xcbf2_9ce4_8422_2325, |hash, word| {
            let bytes = word.bytes().chain([255]);
            bytes.fold(hash, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        })
    }
}
