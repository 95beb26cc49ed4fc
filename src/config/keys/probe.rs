//! The keys of a probe, apart from those of its kind.

use crate::units::{DAY, HOUR};
use crate::yaml::{Key, Keys, ProbeKind, Span, Text};
use std::time::Duration;

/// `KIND` stands for the name of a probe kind.
pub const KEYS: Keys = &[&NAME, &KIND, &INTERVAL, &TIMEOUT];

/// Shorter intervals would be a load test.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// With an interval above a day, burn-rate windows would contain no attempts.
const INTERVALS: Span = Span::within(SHORTEST_INTERVAL, DAY);
/// An open time slice waits for outcomes for little longer than an hour.
const TIMEOUTS: Span = Span::within(Duration::from_millis(10), HOUR);

pub const NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Name, unique within the service. The history is stored under this name; `slod store rename` renames it.",
);

const KIND: Key<ProbeKind> = Key::required(
    "KIND",
    ProbeKind,
    "The probe: the name of one probe kind, with the keys of that kind below it.",
);

pub const INTERVAL: Key<Span> = Key::optional(
    "interval",
    INTERVALS,
    "Time between two attempts. Default: `defaults.interval`.",
);

pub const TIMEOUT: Key<Span> = Key::optional(
    "timeout",
    TIMEOUTS,
    "Timeout of an attempt, at most the interval. Default: `defaults.timeout` or the interval, whichever is shorter.",
);

pub const DEFAULT_INTERVAL: Key<Span> = Key::with_default(
    "interval",
    INTERVALS,
    "10s",
    "Time between two attempts of a probe.",
);

pub const DEFAULT_TIMEOUT: Key<Span> = Key::with_default(
    "timeout",
    TIMEOUTS,
    "5s",
    "Timeout of an attempt. A probe with a shorter interval uses its interval as the timeout.",
);
