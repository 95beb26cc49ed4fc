//! Guesses what an invalid text was meant to be, from spaces, decimal commas or other unit names. Nothing
//! else is guessed, and a suggestion need not be valid in its context. Pure.

use super::show_duration;
use super::zone::zone_names;
use std::fmt::Display;
use std::time::Duration;

/// Names of time units in lower case, the unit in slod's notation, and its milliseconds.
const TIMES: &[(&[&str], &str, u64)] = &[
    (
        &[
            "ms",
            "msec",
            "msecs",
            "millis",
            "millisecond",
            "milliseconds",
        ],
        "ms",
        1,
    ),
    (&["s", "sec", "secs", "second", "seconds"], "s", 1_000),
    (&["m", "min", "mins", "minute", "minutes"], "m", 60_000),
    (&["h", "hr", "hrs", "hour", "hours"], "h", 3_600_000),
    (&["d", "day", "days"], "d", 86_400_000),
    (&["w", "wk", "week", "weeks"], "w", 604_800_000),
];

/// Names of size units in lower case, the unit in slod's notation, and its bytes.
const SIZES: &[(&[&str], &str, u64)] = &[
    (&["b", "byte", "bytes"], "B", 1),
    (&["k", "ki", "kib"], "KiB", 1 << 10),
    (&["m", "mi", "mib"], "MiB", 1 << 20),
    (&["g", "gi", "gib"], "GiB", 1 << 30),
    (&["kb"], "kB", 1_000),
    (&["mb"], "MB", 1_000_000),
    (&["gb"], "GB", 1_000_000_000),
];

/// Names of rate units, and the unit in slod's notation.
const PER: &[(&[&str], &str)] = &[
    (
        &["/s", "/sec", "/second", "persecond", "rps", "qps", "tps"],
        "s",
    ),
    (&["/m", "/min", "/minute", "perminute", "rpm", "qpm"], "min"),
    (&["/h", "/hr", "/hour", "perhour"], "h"),
    (&["/d", "/day", "perday"], "d"),
];

/// Longer texts are not considered.
const LENGTH_MAX: usize = 40;

/// Suggests `30d` for `30 days`, `500ms` for `0.5s`, and `1h30m` for `1 h 30 min`. `None` for a bare
/// number; see [`bare_durations`].
pub fn duration(text: &str) -> Option<String> {
    let text = plain(text)?;
    let text = text.strip_prefix('+').unwrap_or(&text);
    let (mut rest, mut total, mut terms) = (text, 0u64, Vec::new());
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (_, unit, ms) = TIMES
            .iter()
            .find(|(names, ..)| names.contains(&&after[..end]))?;
        total = total.checked_add(whole_times(number, *ms)?)?;
        terms.push(format!("{number}{unit}"));
        rest = &after[end..];
    }
    match &terms[..] {
        [] => None,
        // Keep the unit as entered: `90m` for `90 min`.
        [only] if !only.contains('.') => Some(only.clone()),
        _ => Some(show_duration(Duration::from_millis(total))),
    }
}

/// Suggests each unit for a number without one, shortest unit first.
pub fn bare_durations(text: &str) -> Vec<String> {
    let number = plain(text).filter(|text| matches!(leading_number(text), Some((_, ""))));
    let Some(number) = number.filter(|number| number != "0") else {
        return Vec::new();
    };
    let units = TIMES.iter().filter(|(_, unit, _)| *unit != "w");
    let in_unit = units.filter_map(|(_, unit, ms)| {
        let total = whole_times(&number, *ms)?;
        Some(if number.contains('.') {
            show_duration(Duration::from_millis(total))
        } else {
            format!("{number}{unit}")
        })
    });
    in_unit.collect()
}

/// Suggests `99.9%` for `99,9%`, `99.9`, `99.9 percent` and `p99.9`.
pub fn ratio(text: &str) -> Option<String> {
    let text = plain(text)?;
    if let Some(permille) = text.strip_suffix('\u{2030}') {
        let permille: f64 = permille.parse().ok()?;
        return Some(format!("{}%", permille / 10.0));
    }
    let text = text.strip_prefix('p').unwrap_or(&text);
    let (number, unit) = leading_number(text)?;
    let is_percent = match unit {
        "" => number.parse::<f64>().is_ok_and(|number| number > 1.0),
        unit => matches!(unit, "%" | "\u{ff05}" | "percent" | "pct" | "pc"),
    };
    Some(if is_percent {
        format!("{number}%")
    } else {
        number.to_owned()
    })
}

/// Suggests `64KiB` for `64K`, and `1MB` for `1 mb`.
pub fn size(text: &str) -> Option<String> {
    let text = plain(text)?;
    let (number, unit) = leading_number(&text)?;
    let (_, unit, bytes) = SIZES.iter().find(|(names, ..)| names.contains(&unit))?;
    if !number.contains('.') {
        return Some(format!("{number}{unit}"));
    }
    // `1.5MiB` in KiB, if that is an integer.
    let total = whole_times(number, *bytes)?;
    let step = if bytes.is_power_of_two() { 1024 } else { 1000 };
    let smaller = SIZES
        .iter()
        .find(|(_, _, other)| Some(*other) == bytes.checked_div(step))?;
    total
        .is_multiple_of(smaller.2)
        .then(|| format!("{}{}", total / smaller.2, smaller.1))
}

/// Suggests `100/s` for `100 rps` and `100 / second`; per second and per minute for a bare number.
pub fn rates(text: &str) -> Vec<String> {
    let read = || {
        let text = plain(text)?;
        let (number, unit) = leading_number(&text)?;
        if unit.is_empty() {
            return Some(vec![format!("{number}/s"), format!("{number}/min")]);
        }
        let (_, unit) = PER.iter().find(|(names, _)| names.contains(&unit))?;
        Some(vec![format!("{number}/{unit}")])
    };
    read().unwrap_or_default()
}

/// Suggests `Europe/Berlin` for `europe/berlin`, `Berlin` and `Europe/Berln`.
pub fn zone(text: &str) -> Option<&'static str> {
    let written = text.trim().replace(' ', "_").to_lowercase();
    // Offsets are not misspelled names: `Etc/GMT+1` is one hour behind.
    if written.is_empty()
        || written.len() > LENGTH_MAX
        || written.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let names = zone_names;
    let city = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let same = || names().find(|name| name.to_lowercase() == written);
    let of_city = || names().find(|name| name.contains('/') && city(name) == written);
    same().or_else(of_city).or_else(|| {
        let distance = |name: &str| {
            let name = if written.contains('/') {
                name.to_lowercase()
            } else {
                city(name)
            };
            strsim::damerau_levenshtein(&written, &name)
        };
        let near = names().map(|name| (distance(name), name));
        let near = near.filter(|(distance, _)| distance * 5 <= written.len());
        near.min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name)
    })
}

/// Suggests `2026-11-01T22:00`, and the same with seconds and `Z`, for `2026-11-01 22:00`; midnight for a
/// date.
pub fn moments(text: &str) -> Vec<String> {
    let text = text.trim().to_uppercase();
    if text.len() > LENGTH_MAX {
        return Vec::new();
    }
    let text = text
        .strip_suffix("UTC")
        .map_or(text.clone(), |text| format!("{}Z", text.trim_end()));
    let joined = text.replacen(' ', "T", 1).replace(' ', "");
    let ends = ["", "Z", ":00", ":00Z", "T00:00", "T00:00:00Z"];
    let all = ends.iter().map(|end| format!("{joined}{end}"));
    all.collect()
}

/// Normalizes to lower case, without white space, and with a decimal point.
fn plain(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let is_number = text.len() <= LENGTH_MAX && text.contains(|c: char| c.is_ascii_digit());
    is_number.then(|| text.to_lowercase().replace(',', "."))
}

/// Splits off the number at the start of a text.
fn leading_number(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let (number, rest) = text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()));
    let is_number =
        number.starts_with(|c: char| c.is_ascii_digit()) && number.parse::<f64>().is_ok();
    (is_number && !number.ends_with('.')).then_some((number, rest))
}

/// A decimal number times a unit if the result is an integer: `0.5` times 1,000.
fn whole_times(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part: u64 = if part.is_empty() {
        0
    } else {
        part.parse().ok()?
    };
    let scaled = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(scale)?
        .checked_add(part)?;
    let total = scaled.checked_mul(unit)?;
    total.is_multiple_of(scale).then(|| total / scale)
}

/// `; did you mean A or B?`, or an empty string.
pub fn question<T: Display>(meant: &[T]) -> String {
    let meant: Vec<_> = meant.iter().map(|one| format!("`{one}`")).collect();
    if meant.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", meant.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units;

    #[test]
    fn a_duration_is_recognized_by_any_name_of_its_units() {
        for (written, meant) in [
            ("5 m", "5m"),
            ("10sec", "10s"),
            ("1min", "1m"),
            ("90 minutes", "90m"),
            ("30 days", "30d"),
            ("0.5s", "500ms"),
            ("1,5 h", "1h30m"),
            ("1 h 30 min", "1h30m"),
            ("5M", "5m"),
            ("+5m", "5m"),
        ] {
            assert_eq!(duration(written).as_deref(), Some(meant), "{written}");
            assert!(units::duration(meant).is_some(), "{meant}");
        }
        let long = "9".repeat(100);
        for other in [
            "",
            "10",
            "-5m",
            "m",
            "1.5.5s",
            "0.0001s",
            "5 parsecs",
            &long,
            "1\u{661}s",
        ] {
            assert_eq!(duration(other), None, "{other}");
        }
    }

    #[test]
    fn a_bare_number_is_suggested_in_every_unit() {
        assert_eq!(bare_durations("10"), ["10ms", "10s", "10m", "10h", "10d"]);
        assert_eq!(bare_durations("0.5"), ["500ms", "30s", "30m", "12h"]);
        assert!(bare_durations("0").is_empty() && bare_durations("10s").is_empty());
    }

    #[test]
    fn likely_ratios_sizes_and_rates_are_suggested() {
        for (written, meant) in [
            ("99,9%", "99.9%"),
            ("99.9", "99.9%"),
            ("99,9", "99.9%"),
            ("99.9 percent", "99.9%"),
            ("999\u{2030}", "99.9%"),
            ("p95", "95%"),
            ("0,999", "0.999"),
        ] {
            assert_eq!(ratio(written).as_deref(), Some(meant), "{written}");
        }
        for (written, meant) in [
            ("64K", "64KiB"),
            ("1mb", "1MB"),
            ("1 mib", "1MiB"),
            ("1.5M", "1536KiB"),
        ] {
            assert_eq!(size(written).as_deref(), Some(meant), "{written}");
            assert!(units::size(meant).is_some(), "{meant}");
        }
        for (written, meant) in [
            ("100 rps", &["100/s"][..]),
            ("5 / minute", &["5/min"]),
            ("100", &["100/s", "100/min"]),
            ("fast", &[]),
        ] {
            assert_eq!(rates(written), meant, "{written}");
        }
    }

    #[test]
    fn a_zone_is_recognized_by_its_city_and_with_a_typo() {
        for (written, meant) in [
            ("europe/berlin", Some("Europe/Berlin")),
            ("Europe/Berln", Some("Europe/Berlin")),
            ("Berlin", Some("Europe/Berlin")),
            ("new york", Some("America/New_York")),
            ("CET+1", None),
            ("Mars/Olympus", None),
            ("", None),
        ] {
            assert_eq!(zone(written), meant, "{written}");
        }
    }

    #[test]
    fn a_moment_is_suggested_in_all_likely_forms() {
        assert!(moments("2026-11-01 22:00").contains(&"2026-11-01T22:00:00Z".to_owned()));
        assert!(moments("2026-11-01T22:00:00 utc").contains(&"2026-11-01T22:00:00Z".to_owned()));
        assert!(moments("2026-11-01").contains(&"2026-11-01T00:00".to_owned()));
    }
}
