//! The keys of a service's expected load, and of load scenarios.

use super::load_requests::{REQUEST, REQUESTS_MAX};
use crate::probe::http::Address;
use crate::probe::http::load_target::OPTIONS;
use crate::threshold::{self, Threshold};
use crate::units::{self, Rate};
use crate::yaml::{
    Bool, Choice, Declared, FilePath, Form, Integer, Key, Keys, List, Mapping, Parsed, RateForm,
    Scalar, Span, Text,
};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Upper bound for a single process.
pub const USERS_MAX: u32 = 10_000;

/// Maximum requests per second.
pub const RATE_MAX: f64 = 100_000.0;

const RESPONSE: Span = Span::within(Duration::from_millis(1), Duration::from_hours(1));

pub const URL: Key<Address> = Key::optional(
    "url",
    Address::HTTP,
    "URL that load runs send requests to: `http` or `https`, without credentials. Default: the URL of the service's first `http` probe.",
);

pub const USERS: Key<Parsed<RangeInclusive<u32>>> = Key::optional(
    "users",
    Parsed {
        label: "range of users",
        expected: "a number of users such as 50, or a range such as 10-50",
        parse: users,
    },
    "Expected number of concurrent users.",
);

pub const PEAK_USERS: Key<Integer> = Key::optional(
    "peak_users",
    Integer(1, USERS_MAX),
    "Number of concurrent users at peak load.",
);

pub const RATE_RANGE: Key<Parsed<RangeInclusive<Rate>>> = Key::optional(
    "rate",
    Parsed {
        label: "range of rates",
        expected: "a rate such as 80/min, or a range such as 20/min-80/min",
        parse: rates,
    },
    "Expected request rate.",
);

pub const PEAK_RATE: Key<RateForm> =
    Key::optional("peak_rate", RateForm, "Request rate at peak load.");

pub const AVERAGE: Key<Parsed<RangeInclusive<Duration>>> = Key::optional(
    "average",
    Parsed {
        label: "range of durations",
        expected: "a duration such as 400ms, or a range such as 200ms-400ms",
        parse: durations,
    },
    "Average response time under the expected load. A run whose average exceeds the range fails this check.",
);

pub const MAX: Key<Span> = Key::optional(
    "max",
    RESPONSE,
    "Maximum response time. A run in which a successful response takes longer fails this check.",
);

pub const TIMEOUT: Key<Span> = Key::with_default(
    "timeout",
    Span::within(Duration::from_millis(10), Duration::from_mins(10)),
    "30s",
    "Timeout of a request of a load run, measured from the time at which the request was due.",
);

pub const REQUESTS: Key<List<Mapping>> = Key::optional(
    "requests",
    List::up_to(REQUESTS_MAX, Mapping(REQUEST)),
    "Requests of load runs, chosen by weight, instead of a single one. `headers`, credentials and TLS options of `load` apply to all of them.",
);

pub const DATA: Key<FilePath> = Key::optional(
    "data",
    FilePath,
    "File with values for `${data.COLUMN}` in paths, headers and bodies of `requests`: CSV with a header (`.csv`) or JSON lines (`.jsonl`, `.ndjson`), at most 16 MiB. Each request or sequence that uses it takes the next row, and starts over after the last one.",
);

pub const COOKIES: Key<Bool> = Key::with_default(
    "cookies",
    Bool,
    "true",
    "Whether each user of a load run stores the cookies it receives, as a browser does. In a scenario with `rate`, every arrival is a new user.",
);

/// Number of keys of `load` that are not keys of a request.
const OWN: usize = 11;

static LOAD_KEYS: [&dyn Declared; OWN + OPTIONS.len()] = {
    let mut keys: [&dyn Declared; OWN + OPTIONS.len()] = [&URL; OWN + OPTIONS.len()];
    keys[1] = &USERS;
    keys[2] = &PEAK_USERS;
    keys[3] = &RATE_RANGE;
    keys[4] = &PEAK_RATE;
    keys[5] = &AVERAGE;
    keys[6] = &MAX;
    keys[7] = &TIMEOUT;
    keys[8] = &REQUESTS;
    keys[9] = &DATA;
    keys[10] = &COOKIES;
    let mut at = 0;
    while at < OPTIONS.len() {
        keys[OWN + at] = OPTIONS[at];
        at += 1;
    }
    keys
};

/// Keys of a service's `load`.
pub const KEYS: Keys = &LOAD_KEYS;

/// Keys of an item of `scenarios`.
pub const SCENARIO: Keys = &[
    &NAME,
    &PURPOSE,
    &THINK,
    &ARRIVALS,
    &USER_STAGES,
    &RATE_STAGES,
    &THRESHOLDS,
];

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name. A scenario with the name of a built-in one (`baseline`, `stress`, `spike`, `soak`, `throughput`, `capacity`) replaces it.",
);

pub const PURPOSE: Key<Text> = Key::with_default(
    "purpose",
    Text,
    "",
    "Short description of what the scenario is for.",
);

pub const THINK: Key<Span> = Key::with_default(
    "think",
    Span::within(Duration::ZERO, Duration::from_hours(1)),
    "1s",
    "Think time of a user, between a response and the next request. Valid only with `users`.",
);

pub const ARRIVALS: Key<Choice<bool>> = Key::with_default(
    "arrivals",
    Choice(&[("even", false), ("poisson", true)]),
    "even",
    "Spacing of the requests of `rate`: `even`, or `poisson` for random arrivals, as from independent clients. Valid only with `rate`.",
);

pub const USER_STAGES: Key<List<Mapping>> = Key::optional(
    "users",
    List::up_to(
        STAGES_MAX,
        Mapping(&[&STAGE_NAME, &FROM_USERS, &TO_USERS, &FOR]),
    ),
    "Stages of concurrent users (closed model). Either `users` or `rate` is required.",
);

pub const RATE_STAGES: Key<List<Mapping>> = Key::optional(
    "rate",
    List::up_to(
        STAGES_MAX,
        Mapping(&[&STAGE_NAME, &FROM_RATE, &TO_RATE, &FOR]),
    ),
    "Stages of request rates (open model): requests start on schedule, whether or not earlier ones have been answered.",
);

pub const THRESHOLDS: Key<List<ThresholdForm>> = Key::optional(
    "thresholds",
    List::up_to(THRESHOLDS_MAX, ThresholdForm),
    "Conditions that each run of the scenario must meet, in addition to the service's objectives and to `--threshold`: quantiles, `avg` and `max` of the response time, `ttft_p95` of the time to first token, `errors` and `rate`. `p95{name:login}<500ms` is about the request `login` alone.",
);

const STAGES_MAX: usize = 100;
const THRESHOLDS_MAX: usize = 100;

/// A threshold of a load run.
#[derive(Clone, Copy, Debug)]
pub struct ThresholdForm;

impl Form for ThresholdForm {
    fn describe(&self) -> String {
        "threshold".to_owned()
    }
}

impl Scalar for ThresholdForm {
    type Value = Threshold;

    fn expected(&self, _: &str) -> String {
        threshold::expected().to_owned()
    }

    fn parse(&self, text: &str) -> Option<Threshold> {
        text.parse().ok()
    }

    fn likely(&self, written: &str) -> Vec<String> {
        threshold::suggestion(written).into_iter().collect()
    }
}

pub const STAGE_NAME: Key<Text> =
    Key::with_default("name", Text, "", "Name of the stage, for reports.");

pub const FROM_USERS: Key<Integer> = Key::optional(
    "from",
    Integer(0, USERS_MAX),
    "Users at the start of the stage. Default: the same as `to`.",
);

pub const TO_USERS: Key<Integer> = Key::required(
    "to",
    Integer(0, USERS_MAX),
    "Users at the end of the stage.",
);

pub const FROM_RATE: Key<RateForm> = Key::optional(
    "from",
    RateForm,
    "Rate at the start of the stage. Default: the same as `to`.",
);

pub const TO_RATE: Key<RateForm> = Key::required("to", RateForm, "Rate at the end of the stage.");

pub const FOR: Key<Span> = Key::required(
    "for",
    Span::within(Duration::from_secs(1), Duration::from_hours(24)),
    "Duration of the stage.",
);

fn users(text: &str) -> Option<RangeInclusive<u32>> {
    let (low, high) = range(text, |text| text.parse().ok())?;
    (1 <= low && low <= high && high <= USERS_MAX).then_some(low..=high)
}

fn rates(text: &str) -> Option<RangeInclusive<Rate>> {
    let (low, high) = range(text, Rate::parse)?;
    (low <= high).then_some(low..=high)
}

fn durations(text: &str) -> Option<RangeInclusive<Duration>> {
    let (low, high) = range(text, units::duration)?;
    (!high.is_zero() && low <= high).then_some(low..=high)
}

/// Parses a single value, or two values separated by a dash.
fn range<T: Copy>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    match text.split_once('-') {
        Some((low, high)) => Some((parse(low.trim())?, parse(high.trim())?)),
        None => parse(text.trim()).map(|value| (value, value)),
    }
}
