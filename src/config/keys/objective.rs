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
    &ADDITIONAL_WINDOWS,
    &BUDGETING,
    &SLICE_TARGET,
    &ON_MISSING,
    &PROBES,
    &COMBINE,
    &WEIGHTS,
    &alerts::OF_OBJECTIVE,
];

/// Bounded, because each objective costs metrics, memory and alerts.
pub const LIST: List<Mapping> = List::up_to(50, Mapping(KEYS));

/// The objectives of every service.
pub const DEFAULTS: Key<List<Mapping>> = Key::optional(
    "objectives",
    LIST,
    "Objectives of every service. An objective of a service with the same name replaces the default one. A default objective is omitted for services in which nothing counts for it: those without a matching probe, or, with `source: metrics`, without `metrics`.",
);

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Name, unique within the service, such as `latency-p95`.",
);

/// An SLI name in the config, without its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliName {
    /// Needs no parameter.
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
    "Which events are good: for `availability` and `success`, attempts that succeed; for `latency`, attempts that succeed in less than `below`; for `freshness`, heartbeats that arrive in time; for `throughput`, minutes in which the service answers requests without error at a rate of at least `at_least`.",
);

pub const SOURCE: Key<Choice<EventSource>> = Key::optional(
    "source",
    Choice(&[
        ("probes", EventSource::Probes),
        ("metrics", EventSource::Metrics),
    ]),
    "What is counted: probe attempts, or the real requests that the service's `metrics` report. With `metrics`, `availability` and `success` count `requests` and `errors`, and `latency` counts the buckets of `request_duration`, one of which must end at `below`; failed requests then count by their duration alone. Default: `metrics` for `throughput`, otherwise `probes`.",
);

pub const AT_LEAST: Key<RateForm> = Key::optional(
    "at_least",
    RateForm,
    "Request rate that a good minute must reach. Required for `throughput`, invalid for other SLIs.",
);

pub const WHEN: Key<Choice<When>> = Key::with_default(
    "when",
    Choice(&[("offered", When::Offered), ("always", When::Always)]),
    "offered",
    "For `throughput`: which minutes count. `offered` counts minutes in which requests, including failed ones, arrived at a rate of at least `at_least`; `always` counts every observed minute, even without traffic.",
);

pub const BELOW: Key<Span> = Key::optional(
    "below",
    Span::ANY,
    "Latency threshold. Required for `latency`, invalid for other SLIs.",
);

pub const OF: Key<Choice<Measurement>> = Key::optional(
    "of",
    Choice(Measurement::BY_LABEL),
    "For `latency`: the part of an attempt that must take less than `below`. Default: the whole attempt. Failed attempts are always bad. Successful attempts without this part, such as those without a name to resolve, are not counted; neither are outcomes stored by versions without these measurements.",
);

pub const TARGET: Key<Ratio> = Key::required(
    "target",
    Ratio,
    "Target ratio of good events, above 0 and below 100%.",
);

pub const WINDOW: Key<WindowForm> = Key::with_default(
    "window",
    WindowForm,
    "30d",
    "SLO window: a rolling duration, or a calendar period that starts with a new error budget.",
);

pub const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of a calendar window, such as `Europe/Berlin`.",
);

pub const ADDITIONAL_WINDOWS: Key<List<WindowForm>> = Key::optional(
    "further_windows",
    List::of(WindowForm),
    "Additional windows to show the error budget of. Alerts use `window`.",
);

/// Creates a budgeting method from the [`SLICE_TARGET`].
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
    "Budgeting method: every attempt counts (`occurrences`), every minute counts as good or bad (`timeslices`, uptime), or every minute counts with its ratio of good attempts (`ratio_timeslices`). Default: `timeslices` for `availability`, `freshness` and `throughput`, otherwise `occurrences`.",
);

/// By default, a minute is downtime if more than half of its attempts fail. A single failure among
/// several attempts is not downtime, because otherwise random failures would spend the budget of a
/// healthy service (see the figures in `docs/FALSE_PAGES.md`).
pub const SLICE_TARGET: Key<Ratio> = Key::with_default(
    "slice_target",
    Ratio,
    "50%",
    "For `timeslices`: the minimum ratio of good attempts in a good minute. With the default, a single failure among several attempts does not make a minute bad.",
);

pub const ON_MISSING: Key<Choice<NoDataPolicy>> = Key::with_default(
    "on_missing",
    Choice(&[
        ("exclude", NoDataPolicy::Exclude),
        ("bad", NoDataPolicy::Bad),
        ("good", NoDataPolicy::Good),
    ]),
    "exclude",
    "For `timeslices` and `ratio_timeslices`: how minutes without outcomes count, from the first outcome on. `exclude` leaves them unknown, which lowers coverage; `bad` and `good` count them, even if slod itself was down. Corrections then exclude whole minutes.",
);

pub const PROBES: Key<List<Text>> = Key::optional(
    "probes",
    List::of(Text),
    "Probes that count; those of other services as `service/probe`. Default: all probes of the service that apply to the `sli`: heartbeats for `freshness`, all other kinds for other SLIs.",
);

pub const COMBINE: Key<Choice<Combine>> = Key::optional(
    "combine",
    Choice(&[("all", Combine::All), ("any", Combine::Any)]),
    "For `timeslices` and `ratio_timeslices`: whether `all` probes must be good in a minute (the worst probe's ratio counts), or `any` of them (the best probe's ratio counts). Default: the attempts of all probes are pooled, except with a `slice_target` of 50% or less, where the default is `all`, because otherwise one of two probes could fail permanently without a bad minute.",
);

pub const WEIGHTS: Key<Map<Integer>> = Key::optional(
    "weights",
    Map::of(Integer(1, 1000)),
    "For `timeslices` and `ratio_timeslices`, instead of `probes`: the probes that count, each with its weight. The ratio of a minute is the weighted mean of the probes' ratios.",
);
