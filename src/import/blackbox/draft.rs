//! The imported config: services with the probes of their targets.

use super::context::fault_of;
use super::module::{Module, Prober};
use super::prometheus::{Pace, ScrapedTarget};
use super::target::has_secret;
use super::value::{Map, Value};
use crate::import::check::Check;
use crate::import::document::Remarks;
use crate::import::requests::segments;
use crate::slo::BudgetingMethod;
use crate::text::Names;
use crate::units::show_duration;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Maximum length of a name in characters.
const NAME_MAX: usize = 90;
/// The label that names the service of a target.
const SERVICE: &str = "service";

#[derive(Default)]
pub(super) struct Draft {
    services: Vec<Service>,
    /// Indexes by the label value that identifies a service.
    places: HashMap<String, usize>,
    names: Names,
    /// The error of each label name; `None` if the name is valid.
    label_faults: BTreeMap<String, Option<String>>,
}

struct Service {
    name: String,
    labels: Map,
    probes: Vec<Probe>,
    /// Targets that already have a probe.
    seen: HashSet<(Prober, Map)>,
    names: Names,
}

/// The probe of a target.
pub(super) struct Probe {
    name: String,
    prober: Prober,
    keys: Map,
    pace: Pace,
}

impl Probe {
    pub fn new(found: &ScrapedTarget, module: &Module, keys: Map) -> Self {
        Self {
            name: name(&module.name),
            prober: module.prober,
            keys,
            pace: Pace {
                interval: found.pace.interval,
                timeout: found.pace.timeout_of(module.timeout),
            },
        }
    }

    /// The probe as written in a config, without default values.
    pub fn written(&self, default: Option<Pace>) -> Map {
        let mut probe = Map::of([("name", Value::plain(&self.name))]);
        let Pace { interval, timeout } = self.pace;
        if default.is_none_or(|default| default.interval != interval) {
            probe.set("interval", Value::Text(show_duration(interval)));
        }
        if default.is_none_or(|default| default.timeout != timeout) {
            probe.set("timeout", Value::Text(show_duration(timeout)));
        }
        probe.set(self.prober.kind(), Value::Map(self.keys.clone()));
        probe
    }
}

impl Draft {
    /// Adds a probe. Returns an error message if a config cannot have it.
    pub fn add(
        &mut self,
        found: &ScrapedTarget,
        mut probe: Probe,
        check: Check<'_>,
        remarks: &Remarks,
    ) -> Result<(), String> {
        let place = self.service(found);
        let own = &mut self.services[place];
        if !own.seen.insert((probe.prober, probe.keys.clone())) {
            return Err("it is listed more than once".to_owned());
        }
        probe.name = own.names.give(probe.name, numbered);
        own.probes.push(probe);
        self.label(place, found, check, remarks);
        Ok(())
    }

    /// The index of the service of a target, which is added if it is new.
    fn service(&mut self, found: &ScrapedTarget) -> usize {
        let key = found.labels.get(SERVICE).unwrap_or(&found.instance);
        if let Some(known) = self.places.get(key) {
            return *known;
        }
        self.services.push(Service {
            name: self.names.give(name(key), numbered),
            labels: Map::default(),
            probes: Vec::new(),
            seen: HashSet::new(),
            names: Names::default(),
        });
        self.places.insert(key.clone(), self.services.len() - 1);
        self.services.len() - 1
    }

    fn label(&mut self, own: usize, found: &ScrapedTarget, check: Check<'_>, remarks: &Remarks) {
        let labels = found.labels.iter().filter(|(name, _)| *name != SERVICE);
        for (name, value) in labels {
            let fault = self
                .label_faults
                .entry(name.clone())
                .or_insert_with(|| label_fault(name, check));
            let why = match (fault, self.services[own].labels.get(name)) {
                _ if has_secret(value) => "it contains a secret, and labels are visible".to_owned(),
                (Some(fault), _) => fault.clone(),
                (None, Some(other)) if *other != Value::plain(value) => {
                    "another target of the same service has another value".to_owned()
                }
                (None, Some(_)) => continue,
                (None, None) => {
                    self.services[own].labels.set(name, Value::plain(value));
                    continue;
                }
            };
            remarks.add(
                &found.target.spot,
                format!("the label `{name:.60}` is left out: {why}"),
            );
        }
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Whether any probe has this value for a key.
    pub fn has(&self, key: &str, value: &Value) -> bool {
        let mut probes = self.services.iter().flat_map(|service| &service.probes);
        probes.any(|probe| probe.keys.get(key) == Some(value))
    }

    pub fn written(&self) -> Map {
        let probes = || self.services.iter().flat_map(|service| &service.probes);
        let mut counts: BTreeMap<Pace, usize> = BTreeMap::new();
        for probe in probes() {
            *counts.entry(probe.pace).or_default() += 1;
        }
        let usual = counts.into_iter().max_by_key(|(_, count)| *count);
        let default = usual.map_or_else(Pace::default, |(pace, _)| pace);
        let longest = probes().map(|probe| probe.pace.interval).max();
        let services = self.services.iter().map(|service| {
            let mut written = Map::of([("name", Value::plain(&service.name))]);
            written.set_map("labels", service.labels.clone());
            let probes = service
                .probes
                .iter()
                .map(|probe| Value::Map(probe.written(Some(default))));
            written.set("probes", Value::List(probes.collect()));
            Value::Map(written)
        });
        let mut root = Map::default();
        root.set_map("defaults", defaults(default, longest.unwrap_or_default()));
        root.set("services", Value::List(services.collect()));
        root
    }
}

fn defaults(pace: Pace, longest: Duration) -> Map {
    let mut objective = Map::of([
        ("name", Value::plain("availability")),
        ("sli", Value::plain("availability")),
        ("target", Value::plain("99.9%")),
        ("window", Value::plain("30d")),
    ]);
    if longest > BudgetingMethod::SLICED_INTERVAL_MAX {
        objective.set("budgeting", Value::plain("occurrences"));
    }
    Map::of([
        ("interval", Value::Text(show_duration(pace.interval))),
        ("timeout", Value::Text(show_duration(pace.timeout))),
        ("objectives", Value::List(vec![Value::Map(objective)])),
    ])
}

fn label_fault(name: &str, check: Check<'_>) -> Option<String> {
    let probe = Map::of([(
        "http",
        Value::Map(Map::of([("url", Value::plain("http://x/"))])),
    )]);
    let mut labels = Map::default();
    labels.set(name, Value::plain("x"));
    fault_of(
        check,
        &Map::of([("name", Value::plain("x"))]).and(&probe),
        &labels,
    )
}

fn numbered(name: &str, number: u64) -> String {
    format!("{name}-{number}")
}

/// Derives a name from a target: its address without scheme, credentials, tokens and query. Names
/// have no `/`.
fn name(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path =
        segments(host, path).filter(|(segment, is_secret)| !segment.is_empty() && !is_secret);
    let path: Vec<&str> = path.map(|(segment, _)| segment).collect();
    let path = path.join("/");
    let slash = if path.is_empty() { "" } else { "/" };
    let safe = |c: char| {
        if c == '/' || c.is_control() || c.is_whitespace() {
            '-'
        } else {
            c
        }
    };
    let name: String = format!("{host}{slash}{path}")
        .chars()
        .map(safe)
        .take(NAME_MAX)
        .collect();
    match name.trim_matches(['-', '.']) {
        "" => "target".to_owned(),
        name => name.to_owned(),
    }
}
