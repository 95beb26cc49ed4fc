//! The keys of alerts.

use crate::alert::Urgency;
use crate::slo::StandardWindow;
use crate::units::DAY;
use crate::yaml::{Bool, Choice, Integer, Key, Keys, List, Mapping, Parsed, Ratio, Span};
use std::time::Duration;

pub const KEYS: Keys = &[&TIERS, &BUDGET_EXHAUSTED, &FORECAST, &SIGNALS, &ADDRESS];

/// So that every condition of an objective has its place in a policy.
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
    "Burn-rate tiers instead of the default ones, the shortest `long` first. They are numbered from 1. While a tier fires, the later ones of the same objective are recorded and not notified; one that burns on for its short window after the tier ended is. Default: 2% in 1h and 5% in 6h page, 10% in 1d and 10% in 3d are tickets, as in the Site Reliability Workbook. The shipped Prometheus rules have the default tiers.",
);

pub const LONG: Key<Choice<StandardWindow>> = Key::required(
    "long",
    WINDOWS,
    "The long window: `budget` is spent in it. One of the windows that slod counts events over. A tier whose long window is longer than the window of an objective never fires for it.",
);

pub const SHORT: Key<Choice<StandardWindow>> = Key::required(
    "short",
    WINDOWS,
    "The short window, which shows that the burn goes on: one of the same windows, shorter than `long`. An alert keeps firing for as long after its condition was last met.",
);

pub const BUDGET: Key<Ratio> = Key::required(
    "budget",
    Ratio,
    "The share of the error budget of the objective's whole window that is spent within `long`, such as 2%.",
);

pub const URGENCY: Key<Choice<Urgency>> = Key::required(
    "urgency",
    Choice(&[("page", Urgency::Page), ("ticket", Urgency::Ticket)]),
    "Whether somebody must look now (`page`, severity `critical`), or today or this week (`ticket`, severity `warning`).",
);

pub const MIN_BAD: Key<Integer> = Key::with_default(
    "min_bad",
    Integer(1, 1_000_000),
    "2",
    "So many events must be bad in the long window at least.",
);

pub const BUDGET_EXHAUSTED: Key<Bool> = Key::with_default(
    "budget_exhausted",
    Bool,
    "false",
    "Whether there is a ticket while the error budget of an objective is exhausted.",
);

pub const FORECAST: Key<Span> = Key::optional(
    "forecast",
    Span::within(
        Duration::from_hours(1),
        Duration::from_secs(30 * DAY.as_secs()),
    ),
    "There is a ticket if an error budget runs out within this time, such as 3d, at the burn rate of the last day, or of a window that is shorter. At least a quarter of the budget must be spent, and the forecast must hold for half an hour. Default: no such tickets.",
);

pub const SIGNALS: Key<Mapping> = Key::optional(
    "signals",
    Mapping(&[&FOR, &CONFIRMATIONS, &KEEP]),
    "How warning signs become alerts.",
);

pub const FOR: Key<Span> = Key::with_default(
    "for",
    Span::within(Duration::ZERO, DAY),
    "2m",
    "A sign must be there without interruption for this long,",
);

pub const CONFIRMATIONS: Key<Integer> = Key::with_default(
    "confirmations",
    Integer(1, 100),
    "2",
    "and must be found so many times in a row.",
);

pub const KEEP: Key<Span> = Key::with_default(
    "keep",
    Span::within(Duration::from_mins(1), DAY),
    "15m",
    "An alert keeps firing for this long after its sign was last there: a sign that comes and goes is one alert.",
);

pub const ADDRESS: Key<Parsed<String>> = Key::optional(
    "address",
    Parsed {
        label: "address",
        expected: "an address such as https://slod.example.com",
        parse: |text| {
            let is_web = text.starts_with("http://") || text.starts_with("https://");
            let is_plain = !text.contains(['@', '?', '#', ' ', '"', '<']);
            (is_web && is_plain).then(|| text.trim_end_matches('/').to_owned())
        },
    },
    "Where people reach the pages, for the links in notifications. Default: `http://` and `listen`.",
);

/// What an objective alerts by.
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
    "What the objective alerts by: `false` or `[]` for nothing, or a list of what is switched on: numbers of tiers (see `alerts.tiers`), `exhausted` and `forecast`. Default: `true`, everything that `alerts` has.",
);
