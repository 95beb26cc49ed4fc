//! What readers see of the alerts.

use crate::alert::AlertRecord;
use crate::outcome::Timestamp;

/// What fires in one snapshot.
#[derive(Clone, Debug, Default)]
pub struct AlertsView {
    /// When that snapshot was taken.
    pub at: Timestamp,
    /// By service, objective and tier.
    firing: Vec<AlertRecord>,
}

impl AlertsView {
    pub fn new(at: Timestamp, mut firing: Vec<AlertRecord>) -> Self {
        firing.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Self { at, firing }
    }

    /// All that fires, by service, objective and tier.
    pub fn firing(&self) -> &[AlertRecord] {
        &self.firing
    }

    /// What fires for an objective, the fastest tier first.
    pub fn of(&self, service: &str, slo: &str) -> &[AlertRecord] {
        let whose = |one: &AlertRecord| (&*one.key.service, &*one.key.slo).cmp(&(service, slo));
        let from = self.firing.partition_point(|one| whose(one).is_lt());
        let rest = &self.firing[from..];
        &rest[..rest.partition_point(|one| whose(one).is_eq())]
    }
}
