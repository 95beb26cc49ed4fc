//! Reads the document's root and services.

use super::correction;
use super::counting;
use super::draft::{Draft, Placed, ServiceDraft};
use super::keys::{self, DEFAULTS, INTERVALS, RETENTIONS, ROOT, SERVICE, STORE, TIMEOUTS};
use super::model::{ProbeSpec, StoreSpec};
use super::name::{Names, label_fault};
use super::objective;
use super::observe;
use super::probe::{self, Pace};
use super::web;
use crate::probe::Kind;
use crate::slo::Objective;
use crate::units;
use crate::yaml::{Node, Reader, Section};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Reads everything; `None` if something is missing, which is reported then.
pub(super) fn document<'n>(
    reader: &'n Reader<'n>,
    document: &'n Node,
    kinds: &[&'static dyn Kind],
) -> Option<Draft<'n>> {
    let root = reader.section(document, "", ROOT)?;
    let listen = if root.has("listen") {
        let expected = "an address and port such as 127.0.0.1:9771 or [::]:9771";
        root.parse("listen", expected, |text| text.parse().ok())
    } else {
        keys::DEFAULT_LISTEN.parse().ok()
    };
    let web = web::read(&root);
    let store = store(&root);
    let slots = if root.has("max_concurrent_probes") {
        root.integer("max_concurrent_probes", keys::SLOTS.0..=keys::SLOTS.1)
    } else {
        keys::DEFAULT_SLOTS.parse().ok()
    };
    let observe = observe::read(&root);
    let defaults = defaults(&root);
    let services = services(&root, &defaults, kinds);
    let corrections = correction::read_list(&root, &services);
    let vantage = vantage(&root, &services, defaults.pace, kinds);
    Some(Draft {
        document,
        listen: listen?,
        web: web?,
        store: store?,
        max_concurrent_probes: usize::try_from(slots?).ok()?,
        observe: observe?,
        corrections,
        vantage,
        services,
        root,
    })
}

/// A default as it is declared, in the form in which it is read.
pub(super) fn written(default: &str) -> Option<Duration> {
    units::duration(default)
}

/// A duration from the first to the second of `range`, or the default if it is left out.
pub(super) fn duration_within(
    section: &Section<'_>,
    name: &str,
    range: (Duration, Duration),
    default: Option<Duration>,
) -> Option<Duration> {
    if !section.has(name) {
        return default;
    }
    let span = section.duration(name)?;
    if span >= range.0 && span <= range.1 {
        return Some(span);
    }
    let show = units::show_duration;
    section.error(
        "out-of-range",
        name,
        format!(
            "{} is too {}",
            show(span),
            if span < range.0 { "short" } else { "long" }
        ),
        format!("expected {} to {}", show(range.0), show(range.1)),
    );
    None
}

fn store(root: &Section<'_>) -> Option<StoreSpec> {
    let retention = written(keys::DEFAULT_RETENTION);
    if !root.has("store") {
        return Some(StoreSpec {
            path: root.reader().resolve(keys::DEFAULT_STORE),
            retention: retention?,
        });
    }
    let section = root.section("store", STORE)?;
    let path = if section.has("path") {
        section.path("path")
    } else {
        Some(root.reader().resolve(keys::DEFAULT_STORE))
    };
    let retention = duration_within(&section, "retention", RETENTIONS, retention);
    Some(StoreSpec {
        path: path?,
        retention: retention?,
    })
}

/// What services start from.
struct Defaults<'n> {
    pace: Pace,
    objectives: Vec<Placed<'n, Objective>>,
}

fn defaults<'n>(root: &Section<'n>) -> Defaults<'n> {
    let interval = written(keys::DEFAULT_INTERVAL);
    let timeout = written(keys::DEFAULT_TIMEOUT);
    let Some(section) = root.section("defaults", DEFAULTS) else {
        let pace = Pace { interval, timeout };
        return Defaults {
            pace,
            objectives: Vec::new(),
        };
    };
    let pace = Pace {
        interval: duration_within(&section, "interval", INTERVALS, interval),
        timeout: duration_within(&section, "timeout", TIMEOUTS, timeout),
    };
    if section.has("timeout") && section.has("interval") {
        pace.check(&section);
    }
    Defaults {
        pace,
        objectives: objective::read_list(&section),
    }
}

fn services<'n>(
    root: &Section<'n>,
    defaults: &Defaults<'n>,
    kinds: &[&'static dyn Kind],
) -> Vec<ServiceDraft<'n>> {
    let mut names = Names::of("service");
    let items = root.list("services");
    if items.is_empty() && root.has("services") {
        root.error(
            "empty-list",
            "services",
            "there is no service",
            "add at least one, with a name and a probe",
        );
    }
    let sections = items
        .into_iter()
        .filter_map(|(at, node)| root.reader().section(node, &at.path, SERVICE));
    let mut services: Vec<_> = sections
        .filter_map(|section| {
            let name = names.take(&section);
            service(section, name.as_deref(), defaults, kinds)
        })
        .collect();
    counting::resolve(&mut services);
    services
}

fn service<'n>(
    section: Section<'n>,
    name: Option<&str>,
    defaults: &Defaults<'n>,
    kinds: &[&'static dyn Kind],
) -> Option<ServiceDraft<'n>> {
    let service: Arc<str> = name.unwrap_or_default().into();
    let description = section.text("description").unwrap_or_default();
    let labels = labels(&section);
    let (probe_names, probes) =
        probe::read_list(&section, "probes", &service, defaults.pace, kinds);
    let own = objective::read_list(&section);
    let processes = observe::processes(&section, &service);
    counting::check_any(&section, own.iter().chain(&defaults.objectives));
    name?;
    let mut service = ServiceDraft {
        name: service,
        description,
        labels,
        is_sound: section.list("probes").len() == probes.len(),
        section,
        probe_names,
        probes,
        borrowed: Vec::new(),
        objectives: Vec::new(),
        processes,
    };
    service.objectives = objectives(&service, &defaults.objectives, own);
    Some(service)
}

/// The service's own objectives, and the default ones that some probe of it counts for.
fn objectives<'n>(
    service: &ServiceDraft<'n>,
    defaults: &[Placed<'n, Objective>],
    own: Vec<Placed<'n, Objective>>,
) -> Vec<Placed<'n, Objective>> {
    if service.section.has("objectives") && service.section.list("objectives").is_empty() {
        return own;
    }
    let fits = |objective: &&Placed<'n, Objective>| {
        let value = &objective.value;
        !service.is_sound || !value.probes.is_empty() || service.counting(value).next().is_some()
    };
    objective::merge(defaults.iter().filter(fits).cloned(), own)
}

/// The service that control probes are kept under.
const VANTAGE: &str = "vantage";
/// Of two, one that fails would be half of them: not most, and not few.
const CONTROLS: usize = 3;

fn vantage<'n>(
    root: &Section<'n>,
    services: &[ServiceDraft<'n>],
    pace: Pace,
    kinds: &[&'static dyn Kind],
) -> Vec<Placed<'n, ProbeSpec>> {
    if !root.has(VANTAGE) {
        return Vec::new();
    }
    let (_, probes) = probe::read_list(root, VANTAGE, &VANTAGE.into(), pace, kinds);
    let count = root.list(VANTAGE).len();
    if count < CONTROLS {
        let message = format!("{count} control probes are too few");
        let help =
            format!("expected at least {CONTROLS}, so that one that fails is not most of them");
        root.error("out-of-range", VANTAGE, message, help);
    }
    if let Some(taken) = services.iter().find(|service| *service.name == *VANTAGE) {
        let message = "this name belongs to the control probes";
        taken
            .section
            .error("duplicate-name", "name", message, "rename the service");
    }
    probes
}

fn labels(section: &Section<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, value, at) in section.text_map("labels") {
        if let Some(fault) = label_fault(&name) {
            let message = format!("`{name}` cannot be a label");
            section.reader().error("invalid-name", &at, message, fault);
        } else if !seen.insert(name.clone()) {
            let message = format!("`{name}` is given twice");
            let reader = section.reader();
            reader.error("duplicate-key", &at, message, "keep one of them");
        } else {
            labels.push((name, value));
        }
    }
    labels
}
