//! The keys of a service's own metrics.

use crate::probe::http::Address;
use crate::probe::http::fetch::OPTIONS;
use crate::roles::{Role, RoleKind};
use crate::yaml::{Declared, Key, Keys, Mapping, Span, Text};
use std::time::Duration;

pub const URL: Key<Address> = Key::optional(
    "url",
    Address::HTTP,
    "URL of the Prometheus endpoint. The service chooses the format: protobuf (required for native histograms), text 0.0.4 or OpenMetrics 1.0. An `Accept` header in `headers` requests a specific one.",
);

pub const JSON: Key<Mapping> = Key::optional(
    "json",
    Mapping(&JSON_KEYS),
    "A JSON endpoint instead of `url`. Each role has a JSONPath instead of a selector, and none can be a histogram. The numbers that it finds are added, including those written as strings; `true` counts as 1, and so do the words for an open or half-open circuit breaker. Other texts are ignored and counted (`slod_scrape_samples_dropped`).",
);

pub const INTERVAL: Key<Span> = Key::optional(
    "interval",
    Span::within(Duration::from_secs(1), Duration::from_mins(5)),
    "Scrape interval. Default: `observe.interval`.",
);

pub const TIMEOUT: Key<Span> = Key::optional(
    "timeout",
    Span::within(Duration::from_millis(10), Duration::from_mins(5)),
    "Scrape timeout, at most the interval. Default: 5s or the interval, whichever is shorter.",
);

pub const JSON_URL: Key<Address> = Key::required(
    "url",
    Address::HTTP,
    "URL of the JSON document: `http` or `https`, without credentials.",
);

/// One key per role, with the role's name.
pub static SELECTORS: [Key<Text>; Role::COUNT] = role_keys(false);
/// The same for JSON documents.
static PATHS: [Key<Text>; Role::COUNT] = role_keys(true);

const OWN: usize = 4;

static ALL: [&dyn Declared; OWN + OPTIONS.len() + Role::COUNT] = {
    let mut keys: [&dyn Declared; OWN + OPTIONS.len() + Role::COUNT] =
        [&URL; OWN + OPTIONS.len() + Role::COUNT];
    keys[1] = &JSON;
    keys[2] = &INTERVAL;
    keys[3] = &TIMEOUT;
    let mut at = 0;
    while at < OPTIONS.len() {
        keys[OWN + at] = OPTIONS[at];
        at += 1;
    }
    at = 0;
    while at < Role::COUNT {
        keys[OWN + OPTIONS.len() + at] = &SELECTORS[at];
        at += 1;
    }
    keys
};

pub const KEYS: Keys = &ALL;

static JSON_KEYS: [&dyn Declared; 1 + Role::COUNT] = {
    let mut keys: [&dyn Declared; 1 + Role::COUNT] = [&JSON_URL; 1 + Role::COUNT];
    let mut at = 0;
    while at < Role::COUNT {
        keys[1 + at] = &PATHS[at];
        at += 1;
    }
    keys
};

const fn role_keys(of_json: bool) -> [Key<Text>; Role::COUNT] {
    let mut keys = [Key::optional("", Text, ""); Role::COUNT];
    let mut at = 0;
    while at < Role::COUNT {
        let role = Role::ALL[at];
        let meaning = match role.kind() {
            _ if !of_json => role.selector_meaning(),
            RoleKind::Histogram => "Invalid here: a JSON document has no histograms.",
            _ => role.path_meaning(),
        };
        keys[at] = Key::optional(role.name(), Text, meaning);
        at += 1;
    }
    keys
}
