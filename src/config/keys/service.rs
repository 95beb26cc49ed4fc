//! The keys of a service.

use super::{load, metrics, objective, observe, probe, signals};
use crate::yaml::{Key, Keys, List, Map, Mapping, Text};

pub const KEYS: Keys = &[
    &NAME,
    &DESCRIPTION,
    &LABELS,
    &PROBES,
    &OBJECTIVES,
    &PROCESSES,
    &METRICS,
    &DEPENDS_ON,
    &LOAD,
    &SIGNALS,
];

/// Bounded, because a service with many dependencies would be inhibited most of the time.
const MAX_DEPENDENCIES: usize = 50;

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name, up to 100 characters, without `/`. The history is stored under this name; `slod store rename` renames it.",
);

pub const DESCRIPTION: Key<Text> = Key::optional("description", Text, "One-line description.");

pub const LABELS: Key<Map<Text>> = Key::optional(
    "labels",
    Map::of(Text),
    "Labels such as `team: assistants`, shown on the service's page and in the API, and exported by the metric `slod_service_info`, for joins. Label names follow the rules of Prometheus; names that slod's own metrics use are rejected.",
);

pub const DEPENDS_ON: Key<List<Text>> = Key::optional(
    "depends_on",
    List::up_to(MAX_DEPENDENCIES, Text),
    "Services that this one cannot work without. While an alert of urgency `page` fires for one of them, or for one that they depend on, and it failed within the last minutes, new alerts of this service are recorded as inhibited and not notified. A service that fails during maintenance (a correction of all its objectives) counts as having a firing page. If this service still fails when the other one has recovered, its alert is notified then. A service that another shard observes (`shard`) inhibits nothing here.",
);

pub const PROBES: Key<List<Mapping>> = Key::optional(
    "probes",
    List::of(Mapping(probe::KEYS)),
    "Probes of the service. They can be omitted if it has `metrics` or `processes`, or if its objectives count probes of other services.",
);

pub const OBJECTIVES: Key<List<Mapping>> = Key::optional(
    "objectives",
    objective::LIST,
    "Objectives in addition to the default ones. One with the name of a default objective replaces it. An empty list `[]` means no objectives, not even the default ones.",
);

pub const PROCESSES: Key<List<Mapping>> = Key::optional(
    "processes",
    observe::PROCESSES,
    "Processes of the service, including all their descendants.",
);

pub const METRICS: Key<Mapping> = Key::optional(
    "metrics",
    Mapping(metrics::KEYS),
    "Metrics of the service: a Prometheus or JSON endpoint, requested in the same way as by the `http` probe. Roles without a selector are detected by the metric names of common libraries; `slod probe SERVICE --metrics` shows what was found.",
);

pub const LOAD: Key<Mapping> = Key::optional(
    "load",
    Mapping(load::KEYS),
    "Expected load of the service, its response times under that load, and the requests of load runs.",
);

pub const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(signals::KEYS),
    "Warning signs of this service, except `disk_full_soon`, which is about the host. Default: the root's `signals`.",
);
