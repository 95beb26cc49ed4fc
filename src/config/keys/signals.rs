//! The keys of warning signs: a switch for each, or its threshold.

use crate::signal::threshold::{Level, Side, Threshold, Unit};
use crate::signal::{SIGNALS, SignalKind, kinds};
use crate::units::{DAY, boolean, show_duration};
use crate::yaml::{Declared, Form, Key, Keys, Scalar, Span, Text};
use std::time::Duration;

const COUNT: usize = SIGNALS.len() + ALIASES.len();

/// `true`, `false`, or a mapping with the threshold of a sign.
#[derive(Clone, Copy, Debug)]
pub struct Sign(pub &'static SignalKind);

impl Form for Sign {
    fn describe(&self) -> String {
        let switch = "`true` or `false`";
        self.0.threshold.map_or_else(
            || switch.to_owned(),
            |known| {
                let (least, most) = (
                    format_threshold(&known, known.least),
                    format_threshold(&known, known.most),
                );
                format!("{switch}, or `{}`, from {least} to {most}", example(&known))
            },
        )
    }
}

impl Scalar for Sign {
    type Value = bool;

    fn expected(&self, _: &str) -> String {
        self.0.threshold.map_or_else(
            || "true or false".to_owned(),
            |known| format!("true, false, or {}", example(&known)),
        )
    }

    fn parse(&self, text: &str) -> Option<bool> {
        boolean(text)
    }
}

/// The default threshold in config syntax.
pub fn example(known: &Threshold) -> String {
    let Level { begins, ends } = known.default;
    let (begin, end) = keys_of(known);
    let mut text = format!("{{ {}: {}", begin.name, format_threshold(known, begins));
    if let Some(end) = end {
        text = format!("{text}, {}: {}", end.name, format_threshold(known, ends));
    }
    text + " }"
}

/// A threshold value in config syntax.
pub fn format_threshold(known: &Threshold, value: f64) -> String {
    match known.unit {
        Unit::Share => {
            let percent = format!("{:.1}", value * 100.0);
            format!("{}%", percent.trim_end_matches(".0"))
        }
        Unit::Count => format!("{value:.0}"),
        Unit::Span => show_duration(Duration::from_secs_f64(value.max(0.0))),
    }
}

/// The key of the value at which a sign begins, and of the one at which it clears.
pub const fn keys_of(known: &Threshold) -> (&'static Key<Text>, Option<&'static Key<Text>>) {
    match (known.side, known.has_end) {
        (Side::Above, true) => (&ABOVE, Some(&CLEAR_BELOW)),
        (Side::Above, false) => (&ABOVE, None),
        (Side::Below, true) => (&BELOW, Some(&CLEAR_ABOVE)),
        (Side::Below, false) => (&BELOW, None),
    }
}

/// The valid keys of a sign with this threshold.
pub const fn threshold_keys(known: &Threshold) -> Keys {
    match (known.side, known.has_end) {
        (Side::Above, true) => &[&ABOVE, &CLEAR_BELOW, &FOR],
        (Side::Above, false) => &[&ABOVE, &FOR],
        (Side::Below, true) => &[&BELOW, &CLEAR_ABOVE, &FOR],
        (Side::Below, false) => &[&BELOW, &FOR],
    }
}

pub const ABOVE: Key<Text> = Key::optional("above", Text, "The sign is active above this value.");
pub const CLEAR_BELOW: Key<Text> = Key::optional(
    "clear_below",
    Text,
    "The sign clears below this value. Default: in proportion to `above`.",
);
pub const BELOW: Key<Text> = Key::optional("below", Text, "The sign is active below this value.");
pub const CLEAR_ABOVE: Key<Text> = Key::optional(
    "clear_above",
    Text,
    "The sign clears above this value. Default: in proportion to `below`.",
);

pub const FOR: Key<Span> = Key::optional(
    "for",
    Span::within(Duration::ZERO, DAY),
    "How long the sign must be active without interruption before it becomes an alert. Default: `alerts.signals.for`.",
);

/// Short names of signs.
const ALIASES: [Key<Sign>; 2] = [
    Key::optional(
        "leak",
        Sign(&kinds::MEMORY_GROWING),
        "Same as `memory_growing`.",
    ),
    Key::optional("cpu", Sign(&kinds::CPU_HIGH), "Same as `cpu_high`."),
];

/// One key per sign, with the sign's name, then the short names.
pub static SIGNS: [Key<Sign>; COUNT] = {
    let mut keys = [ALIASES[0]; COUNT];
    let mut at = 0;
    while at < SIGNALS.len() {
        let kind = SIGNALS[at];
        keys[at] = Key::with_default(kind.name, Sign(kind), "true", kind.meaning);
        at += 1;
    }
    while at < COUNT {
        keys[at] = ALIASES[at - SIGNALS.len()];
        at += 1;
    }
    keys
};

static ALL: [&dyn Declared; COUNT] = {
    let mut keys: [&dyn Declared; COUNT] = [&SIGNS[0]; COUNT];
    let mut at = 0;
    while at < COUNT {
        keys[at] = &SIGNS[at];
        at += 1;
    }
    keys
};

pub const KEYS: Keys = &ALL;
