//! A config in the making.

use super::tiers::{Tiers, WrittenTier};
use crate::import::document::{At, Remarks, Spot};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Default, Serialize)]
pub(super) struct Draft {
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<Alerts>,
    services: Vec<Service>,
    #[serde(skip)]
    pub tiers: Tiers,
}

#[derive(Serialize)]
struct Alerts {
    tiers: Vec<WrittenTier>,
}

/// One service of a draft, as a config of its own.
#[derive(Serialize)]
struct Alone<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<&'a Alerts>,
    services: [&'a Service; 1],
}

/// What is wrong with a config.
pub type Check<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Serialize)]
pub(super) struct Service {
    name: String,
    #[serde(skip)]
    spot: Spot,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    probes: Vec<Probe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    pub objectives: Vec<Objective>,
}

#[derive(Serialize)]
struct Probe {
    name: &'static str,
    http: Address,
}

#[derive(Serialize)]
struct Address {
    url: String,
}

#[derive(Serialize)]
struct Metrics {
    url: String,
    #[serde(flatten)]
    roles: Roles,
}

/// Selectors of a service's own metrics.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Roles {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_duration: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Objective {
    pub name: String,
    #[serde(skip)]
    spot: Spot,
    /// `sli` and what it is made with.
    #[serde(flatten)]
    pub keys: BTreeMap<&'static str, String>,
    pub target: Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertChoice>,
    #[serde(skip)]
    pub choice: Vec<Chosen>,
}

/// As it is written: `99.9%`, or a ratio.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Target {
    Percent(String),
    Ratio(f64),
}

impl Target {
    /// Of a number in percent; some write the sign, too.
    pub fn percent(text: &str) -> Self {
        Self::Percent(format!("{}%", text.trim_end_matches('%')))
    }
}

impl Objective {
    pub fn new(name: String, at: At<'_>) -> Self {
        Self {
            name,
            spot: at.spot(),
            keys: BTreeMap::new(),
            target: Target::Ratio(0.0),
            alerts: None,
            choice: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AlertChoice {
    Off(bool),
    These(Vec<String>),
}

/// What an objective alerts by, before tiers have numbers.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// By its long window.
    Tier(crate::slo::StandardWindow),
    /// `exhausted` or `forecast`.
    Named(&'static str),
    /// Everything that the config has.
    All,
}

impl Draft {
    /// The service of a name, which begins here if it is new.
    pub fn service(&mut self, name: &str, at: At<'_>) -> &mut Service {
        let known = self.services.iter().position(|one| one.name == name);
        let place = known.unwrap_or_else(|| {
            self.services.push(Service::new(name, at));
            self.services.len() - 1
        });
        &mut self.services[place]
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Numbers the tiers, and drops what a config cannot have, and services without objectives.
    pub fn finish(&mut self, remarks: &Remarks, check: Check<'_>) {
        for service in &mut self.services {
            for objective in &mut service.objectives {
                objective.alerts = self.tiers.choice(&objective.choice);
            }
        }
        self.alerts = self.tiers.written().map(|tiers| Alerts { tiers });
        let alerts = self.alerts.as_ref();
        for service in &mut self.services {
            service.keep_valid(remarks, &|service| {
                let services = [service];
                let config = serde_yaml::to_string(&Alone { alerts, services }).ok()?;
                check(&config)
            });
        }
        self.services
            .retain(|service| !service.objectives.is_empty());
    }
}

impl Service {
    fn new(name: &str, at: At<'_>) -> Self {
        at.remark(format!(
            "the addresses of `{name}` are a guess: replace {} and, where it is, {}",
            address(name, ""),
            address(name, "metrics")
        ));
        Self {
            name: name.to_owned(),
            spot: at.spot(),
            description: None,
            labels: BTreeMap::new(),
            probes: vec![Probe {
                name: "http",
                http: Address {
                    url: address(name, ""),
                },
            }],
            metrics: None,
            objectives: Vec::new(),
        }
    }

    /// Leaves out labels and objectives with which it would be invalid.
    fn keep_valid(&mut self, remarks: &Remarks, fault: &dyn Fn(&Self) -> Option<String>) {
        let objectives = std::mem::take(&mut self.objectives);
        for (label, value) in std::mem::take(&mut self.labels) {
            self.labels.insert(label.clone(), value);
            if let Some(wrong) = fault(self) {
                self.labels.remove(&label);
                // What is wrong without the label as well is said of the objectives.
                if fault(self).is_none() {
                    remarks.add(
                        &self.spot,
                        format!("the label `{label}` is left out: {wrong}"),
                    );
                }
            }
        }
        // Each is looked at alone, so that many of them take no more than their number.
        let mut kept: Vec<Objective> = Vec::new();
        for objective in objectives {
            let is_known = kept.iter().any(|known| known.name == objective.name);
            let (spot, name) = (objective.spot.clone(), objective.name.clone());
            self.objectives = vec![objective];
            let wrong = match fault(self) {
                _ if is_known => {
                    Some("the service has an objective of this name already".to_owned())
                }
                wrong => wrong,
            };
            match wrong {
                Some(wrong) => remarks.add(&spot, format!("`{name}` is left out: {wrong}")),
                None => kept.append(&mut self.objectives),
            }
        }
        self.objectives = kept;
    }

    /// Adds selectors. Each role of a service has one: another one is a fault, said at its place.
    pub fn measure(&mut self, roles: &Roles, at: At<'_>) -> bool {
        let name = self.name.clone();
        let metrics = self.metrics.get_or_insert_with(|| Metrics {
            url: address(&name, "metrics"),
            roles: Roles::default(),
        });
        let mut merged = metrics.roles.clone();
        for (role, own, new) in [
            ("requests", &mut merged.requests, &roles.requests),
            ("errors", &mut merged.errors, &roles.errors),
            (
                "request_duration",
                &mut merged.request_duration,
                &roles.request_duration,
            ),
        ] {
            let Some(new) = new else { continue };
            if own.as_ref().is_some_and(|own| own != new) {
                let own = own.clone().unwrap_or_default();
                at.remark(format!(
                    "left out: `{role}` of the service is `{own}` already, and cannot be `{new}` as well"
                ));
                return false;
            }
            *own = Some(new.clone());
        }
        metrics.roles = merged;
        true
    }
}

/// Where a service of this name would be in a cluster.
fn address(name: &str, path: &str) -> String {
    let host = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let host: String = name.chars().map(host).collect();
    format!("http://{}/{path}", host.trim_matches('-'))
}
