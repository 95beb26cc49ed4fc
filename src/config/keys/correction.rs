//! The keys of a correction.

use crate::slo::correction::LENGTHS;
use crate::yaml::{Key, Keys, List, Span, Text, ZoneForm};

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
    "Recurrence rule (RFC 5545): `FREQ=WEEKLY;BYDAY=SU`. It is evaluated in `timezone`: a local time that is skipped by a clock change is moved an hour later, and the first of two repeated ones is used; `FREQ=HOURLY` counts elapsed hours. At most 144 occurrences a day.",
);

pub const EXCEPT: Key<List<Text>> = Key::optional(
    "except",
    List::of(Text),
    "Dates without an occurrence, such as `2026-12-24`, or the start times of single occurrences.",
);

pub const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of `from`, `to` and `repeat`, such as `Europe/Berlin`; a recurring correction keeps its local times when clocks change: with `to` also that of its end, with `for` its length.",
);

pub const SERVICES: Key<List<Text>> = Key::optional(
    "services",
    List::of(Text),
    "Services it applies to. Default: all.",
);

pub const SLOS: Key<List<Text>> = Key::optional(
    "slos",
    List::of(Text),
    "Names of objectives it applies to. Default: all.",
);

pub const REASON: Key<Text> =
    Key::required("reason", Text, "What happens then, for pages and reports.");

pub const AUTHOR: Key<Text> = Key::with_default("author", Text, "config", "Who says so.");
