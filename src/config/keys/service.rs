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

/// A service that depends on more would be inhibited by almost everything.
const MAX_DEPENDENCIES: usize = 50;

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name, up to 100 characters, without `/`. The history is stored under this name.",
);

pub const DESCRIPTION: Key<Text> = Key::optional("description", Text, "Description in one line.");

pub const LABELS: Key<Map<Text>> = Key::optional(
    "labels",
    Map::of(Text),
    "Labels such as `team: assistants`: on the service's page, in the API, and on the metric `slod_service_info`, for joins. Label names as in Prometheus; names that slod's own metrics use are rejected.",
);

pub const DEPENDS_ON: Key<List<Text>> = Key::optional(
    "depends_on",
    List::up_to(MAX_DEPENDENCIES, Text),
    "Services that this one cannot work without. While an alert of urgency `page` fires for one of them, or for one that they depend on, and it failed within the last minutes, new alerts of this service are recorded as inhibited and nobody is notified. A service that fails within a maintenance (a correction of all its objectives) counts as one that a page fires for. If this service still fails when the other one is back, people are notified then.",
);

pub const PROBES: Key<List<Mapping>> = Key::optional(
    "probes",
    List::of(Mapping(probe::KEYS)),
    "The probes of the service. They can be omitted only if its objectives count probes of other services.",
);

pub const OBJECTIVES: Key<List<Mapping>> = Key::optional(
    "objectives",
    objective::LIST,
    "Objectives in addition to the default ones, or instead of those with the same name. An empty list `[]` means none at all, not even the default ones.",
);

pub const PROCESSES: Key<List<Mapping>> = Key::optional(
    "processes",
    observe::PROCESSES,
    "Processes of the service, including all their descendants.",
);

pub const METRICS: Key<Mapping> = Key::optional(
    "metrics",
    Mapping(metrics::KEYS),
    "The service's own metrics: a Prometheus or JSON endpoint, read like the `http` probe reads its address. Roles without a selector are found by the names that common libraries use; `slod probe SERVICE --metrics` shows what was found.",
);

pub const LOAD: Key<Mapping> = Key::optional(
    "load",
    Mapping(load::KEYS),
    "The load that the service is expected to bear, its response times under it, and the request that load runs send.",
);

pub const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(signals::KEYS),
    "Warning signs of this service; those that are left out are as in the root's `signals`.",
);
