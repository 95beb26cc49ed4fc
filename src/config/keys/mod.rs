//! Every key of the config: what the reader accepts, and what the docs say. Keys of probe kinds
//! stand with their kinds.

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
pub(super) mod service;
pub(super) mod signals;
pub(super) mod web;
pub(super) mod window;

use crate::units::DAY;
use crate::yaml::{FilePath, Integer, Key, Keys, List, Mapping, Span};
use listen::ListenForm;
use std::time::Duration;

pub const ROOT: Keys = &[
    &LISTEN,
    &WEB,
    &STORE,
    &MAX_CONCURRENT_PROBES,
    &DEFAULTS,
    &OBSERVE,
    &VANTAGE,
    &CORRECTIONS,
    &notify::RECEIVERS,
    &notify::ROUTES,
    &notify::HEARTBEAT,
    &ALERTS,
    &SIGNALS,
    &SCENARIOS,
    &SERVICES,
];

pub(super) const LISTEN: Key<ListenForm> = Key::with_default(
    "listen",
    ListenForm,
    "127.0.0.1:9771",
    "Address and port of the pages, the API and `/metrics`. Without authentication (see `web`), everyone who can reach it can read everything, and only a loopback address accepts writes.",
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

pub(super) const DEFAULTS: Key<Mapping> = Key::optional(
    "defaults",
    Mapping(&[
        &probe::DEFAULT_INTERVAL,
        &probe::DEFAULT_TIMEOUT,
        &objective::DEFAULTS,
    ]),
    "Defaults of probes and services.",
);

pub(super) const OBSERVE: Key<Mapping> = Key::optional(
    "observe",
    Mapping(observe::KEYS),
    "Which metrics of the host and of the services' processes are sampled.",
);

pub(super) const VANTAGE: Key<List<Mapping>> = Key::optional(
    "vantage",
    List::of(Mapping(probe::KEYS)),
    "Control probes of targets that are up whenever the local network is, such as the gateway and two external sites. While most of them fail, failures that a local network failure can explain, such as timeouts, are void, not bad. At least three are needed.",
);

pub(super) const CORRECTIONS: Key<List<Mapping>> = Key::optional(
    "corrections",
    List::up_to(correction::MAX, Mapping(correction::KEYS)),
    "Time that does not count, such as planned maintenance. Probing goes on; what it finds is kept.",
);

pub(super) const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(signals::KEYS),
    "Warning signs that are looked for: `false` switches one off, a mapping sets its threshold. They hold for the host and for all services; a service can have its own `signals`.",
);

pub(super) const SCENARIOS: Key<List<Mapping>> = Key::optional(
    "scenarios",
    List::up_to(100, Mapping(load::SCENARIO)),
    "Load scenarios for `slod load`, in addition to those that are built in.",
);

pub(super) const ALERTS: Key<Mapping> = Key::optional(
    "alerts",
    Mapping(alerts::KEYS),
    "What fires: burn-rate tiers, conditions of error budgets, and warning signs.",
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
    "The SQLite file, relative to the config file. Its directory is created if it does not exist.",
);

pub(super) const RETENTION: Key<Span> = Key::with_default(
    "retention",
    Span::within(DAY, Duration::from_secs(3660 * DAY.as_secs())),
    "400d",
    "How long every outcome is kept. The SLI, the budget and the burn rate of a window that reaches further back are withheld.",
);
