//! Go durations: `1m30s`, `1.5s`, `0s`.

use std::time::Duration;

/// Longer units first, since `m` is a prefix of `ms`.
const UNITS: &[(&str, f64)] = &[
    ("ms", 1e-3),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ns", 1e-9),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
];

/// Parses a duration with millisecond precision, as k6 prints its options.
pub(super) fn read(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let (name, unit) = UNITS
            .iter()
            .find(|(name, _)| rest[end..].starts_with(name))?;
        seconds += number * unit;
        rest = &rest[end + name.len()..];
    }
    Duration::try_from_secs_f64((seconds * 1000.0).round() / 1000.0).ok()
}
