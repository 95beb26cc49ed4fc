//! A config that passed every check: all values are valid.

use super::sequence::{DataSpec, SequenceSpec};
use super::shard::Shard;
use crate::alert::AlertRules;
use crate::diagnostic::Source;
use crate::load::Scenario;
use crate::outcome::{Measurement, Measures, ProbeKey};
use crate::probe::Probe;
use crate::probe::http::JsonTotal;
use crate::probe::http::fetch::Endpoint;
use crate::probe::http::load_target::LoadTarget;
use crate::probe::http::push::Destination;
use crate::receiver::{HeartbeatSpec, Routing};
use crate::roles::{Role as MetricsRole, Selector};
use crate::signal::Settings;
use crate::slo::correction::Correction;
use crate::slo::{ContributingProbe, EventSource, Objective, Sli, Threshold};
use crate::threshold;
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
    /// Listen address of the pages, the API and the metrics.
    pub listen: SocketAddr,
    pub web: WebSpec,
    pub store: StoreSpec,
    /// Maximum number of probes that run at the same time.
    pub max_concurrent_probes: usize,
    /// Which services the daemon observes.
    pub shard: Shard,
    pub observe: ObserveSpec,
    pub corrections: Vec<Correction>,
    pub alerts: Arc<AlertRules>,
    /// Control probes: none, or at least three.
    pub vantage: Vec<ProbeSpec>,
    /// Which warning signs are enabled, with their thresholds.
    pub signals: Settings,
    /// Names are unique.
    pub scenarios: Vec<ScenarioSpec>,
    /// In document order; names are unique. All services, or after [`Config::of_shard`] those of the shard.
    pub services: Vec<ServiceSpec>,
    /// The shard numbers of services that [`Config::of_shard`] removed.
    pub elsewhere: BTreeMap<Arc<str>, u32>,
    /// Which receivers get which alerts.
    pub routing: Arc<Routing>,
    /// The dead man's switch.
    pub heartbeat: Option<HeartbeatSpec>,
    /// Servers that get all metrics. Names are unique.
    pub remote_writes: Vec<Arc<RemoteWriteSpec>>,
    pub inputs: Inputs,
}

/// The inputs that a config was read from.
#[derive(Clone, Default)]
pub struct Inputs {
    pub source: Source,
    /// The files it refers to, such as those of credentials, each with its state before it was read.
    pub files: BTreeMap<PathBuf, Option<Stamp>>,
    /// Warnings, one line each.
    pub warnings: BTreeSet<String>,
}

/// Omits the text, which may contain secrets.
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

/// Access to the pages and the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSpec {
    /// TLS and users, in the format of the Prometheus exporter toolkit.
    pub config_file: Option<PathBuf>,
    /// Names are unique.
    pub tokens: Vec<TokenSpec>,
    /// Roles of users in `config_file`; other users have the role `write`.
    pub user_roles: Vec<(String, Role)>,
    pub certificate_role: Role,
    /// In lowercase.
    pub allowed_hosts: Vec<String>,
    pub allow_unauthenticated_writes: bool,
}

impl WebSpec {
    /// What anyone who reaches the daemon can do if it has no authentication and is not on loopback.
    pub fn strangers_can(&self) -> &'static str {
        if self.allow_unauthenticated_writes {
            "read pages, metrics and the API, report heartbeats, reload the config, and remove outages from the SLOs with corrections"
        } else {
            "read pages, metrics and the API (writes are rejected)"
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    pub name: String,
    pub token: Secret,
    pub role: Role,
}

/// What a client may do; each role includes the previous one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Read,
    #[default]
    Write,
}

/// What is sampled from the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserveSpec {
    /// Sampling interval.
    pub interval: Duration,
    /// How long samples are kept.
    pub retention: Duration,
    /// Directory at which the root of the host is mounted.
    pub root: PathBuf,
    /// The names of the enabled collectors.
    pub collectors: BTreeSet<&'static str>,
    /// Disks whose reads and writes are excluded, by full name.
    pub disk_exclude: Pattern,
    /// File systems that are excluded, by full mount point.
    pub filesystem_exclude: Pattern,
    /// Network devices that are excluded, by full name.
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

/// How processes are identified, before their descendants are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// By name or command line; at least one is set.
    Match {
        name: Option<String>,
        cmdline: Option<Pattern>,
    },
    PidFile(PathBuf),
    Port(u16),
    /// Relative to the control group root.
    Cgroup(PathBuf),
}

/// The metrics endpoint of a service.
#[derive(Clone, Debug)]
pub struct MetricsSpec {
    pub service: Arc<str>,
    pub interval: Duration,
    /// At most the interval.
    pub timeout: Duration,
    pub endpoint: Arc<Endpoint>,
    pub source: MetricsSource,
    /// Thresholds of the latency objectives that count its requests.
    pub thresholds: Box<[Duration]>,
    /// Changes with every setting, and with every file and variable that they refer to.
    pub fingerprint: u64,
    /// Secrets to remove from messages.
    pub redactions: Redactions,
}

#[derive(Clone, Debug)]
pub enum MetricsSource {
    /// A Prometheus page. Roles without a selector are found by well-known names.
    Page(Vec<(MetricsRole, Selector)>),
    /// A JSON document.
    Json(Vec<(MetricsRole, JsonTotal)>),
}

/// If two specs are equal, a reload keeps the running scrapes.
impl PartialEq for MetricsSpec {
    fn eq(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.interval, spec.timeout, spec.fingerprint);
        let is_same = of(self) == of(other) && self.thresholds == other.thresholds;
        self.service == other.service && is_same
    }
}

/// A server that gets all metrics by remote write.
#[derive(Debug)]
pub struct RemoteWriteSpec {
    pub name: String,
    pub interval: Duration,
    /// Of a request.
    pub timeout: Duration,
    pub job: String,
    /// `None`: host name and port.
    pub instance: Option<String>,
    pub labels: Vec<(String, String)>,
    pub destination: Destination,
    /// Changes with every setting, and with every file and variable that they refer to.
    pub fingerprint: u64,
    /// Secrets to remove from messages.
    pub redactions: Redactions,
}

/// If two specs are equal, a reload keeps the samples that wait for the server.
impl PartialEq for RemoteWriteSpec {
    fn eq(&self, other: &Self) -> bool {
        let times = |spec: &Self| (spec.interval, spec.timeout, spec.fingerprint);
        let labels = (&self.job, &self.instance, &self.labels);
        times(self) == times(other)
            && self.name == other.name
            && labels == (&other.job, &other.instance, &other.labels)
    }
}

/// A regular expression that is compared by its text.
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
    /// Probes of other services that its objectives count.
    pub borrowed: Vec<ProbeSpec>,
    /// Names are unique within the service; includes default objectives.
    pub objectives: Vec<Arc<Objective>>,
    /// Names are unique within the service.
    pub processes: Vec<ProcessSpec>,
    /// Endpoint of its own metrics.
    pub metrics: Option<Arc<MetricsSpec>>,
    /// Boxed, as most services have none.
    pub load: Option<Box<LoadSpec>>,
    /// Settings of its warning signs, merged with those of the root.
    pub signals: Settings,
    /// The number of its shard.
    pub shard: u32,
}

/// A load scenario.
#[derive(Clone, Debug)]
pub struct ScenarioSpec {
    pub scenario: Scenario,
    /// Conditions that its runs must meet, in addition to the objectives.
    pub thresholds: Vec<threshold::Threshold>,
}

/// The expected load of a service, and the requests of load runs.
#[derive(Clone, Debug)]
pub struct LoadSpec {
    /// The request, or the common settings of all `sequences`; `None` for the request of the first
    /// `http` probe.
    pub target: Option<LoadTarget>,
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
    /// Timeout of one request.
    pub timeout: Duration,
    /// Secrets to remove from messages about its requests.
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
    /// What its outcomes measure.
    pub measures: &'static Measures,
    /// Changes with the kind's settings, and with every file and variable that they refer to. Can be
    /// compared only within one process.
    pub fingerprint: u64,
    /// Thresholds of all latency objectives that it counts for.
    pub thresholds: Arc<[Threshold]>,
    pub probe: Arc<dyn Probe>,
}

/// If two specs are equal, a reload keeps the running probe.
impl PartialEq for ProbeSpec {
    fn eq(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.interval, spec.timeout, spec.kind, spec.fingerprint);
        self.key == other.key && of(self) == of(other)
    }
}

impl ServiceSpec {
    /// The probes that can count for its objectives: its own, then those of other services.
    pub fn watched(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.probes.iter().chain(&self.borrowed)
    }

    /// The parts of attempts that its latency objectives measure.
    pub fn measurements(&self) -> Vec<Measurement> {
        let slis = self.objectives.iter().map(|objective| objective.sli);
        slis.filter_map(Sli::measurement).collect()
    }

    /// What counts for one of its objectives, and the indexes of its probes in
    /// [`ServiceSpec::watched`]. An objective that counts real traffic has no probes, only scrapes.
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
        let (mut indexes, mut contributing): (Vec<_>, Vec<_>) = counting.unzip();
        // These live as long as the config, once for every objective.
        indexes.shrink_to_fit();
        contributing.shrink_to_fit();
        (indexes, contributing)
    }
}

/// Retention of the data that an objective counts. Real traffic is counted from samples, which may be
/// deleted earlier than outcomes.
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
    /// Retention of the data that an objective counts.
    pub fn retention(&self, objective: &Objective) -> Duration {
        retention(objective, &self.store, &self.observe)
    }

    pub fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| *service.name == *name)
    }

    pub fn processes(&self) -> impl Iterator<Item = &ProcessSpec> {
        self.services.iter().flat_map(|service| &service.processes)
    }

    /// Metrics endpoints of all services.
    pub fn metrics(&self) -> impl Iterator<Item = &Arc<MetricsSpec>> {
        self.services
            .iter()
            .filter_map(|service| service.metrics.as_ref())
    }

    /// Probes of all services.
    pub fn probes(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.services.iter().flat_map(|service| &service.probes)
    }

    /// All probes that run: those of the services and the control probes.
    pub fn running(&self) -> impl Iterator<Item = &ProbeSpec> {
        self.probes().chain(&self.vantage)
    }

    /// Keys of all probes that run.
    pub fn running_keys(&self) -> HashSet<ProbeKey> {
        self.running().map(|spec| spec.key.clone()).collect()
    }
}
