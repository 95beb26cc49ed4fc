//! Human-readable durations, ratios, sizes and rates. Pure.

pub mod likely;
mod zone;

pub use zone::{Tz, built_in_zones, read_zones_by};

use std::fmt::{self, Write as _};
use std::time::Duration;

pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

const DURATIONS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Rounds to the nearest integer. Negative values and NaN become 0; too large values become the maximum.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a cast saturates"
)]
pub const fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A share in millionths, rounded like [`whole`].
pub fn millionths(share: f64) -> u32 {
    u32::try_from(whole(share * 1e6)).unwrap_or(u32::MAX)
}

/// Parses `500ms`, `10s`, `1h30m` or `30d`; at most 100 years.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = DURATIONS.iter().find(|(name, _)| *name == &rest[..end])?.1;
        // Units must be in descending order, as in `1h30m`: `30m1h` is more likely a mistake.
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end..];
    }
    let limit = Duration::from_hours(100 * 366 * 24);
    (last_unit != u64::MAX)
        .then(|| Duration::from_millis(total))
        .filter(|d| *d <= limit)
}

/// Formats a duration so that it can be parsed: the largest units first, without units that are zero.
pub fn show_duration(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (name, unit) in DURATIONS.iter().rev().filter(|(name, _)| *name != "w") {
        let count = rest / unit;
        if count > 0 {
            write!(out, "{count}{name}").unwrap_or_default();
            rest %= unit;
        }
    }
    out
}

/// Duration units as suffixes of metric names, in seconds.
const NAMED_UNITS: [(&str, f64); 8] = [
    ("_seconds", 1.0),
    ("_s", 1.0),
    ("_milliseconds", 1e-3),
    ("_ms", 1e-3),
    ("_microseconds", 1e-6),
    ("_us", 1e-6),
    ("_nanoseconds", 1e-9),
    ("_ns", 1e-9),
];

/// The unit at the end of a metric's name, in seconds; `None` if there is none.
pub fn seconds_of_name(name: &str) -> Option<f64> {
    let mut units = NAMED_UNITS.into_iter();
    let found = units.find(|(end, _)| name.ends_with(end));
    found.map(|(_, seconds)| seconds)
}

/// Parses `99.9%` or `0.999`, from 0 to 1.
pub fn ratio(text: &str) -> Option<f64> {
    share(text).filter(|value| *value <= 1.0)
}

/// Parses a share that may exceed 1: `250%` or `2.5`.
pub fn share(text: &str) -> Option<f64> {
    let text = text.trim();
    let value: f64 = match text.strip_suffix('%') {
        // Shifting the decimal point in the text makes `99.9%` the same number as `0.999`.
        Some(percent) => format!("{}e-2", percent.trim()).parse().ok()?,
        None => text.parse().ok()?,
    };
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// Parses `true` or `false` as spelled in YAML.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Parses an integer as spelled in YAML: decimal, `0x1F` or `0o17`.
pub fn integer(text: &str) -> Option<i64> {
    let radix = |digits: &str, radix| {
        let plain = digits.chars().all(|c| c.is_digit(radix));
        plain.then(|| i64::from_str_radix(digits, radix).ok())?
    };
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => radix(digits, 16),
        (_, Some(digits)) => radix(digits, 8),
        _ => text.parse().ok(),
    }
}

const SIZES: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
    ("", 1),
];

/// Parses `64KiB`, `1MB`, or a number of bytes.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = SIZES
        .iter()
        .find(|(name, _)| *name == text[digits..].trim())?
        .1;
    number.checked_mul(unit)
}

const PER_DAY: &[(&str, u64)] = &[
    ("s", 86_400),
    ("min", 1_440),
    ("h", 24),
    ("d", 1),
    ("m", 1_440),
    ("ms", 86_400_000),
];

/// The frequency of events, in whole events per day, so that rates can be compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    per_day: u64,
}

impl Rate {
    /// Parses `100/s`, `200/min` or `0.5/s`; must be above 0.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        let count: f64 = count.trim().parse().ok()?;
        let times = PER_DAY.iter().find(|(name, _)| *name == per.trim())?.1;
        let per_day = (count * times as f64).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to 2^52"
        )]
        (1.0..=4.5e15).contains(&per_day).then_some(Self {
            per_day: per_day as u64,
        })
    }

    pub fn per_second(self) -> f64 {
        self.per_day as f64 / 86_400.0
    }

    /// Whether a number of events in `ms` milliseconds is at least this rate.
    pub fn is_reached(self, events: u64, ms: u64) -> bool {
        let day = u128::from(DAY_MS.unsigned_abs());
        u128::from(events) * day >= u128::from(self.per_day) * u128::from(ms)
    }
}

/// Formats as `100/s`, in the shortest unit in which it is an integer.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, times): &&(&str, u64)| self.per_day.is_multiple_of(*times);
        let (unit, times) = PER_DAY.iter().find(whole).unwrap_or(&("d", 1));
        write!(f, "{}/{unit}", self.per_day / times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("30d"), Some(2_592_000_000));
        assert_eq!(ms("0"), Some(0));
        for wrong in [
            "",
            "10",
            "10 s",
            "m",
            "30m1h",
            "1.5h",
            "-1s",
            "99999999999999999999s",
            "200000d",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
        assert_eq!(
            show_duration(Duration::from_millis(5_400_250)),
            "1h30m250ms"
        );
    }

    #[test]
    fn booleans_and_integers_are_parsed() {
        assert_eq!(
            [boolean("True"), boolean("false"), boolean("yes")],
            [Some(true), Some(false), None]
        );
        assert_eq!(
            [
                integer("-7"),
                integer("+7"),
                integer("0x1F"),
                integer("0o17")
            ],
            [Some(-7), Some(7), Some(31), Some(15)]
        );
        for wrong in [
            "",
            "0x",
            "0x-1",
            "0o8",
            "1_0",
            "1.0",
            "1e3",
            "9223372036854775808",
        ] {
            assert_eq!(integer(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ratios_sizes_and_rates_are_parsed() {
        assert_eq!(ratio("99.9%"), Some(0.999));
        assert_eq!(ratio("0.999"), Some(0.999));
        assert_eq!(ratio("101%"), None);
        assert_eq!(ratio("NaN"), None);
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1 MB"), Some(1_000_000));
        assert_eq!(size("1kib"), None);
        let parsed = |text| Rate::parse(text).map(|rate| (rate.per_second(), rate.to_string()));
        assert_eq!(parsed("100/s"), Some((100.0, "100/s".to_owned())));
        assert_eq!(parsed("90/min"), Some((1.5, "90/min".to_owned())));
        assert_eq!(parsed("0.5/s"), Some((0.5, "30/min".to_owned())));
        for invalid in ["100", "0/s", "-1/s", "1e300/s", "NaN/s", "1/y"] {
            assert_eq!(parsed(invalid), None, "{invalid}");
        }
    }
}
