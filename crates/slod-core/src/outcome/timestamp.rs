//! Moments of the wall clock.

use crate::units::HOUR_MS;
use std::time::Duration;

/// Wall-clock time in milliseconds since the Unix epoch. It labels events; durations are measured on the
/// monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Parses a date and time with an offset (RFC 3339), such as `2026-11-01T14:00:00Z`; also without seconds.
    pub fn parse(text: &str) -> Option<Self> {
        let with_seconds = || {
            let (minutes, offset) = text.split_at_checked("2026-11-01T22:00".len())?;
            let offset = offset.starts_with(['Z', 'z', '+', '-']).then_some(offset)?;
            Some(format!("{minutes}:00{offset}"))
        };
        let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
        let found = read(text).or_else(|| read(&with_seconds()?));
        found.map(|at| Self(at.timestamp_millis()))
    }

    /// Seconds since the epoch, as in Prometheus timestamps.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The UTC date and time; 1970 if the calendar has no such date.
    pub fn to_utc(self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-03T14:01:57.250Z`.
    pub fn to_rfc3339(self) -> String {
        self.to_utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    /// The start of its hour in UTC, at which blocks and hourly counts begin.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0.div_euclid(HOUR_MS) * HOUR_MS)
    }

    /// The moment `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// The moment `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// The time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

/// A duration in whole milliseconds, saturating.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
