//! Every key of the config, as data: what the reader accepts, and what the docs say.

use crate::yaml::{Key, Shape};
use std::time::Duration;

pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:9771";
pub(super) const DEFAULT_STORE: &str = "data/slod.db";
pub(super) const DEFAULT_RETENTION: &str = "400d";
pub(super) const DEFAULT_SLOTS: &str = "256";
pub(super) const DEFAULT_INTERVAL: &str = "10s";
pub(super) const DEFAULT_TIMEOUT: &str = "5s";
pub(super) const DEFAULT_WINDOW: &str = "30d";
pub(super) const DEFAULT_ZONE: &str = "UTC";
pub(super) const DEFAULT_SAMPLING: &str = "10s";
pub(super) const DEFAULT_EXCLUDE: &str =
    "lo|(veth|docker|br-|virbr|cni|flannel|cali|vnet|tap|podman|lxc|lxd).*";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Under a tenth of a second it is a load test; over a day no window would notice.
pub(super) const INTERVALS: (Duration, Duration) = (Duration::from_millis(100), DAY);
/// An open timeslice waits for little longer than an hour.
pub(super) const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(10), HOUR);
/// Burn rates look back for at least five minutes; an hour holds twelve of those.
pub(super) const WINDOWS: (Duration, Duration) = (HOUR, Duration::from_secs(400 * 86_400));
pub(super) const RETENTIONS: (Duration, Duration) = (DAY, Duration::from_secs(3660 * 86_400));
pub(super) const SAMPLINGS: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(300));
pub(super) const SLOTS: (i64, i64) = (1, 100_000);

pub(super) const ROOT: &[Key] = &[
    Key::optional(
        "listen",
        Shape::Text,
        DEFAULT_LISTEN,
        "Address and port of the pages, the API and `/metrics`. Without authentication (see `web`), everybody who reaches it can read everything, and only a loopback address accepts writes.",
    ),
    Key::optional(
        "web",
        Shape::Section(WEB),
        "",
        "TLS and authentication, see `docs/WEB.md`.",
    ),
    Key::optional(
        "store",
        Shape::Section(STORE),
        "",
        "Where outcomes are kept, and how long.",
    ),
    Key::optional(
        "max_concurrent_probes",
        Shape::Integer(SLOTS.0, SLOTS.1),
        DEFAULT_SLOTS,
        "How many probes may run at the same time. A probe that finds no place in time is counted as missed.",
    ),
    Key::optional(
        "defaults",
        Shape::Section(DEFAULTS),
        "",
        "What probes and services have unless they say otherwise.",
    ),
    Key::optional(
        "observe",
        Shape::Section(OBSERVE),
        "",
        "What is sampled of the host and of the services' processes.",
    ),
    Key::optional(
        "vantage",
        Shape::List(&Shape::Section(PROBE)),
        "",
        "Control probes of things that are up if our own network is, such as the gateway and two sites of others. While most of them fail, timeouts and the like of services are void, not bad. At least three are needed.",
    ),
    Key::optional(
        "corrections",
        Shape::List(&Shape::Section(CORRECTION)),
        "",
        "Time that shall not count, such as planned maintenance. Probing goes on; what it finds is kept.",
    ),
    Key::required(
        "services",
        Shape::List(&Shape::Section(SERVICE)),
        "What users care about; at least one.",
    ),
];

pub(super) const STORE: &[Key] = &[
    Key::optional(
        "path",
        Shape::File,
        DEFAULT_STORE,
        "The SQLite file, relative to the config file. Its folder is made if it is missing.",
    ),
    Key::optional(
        "retention",
        Shape::Duration,
        DEFAULT_RETENTION,
        "How long every outcome is kept, from 1d to 3660d. The SLI, the budget and the burn rate of a window that reaches further back are withheld.",
    ),
];

pub(super) const WEB: &[Key] = &[
    Key::optional(
        "config_file",
        Shape::File,
        "",
        "TLS, users with passwords and response headers, in the format of Prometheus' exporters. `slod run --web.config.file` overrides it. It is read again when it or one of its files changes.",
    ),
    Key::optional(
        "tokens",
        Shape::List(&Shape::Section(TOKEN)),
        "",
        "Tokens for scripts, sent as `Authorization: Bearer`.",
    ),
    Key::optional(
        "user_roles",
        Shape::Map(&Shape::Choice(&["read", "write"])),
        "",
        "Roles of users of `basic_auth_users` in `config_file`. Left out, it is `write`.",
    ),
    Key::optional(
        "client_certificate_role",
        Shape::Choice(&["read", "write"]),
        "write",
        "Role of clients with a verified certificate, where neither users nor tokens are configured.",
    ),
    Key::optional(
        "allowed_hosts",
        Shape::List(&Shape::Text),
        "",
        "Host names under which browsers may open the pages, and under which writes are accepted, in addition to IP addresses, `localhost` and the host name of the machine.",
    ),
    Key::optional(
        "allow_unauthenticated_writes",
        Shape::Bool,
        "false",
        "Accepts writes (reload, corrections, heartbeats without a token) without authentication on an address that is not loopback: for a daemon behind a proxy that authenticates.",
    ),
];

pub(super) const TOKEN: &[Key] = &[
    Key::required(
        "name",
        Shape::Text,
        "Name in the audit log, unique among tokens.",
    ),
    Key::required("token", Shape::Secret, "The token itself."),
    Key::required(
        "role",
        Shape::Choice(&["read", "write"]),
        "`read` pages, metrics and the API; `write` also reloads, corrections, the audit log, and heartbeats that have no token of their own.",
    ),
];

pub(super) const DEFAULTS: &[Key] = &[
    Key::optional(
        "interval",
        Shape::Duration,
        DEFAULT_INTERVAL,
        "Time between two attempts of a probe, from 100ms to 1d.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        DEFAULT_TIMEOUT,
        "How long an attempt may take, from 10ms; a probe with a shorter interval has its interval as timeout.",
    ),
    Key::optional(
        "objectives",
        Shape::List(&Shape::Section(OBJECTIVE)),
        "",
        "Objectives of every service. A service replaces one by an objective of the same name, and leaves out those that none of its probes suits.",
    ),
];

pub(super) const OBSERVE: &[Key] = &[
    Key::optional(
        "interval",
        Shape::Duration,
        DEFAULT_SAMPLING,
        "Time between two samples, from 1s to 5m; also the span that processor usage is averaged over.",
    ),
    Key::optional(
        "host",
        Shape::Bool,
        "true",
        "Whether processors, memory, load and threads of the host are sampled.",
    ),
    Key::optional(
        "network",
        Shape::Bool,
        "true",
        "Whether the host's network devices are sampled.",
    ),
    Key::optional(
        "network_exclude",
        Shape::Text,
        DEFAULT_EXCLUDE,
        "Regular expression for the whole name of devices to leave out: by default loopback, and those that carry the traffic of others once more.",
    ),
    Key::optional(
        "processes",
        Shape::Bool,
        "true",
        "Whether the processes that services name are sampled.",
    ),
];

/// The key of the way to find it is all that a process needs.
pub(super) const PROCESS: &[Key] = &[
    Key::optional(
        "name",
        Shape::Text,
        "",
        "Name, unique within the service. Left out, it is made of what it is found by.",
    ),
    Key::optional(
        "match",
        Shape::Section(MATCH),
        "",
        "Every process that looks like this. All of them are told as one.",
    ),
    Key::optional(
        "pid_file",
        Shape::File,
        "",
        "A file that holds the number of the main process.",
    ),
    Key::optional(
        "port",
        Shape::Integer(1, 65_535),
        "",
        "The processes that listen on this TCP port. Those of other users are found as root or with CAP_SYS_PTRACE only.",
    ),
    Key::optional(
        "cgroup",
        Shape::Text,
        "",
        "The processes of this control group and of those below it, such as `system.slice/concierge.service`.",
    ),
];

pub(super) const MATCH: &[Key] = &[
    Key::optional(
        "name",
        Shape::Text,
        "",
        "The name that the kernel knows, or the last part of the program's path.",
    ),
    Key::optional(
        "cmdline",
        Shape::Text,
        "",
        "Regular expression for the whole command line, its parts joined by spaces.",
    ),
];

pub(super) const CORRECTION: &[Key] = &[
    Key::required(
        "from",
        Shape::Text,
        "Start: `2026-11-01T22:00:00Z`, or `2026-11-01T22:00` in `timezone`.",
    ),
    Key::optional(
        "to",
        Shape::Text,
        "",
        "End, exclusive, in the same form. Instead of it, `for` may be given.",
    ),
    Key::optional("for", Shape::Duration, "", "How long it takes, up to 31d."),
    Key::optional(
        "repeat",
        Shape::Text,
        "",
        "Rule by which it comes again, as calendars write it (RFC 5545): `FREQ=WEEKLY;BYDAY=SU`. It is evaluated in `timezone`: a local time that clocks skip is an hour later, one that they repeat is the first of the two; `FREQ=HOURLY` counts hours as they pass. At most 144 times a day.",
    ),
    Key::optional(
        "except",
        Shape::List(&Shape::Text),
        "",
        "Days on which a repeated one does not begin, such as `2026-12-24`, or single moments.",
    ),
    Key::optional(
        "timezone",
        Shape::Text,
        DEFAULT_ZONE,
        "Time zone of `from`, `to` and `repeat`, such as `Europe/Berlin`; a repeated one keeps its local hour when clocks change.",
    ),
    Key::optional(
        "services",
        Shape::List(&Shape::Text),
        "",
        "Services that it is for. Left out, all of them.",
    ),
    Key::optional(
        "slos",
        Shape::List(&Shape::Text),
        "",
        "Names of objectives that it is for. Left out, all of them.",
    ),
    Key::required(
        "reason",
        Shape::Text,
        "What happens then, for pages and reports.",
    ),
    Key::optional("author", Shape::Text, "config", "Who says so."),
];

pub(super) const SERVICE: &[Key] = &[
    Key::required(
        "name",
        Shape::Text,
        "Unique name, up to 100 characters, without `/`. Its history belongs to this name.",
    ),
    Key::optional("description", Shape::Text, "", "One line for people."),
    Key::optional(
        "labels",
        Shape::Map(&Shape::Text),
        "",
        "Labels such as `team: assistants`: on the service's page, in the API, and on the metric `slod_service_info` to join with. Names as in Prometheus; those that slod's own metrics use are refused.",
    ),
    Key::optional(
        "probes",
        Shape::List(&Shape::Section(PROBE)),
        "",
        "Ways of looking at the service. Only a journey, whose objectives count probes of other services, has none.",
    ),
    Key::optional(
        "objectives",
        Shape::List(&Shape::Section(OBJECTIVE)),
        "",
        "Objectives besides the default ones, or instead of those with the same name. An empty list `[]` means none at all, not even the default ones.",
    ),
    Key::optional(
        "processes",
        Shape::List(&Shape::Section(PROCESS)),
        "",
        "Processes that the service is made of, with all their descendants.",
    ),
];

/// The key under which a probe's kind stands is the kind's own name.
pub(super) const PROBE: &[Key] = &[
    Key::required(
        "name",
        Shape::Text,
        "Name, unique within the service. Its history belongs to this name.",
    ),
    Key::required(
        "KIND",
        Shape::ProbeKind,
        "What to do: the name of one probe kind, with that kind's keys below it.",
    ),
    Key::optional(
        "interval",
        Shape::Duration,
        "",
        "Time between two attempts, from 100ms to 1d. Left out, it is `defaults.interval`.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        "",
        "How long an attempt may take, at most the interval. Left out, it is `defaults.timeout` or the interval, whichever is shorter.",
    ),
];

pub(super) const OBJECTIVE: &[Key] = &[
    Key::required(
        "name",
        Shape::Text,
        "Name, unique within the service, such as `latency-p95`.",
    ),
    Key::required(
        "sli",
        Shape::Choice(&["availability", "success", "latency", "freshness"]),
        "What counts as good: `availability` and `success` an attempt that succeeded, `latency` one that succeeded in less than `below`, `freshness` a heartbeat that came in time.",
    ),
    Key::optional(
        "below",
        Shape::Duration,
        "",
        "The latency threshold: needed for `latency`, refused for the others.",
    ),
    Key::required(
        "target",
        Shape::Ratio,
        "The promised share of good events, above 0 and below 100%.",
    ),
    Key::optional(
        "window",
        Shape::Text,
        DEFAULT_WINDOW,
        "The time that the promise is for: a rolling one, from 1h to 400d, or a period of the calendar, whose budget begins anew: `week`, `month`, `quarter`, `year`.",
    ),
    Key::optional(
        "timezone",
        Shape::Text,
        DEFAULT_ZONE,
        "Time zone of a calendar window, such as `Europe/Berlin`. Where a zone is not whole hours from UTC, its periods begin with the hour.",
    ),
    Key::optional(
        "further_windows",
        Shape::List(&Shape::Text),
        "",
        "Windows whose budgets are told besides, written like `window`. Alerts go by `window`.",
    ),
    Key::optional(
        "budgeting",
        Shape::Choice(&["occurrences", "timeslices", "ratio_timeslices"]),
        "",
        "What is counted: `occurrences` every attempt, `timeslices` every minute (uptime), `ratio_timeslices` the good share of every minute. Left out, it is `timeslices` for `availability` and `freshness`, and `occurrences` for the others.",
    ),
    Key::optional(
        "slice_target",
        Shape::Ratio,
        "50%",
        "For `timeslices`: a minute is good if at least this share of its attempts is. With the default, one failure of several attempts does not make a minute bad.",
    ),
    Key::optional(
        "on_missing",
        Shape::Choice(&["exclude", "bad", "good"]),
        "exclude",
        "For minutes: what one without any outcome is, from the first outcome on. `exclude` leaves it unknown, which coverage tells; `bad` and `good` count it, also where slod itself was down. Corrections then take out whole minutes.",
    ),
    Key::optional(
        "probes",
        Shape::List(&Shape::Text),
        "",
        "The probes that count, those of other services as `service/probe`. Left out, all of the service that suit the `sli` do: heartbeats for `freshness`, all others for the rest.",
    ),
    Key::optional(
        "combine",
        Shape::Choice(&["all", "any"]),
        "",
        "For minutes: whether all of the probes must be good in a minute (the worst one's share is the minute's), or any one (the best one's). Left out, all their attempts are one pool; with a `slice_target` of 50% or less it is `all`, or one of two probes could fail for good without a bad minute.",
    ),
    Key::optional(
        "weights",
        Shape::Map(&Shape::Integer(1, 1000)),
        "",
        "For minutes, instead of `probes`: the probes that count, each with its weight. The minute's share is the mean of theirs by weight.",
    ),
];
