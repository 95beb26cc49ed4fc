//! All keys of the config, as the reader accepts them and the docs describe them. The keys of probe
//! kinds are declared by the kinds.

pub(super) mod alerts;
pub(super) mod correction;
mod listen;
pub(super) mod load;
pub(super) mod load_requests;
pub(super) mod metrics;
pub(super) mod notify;
pub(super) mod objective;
pub(super) mod observe;
pub(super) mod probe;
pub(super) mod remote_write;
pub(super) mod service;
mod shard;
pub(super) mod signals;
pub(super) mod web;
pub(super) mod window;

use crate::units::DAY;
use crate::yaml::{FilePath, Integer, Key, Keys, List, Mapping, Span};
use listen::ListenForm;
use shard::ShardForm;
use std::time::Duration;

pub const ROOT: Keys = &[
    &LISTEN,
    &WEB,
    &STORE,
    &MAX_CONCURRENT_PROBES,
    &SHARD,
    &DEFAULTS,
    &OBSERVE,
    &VANTAGE,
    &CORRECTIONS,
    &notify::RECEIVERS,
    &notify::ROUTES,
    &notify::HEARTBEAT,
    &remote_write::REMOTE_WRITE,
    &ALERTS,
    &SIGNALS,
    &SCENARIOS,
    &SERVICES,
];

pub(super) const LISTEN: Key<ListenForm> = Key::with_default(
    "listen",
    ListenForm,
    "127.0.0.1:9771",
    "Listen address of the web pages, the API and `/metrics`. Without authentication (see `web`), everyone who can reach it can read everything, and only a loopback address accepts writes.",
);

pub(super) const WEB: Key<Mapping> = Key::optional(
    "web",
    Mapping(web::KEYS),
    "TLS and authentication, see `docs/WEB.md`.",
);

pub(super) const STORE: Key<Mapping> = Key::optional(
    "store",
    Mapping(&[&STORE_PATH, &RETENTION]),
    "Where outcomes are stored, and for how long.",
);

pub(super) const MAX_CONCURRENT_PROBES: Key<Integer> = Key::with_default(
    "max_concurrent_probes",
    Integer(1, 100_000),
    "256",
    "Maximum number of probes that run at the same time. A probe that cannot start in time is counted as missed.",
);

pub(super) const SHARD: Key<ShardForm> = Key::with_default(
    "shard",
    ShardForm,
    "1/1",
    "Which part of the services this daemon observes, if several daemons with the same config divide them among themselves: `2/5` is the second of five. In a Kubernetes StatefulSet, `${POD_NAME}/5` with the name of the pod, such as `slod-0` for the first part. A service, with all of its probes, is in one part, and stays with services whose objectives count its probes. Alerts have the number as the label `shard`, unless `alerts.external_labels` sets it.",
);

pub(super) const DEFAULTS: Key<Mapping> = Key::optional(
    "defaults",
    Mapping(&[
        &probe::DEFAULT_INTERVAL,
        &probe::DEFAULT_TIMEOUT,
        &objective::DEFAULTS,
    ]),
    "Defaults for probes and services.",
);

pub(super) const OBSERVE: Key<Mapping> = Key::optional(
    "observe",
    Mapping(observe::KEYS),
    "Which metrics of the host and of the services' processes are sampled.",
);

pub(super) const VANTAGE: Key<List<Mapping>> = Key::optional(
    "vantage",
    List::of(Mapping(probe::KEYS)),
    "Control probes of targets that are up whenever the local network is, such as the gateway and two external sites. While most of them fail, failures that a local network outage can explain, such as timeouts, are void instead of bad. At least three are required.",
);

pub(super) const CORRECTIONS: Key<List<Mapping>> = Key::optional(
    "corrections",
    List::up_to(correction::MAX, Mapping(correction::KEYS)),
    "Periods that are excluded from the SLOs, such as planned maintenance. Probing continues, and its outcomes are kept.",
);

pub(super) const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(signals::KEYS),
    "Warning signs of the host and of all services: `false` turns a sign off, a mapping sets its threshold and, with `for`, how long it must be active before it becomes an alert. A service can override them in its own `signals`.",
);

pub(super) const SCENARIOS: Key<List<Mapping>> = Key::optional(
    "scenarios",
    List::up_to(100, Mapping(load::SCENARIO)),
    "Load scenarios for `slod load`, in addition to the built-in ones.",
);

pub(super) const ALERTS: Key<Mapping> = Key::optional(
    "alerts",
    Mapping(alerts::KEYS),
    "When alerts fire: burn-rate tiers, error budget conditions and warning signs; and the labels of their messages.",
);

pub(super) const SERVICES: Key<List<Mapping>> = Key::required(
    "services",
    List::of(Mapping(service::KEYS)),
    "The monitored services; at least one.",
);

pub(super) const STORE_PATH: Key<FilePath> = Key::with_default(
    "path",
    FilePath,
    "data/slod.db",
    "SQLite file, relative to the config file. Its directory is created if it does not exist.",
);

pub(super) const RETENTION: Key<Span> = Key::with_default(
    "retention",
    Span::within(DAY, Duration::from_secs(3660 * DAY.as_secs())),
    "400d",
    "How long outcomes are kept. The SLI, error budget and burn rate of a window that reaches further back are withheld.",
);
