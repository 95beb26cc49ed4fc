//! The labels that alerts of a config can have, with their values where the config determines them.

use super::alerts::SHARD;
use super::draft::Draft;
use super::model::Config;
use crate::alert::TROUBLES;
use crate::diagnostic::{nearest, some_of};
use crate::signal::SIGNALS;
use std::collections::BTreeSet;

/// Labels set by slod whose values the config does not determine.
const OPEN: [&str; 6] = [
    "alertname",
    "tier",
    "subject",
    "instance",
    "correction",
    "begins",
];
/// Labels set by slod whose values are all known.
const CLOSED: [&str; 4] = ["severity", "service", "signal", "slo"];
/// Severities of alerts, in both spellings, and of announcements.
const SEVERITIES: [&str; 6] = ["page", "ticket", "critical", "warning", "info", "none"];

/// Names of services and objectives, and the labels of services and of all alerts.
#[derive(Debug, Default)]
pub struct AlertLabels<'a> {
    services: BTreeSet<&'a str>,
    objectives: BTreeSet<&'a str>,
    own: BTreeSet<(&'a str, &'a str)>,
}

/// A label or value that no alert has.
#[derive(Debug, PartialEq)]
pub struct UnknownLabel {
    pub message: String,
    /// The nearest known name, or some of the known ones.
    pub help: String,
}

impl<'a> AlertLabels<'a> {
    /// Whether slod sets this label, depending on the kind of an alert.
    pub fn is_own(name: &str) -> bool {
        OPEN.iter().chain(&CLOSED).any(|own| *own == name)
    }

    pub fn of(config: &'a Config) -> Self {
        let mut all = Self::default();
        for service in &config.services {
            let objectives = service.objectives.iter().map(|one| &*one.name);
            all.add(&service.name, objectives, &service.labels);
        }
        all.add_labels(&config.alerts.external);
        all
    }

    pub(super) fn of_draft(draft: &'a Draft<'_>) -> Self {
        let mut all = Self::default();
        for service in &draft.services {
            let objectives = service.objectives.iter().map(|one| &*one.value.name);
            all.add(&service.name, objectives, &service.labels);
        }
        all.add_labels(&draft.alerts.external);
        all
    }

    fn add(
        &mut self,
        service: &'a str,
        objectives: impl Iterator<Item = &'a str>,
        labels: &'a [(String, String)],
    ) {
        self.services.insert(service);
        self.objectives.extend(objectives);
        self.add_labels(labels);
    }

    fn add_labels(&mut self, labels: &'a [(String, String)]) {
        let labels = labels.iter().map(|(name, value)| (&**name, &**value));
        self.own.extend(labels);
    }

    /// Why no alert can have this label; `None` if one can.
    pub(super) fn unknown_name(&self, label: &str) -> Option<UnknownLabel> {
        let own = self.own.iter().map(|(name, _)| *name);
        let labels: BTreeSet<_> = own.chain(OPEN).chain(CLOSED).collect();
        (!labels.contains(label)).then(|| UnknownLabel {
            message: format!("no alert has the label `{label}`"),
            help: help("labels", label, &labels),
        })
    }

    /// Why no alert can have this value of a label; `None` if one can.
    pub fn unknown(&self, label: &str, value: &str) -> Option<UnknownLabel> {
        let unknown = self.unknown_name(label);
        if unknown.is_some() {
            return unknown;
        }
        let values = match label {
            // Each daemon has its own number.
            label if OPEN.contains(&label) || label == SHARD => return None,
            "severity" => BTreeSet::from(SEVERITIES),
            "service" => self.services.clone(),
            "slo" => self.objectives.clone(),
            "signal" => {
                let signals = SIGNALS.iter().map(|one| one.name);
                signals.chain(TROUBLES.iter().copied()).collect()
            }
            label => {
                let same = self.own.iter().filter(|(name, _)| *name == label);
                same.map(|(_, value)| *value).collect()
            }
        };
        (!values.contains(value)).then(|| UnknownLabel {
            message: format!("no alert has the label `{label}` with the value `{value}`"),
            help: help("values", value, &values),
        })
    }
}

fn help(what: &str, wrong: &str, known: &BTreeSet<&str>) -> String {
    if let Some(near) = nearest(wrong, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "there are none".to_owned();
    }
    format!("{what}: {}", some_of(known.iter().copied()))
}
