//! The keys of remote write.

use crate::probe::http::Address;
use crate::probe::http::push::OPTIONS;
use crate::yaml::{Declared, Key, Keys, List, Map, Mapping, Span, Text};
use std::time::Duration;

/// Each destination has a queue of its own.
const MAX: usize = 8;

pub const REMOTE_WRITE: Key<List<Mapping>> = Key::optional(
    "remote_write",
    List::up_to(MAX, Mapping(KEYS)),
    "Servers that get all metrics of `/metrics` by Prometheus remote write 1.0, if none can scrape this daemon: Prometheus, Mimir, Thanos, VictoriaMetrics or a hosted service.",
);

const OWN: usize = 7;

static ALL: [&dyn Declared; OWN + OPTIONS.len()] = {
    let mut keys: [&dyn Declared; OWN + OPTIONS.len()] = [&NAME; OWN + OPTIONS.len()];
    keys[1] = &URL;
    keys[2] = &INTERVAL;
    keys[3] = &TIMEOUT;
    keys[4] = &JOB;
    keys[5] = &INSTANCE;
    keys[6] = &LABELS;
    let mut at = 0;
    while at < OPTIONS.len() {
        keys[OWN + at] = OPTIONS[at];
        at += 1;
    }
    keys
};

pub const KEYS: Keys = &ALL;

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name: the label `remote` of the metrics about it.",
);

pub const URL: Key<Address> = Key::required(
    "url",
    Address::HTTP,
    "URL that receives the samples, such as `https://prometheus.example.org/api/v1/write`: `http` or `https`, without credentials. Redirects are not followed.",
);

pub const INTERVAL: Key<Span> = Key::with_default(
    "interval",
    Span::within(Duration::from_secs(5), Duration::from_mins(4)),
    "30s",
    "How often samples are sent. Prometheus regards series without a sample for five minutes as ended.",
);

pub const TIMEOUT: Key<Span> = Key::with_default(
    "timeout",
    Span::within(Duration::from_millis(100), Duration::from_mins(2)),
    "30s",
    "Timeout of a request.",
);

pub const JOB: Key<Text> = Key::with_default("job", Text, "slod", "The label `job` of all series.");

pub const INSTANCE: Key<Text> = Key::optional(
    "instance",
    Text,
    "The label `instance` of all series. Default: the host name and the port of `listen`.",
);

pub const LABELS: Key<Map<Text>> = Key::optional(
    "labels",
    Map::of(Text),
    "Labels of all series, such as `location: eu-1`. Label names follow the rules of Prometheus; names that slod's own metrics use are rejected.",
);
