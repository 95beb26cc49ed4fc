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
    "End, exclusive, in the same format. Either `to` or `for` is required.",
);

pub const FOR: Key<Span> = Key::optional("for", Span::within(LENGTHS.0, LENGTHS.1), "Duration.");

pub const REPEAT: Key<Text> = Key::optional(
    "repeat",
    Text,
    "Recurrence rule (RFC 5545), such as `FREQ=WEEKLY;BYDAY=SU`, evaluated in `timezone`. A local time that a clock change skips is moved one hour later; of a local time that occurs twice, the first is used. `FREQ=HOURLY` counts elapsed hours. At most 144 occurrences a day.",
);

pub const EXCEPT: Key<List<Text>> = Key::optional(
    "except",
    List::of(Text),
    "Dates without an occurrence, such as `2026-12-24`, or the start times of occurrences to skip.",
);

pub const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of `from`, `to` and `repeat`, such as `Europe/Berlin`. A recurring correction keeps its local start time when clocks change; with `to` it also keeps its local end time, with `for` its duration.",
);

pub const SERVICES: Key<List<Text>> = Key::optional(
    "services",
    List::of(Text),
    "Services that the correction applies to. Default: all.",
);

pub const SLOS: Key<List<Text>> = Key::optional(
    "slos",
    List::of(Text),
    "Names of the objectives that the correction applies to. Default: all.",
);

pub const REASON: Key<Text> =
    Key::required("reason", Text, "Reason, shown on pages and in reports.");

pub const AUTHOR: Key<Text> =
    Key::with_default("author", Text, "config", "Author of the correction.");
