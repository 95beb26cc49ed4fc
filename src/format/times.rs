//! Formats times and durations, in UTC.

use crate::units::show_duration;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Formats `2026-11-03`.
pub fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// Formats `2026-11-03 14:01`.
pub fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// Formats `2026-11-03 14:01:57`.
pub fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats `2026-11-03 14:01`, with seconds unless they are zero.
pub fn moment(at: DateTime<Utc>) -> String {
    if at.timestamp() % 60 == 0 {
        minute(at)
    } else {
        second(at)
    }
}

/// Formats `2026-11-03T14:01:57Z`, for the attribute `datetime`.
pub fn machine(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Formats a duration as `3d4h`, `47m20s`; fractions are only shown below one second.
pub fn length(seconds: f64) -> String {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let whole = Duration::from_secs(span.as_secs());
    show_duration(if whole.is_zero() { span } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_short_as_they_can_be() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        assert_eq!(moment(at(1_793_491_260)), "2026-11-01 00:01");
        assert_eq!(moment(at(1_793_491_261)), "2026-11-01 00:01:01");
        assert_eq!(machine(at(1_793_491_261)), "2026-11-01T00:01:01Z");
        assert_eq!(
            [0.25, 61.9, 90_000.0].map(length),
            ["250ms", "1m1s", "1d1h"]
        );
    }
}
