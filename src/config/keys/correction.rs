//! The keys of a correction.

use crate::slo::correction::LENGTHS;
use crate::yaml::{Key, Keys, List, Parsed, Span, Text, ZONE};
use chrono_tz::Tz;

pub const KEYS: Keys = &[
    &FROM, &TO, &FOR, &REPEAT, &EXCEPT, &TIMEZONE, &SERVICES, &SLOS, &REASON, &AUTHOR,
];

pub const MAX: usize = 1000;

pub const FROM: Key<Text> = Key::required(
    "from",
    Text,
    "Start: `2026-11-01T22:00:00Z`, or `2026-11-01T22:00` in `timezone`.",
);

pub const TO: Key<Text> = Key::optional(
    "to",
    Text,
    "End, exclusive, in the same form. Instead of it, `for` may be given.",
);

pub const FOR: Key<Span> = Key::optional(
    "for",
    Span::within(LENGTHS.0, LENGTHS.1),
    "How long it takes.",
);

pub const REPEAT: Key<Text> = Key::optional(
    "repeat",
    Text,
    "Rule by which it comes again, as calendars write it (RFC 5545): `FREQ=WEEKLY;BYDAY=SU`. It is evaluated in `timezone`: a local time that clocks skip is an hour later, one that they repeat is the first of the two; `FREQ=HOURLY` counts hours as they pass. At most 144 times a day.",
);

pub const EXCEPT: Key<List<Text>> = Key::optional(
    "except",
    List::of(Text),
    "Days on which a repeated one does not begin, such as `2026-12-24`, or single moments.",
);

pub const TIMEZONE: Key<Parsed<Tz>> = Key::with_default(
    "timezone",
    ZONE,
    "UTC",
    "Time zone of `from`, `to` and `repeat`, such as `Europe/Berlin`; a repeated one keeps its local hour when clocks change.",
);

pub const SERVICES: Key<List<Text>> = Key::optional(
    "services",
    List::of(Text),
    "Services that it is for. Left out, all of them.",
);

pub const SLOS: Key<List<Text>> = Key::optional(
    "slos",
    List::of(Text),
    "Names of objectives that it is for. Left out, all of them.",
);

pub const REASON: Key<Text> =
    Key::required("reason", Text, "What happens then, for pages and reports.");

pub const AUTHOR: Key<Text> = Key::with_default("author", Text, "config", "Who says so.");
