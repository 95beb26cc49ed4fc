//! The keys of an objective.

use super::alerts;
use super::window::WindowForm;
use crate::outcome::Measurement;
use crate::slo::{BudgetingMethod, Combine, EventSource, NoDataPolicy, Sli, When};
use crate::yaml::{
    Choice, Integer, Key, Keys, List, Map, Mapping, RateForm, Ratio, Span, Text, ZoneForm,
};

const KEYS: Keys = &[
    &NAME,
    &SLI,
    &SOURCE,
    &BELOW,
    &OF,
    &AT_LEAST,
    &WHEN,
    &TARGET,
    &WINDOW,
    &TIMEZONE,
    &FURTHER_WINDOWS,
    &BUDGETING,
    &SLICE_TARGET,
    &ON_MISSING,
    &PROBES,
    &COMBINE,
    &WEIGHTS,
    &alerts::OF_OBJECTIVE,
];

/// More promises than a team can keep in mind; each one costs metrics, memory and alerts.
pub const LIST: List<Mapping> = List::up_to(50, Mapping(KEYS));

/// The objectives of every service.
pub const DEFAULTS: Key<List<Mapping>> = Key::optional(
    "objectives",
    LIST,
    "Objectives of every service. An objective of a service with the same name replaces the default. Objectives that do not apply to any probe of a service are omitted.",
);

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Name, unique within the service, such as `latency-p95`.",
);

/// An indicator in the config, before what it is made with is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliName {
    /// Needs nothing else.
    Plain(Sli),
    /// Needs `below`.
    Latency,
    /// Needs `at_least`.
    Throughput,
}

pub const SLI: Key<Choice<SliName>> = Key::required(
    "sli",
    Choice(&[
        ("availability", SliName::Plain(Sli::Availability)),
        ("success", SliName::Plain(Sli::Success)),
        ("latency", SliName::Latency),
        ("freshness", SliName::Plain(Sli::Freshness)),
        ("throughput", SliName::Throughput),
    ]),
    "What counts as good: for `availability` and `success` an attempt that succeeded, for `latency` one that succeeded in less than `below`, for `freshness` a heartbeat that arrived in time, for `throughput` a minute in which the service answered `at_least` so many requests without an error.",
);

pub const SOURCE: Key<Choice<EventSource>> = Key::optional(
    "source",
    Choice(&[
        ("probes", EventSource::Probes),
        ("metrics", EventSource::Metrics),
    ]),
    "What is counted: attempts of probes, or the real requests that the `metrics` of the service report. With `metrics`, `availability` and `success` count `requests` and `errors`, and `latency` counts the buckets of `request_duration`, of which one must end at `below`; failed requests are then not known to be slow. Default: `probes`, and `metrics` for `throughput`.",
);

pub const AT_LEAST: Key<RateForm> = Key::optional(
    "at_least",
    RateForm,
    "The rate that a minute must reach: required for `throughput`, invalid for the others.",
);

pub const WHEN: Key<Choice<When>> = Key::with_default(
    "when",
    Choice(&[("offered", When::Offered), ("always", When::Always)]),
    "offered",
    "For `throughput`: which minutes count. `offered` counts those in which at least so many requests arrived, including failed ones; `always` counts every minute that was observed, also a quiet one.",
);

pub const BELOW: Key<Span> = Key::optional(
    "below",
    Span::ANY,
    "The latency threshold: required for `latency`, invalid for the others.",
);

pub const OF: Key<Choice<Measurement>> = Key::optional(
    "of",
    Choice(Measurement::BY_LABEL),
    "For `latency`: the part of an attempt that must take less than `below`; by default the whole attempt. A failed attempt is bad in any case. A good attempt without this part, such as one without a name to resolve, is not counted. Outcomes that were stored by a version without these measurements are not counted either.",
);

pub const TARGET: Key<Ratio> = Key::required(
    "target",
    Ratio,
    "The target ratio of good events, above 0 and below 100%.",
);

pub const WINDOW: Key<WindowForm> = Key::with_default(
    "window",
    WindowForm,
    "30d",
    "The time that the promise is for: a rolling one, or a period of the calendar, whose budget begins anew.",
);

pub const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of a calendar window, such as `Europe/Berlin`.",
);

pub const FURTHER_WINDOWS: Key<List<WindowForm>> = Key::optional(
    "further_windows",
    List::of(WindowForm),
    "Additional windows that a budget is shown for. Alerts go by `window`.",
);

/// A method, made with the [`SLICE_TARGET`].
type OfSliceTarget = fn(f64) -> BudgetingMethod;

pub const BUDGETING: Key<Choice<OfSliceTarget>> = Key::optional(
    "budgeting",
    Choice(&[
        ("occurrences", |_| BudgetingMethod::Occurrences),
        ("timeslices", |slice_target| BudgetingMethod::Timeslices {
            slice_target,
        }),
        ("ratio_timeslices", |_| BudgetingMethod::RatioTimeslices),
    ]),
    "What is counted: every attempt (`occurrences`), every minute as good or bad (`timeslices`, uptime), or the good share of every minute (`ratio_timeslices`). Default: `timeslices` for `availability`, `freshness` and `throughput`, and `occurrences` for the others.",
);

/// By default a minute is downtime if more than half of its attempts fail. One failure of several
/// attempts is then no downtime, or random failures would spend the budget of a healthy service
/// (`docs/FALSE_PAGES.md` has the figures).
pub const SLICE_TARGET: Key<Ratio> = Key::with_default(
    "slice_target",
    Ratio,
    "50%",
    "For `timeslices`: a minute is good if at least this share of its attempts is. With the default, one failure of several attempts does not make a minute bad.",
);

pub const ON_MISSING: Key<Choice<NoDataPolicy>> = Key::with_default(
    "on_missing",
    Choice(&[
        ("exclude", NoDataPolicy::Exclude),
        ("bad", NoDataPolicy::Bad),
        ("good", NoDataPolicy::Good),
    ]),
    "exclude",
    "For minutes: what one without any outcome is, from the first outcome on. `exclude` leaves it unknown, which coverage shows; `bad` and `good` count it, also where slod itself was down. Corrections then take out whole minutes.",
);

pub const PROBES: Key<List<Text>> = Key::optional(
    "probes",
    List::of(Text),
    "The probes that count; those of other services as `service/probe`. Default: all probes of the service that apply to the `sli`: heartbeats for `freshness`, all others for the rest.",
);

pub const COMBINE: Key<Choice<Combine>> = Key::optional(
    "combine",
    Choice(&[("all", Combine::All), ("any", Combine::Any)]),
    "For minutes: whether all of the probes must be good in a minute (the ratio of the worst probe counts), or any of them (the ratio of the best probe counts). Default: all attempts of the probes are pooled; with a `slice_target` of 50% or less it is `all`, because otherwise one of two probes could fail permanently without a bad minute.",
);

pub const WEIGHTS: Key<Map<Integer>> = Key::optional(
    "weights",
    Map::of(Integer(1, 1000)),
    "For minutes, instead of `probes`: the probes that count, each with its weight. The ratio of a minute is the weighted mean of their ratios.",
);
