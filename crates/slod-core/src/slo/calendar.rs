//! Calendar windows: budgets that reset at the start of a calendar period, as contracts define them.

use crate::outcome::Timestamp;
use crate::units::Tz;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Begins on Monday.
    Week,
    Month,
    Quarter,
    Year,
}

/// A calendar period in a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub period: Period,
    pub zone: Tz,
}

impl Period {
    pub const ALL: [Self; 4] = [Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// Its nominal length. Burn rates use it, so that a page means the same in February and in March.
    pub const fn nominal(self) -> Duration {
        let days = match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
        };
        Duration::from_hours(days * 24)
    }

    /// The longest length of a period, plus an hour for a clock change.
    pub const fn longest(self) -> Duration {
        let days = match self {
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
        };
        Duration::from_hours(days * 24 + 1)
    }

    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => {
                let since_monday = day.weekday().num_days_from_monday();
                day.checked_sub_days(Days::new(since_monday.into()))
            }
            Self::Month => day.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }

    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Quarter => first.checked_add_months(Months::new(3)),
            Self::Year => first.checked_add_months(Months::new(12)),
        }
    }
}

impl Calendar {
    /// Start and end (exclusive) of the period that contains a moment. Beyond the end of the calendar, the
    /// nominal length up to that moment.
    pub fn around(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let today = now.to_utc().with_timezone(&self.zone).date_naive();
        let first = self.period.first_day(today);
        let borders = first.and_then(|first| {
            let next = self.period.next(first)?;
            Some((self.midnight(first)?, self.midnight(next)?))
        });
        borders.unwrap_or((now.before(self.period.nominal()), now))
    }

    /// The first moment of a day. Where a clock change skips midnight, the day begins after the gap.
    fn midnight(self, day: NaiveDate) -> Option<Timestamp> {
        let stamp = |at: DateTime<Tz>| Timestamp(at.timestamp_millis());
        (0..4).find_map(|hour| {
            let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
            let at = self.zone.from_local_datetime(&day.and_time(time));
            at.earliest().map(stamp)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(period: Period, zone: &str, now: &str) -> (String, String) {
        let zone = zone.parse().expect("a zone");
        let now = DateTime::parse_from_rfc3339(now).expect("a moment");
        let (from, to) = Calendar { period, zone }.around(Timestamp(now.timestamp_millis()));
        let show = |at: Timestamp| at.to_utc().format("%Y-%m-%dT%H:%M").to_string();
        (show(from), show(to))
    }

    #[test]
    fn periods_begin_and_end_at_midnight_in_their_zone() {
        let cases = [
            (
                Period::Month,
                "UTC",
                "2026-11-23T18:00:00Z",
                "2026-11-01T00:00",
                "2026-12-01T00:00",
            ),
            // Summer time ends within the month, so it is an hour longer.
            (
                Period::Month,
                "Europe/Berlin",
                "2026-10-31T22:59:59Z",
                "2026-09-30T22:00",
                "2026-10-31T23:00",
            ),
            (
                Period::Month,
                "Europe/Berlin",
                "2026-10-31T23:00:00Z",
                "2026-10-31T23:00",
                "2026-11-30T23:00",
            ),
            (
                Period::Quarter,
                "UTC",
                "2026-06-30T23:59:59Z",
                "2026-04-01T00:00",
                "2026-07-01T00:00",
            ),
            (
                Period::Year,
                "UTC",
                "2028-02-29T12:00:00Z",
                "2028-01-01T00:00",
                "2029-01-01T00:00",
            ),
            // 2026-11-23 is a Monday.
            (
                Period::Week,
                "UTC",
                "2026-11-23T00:00:00Z",
                "2026-11-23T00:00",
                "2026-11-30T00:00",
            ),
            (
                Period::Week,
                "America/New_York",
                "2026-11-23T04:59:59Z",
                "2026-11-16T05:00",
                "2026-11-23T05:00",
            ),
            // A zone with a half-hour offset.
            (
                Period::Month,
                "Asia/Kolkata",
                "2026-11-23T00:00:00Z",
                "2026-10-31T18:30",
                "2026-11-30T18:30",
            ),
        ];
        for (period, zone, now, from, to) in cases {
            let expected = (from.to_owned(), to.to_owned());
            assert_eq!(around(period, zone, now), expected, "{zone} {now}");
        }
    }

    #[test]
    fn a_day_without_midnight_begins_after_the_gap() {
        let zone = "Asia/Beirut".parse().expect("a zone");
        let calendar = Calendar {
            period: Period::Month,
            zone,
        };
        let day = NaiveDate::from_ymd_opt(2026, 3, 29).expect("a day");
        let at = calendar.midnight(day).expect("it begins");
        assert_eq!(at.to_utc().format("%H:%M").to_string(), "22:00");
    }

    #[test]
    fn the_end_of_the_calendar_does_not_panic() {
        let calendar = Calendar {
            period: Period::Year,
            zone: Tz::UTC,
        };
        for now in [i64::MIN, i64::MAX, 0] {
            let (from, to) = calendar.around(Timestamp(now));
            assert!(from <= to);
        }
    }
}
