//! Reads the root of the document, and the services.

use super::alerts;
use super::correction;
use super::counting;
use super::division;
use super::draft::{Draft, Located, ServiceDraft};
use super::keys::{self, objective as objective_key, probe as probe_key, service as key};
use super::labels::labels;
use super::load_test;
use super::metrics;
use super::model::{ProbeSpec, StoreSpec, WebSpec};
use super::name::Names;
use super::notify;
use super::objective;
use super::observe;
use super::probe::{self, Pace};
use super::remote_write;
use super::signals;
use super::web;
use crate::signal::Settings;
use crate::slo::{EventSource, Objective, ProbeRef};
use crate::yaml::{Node, Reader, Section};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Reads the whole document; `None` if something is missing, which is reported.
pub(super) fn document<'n>(reader: &'n Reader<'n>, document: &'n Node) -> Option<Draft<'n>> {
    let root = reader.section(document, "", keys::ROOT)?;
    let listen = root.get(&keys::LISTEN);
    let web = web::read(&root);
    let store = store(&root);
    let slots = root.get(&keys::MAX_CONCURRENT_PROBES);
    let shard = root.get(&keys::SHARD);
    let observe = observe::read(&root);
    let defaults = defaults(&root);
    let every = observe.as_ref().map(|observe| observe.interval);
    let signals = signals::read(&root);
    let basis = signals.clone().unwrap_or_default();
    let mut services = services(&root, &defaults, (every, &basis));
    division::place(&mut services, shard.map_or(1, |shard| shard.count));
    let scenarios = load_test::scenarios(&root);
    let corrections = correction::read_list(&root, &services);
    let is_secure = web.as_ref().is_some_and(WebSpec::names_tls);
    let listen = listen.map(|listen| (listen, is_secure));
    let alerting = root.section_or_empty(&keys::ALERTS);
    let alerts = alerting
        .as_ref()
        .and_then(|section| alerts::read(section, &services, (&basis, shard), listen));
    let vantage = vantage(&root, &services, defaults.pace);
    let external = alerts.iter().flat_map(|alerts| &alerts.external);
    let external = external.map(|(name, _)| name.clone()).collect();
    let routing = notify::routing(&root, alerting.as_ref(), external);
    let heartbeat = notify::heartbeat(&root);
    let remote_writes = remote_write::read(&root);
    Some(Draft {
        document,
        listen: listen?.0,
        web: web?,
        store: store?,
        max_concurrent_probes: usize::try_from(slots?).ok()?,
        shard: shard?,
        observe: observe?,
        corrections,
        alerts: alerts?,
        vantage,
        signals: signals?,
        scenarios,
        routing,
        heartbeat,
        remote_writes,
        services,
        root,
    })
}

fn store(root: &Section<'_>) -> Option<StoreSpec> {
    let section = root.section_or_empty(&keys::STORE)?;
    let (path, retention) = (store_path(&section), section.get(&keys::RETENTION));
    Some(StoreSpec {
        path: path?,
        retention: retention?,
    })
}

/// The path of the store. `SQLite` does not open a file for some names, even without being asked to
/// interpret them, and other tools accept `sqlite:`.
fn store_path(section: &Section<'_>) -> Option<PathBuf> {
    let key = &keys::STORE_PATH;
    let written = section.get(key)?;
    let text = written.to_string_lossy();
    if [":memory:", "file:", "sqlite:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
    {
        let message = format!("the store cannot be `{text}`: it is a file");
        section.error("invalid-value", key, message, "a path such as data/slod.db");
        return None;
    }
    section.path(key)
}

/// Defaults for services.
#[derive(Default)]
struct Defaults<'n> {
    pace: Pace,
    /// Including those with invalid settings.
    objective_names: Vec<String>,
    objectives: Vec<Located<'n, Arc<Objective>>>,
}

fn defaults<'n>(root: &Section<'n>) -> Defaults<'n> {
    let Some(section) = root.section_or_empty(&keys::DEFAULTS) else {
        return Defaults::default();
    };
    let (interval, timeout) = (&probe_key::DEFAULT_INTERVAL, &probe_key::DEFAULT_TIMEOUT);
    let pace = Pace {
        interval: section.get(interval),
        timeout: section.get(timeout),
    };
    if section.has(timeout) && section.has(interval) {
        pace.check(&section);
    }
    let (objective_names, objectives) = objective::read_list(&section, &objective_key::DEFAULTS);
    Defaults {
        pace,
        objective_names,
        objectives,
    }
}

fn services<'n>(
    root: &Section<'n>,
    defaults: &Defaults<'n>,
    basis: (Option<Duration>, &Settings),
) -> Vec<ServiceDraft<'n>> {
    let mut names = Names::of("service");
    if root.has(&keys::SERVICES) && root.list(&keys::SERVICES).is_empty() {
        root.error(
            "empty-list",
            &keys::SERVICES,
            "no service is configured",
            "add at least one service, with a name and something to observe, such as `probes`",
        );
    }
    let sections = root.sections(&keys::SERVICES);
    let mut services: Vec<_> = sections
        .filter_map(|section| {
            let name = names.take(&section, &key::NAME);
            service(section, name.as_deref(), defaults, basis)
        })
        .collect();
    counting::resolve(&mut services);
    services
}

fn service<'n>(
    section: Section<'n>,
    name: Option<&str>,
    defaults: &Defaults<'n>,
    (every, signals): (Option<Duration>, &Settings),
) -> Option<ServiceDraft<'n>> {
    let service: Arc<str> = name.unwrap_or_default().into();
    let description = section.get(&key::DESCRIPTION).unwrap_or_default().into();
    let labels = labels(&section, &key::LABELS).into();
    let (probe_names, probes) = probe::read_list(&section, &key::PROBES, &service, defaults.pace);
    let (own_names, own) = objective::read_list(&section, &key::OBJECTIVES);
    let processes = observe::processes(&section, &service);
    let metrics = metrics::read(&section, &service, every);
    let load = load_test::read(&section).map(Box::new);
    let signals = signals::read_own(&section, signals);
    // Evaluated in `config::alerts`; read here so that errors are reported even without a valid name.
    section.all(&key::DEPENDS_ON);
    counting::check_any(&section, own.iter().chain(&defaults.objectives));
    name?;
    let mut service = ServiceDraft {
        name: service,
        description,
        labels,
        has_valid_probes: section.list(&key::PROBES).len() == probes.len(),
        section,
        probe_names,
        probes,
        borrowed: Vec::new(),
        invalid_objectives: Vec::new(),
        objectives: Vec::new(),
        processes,
        metrics,
        load,
        // Errors have been reported. Other parts may refer to the service.
        signals: signals.unwrap_or_default(),
        shard: 1,
    };
    let names = own_names
        .into_iter()
        .chain(defaults.objective_names.iter().cloned());
    let is_valid = |name: &String| {
        let mut valid = own.iter().chain(&defaults.objectives);
        valid.any(|one| one.value.name == *name)
    };
    service.invalid_objectives = names.filter(|name| !is_valid(name)).collect();
    service.objectives = objectives(&service, &defaults.objectives, own);
    Some(service)
}

/// The service's own objectives, and the default ones that one of its probes or its metrics count for.
fn objectives<'n>(
    service: &ServiceDraft<'n>,
    defaults: &[Located<'n, Arc<Objective>>],
    own: Vec<Located<'n, Arc<Objective>>>,
) -> Vec<Located<'n, Arc<Objective>>> {
    if service.section.has(&key::OBJECTIVES) && service.section.list(&key::OBJECTIVES).is_empty() {
        return own;
    }
    let fits = |objective: &&Located<'n, Arc<Objective>>| {
        let value = &objective.value;
        let is_counted = match value.source {
            EventSource::Metrics => service.metrics.is_some(),
            EventSource::Probes => service.counting(value).next().is_some(),
        };
        // A service without probes has none with these names.
        let is_named =
            |counted: &ProbeRef| counted.service.is_some() || !service.probe_names.is_empty();
        !service.has_valid_probes || value.probes.iter().any(is_named) || is_counted
    };
    objective::merge(defaults.iter().filter(fits).cloned(), own)
}

/// Minimum number of control probes: with two, a single failure would be half of them.
const CONTROLS: usize = 3;

fn vantage<'n>(
    root: &Section<'n>,
    services: &[ServiceDraft<'n>],
    pace: Pace,
) -> Vec<Located<'n, ProbeSpec>> {
    let list = &keys::VANTAGE;
    if !root.has(list) {
        return Vec::new();
    }
    // The service name under which control probes are stored.
    let service: Arc<str> = list.name.into();
    let (_, probes) = probe::read_list(root, list, &service, pace);
    let count = root.list(list).len();
    if count < CONTROLS {
        let message = format!("too few control probes: {count}");
        let help = format!("expected at least {CONTROLS}, so that a single failure is no majority");
        root.error("out-of-range", list, message, help);
    }
    if let Some(taken) = services.iter().find(|other| other.name == service) {
        let message = "this name is reserved for the control probes";
        taken
            .section
            .error("duplicate-name", &key::NAME, message, "rename the service");
    }
    probes
}
