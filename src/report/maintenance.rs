//! Maintenance of a service: a correction that currently excludes all of it.

use crate::format::times;
use crate::ledger::snapshot::Maintenance;
use crate::text::printable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A correction in force that excludes all of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaintenanceEntry {
    /// Exclusive.
    pub until: DateTime<Utc>,
    pub reason: String,
}

impl MaintenanceEntry {
    pub fn of(view: &Maintenance) -> Self {
        Self {
            until: view.until.to_utc(),
            reason: view.reason.to_string(),
        }
    }

    /// `in maintenance until 2026-11-03 14:01:57 UTC: upgrade`
    pub fn words(&self) -> String {
        let (until, reason) = (times::second(self.until), printable(&self.reason));
        format!("in maintenance until {until} UTC: {reason}")
    }
}
