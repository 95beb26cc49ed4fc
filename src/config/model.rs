//! A config that passed every check. Nothing here can be wrong any more.

use super::sequence::{DataSpec, SequenceSpec};
use crate::alert::AlertRules;
use crate::diagnostic::Source;
use crate::load::Scenario;
use crate::outcome::{Measurement, Measures, ProbeKey};
use crate::probe::Probe;
use crate::probe::http::JsonTotal;
use crate::probe::http::driven::Driven;
use crate::probe::http::fetch::Endpoint;
use crate::receiver::{HeartbeatSpec, Routing};
use crate::roles::{Role as MetricsRole, Selector};
use crate::signal::Settings;
use crate::slo::correction::Correction;
use crate::slo::{ContributingProbe, EventSource, Objective, Sli, Threshold};
use crate::yaml::{Redactions, Secret, Stamp};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Config {
    /// Where the daemon serves its pages and metrics.
    pub listen: SocketAddr,
    pub web: WebSpec,
    pub store: StoreSpec,
    /// How many probes may run at the same time.
    pub max_concurrent_probes: usize,
    pub observe: ObserveSpec,
    pub corrections: Vec<Correction>,
    pub alerts: Arc<AlertRules>,
    /// Control probes: none, or at least three.
    pub vantage: Vec<ProbeSpec>,
    /// Which warning signs are looked for, and from which values on.
    pub signals: Settings,
    /// Names are unique.
    pub scenarios: Vec<Scenario>,
    /// In document order; names are unique.
    pub services: Vec<ServiceSpec>,
    /// Who is notified of which alerts.
    pub routing: Arc<Routing>,
    /// The dead man's switch.
    pub heartbeat: Option<HeartbeatSpec>,
    pub inputs: Inputs,
}

/// What a config was read from.
#[derive(Clone, Default)]
pub struct Inputs {
    pub source: Source,
    /// The files that it names, such as those of credentials, each as it was before it was read.
    pub files: BTreeMap<PathBuf, Option<Stamp>>,
    /// What was warned of, a line each.
    pub warnings: BTreeSet<String>,
}

/// Without the text, which may hold secrets.
impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    pub path: PathBuf,
    /// How long outcomes are kept.
    pub retention: Duration,
}

/// Who may use the pages and the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSpec {
    /// TLS and users, in the format of Prometheus' exporters.
    pub config_file: Option<PathBuf>,
    /// Names are unique.
    pub tokens: Vec<TokenSpec>,
    /// Of users that `config_file` has; others have the role `write`.
    pub user_roles: Vec<(String, Role)>,
    pub certificate_role: Role,
    /// In lower case.
    pub allowed_hosts: Vec<String>,
    pub allow_unauthenticated_writes: bool,
}

impl WebSpec {
    /// What everybody can do who reaches a daemon without authentication that is not on loopback.
    pub fn strangers_can(&self) -> &'static str {
        if self.allow_unauthenticated_writes {
            "read pages, metrics and the API, report heartbeats, reload the config, and remove outages from the SLOs with corrections"
        } else {
            "read pages, metrics and the API (writes are refused)"
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    pub name: String,
    pub token: Secret,
    pub role: Role,
}

/// What a client may do; each role includes the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Read,
    #[default]
    Write,
}

/// What is sampled of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserveSpec {
    /// Time between two samples.
    pub interval: Duration,
    /// How long samples are kept.
    pub retention: Duration,
    /// Where the root of the host is.
    pub root: PathBuf,
    /// The names of the collectors that are switched on.
    pub collectors: BTreeSet<&'static str>,
    /// Disks whose reads and writes are left out, by their whole name.
    pub disk_exclude: Pattern,
    /// File systems that are left out, by their whole mount point.
    pub filesystem_exclude: Pattern,
    /// Devices that are left out, by their whole name.
    pub network_exclude: Pattern,
}

impl ObserveSpec {
    pub fn is_on(&self, collector: &str) -> bool {
        self.collectors.contains(collector)
    }
}

/// Processes of a service that are reported as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    pub service: Arc<str>,
    /// Unique within the service.
    pub name: Arc<str>,
    pub found_by: FoundBy,
}

/// How processes are found, before their descendants are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// By what they look like; at least one is given.
    Looks {
        name: Option<String>,
        cmdline: Option<Pattern>,
    },
    PidFile(PathBuf),
    Port(u16),
    /// Relative to the root of the control groups.
    Cgroup(PathBuf),
}

/// Where the metrics of a service are.
#[derive(Clone, Debug)]
pub struct MetricsSpec {
    pub service: Arc<str>,
    pub interval: Duration,
    /// At most the interval.
    pub timeout: Duration,
    pub endpoint: Arc<Endpoint>,
    pub source: MetricsSource,
    /// Of the latency objectives that count its requests.
    pub thresholds: Box<[Duration]>,
    /// Changes with every setting, and with every file and variable that was read for them.
    pub fingerprint: u64,
    /// Secrets that no message may contain.
    pub redactions: Redactions,
}

#[derive(Clone, Debug)]
pub enum MetricsSource {
    /// A Prometheus page. Roles without a selector are found by well-known names.
    Page(Vec<(MetricsRole, Selector)>),
    /// A JSON document.
    Json(Vec<(MetricsRole, JsonTotal)>),
}

/// Equal specs may go on as they are after a reload.
impl PartialEq for MetricsSpec {
    fn eq(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.interval, spec.timeout, spec.fingerprint);
        let is_same = of(self) == of(other) && self.thresholds == other.thresholds;
        self.service == other.service && is_same
    }
}

/// A regular expression that can be compared with another one.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

#[derive(Clone, Debug)]
pub struct ServiceSpec {
    pub name: Arc<str>,
    pub description: Arc<str>,
    pub labels: Arc<[(String, String)]>,
    /// Names are unique within the service.
    pub probes: Vec<ProbeSpec>,
    /// Probes of other services that its objectives count: journeys have them.
    pub borrowed: Vec<ProbeSpec>,
    /// Names are unique within the service; defaults are merged in already.
    pub objectives: Vec<Arc<Objective>>,
    /// Names are unique within the service.
    pub processes: Vec<ProcessSpec>,
    /// Where its own metrics are.
    pub metrics: Option<Arc<MetricsSpec>>,
    pub load: Option<LoadSpec>,
    /// Its warning signs, with those of the whole config.
    pub signals: Settings,
}

/// The load that a service is expected to bear, and what load runs send.
#[derive(Clone, Debug)]
pub struct LoadSpec {
    /// The request, or what all of `sequences` have in common; that of the first `http` probe if
    /// there is none.
    pub driven: Option<Driven>,
    /// Empty for a single request.
    pub sequences: Vec<SequenceSpec>,
    pub data: Option<DataSpec>,
    /// Whether each user keeps cookies.
    pub cookies: bool,
    pub users: Option<RangeInclusive<u32>>,
    pub peak_users: Option<u32>,
    /// In requests per second, as is the peak.
    pub rate: Option<RangeInclusive<f64>>,
    pub peak_rate: Option<f64>,
    pub average: Option<RangeInclusive<Duration>>,
    pub max: Option<Duration>,
    /// Of one request.
    pub timeout: Duration,
    /// What may not be in texts about its requests.
    pub redactions: Redactions,
}

#[derive(Clone, Debug)]
pub struct ProbeSpec {
    pub key: ProbeKey,
    pub interval: Duration,
    /// At most the interval.
    pub timeout: Duration,
    /// Name of the kind, such as `http`.
    pub kind: &'static str,
    /// What its outcomes say.
    pub measures: &'static Measures,
    /// Changes with the kind's settings, and with every file and variable that was read for
    /// them. Only to be compared within one process.
    pub fingerprint: u64,
    /// Those of all latency objectives that it counts for.
    pub thresholds: Arc<[Threshold]>,
    pub probe: Arc<dyn Probe>,
}

/// Equal specs may go on as they are after a reload.
impl PartialEq for ProbeSpec {
    fn eq(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.interval, spec.timeout, spec.kind, spec.fingerprint);
        self.key == other.key && of(self) == of(other)
    }
}

impl ServiceSpec {
    /// The probes that may count for its objectives: its own, then the borrowed ones.
    pub fn watched(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.probes.iter().chain(&self.borrowed)
    }

    /// What its objectives are about, apart from whole attempts.
    pub fn measurements(&self) -> Vec<Measurement> {
        let slis = self.objectives.iter().map(|objective| objective.sli);
        slis.filter_map(Sli::measurement).collect()
    }

    /// What counts for one of its objectives, and the positions of the probes among that in
    /// [`ServiceSpec::watched`]: none for an objective of real traffic, which its scrapes count for.
    pub fn contributing(&self, objective: &Objective) -> (Vec<usize>, Vec<ContributingProbe>) {
        if objective.source == EventSource::Metrics {
            let interval = self.metrics.as_ref().map(|metrics| metrics.interval);
            let scrapes = interval.map(ContributingProbe::every);
            return (Vec::new(), scrapes.into_iter().collect());
        }
        let watched = self.watched().enumerate();
        let counting = watched.filter_map(|(at, spec)| {
            let weight = objective.weight_of(&self.name, &spec.key, spec.measures)?;
            let interval = spec.interval;
            Some((at, ContributingProbe { interval, weight }))
        });
        let (mut places, mut contributing): (Vec<_>, Vec<_>) = counting.unzip();
        // Kept for every objective.
        places.shrink_to_fit();
        contributing.shrink_to_fit();
        (places, contributing)
    }
}

/// How long what an objective counts is kept. Real traffic is counted from samples, which may be deleted
/// earlier than outcomes.
pub(super) fn retention(
    objective: &Objective,
    store: &StoreSpec,
    observe: &ObserveSpec,
) -> Duration {
    match objective.source {
        EventSource::Probes => store.retention,
        EventSource::Metrics => store.retention.min(observe.retention),
    }
}

impl Config {
    /// How long what an objective counts is kept.
    pub fn retention(&self, objective: &Objective) -> Duration {
        retention(objective, &self.store, &self.observe)
    }

    pub fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| *service.name == *name)
    }

    pub fn processes(&self) -> impl Iterator<Item = &ProcessSpec> {
        self.services.iter().flat_map(|service| &service.processes)
    }

    /// Where services' own metrics are.
    pub fn metrics(&self) -> impl Iterator<Item = &Arc<MetricsSpec>> {
        self.services
            .iter()
            .filter_map(|service| service.metrics.as_ref())
    }

    /// The services' probes.
    pub fn probes(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.services.iter().flat_map(|service| &service.probes)
    }

    /// All that run: the services' probes and the control probes.
    pub fn running(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.probes().chain(&self.vantage)
    }

    /// What these are called.
    pub fn running_keys(&self) -> HashSet<ProbeKey> {
        self.running().map(|spec| spec.key.clone()).collect()
    }
}
