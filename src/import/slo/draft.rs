//! The imported config.

use super::tiers::{Tiers, WrittenTier};
use crate::import::check::{Check, Fault, ROUNDS_MAX, item};
use crate::import::document::{At, Remarks, Spot};
use crate::text::slug;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Maximum length of a label in a host name, in characters.
const HOST_MAX: usize = 63;
/// The placeholder interval of a job of which only the objective is known.
const EVERY: &str = "1d";

#[derive(Default, Serialize)]
pub(super) struct Draft {
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<Alerts>,
    services: Vec<Service>,
    /// Indexes by name, while services are added.
    #[serde(skip)]
    places: HashMap<String, usize>,
    #[serde(skip)]
    pub tiers: Tiers,
}

#[derive(Serialize)]
struct Alerts {
    tiers: Vec<WrittenTier>,
}

#[derive(Serialize)]
pub(super) struct Service {
    name: String,
    #[serde(skip)]
    spot: Spot,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Added for objectives that count probes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    probes: Vec<Probe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    pub objectives: Vec<Objective>,
}

#[derive(Serialize)]
struct Probe {
    name: &'static str,
    #[serde(flatten)]
    kind: ProbeKind,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ProbeKind {
    Http { url: String },
    Heartbeat { every: &'static str },
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
    /// `sli` and its parameters.
    #[serde(flatten)]
    pub keys: BTreeMap<&'static str, String>,
    pub target: Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertChoice>,
    #[serde(skip)]
    pub choice: Vec<Chosen>,
}

/// The target as written: `99.9%`, or a ratio.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Target {
    Percent(String),
    Ratio(f64),
}

impl Target {
    /// From a number in percent, with or without the sign.
    pub fn percent(text: &str) -> Self {
        Self::Percent(format!("{}%", text.trim_end_matches('%')))
    }
}

/// What an objective counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// The service's own metrics.
    Metrics,
    /// The requests of a probe.
    Requests,
    /// The reports of a job.
    Reports,
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

    fn counts(&self) -> Counted {
        let key = |name| self.keys.get(name).map(String::as_str);
        match (key("source"), key("sli")) {
            (Some("metrics"), _) | (_, Some("throughput")) => Counted::Metrics,
            (_, Some("freshness")) => Counted::Reports,
            _ => Counted::Requests,
        }
    }

    fn report_left_out(&self, why: &str, remarks: &Remarks) {
        remarks.add(&self.spot, format!("`{}` is left out: {why}", self.name));
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AlertChoice {
    Off(bool),
    These(Vec<String>),
}

/// The alerts of an objective, before tiers are numbered.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// A tier by its long window.
    Tier(crate::slo::StandardWindow),
    /// `exhausted` or `forecast`.
    Named(&'static str),
    /// All alerts in the config.
    All,
}

impl Draft {
    /// The service with this name, which is added if it is new.
    pub fn service(&mut self, name: &str, at: At<'_>) -> &mut Service {
        let next = self.services.len();
        let place = *self.places.entry(name.to_owned()).or_insert(next);
        if place == next {
            self.services.push(Service::new(name, at));
        }
        &mut self.services[place]
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Numbers the tiers, and drops services without objectives and everything that is invalid in a config. An
    /// error is a problem that cannot be fixed in this way.
    pub fn finish(&mut self, remarks: &Remarks, check: Check<'_>) -> Result<(), String> {
        for service in &mut self.services {
            service.drop_repeated(remarks);
            service.add_probes(remarks);
            for objective in &mut service.objectives {
                objective.alerts = self.tiers.choice(&objective.choice);
            }
        }
        self.alerts = self.tiers.written().map(|tiers| Alerts { tiers });
        for _ in 0..ROUNDS_MAX {
            self.services
                .retain(|service| !service.objectives.is_empty());
            if self.services.is_empty() {
                return Ok(());
            }
            let config = serde_yaml::to_string(self).map_err(|error| error.to_string())?;
            let faults = check(&config);
            if faults.is_empty() {
                return Ok(());
            }
            self.drop_faulty(&faults, remarks)?;
        }
        Err("the config would have too many errors".to_owned())
    }

    /// Drops the invalid parts.
    fn drop_faulty(&mut self, faults: &[Fault], remarks: &Remarks) -> Result<(), String> {
        let mut by_service: BTreeMap<usize, Vec<(&str, &str)>> = BTreeMap::new();
        for Fault { path, message } in faults {
            let (place, rest) = item(path, "services").ok_or_else(|| message.clone())?;
            by_service
                .entry(place)
                .or_default()
                .push((rest, message.as_str()));
        }
        for (place, faults) in by_service {
            if let Some(service) = self.services.get_mut(place) {
                service.drop_faulty(&faults, remarks);
            }
        }
        Ok(())
    }
}

impl Service {
    fn new(name: &str, at: At<'_>) -> Self {
        Self {
            name: name.to_owned(),
            spot: at.spot(),
            description: None,
            labels: BTreeMap::new(),
            probes: Vec::new(),
            metrics: None,
            objectives: Vec::new(),
        }
    }

    /// Adds the probes that its objectives count: an HTTP probe, and a heartbeat for freshness. Reports
    /// what is a guess.
    fn add_probes(&mut self, remarks: &Remarks) {
        let (name, spot) = (self.name.clone(), self.spot.clone());
        let guess = |url: &str| {
            let remark = format!("the address {url} of `{name}` is a guess: replace it");
            remarks.add(&spot, remark);
        };
        let counts = |what| self.objectives.iter().any(|one| one.counts() == what);
        let (requests, reports) = (counts(Counted::Requests), counts(Counted::Reports));
        if let Some(metrics) = &self.metrics {
            guess(&metrics.url);
        }
        if requests {
            let url = address(&name, "");
            guess(&url);
            self.probes.push(Probe {
                name: "http",
                kind: ProbeKind::Http { url },
            });
        }
        if reports {
            let remark = format!(
                "how often the job of `{name}` reports is a guess: replace `every: {EVERY}`"
            );
            remarks.add(&spot, remark);
            self.probes.push(Probe {
                name: "heartbeat",
                kind: ProbeKind::Heartbeat { every: EVERY },
            });
        }
    }

    /// Keeps the first of several objectives with the same name.
    fn drop_repeated(&mut self, remarks: &Remarks) {
        let mut known = HashSet::new();
        self.objectives.retain(|objective| {
            let is_new = known.insert(objective.name.clone());
            if !is_new {
                objective.report_left_out(
                    "the service already has an objective with this name",
                    remarks,
                );
            }
            is_new
        });
    }

    /// Drops invalid labels and objectives, or all objectives if the whole service is invalid. Paths are relative
    /// to the service.
    fn drop_faulty(&mut self, faults: &[(&str, &str)], remarks: &Remarks) {
        let mut objectives: BTreeMap<usize, &str> = BTreeMap::new();
        for (path, message) in faults {
            if let Some(label) = path.strip_prefix("labels") {
                self.drop_labels(label.trim_start_matches('.'), message, remarks);
            } else if let Some((place, _)) = item(path, "objectives") {
                objectives.entry(place).or_insert(message);
            } else {
                let all = 0..self.objectives.len();
                objectives.extend(all.map(|place| (place, *message)));
            }
        }
        for (place, message) in objectives.into_iter().rev() {
            if place < self.objectives.len() {
                let objective = self.objectives.remove(place);
                objective.report_left_out(message, remarks);
            }
        }
    }

    /// Drops a label, or all labels if none matches. Paths contain only the start of a long name.
    fn drop_labels(&mut self, name: &str, message: &str, remarks: &Remarks) {
        let is_meant = |label: &str| match name.strip_suffix('…') {
            Some(beginning) => label.starts_with(beginning),
            None => label == name,
        };
        let is_known = self.labels.keys().any(|label| is_meant(label));
        let spot = self.spot.clone();
        self.labels.retain(|label, _| {
            let is_kept = is_known && !is_meant(label);
            if !is_kept {
                remarks.add(&spot, format!("the label `{label}` is left out: {message}"));
            }
            is_kept
        });
    }

    /// Adds selectors. A service has one selector per role; a different one is reported at its position.
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
                    "left out: `{role}` of the service is already `{own}`, so it cannot be `{new}`"
                ));
                return false;
            }
            *own = Some(new.clone());
        }
        metrics.roles = merged;
        true
    }
}

/// The address of a service with this name in a cluster.
fn address(name: &str, path: &str) -> String {
    format!("http://{}/{path}", slug(name, HOST_MAX))
}
