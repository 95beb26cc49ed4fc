//! Parts of a config that contradict or repeat each other.

use super::finding::{Finding, objectives};
use crate::config::draft::Draft;
use crate::config::keys::{self, objective, service};
use crate::config::model::{ProbeSpec, retention};
use crate::probe::heartbeat::HeartbeatProbe;
use crate::probe::of_type;
use crate::slo::{NoDataPolicy, Objective, Threshold, Window};
use crate::units::show_duration;
use crate::yaml::{Declared, Node, Spot, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

pub(super) fn window_exceeds_retention(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (_, placed) in objectives(draft) {
        let kept = Retention::of(&placed.value, draft);
        found.extend(
            too_long(&placed.value, kept.retention).map(|(window, key)| Finding {
                at: placed.spot_of(key),
                message: format!("the window of {} is longer than {kept}", window.name()),
                help: format!(
                    "raise `{}`, because otherwise the SLI and the budget of this window are withheld",
                    kept.key
                ),
            }),
        );
    }
    found
}

pub(super) fn missing_exceeds_retention(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (_, placed) in objectives(draft) {
        let word = match placed.value.missing {
            NoDataPolicy::Exclude => continue,
            NoDataPolicy::Bad => "bad",
            NoDataPolicy::Good => "good",
        };
        let kept = Retention::of(&placed.value, draft);
        if let Some((window, _)) = too_long(&placed.value, kept.retention).next() {
            found.push(Finding {
                at: placed.spot_of(&objective::ON_MISSING),
                message: format!(
                    "`on_missing: {word}` cannot count deleted minutes: the window of {} is longer than {kept}",
                    window.name(),
                ),
                help: format!("raise `{}`, or choose a shorter window", kept.key),
            });
        }
    }
    found
}

/// Retention of the data that an objective counts, and the key that sets it.
struct Retention {
    retention: Duration,
    key: &'static str,
}

impl Retention {
    fn of(objective: &Objective, draft: &Draft<'_>) -> Self {
        let retention = retention(objective, &draft.store, &draft.observe);
        let key = if retention < draft.store.retention {
            "observe.retention"
        } else {
            "store.retention"
        };
        Self { retention, key }
    }
}

/// Such as `the store's retention of 400d`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.key {
            "store.retention" => "the store's retention",
            _ => "the sample retention",
        };
        write!(f, "{of} of {}", show_duration(self.retention))
    }
}

/// The windows that are longer than the retention, with their keys.
fn too_long(
    objective: &Objective,
    retention: Duration,
) -> impl Iterator<Item = (&Window, &'static dyn Declared)> {
    let keyed = |key: &'static dyn Declared| move |window| (window, key);
    let own = std::iter::once(&objective.window).map(keyed(&objective::WINDOW));
    let additional = objective.additional_windows.iter();
    let additional = additional.map(keyed(&objective::ADDITIONAL_WINDOWS));
    let windows = own.chain(additional);
    windows.filter(move |(window, _)| window.reach() > retention)
}

pub(super) fn latency_above_timeout(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let Some(Threshold { below, .. }) = placed.value.sli.threshold() else {
            continue;
        };
        let too_short = |probe: &&ProbeSpec| probe.timeout <= below;
        let probes = service.counting(&placed.value).map(|probe| &probe.value);
        if let Some(probe) = probes.into_iter().find(too_short) {
            found.push(Finding {
                at: placed.spot_of(&objective::BELOW),
                message: format!(
                    "a threshold of {} has no effect: `{}` times out after {}",
                    show_duration(below),
                    probe.key,
                    show_duration(probe.timeout)
                ),
                help: "raise the probe's timeout above the threshold".to_owned(),
            });
        }
    }
    found
}

pub(super) fn grace_hides_a_miss(draft: &Draft<'_>) -> Vec<Finding> {
    let probes = draft.services.iter().flat_map(|service| &service.probes);
    let found = probes.filter_map(|probe| {
        let due = of_type::<HeartbeatProbe>(&*probe.value.probe)?.due();
        let gap = show_duration(due.hiding_gap()?);
        let (key, grace) = (&probe.value.key, show_duration(due.grace));
        Some(Finding {
            at: probe.section.spot().clone(),
            message: format!(
                "if a report of `{key}` is missing, the next one comes within the grace of {grace} and hides it"
            ),
            help: format!("use a `grace` of less than {gap}, the shortest time between two runs"),
        })
    });
    found.collect()
}

pub(super) fn duplicate_target(draft: &Draft<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<(&str, u64), &ProbeSpec> = BTreeMap::new();
    let mut found = Vec::new();
    for probe in draft.services.iter().flat_map(|service| &service.probes) {
        let spec = &probe.value;
        // Each heartbeat has its own URL.
        if of_type::<HeartbeatProbe>(&*spec.probe).is_some() {
            continue;
        }
        let Some(other) = first.insert((spec.kind, spec.fingerprint), spec) else {
            continue;
        };
        found.push(Finding {
            at: probe.section.spot().clone(),
            message: format!("`{}` is identical to `{}`", spec.key, other.key),
            help: format!(
                "remove one of them if both probe the same target, {}",
                spec.probe.target()
            ),
        });
    }
    found
}

pub(super) fn duplicate_objective(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in &draft.services {
        for (index, placed) in service.objectives.iter().enumerate() {
            let mut earlier = service.objectives[..index].iter().map(|other| &other.value);
            let same = earlier.find(|other| {
                let mut renamed = Objective::clone(other);
                renamed.name.clone_from(&placed.value.name);
                renamed == *placed.value
            });
            if let Some(other) = same {
                found.push(Finding {
                    at: placed.section.spot().clone(),
                    message: format!(
                        "`{}` of `{}` is identical to `{}`",
                        placed.value.name, service.name, other.name
                    ),
                    help: "remove one of them, because both would alert at the same time"
                        .to_owned(),
                });
            }
        }
    }
    found
}

pub(super) fn no_objective(draft: &Draft<'_>) -> Vec<Finding> {
    let borrowed = draft.services.iter().flat_map(|service| &service.borrowed);
    let on_journeys: BTreeSet<_> = borrowed.map(|probe| &probe.value.key.service).collect();
    draft
        .services
        .iter()
        .filter(|service| {
            service.objectives.is_empty() && !service.section.has(&service::OBJECTIVES)
        })
        .filter(|service| !on_journeys.contains(&service.name))
        .filter_map(|service| {
            let (what, source) = match service.probe_names.is_empty() {
                false => ("probes", ""),
                true if service.metrics.is_some() => ("metrics", " with `source: metrics`"),
                // Nothing counts for objectives.
                true => return None,
            };
            Some(Finding {
                at: service.section.spot_of(&service::NAME),
                message: format!("`{}` has {what} but no objectives", service.name),
                help: format!(
                    "add `objectives`{source} here or under `defaults`, or `objectives: []` if none is intended"
                ),
            })
        })
        .collect()
}

/// Default objectives without a service, unless services replace them.
pub(super) fn unused_default(draft: &Draft<'_>) -> Vec<Finding> {
    let objectives: Vec<_> = objectives(draft)
        .map(|(_, placed)| &placed.value.name)
        .collect();
    let defaults = draft.root.section(&keys::DEFAULTS);
    let defaults = defaults
        .iter()
        .flat_map(|section| section.sections(&objective::DEFAULTS));
    let unused = defaults.filter_map(|section| {
        let name = section.get(&objective::NAME)?;
        (!objectives.contains(&&name)).then(|| Finding {
            at: section.spot_of(&objective::NAME),
            message: format!("the default objective `{name}` applies to no service"),
            help: "remove it, or add what it counts to a service".to_owned(),
        })
    });
    unused.collect()
}

pub(super) fn too_few_slots(draft: &Draft<'_>) -> Vec<Finding> {
    let busy: f64 = draft
        .services
        .iter()
        .flat_map(|service| &service.probes)
        .map(|probe| probe.value.timeout.as_secs_f64() / probe.value.interval.as_secs_f64())
        .sum();
    if busy <= draft.max_concurrent_probes as f64 {
        return Vec::new();
    }
    vec![Finding {
        at: draft.root.spot_of(&keys::MAX_CONCURRENT_PROBES),
        message: format!(
            "if all services hang, {:.0} probes run at the same time, but the limit is {}: the others are missed",
            busy.ceil(),
            draft.max_concurrent_probes
        ),
        help: "raise `max_concurrent_probes`, or shorten timeouts".to_owned(),
    }]
}

pub(super) fn unreplaced_variable(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    visit(draft.document, &Spot::of(draft.document, ""), &mut found);
    found
}

/// Finds `$NAME` in values and variables in keys: only `${NAME}` in values is expanded, and in the keys of
/// the JSON bodies of load runs.
fn visit(node: &Node, at: &Spot, found: &mut Vec<Finding>) {
    match &node.value {
        Value::Text(text) => {
            if let Some(name) = bare_variable(text) {
                found.push(Finding {
                    at: at.clone(),
                    message: format!("`${name}` is not expanded"),
                    help: format!("write ${{{name}}} to use the environment variable"),
                });
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(
                    item,
                    &Spot::of(item, format!("{}[{index}]", at.path)),
                    found,
                );
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let name = key.value.scalar().unwrap_or_default();
                if name.contains("${") && !is_json_body(&at.path) {
                    found.push(Finding {
                        at: Spot::of(key, at.below(&name)),
                        message: "variables in keys are not expanded".to_owned(),
                        help: "write the key without variables".to_owned(),
                    });
                }
                visit(value, &Spot::of(value, at.below(&name)), found);
            }
        }
        Value::Null => {}
    }
}

/// Whether a path is in the `json` of a request of `load`.
fn is_json_body(path: &str) -> bool {
    let request = path.split_once(".load.requests");
    request.is_some_and(|(_, rest)| rest.split('.').any(|name| name == "json"))
}

/// The name in `$NAME`: at least two capital letters, digits or `_`, as is usual for variables.
fn bare_variable(text: &str) -> Option<&str> {
    text.split('$').skip(1).find_map(|tail| {
        let word = |c: char| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit();
        let end = tail.find(|c| !word(c)).unwrap_or(tail.len());
        let starts_well = tail.starts_with(|c: char| c == '_' || c.is_ascii_uppercase());
        (starts_well && end >= 2).then(|| &tail[..end])
    })
}

pub(super) fn open_listen(draft: &Draft<'_>) -> Vec<Finding> {
    let web = &draft.web;
    // The file is not read here; it is checked by its reader.
    let guarded = web.config_file.is_some() || !web.tokens.is_empty();
    if draft.listen.ip().is_loopback() || guarded {
        return Vec::new();
    }
    let listen = draft.listen;
    let can = web.strangers_can();
    vec![Finding {
        at: draft.root.spot_of(&keys::LISTEN),
        message: format!("no authentication: everyone who can reach {listen} can {can}"),
        help: "set `web.config_file` or `web.tokens`, or listen on 127.0.0.1".to_owned(),
    }]
}
