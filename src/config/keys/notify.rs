//! The keys of receivers, routes and the heartbeat.

use crate::receiver::{self, HEARTBEAT_KEYS};
use crate::yaml::{Key, Keys, List, Map, Mapping, Parsed, Span, Text, ZoneForm};
use chrono::Weekday;
use std::time::Duration;

const MAX_RECEIVERS: usize = 50;
const MAX_ROUTES: usize = 200;
const DAY: Duration = crate::units::DAY;

pub const RECEIVERS: Key<List<Mapping>> = Key::optional(
    "receivers",
    List::up_to(MAX_RECEIVERS, Mapping(receiver::KEYS)),
    "Receivers of alerts. Each has a name and exactly one kind. Messages are sent directly or through their `proxy`: `HTTPS_PROXY` and similar environment variables have no effect.",
);

pub const ROUTES: Key<List<Mapping>> = Key::optional(
    "routes",
    List::up_to(MAX_ROUTES, Mapping(ROUTE)),
    "Which alerts go to which receivers. The first matching route applies. Without routes, a single receiver gets all alerts.",
);

pub const HEARTBEAT: Key<Mapping> = Key::optional(
    "heartbeat",
    Mapping(HEARTBEAT_KEYS),
    "Dead man's switch: a URL that is requested regularly while slod probes and stores outcomes.",
);

const ROUTE: Keys = &[
    &MATCH,
    &AT,
    &TO,
    &GROUP_BY,
    &WAIT,
    &REPEAT,
    &ESCALATE,
    &DELIVER_AT,
];

pub const MATCH: Key<Map<Text>> = Key::optional(
    "match",
    Map::of(Text),
    "Labels that an alert must have, such as `severity: page` or `service: rag`. Default: the route matches every alert.",
);

pub const AT: Key<Mapping> = Key::optional(
    "at",
    Mapping(RANGE),
    "When the route applies to alerts that begin, such as on-call hours. Default: always.",
);

/// The keys of hours on days of the week.
const RANGE: Keys = &[&DAYS, &HOURS, &ZONE_KEY];

pub const DELIVER_AT: Key<Mapping> = Key::optional(
    "deliver_at",
    Mapping(RANGE),
    "When messages are sent, such as working hours for tickets. Outside of these hours, messages wait until the hours begin, also across restarts; an alert that resolves before is not sent at all. Escalations and repetitions wait as well, but a message that could not be delivered is retried at any time. Not for `alertmanager`, which has time intervals of its own. Default: always.",
);

pub const TO: Key<List<Text>> = Key::required("to", List::up_to(10, Text), "Names of receivers.");

pub const GROUP_BY: Key<List<Text>> = Key::optional(
    "group_by",
    List::up_to(20, Text),
    "Labels to group by. Default: those of `alerts.group_by`.",
);

pub const WAIT: Key<Span> = Key::with_default(
    "wait",
    Span::within(Duration::from_millis(1), Duration::from_hours(1)),
    "30s",
    "How long a message waits for further alerts of its group.",
);

pub const REPEAT: Key<Span> = Key::with_default(
    "repeat",
    Span::within(
        Duration::from_mins(1),
        Duration::from_secs(30 * DAY.as_secs()),
    ),
    "4h",
    "How often alerts that are still firing are sent again, unless they are silenced or acknowledged, or their service is in maintenance.",
);

pub const ESCALATE: Key<Mapping> = Key::optional(
    "escalate",
    Mapping(&[&AFTER, &TO]),
    "Additional receivers of alerts that keep firing.",
);

pub const AFTER: Key<Span> = Key::required(
    "after",
    Span::within(Duration::from_secs(1), DAY),
    "How long an alert must have been firing.",
);

pub const DAYS: Key<List<Parsed<Weekday>>> = Key::optional(
    "days",
    List::up_to(
        7,
        Parsed {
            label: "day of the week",
            expected: "a day of the week such as mon",
            parse: |text| text.parse().ok(),
        },
    ),
    "Days of the week: `mon` to `sun`. Default: all.",
);

pub const HOURS: Key<Parsed<(u32, u32)>> = Key::with_default(
    "hours",
    Parsed {
        label: "range of times",
        expected: "a range such as 09:00-17:30, or 22:00-06:00 to end on the next day",
        parse: hours,
    },
    "00:00-24:00",
    "Time range within a day.",
);

pub const ZONE_KEY: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of `days` and `hours`.",
);

fn hours(text: &str) -> Option<(u32, u32)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let is_time = (hour < 24 && minute < 60) || (hour, minute) == (24, 0);
        is_time.then(|| hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from != to && from < 24 * 60).then_some((from, to))
}
