//! The keys of the load that a service is expected to bear, and of load scenarios.

use super::load_requests::{REQUEST, REQUESTS_MAX};
use crate::probe::http::Address;
use crate::probe::http::driven::OPTIONS;
use crate::units::{self, Rate};
use crate::yaml::{
    Bool, Choice, Declared, FilePath, Integer, Key, Keys, List, Mapping, Parsed, RateForm, Span,
    Text,
};
use std::ops::RangeInclusive;
use std::time::Duration;

/// More would be a different tool.
pub const USERS_MAX: u32 = 10_000;

const RESPONSE: Span = Span::within(Duration::from_millis(1), Duration::from_hours(1));

pub const URL: Key<Address> = Key::optional(
    "url",
    Address,
    "Address that load runs send their requests to: `http` or `https`, without credentials. Left out, it is that of the service's first `http` probe.",
);

pub const USERS: Key<Parsed<RangeInclusive<u32>>> = Key::optional(
    "users",
    Parsed {
        label: "range of users",
        expected: "a number of users such as 50, or a range such as 10-50",
        parse: users,
    },
    "Expected concurrent users.",
);

pub const PEAK_USERS: Key<Integer> = Key::optional(
    "peak_users",
    Integer(1, USERS_MAX),
    "Concurrent users at the peak.",
);

pub const RATE_RANGE: Key<Parsed<RangeInclusive<Rate>>> = Key::optional(
    "rate",
    Parsed {
        label: "range of rates",
        expected: "a rate such as 80/min, or a range such as 20/min-80/min",
        parse: rates,
    },
    "Expected rate of requests.",
);

pub const PEAK_RATE: Key<RateForm> =
    Key::optional("peak_rate", RateForm, "Rate of requests at the peak.");

pub const AVERAGE: Key<Parsed<RangeInclusive<Duration>>> = Key::optional(
    "average",
    Parsed {
        label: "range of durations",
        expected: "a duration such as 400ms, or a range such as 200ms-400ms",
        parse: durations,
    },
    "Average response time under the expected load. A run whose average is above the range does not hold it.",
);

pub const MAX: Key<Span> = Key::optional(
    "max",
    RESPONSE,
    "Maximum response time. A run in which a successful response takes longer does not hold it.",
);

pub const TIMEOUT: Key<Span> = Key::with_default(
    "timeout",
    Span::within(Duration::from_millis(10), Duration::from_mins(10)),
    "30s",
    "Timeout of a request of a load run, from the time at which it was due.",
);

pub const REQUESTS: Key<List<Mapping>> = Key::optional(
    "requests",
    List::up_to(REQUESTS_MAX, Mapping(REQUEST)),
    "Requests of load runs instead of a single one, chosen by their weights. `headers`, credentials and TLS of `load` apply to all of them.",
);

pub const DATA: Key<FilePath> = Key::optional(
    "data",
    FilePath,
    "File with values for `${data.COLUMN}` in paths, headers and bodies of `requests`: CSV with a header (`.csv`), or JSON lines (`.jsonl`, `.ndjson`), at most 16 MiB. A request or sequence that uses it takes the next row each time, and the first again after the last.",
);

pub const COOKIES: Key<Bool> = Key::with_default(
    "cookies",
    Bool,
    "true",
    "Whether each user of a load run keeps the cookies that it is sent, as a browser does. At a given rate, each start is a new user.",
);

/// Keys of `load` that are no keys of a request.
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

/// Of a service's `load`.
pub const KEYS: Keys = &LOAD_KEYS;

/// Of one of `scenarios`.
pub const SCENARIO: Keys = &[
    &NAME,
    &PURPOSE,
    &THINK,
    &ARRIVALS,
    &USER_STAGES,
    &RATE_STAGES,
];

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Unique name. A scenario that is built in (`baseline`, `stress`, `spike`, `soak`, `throughput`, `capacity`) is replaced by one of the same name.",
);

pub const PURPOSE: Key<Text> =
    Key::with_default("purpose", Text, "", "What it is for, in a few words.");

pub const THINK: Key<Span> = Key::with_default(
    "think",
    Span::within(Duration::ZERO, Duration::from_hours(1)),
    "1s",
    "Time between a response and the next request of a user.",
);

pub const ARRIVALS: Key<Choice<bool>> = Key::with_default(
    "arrivals",
    Choice(&[("even", false), ("poisson", true)]),
    "even",
    "Whether the requests of `rate` are evenly spaced, or at random as those of independent clients are.",
);

pub const USER_STAGES: Key<List<Mapping>> = Key::optional(
    "users",
    List::up_to(
        STAGES_MAX,
        Mapping(&[&STAGE_NAME, &FROM_USERS, &TO_USERS, &FOR]),
    ),
    "Stages of concurrent users. Either this or `rate` is required.",
);

pub const RATE_STAGES: Key<List<Mapping>> = Key::optional(
    "rate",
    List::up_to(
        STAGES_MAX,
        Mapping(&[&STAGE_NAME, &FROM_RATE, &TO_RATE, &FOR]),
    ),
    "Stages of requests per second, which start whether earlier ones were answered or not.",
);

const STAGES_MAX: usize = 100;

pub const STAGE_NAME: Key<Text> =
    Key::with_default("name", Text, "", "Name of the stage, for reports.");

pub const FROM_USERS: Key<Integer> = Key::optional(
    "from",
    Integer(0, USERS_MAX),
    "Users at the begin of the stage. Left out, there are as many as at its end.",
);

pub const TO_USERS: Key<Integer> = Key::required(
    "to",
    Integer(0, USERS_MAX),
    "Users at the end of the stage.",
);

pub const FROM_RATE: Key<RateForm> = Key::optional(
    "from",
    RateForm,
    "Rate at the begin of the stage. Left out, it is that of its end.",
);

pub const TO_RATE: Key<RateForm> = Key::required("to", RateForm, "Rate at the end of the stage.");

pub const FOR: Key<Span> = Key::required(
    "for",
    Span::within(Duration::from_secs(1), Duration::from_hours(24)),
    "Length of the stage.",
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

/// One value, or two with a dash between them.
fn range<T: Copy>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    match text.split_once('-') {
        Some((low, high)) => Some((parse(low.trim())?, parse(high.trim())?)),
        None => parse(text.trim()).map(|value| (value, value)),
    }
}
