//! The keys of alerts.

use crate::alert::Urgency;
use crate::probe::dial::web_address;
use crate::slo::StandardWindow;
use crate::units::DAY;
use crate::yaml::{
    Bool, Choice, Integer, Key, Keys, List, Map, Mapping, Parsed, Ratio, Span, Text,
};
use std::time::Duration;

pub const KEYS: Keys = &[
    &TIERS,
    &BUDGET_EXHAUSTED,
    &FORECAST,
    &SIGNALS,
    &GROUP_BY,
    &EXTERNAL_LABELS,
    &ADDRESS,
];

/// Bounded so that the conditions of an objective fit into a policy.
pub const MAX_TIERS: usize = 10;

const WINDOWS: Choice<StandardWindow> = Choice(&[
    ("5m", StandardWindow::Minutes5),
    ("30m", StandardWindow::Minutes30),
    ("1h", StandardWindow::Hour1),
    ("2h", StandardWindow::Hours2),
    ("6h", StandardWindow::Hours6),
    ("1d", StandardWindow::Day1),
    ("3d", StandardWindow::Days3),
    ("7d", StandardWindow::Days7),
    ("28d", StandardWindow::Days28),
    ("30d", StandardWindow::Days30),
]);

const TIER: Keys = &[&LONG, &SHORT, &BUDGET, &URGENCY, &MIN_BAD];

pub const TIERS: Key<List<Mapping>> = Key::optional(
    "tiers",
    List::up_to(MAX_TIERS, Mapping(TIER)),
    "Burn-rate tiers that replace the default ones, sorted by `long` in ascending order and numbered from 1. While a tier fires, later tiers of the same objective are recorded but not notified; a later tier that keeps burning for its short window after the earlier one resolved is notified. Default, as in the Site Reliability Workbook: pages at 2% in 1h and 5% in 6h, tickets at 10% in 1d and 10% in 3d. The shipped Prometheus rules use the default tiers.",
);

pub const LONG: Key<Choice<StandardWindow>> = Key::required(
    "long",
    WINDOWS,
    "Long window, over which `budget` is spent: one of the windows that slod counts events over. A tier never fires for an objective whose window is shorter than this.",
);

pub const SHORT: Key<Choice<StandardWindow>> = Key::required(
    "short",
    WINDOWS,
    "Short window, which confirms that the burn is ongoing: one of the same windows, shorter than `long`. An alert keeps firing for this long after its condition was last met.",
);

pub const BUDGET: Key<Ratio> = Key::required(
    "budget",
    Ratio,
    "Share of the error budget of the objective's whole window that must be spent within `long`, such as 2%.",
);

pub const URGENCY: Key<Choice<Urgency>> = Key::required(
    "urgency",
    Choice(&[("page", Urgency::Page), ("ticket", Urgency::Ticket)]),
    "`page` (severity `critical`) needs a response now, `ticket` (severity `warning`) within the day or the week.",
);

pub const MIN_BAD: Key<Integer> = Key::with_default(
    "min_bad",
    Integer(1, 1_000_000),
    "2",
    "Minimum number of bad events in the long window.",
);

pub const BUDGET_EXHAUSTED: Key<Bool> = Key::with_default(
    "budget_exhausted",
    Bool,
    "false",
    "Whether to open a ticket while the error budget of an objective is exhausted.",
);

pub const FORECAST: Key<Span> = Key::optional(
    "forecast",
    Span::within(
        Duration::from_hours(1),
        Duration::from_secs(30 * DAY.as_secs()),
    ),
    "Opens a ticket if an error budget is forecast to run out within this time, such as 3d, at the burn rate of the last day, or of the objective's window if it is shorter. At least a quarter of the budget must be spent, and the forecast must hold for half an hour. Default: no forecast tickets.",
);

pub const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(&[&FOR, &CONFIRMATIONS, &KEEP]),
    "When warning signs become alerts.",
);

pub const FOR: Key<Span> = Key::with_default(
    "for",
    Span::within(Duration::ZERO, DAY),
    "2m",
    "How long a sign must be active without interruption before it becomes an alert, unless the sign has its own `for` in `signals`. `confirmations` must be met as well.",
);

pub const CONFIRMATIONS: Key<Integer> = Key::with_default(
    "confirmations",
    Integer(1, 100),
    "2",
    "How many consecutive evaluations must find the sign before it becomes an alert.",
);

pub const KEEP: Key<Span> = Key::with_default(
    "keep",
    Span::within(Duration::from_mins(1), DAY),
    "15m",
    "How long an alert keeps firing after its sign was last active, so that a flapping sign is a single alert.",
);

pub const GROUP_BY: Key<List<Text>> = Key::with_default(
    "group_by",
    List::up_to(20, Text),
    "alertname",
    "Labels that routes group by, unless they have their own `group_by`. Alerts with the same values of these labels share messages, and an incident at receivers that have incidents. The default groups alerts by kind: a full disk and a service that is down are two messages, and a thousand services that are down are one. With `service`, each service has its own incident; with `severity`, all pages are one; with an empty list, all alerts of a route are. PagerDuty and Opsgenie do not page again when an alert joins an open incident: to page for each failing service, use `[alertname, service]`.",
);

pub const EXTERNAL_LABELS: Key<Map<Text>> = Key::optional(
    "external_labels",
    Map::of(Text),
    "Labels of all alerts, such as `cluster: eu1`, like the `external_labels` of Prometheus; a label that an alert already has takes precedence. Every route also groups by them. Two installations with services of the same names share alerts in an Alertmanager and incidents at PagerDuty and Opsgenie unless these labels differ. Rules written by `slod rules` do not have them, because Prometheus adds its own.",
);

pub const ADDRESS: Key<Parsed<String>> = Key::optional(
    "address",
    Parsed {
        label: "address",
        expected: "an address such as https://slod.example.com",
        parse: |text| {
            let is_web = web_address(text, &["http", "https"]).is_some();
            let is_plain = !text.contains(['@', '?', '#', ' ', '"', '<']);
            (is_web && is_plain).then(|| text.trim_end_matches('/').to_owned())
        },
    },
    "External URL of the web pages, for links in notifications. Default: `http://`, or `https://` if `web.config_file` sets up TLS, followed by `listen`, with the name of the machine instead of `0.0.0.0` or `[::]`.",
);

/// An alert of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertChoice {
    All,
    None,
    Tier(u8),
    Exhausted,
    Forecast,
}

/// A single value, or a list of them.
pub const OF_OBJECTIVE: Key<List<Parsed<AlertChoice>>> = Key::optional(
    "alerts",
    List::of(Parsed {
        label: "`true`, `false`, the number of a tier, `exhausted` or `forecast`",
        expected: "true, false, or a list of tier numbers, `exhausted` and `forecast`, such as [1, 2]",
        parse: |text| match text {
            "true" => Some(AlertChoice::All),
            "false" => Some(AlertChoice::None),
            "exhausted" => Some(AlertChoice::Exhausted),
            "forecast" => Some(AlertChoice::Forecast),
            number => number.parse().ok().map(AlertChoice::Tier),
        },
    }),
    "Alerts of the objective: `true` for everything that `alerts` configures, `false` or `[]` for none, or a list of tier numbers (see `alerts.tiers`), `exhausted` and `forecast`. Default: `true`.",
);
