//! The published state of the alerts.

use crate::alert::{AlertRecord, AlertRules, Decisions, Source};
use crate::outcome::Timestamp;
use std::sync::Arc;

/// The firing alerts of one snapshot.
#[derive(Clone, Debug, Default)]
pub struct AlertsView {
    /// When the snapshot was taken.
    pub at: Timestamp,
    /// The alert rules.
    pub rules: Arc<AlertRules>,
    /// By service and source: objectives before signs, the fastest tier first.
    firing: Vec<AlertRecord>,
    /// Alerts whose condition is met, but not for long enough; each with the time since when it is
    /// met.
    pub pending: Vec<AlertRecord>,
}

impl AlertsView {
    pub fn new(at: Timestamp, mut firing: Vec<AlertRecord>) -> Self {
        firing.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Self {
            at,
            rules: Arc::default(),
            firing,
            pending: Vec::new(),
        }
    }

    #[must_use]
    pub fn with_rules(self, rules: Arc<AlertRules>) -> Self {
        Self { rules, ..self }
    }

    #[must_use]
    pub fn with_pending(self, pending: Vec<AlertRecord>) -> Self {
        Self { pending, ..self }
    }

    /// All firing alerts, by service and source.
    pub fn firing(&self) -> &[AlertRecord] {
        &self.firing
    }

    /// The firing alerts of a service; those of slod and the host if it is empty.
    pub fn of_service(&self, service: &str) -> &[AlertRecord] {
        let firing = &self.firing;
        let from = firing.partition_point(|one| *one.key.service < *service);
        let rest = &firing[from..];
        &rest[..rest.partition_point(|one| *one.key.service == *service)]
    }

    /// The firing alerts of an objective, the fastest tier first.
    pub fn of(&self, service: &str, slo: &str) -> &[AlertRecord] {
        let all = self.of_service(service);
        let order = |one: &AlertRecord| match &one.key.source {
            Source::Budget { slo: name, .. } => (**name).cmp(slo),
            Source::Sign { .. } => std::cmp::Ordering::Greater,
        };
        let from = all.partition_point(|one| order(one).is_lt());
        let rest = &all[from..];
        &rest[..rest.partition_point(|one| order(one).is_eq())]
    }

    /// The firing alerts, with the silences and acknowledgements that apply now.
    pub fn decided(&self, decisions: &Decisions, now: Timestamp) -> Vec<AlertRecord> {
        let decide = |alert: &AlertRecord| {
            let key = (alert.key.clone(), alert.from);
            AlertRecord {
                acknowledged: decisions.acknowledged.get(&key).cloned(),
                silenced_by: decisions.silence(&self.rules.labels(alert), now),
                ..alert.clone()
            }
        };
        self.firing.iter().map(decide).collect()
    }

    /// The firing alert with this fingerprint.
    pub fn find(&self, fingerprint: &str) -> Option<&AlertRecord> {
        let mut firing = self.firing.iter();
        firing.find(|one| self.rules.fingerprint(one) == fingerprint)
    }
}
