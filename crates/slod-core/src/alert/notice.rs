//! What receivers are sent about an alert.

use crate::outcome::Timestamp;
use std::collections::BTreeMap;

/// The annotation of an alert that was held back at first: what held it back, and until when.
pub const HELD_BACK: &str = "held_back";
/// The annotation of a resolved alert: why it ended.
pub const ENDED_BECAUSE: &str = "ended_because";

/// The names of announcements.
pub const MAINTENANCE_PLANNED: &str = "SlodMaintenancePlanned";
pub const MAINTENANCE_RUNNING: &str = "SlodMaintenance";
pub const SILENCE_ENDING: &str = "SlodSilenceEnding";
/// The severity of announcements.
pub const ANNOUNCED: &str = "info";

/// What a notice announces that is not about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Maintenance is planned, has started or has ended.
    Maintenance,
    /// A silence of alerts that still fire ends soon, or has ended.
    Reminder,
}

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

    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// What it announces; `None` for an alert.
    pub fn announcement(&self) -> Option<Announcement> {
        match self.label("alertname")? {
            MAINTENANCE_PLANNED | MAINTENANCE_RUNNING => Some(Announcement::Maintenance),
            SILENCE_ENDING => Some(Announcement::Reminder),
            _ => None,
        }
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
