//! The keys of a service.

use super::{objective, observe, probe};
use crate::yaml::{Key, Keys, List, Map, Mapping, Text};

pub const KEYS: Keys = &[
    &NAME,
    &DESCRIPTION,
    &LABELS,
    &PROBES,
    &OBJECTIVES,
    &PROCESSES,
];

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name, up to 100 characters, without `/`. Its history belongs to this name.",
);

pub const DESCRIPTION: Key<Text> = Key::optional("description", Text, "One line for people.");

pub const LABELS: Key<Map<Text>> = Key::optional(
    "labels",
    Map::of(Text),
    "Labels such as `team: assistants`: on the service's page, in the API, and on the metric `slod_service_info` to join with. Names as in Prometheus; those that slod's own metrics use are refused.",
);

pub const PROBES: Key<List<Mapping>> = Key::optional(
    "probes",
    List::of(Mapping(probe::KEYS)),
    "Ways of looking at the service. Only a journey, whose objectives count probes of other services, has none.",
);

pub const OBJECTIVES: Key<List<Mapping>> = Key::optional(
    "objectives",
    objective::LIST,
    "Objectives in addition to the default ones, or instead of those with the same name. An empty list `[]` means none at all, not even the default ones.",
);

pub const PROCESSES: Key<List<Mapping>> = Key::optional(
    "processes",
    observe::PROCESSES,
    "Processes that the service is made of, with all their descendants.",
);
