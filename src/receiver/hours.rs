//! Hours of a week, such as those in which somebody is on call. Pure.

use crate::outcome::Timestamp;
use crate::slo::recurrence::moment;
use crate::units::Tz;
use chrono::{Datelike, NaiveTime, TimeDelta, Timelike, Weekday};

/// Hours on days of the week in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Empty for all days.
    pub days: Vec<Weekday>,
    /// Minutes since midnight: start, and end (exclusive). A range that ends before it starts ends
    /// on the next day.
    pub range: (u32, u32),
    pub zone: Tz,
}

impl Hours {
    /// Whether a moment is in these hours. Hours after midnight belong to the day on which the
    /// range began.
    pub fn contain(&self, at: Timestamp) -> bool {
        let local = at.to_utc().with_timezone(&self.zone);
        self.contain_local(local.weekday(), local.hour() * 60 + local.minute())
    }

    /// Whether a minute of a local day is in these hours.
    fn contain_local(&self, today: Weekday, minute: u32) -> bool {
        let (from, to) = self.range;
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if from < to {
            return (from..to).contains(&minute) && on(today);
        }
        (minute >= from && on(today)) || (minute < to && on(today.pred()))
    }

    /// The first moment in these hours that is not before `at`.
    pub fn next(&self, at: Timestamp) -> Timestamp {
        if self.contain(at) {
            return at;
        }
        let midnight = NaiveTime::default();
        let begins = midnight + TimeDelta::minutes(i64::from(self.range.0));
        let today = at.to_utc().with_timezone(&self.zone).date_naive();
        // Two weeks: the hours of the only day may have passed, and a clock change may skip those of the next one.
        let days = today.iter_days().take(15);
        let mut all = days.filter_map(|day| moment(self.zone, day.and_time(begins)));
        all.find(|begin| *begin > at && self.contain(*begin))
            .unwrap_or(at)
    }

    /// Whether these hours, all in one time zone, together cover each minute of the week.
    pub fn contain_all(all: &[&Self]) -> bool {
        let full = |zone: Tz| {
            let same: Vec<_> = all.iter().filter(|one| one.zone == zone).collect();
            let week = (0..7).filter_map(|day| Weekday::try_from(day).ok());
            let mut minutes = week.flat_map(|day| (0..24 * 60).map(move |minute| (day, minute)));
            minutes.all(|(day, minute)| same.iter().any(|one| one.contain_local(day, minute)))
        };
        all.iter().any(|one| full(one.zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn hours(days: &[Weekday], range: (u32, u32)) -> Hours {
        Hours {
            days: days.to_vec(),
            range,
            zone: Tz::named("Europe/Berlin").expect("a zone"),
        }
    }

    /// Friday, 2026-11-27, at an hour in UTC. Berlin is one hour ahead.
    fn friday(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_795_737_600 + hour * 3600)
    }

    #[test]
    fn hours_are_local_and_a_night_belongs_to_its_first_day() {
        let day = hours(&[Weekday::Fri], (9 * 60, 17 * 60));
        let within: Vec<_> = (0..48).filter(|hour| day.contain(friday(*hour))).collect();
        assert_eq!(within, (8..16).collect::<Vec<_>>());
        let night = hours(&[Weekday::Fri], (22 * 60, 6 * 60));
        let within: Vec<_> = (0..48)
            .filter(|hour| night.contain(friday(*hour)))
            .collect();
        assert_eq!(within, (21..29).collect::<Vec<_>>());
        let always = hours(&[], (0, 24 * 60));
        assert!((0..48).all(|hour| always.contain(friday(hour))));
    }

    #[test]
    fn hours_follow_the_clock_when_it_changes() {
        let within = |hours: &Hours, midnight: i64| -> Vec<i64> {
            let at = |hour: &i64| Timestamp::from_secs(midnight + hour * 3600);
            (0..48).filter(|hour| hours.contain(at(hour))).collect()
        };
        // From Saturday on: daylight saving time ends on Sunday, 2026-10-25, and starts on
        // 2027-03-28.
        let (autumn, spring) = (1_792_800_000, 1_806_105_600);
        let night = hours(&[Weekday::Sat], (22 * 60, 6 * 60));
        assert_eq!(within(&night, autumn), (20..29).collect::<Vec<_>>());
        assert_eq!(within(&night, spring), (21..28).collect::<Vec<_>>());
        let day = hours(&[], (9 * 60, 17 * 60));
        let days: Vec<i64> = (7..15).chain(32..40).collect();
        assert_eq!(within(&day, autumn), days);
        let days: Vec<i64> = (8..16).chain(31..39).collect();
        assert_eq!(within(&day, spring), days);
        // An hour that occurs twice, and one that does not exist.
        let changed = hours(&[Weekday::Sun], (2 * 60, 3 * 60));
        assert_eq!(within(&changed, autumn), [24, 25]);
        assert_eq!(within(&changed, spring), [0; 0]);
    }

    #[test]
    fn the_next_hours_begin_on_a_day_that_has_them() {
        let work = [Weekday::Mon, Weekday::Fri];
        let day = hours(&work, (9 * 60, 17 * 60));
        assert_eq!(day.next(friday(3)), friday(8));
        assert_eq!(day.next(friday(12)), friday(12), "within them");
        let monday = friday(3 * 24 + 8);
        assert_eq!(day.next(friday(16)), monday);
        assert_eq!(day.next(monday.before(Duration::from_millis(1))), monday);
        let night = hours(&[Weekday::Thu], (22 * 60, 6 * 60));
        assert_eq!(night.next(friday(4)), friday(4), "of the day before");
        assert_eq!(night.next(friday(5)), friday(6 * 24 + 21));
        // Skipped on 2027-03-28, a Sunday.
        let skipped = hours(&[Weekday::Sun], (2 * 60, 3 * 60));
        let saturday = Timestamp::from_secs(1_806_105_600);
        let week_after = Timestamp::from_secs(1_806_105_600 + 8 * 86_400);
        assert_eq!(skipped.next(saturday), week_after);
    }
}
