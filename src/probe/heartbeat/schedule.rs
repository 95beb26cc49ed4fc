//! Computes the times of a job's crontab. Pure.

use crate::outcome::Timestamp;
use crate::units::Tz;
use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use croner::Cron;

/// Crontab schedules in a time zone. Jobs at fixed times run once when clocks change: after the gap, and in the
/// first of two repeated hours. Other jobs run at regular intervals. A time is fixed unless its minute or its
/// hour begins with `*`, as with Vixie cron.
#[derive(Clone, Debug)]
pub struct Schedule {
    crons: Vec<Cron>,
    pub(super) zone: Tz,
}

impl Schedule {
    /// Recurring schedules in a time zone.
    pub const fn new(crons: Vec<Cron>, zone: Tz) -> Self {
        Self { crons, zone }
    }

    /// The first scheduled time after a moment.
    pub(super) fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let crons = self.crons.iter();
        crons.filter_map(|cron| self.next_of(cron, moment)).min()
    }

    fn next_of(&self, cron: &Cron, moment: Timestamp) -> Option<Timestamp> {
        let start = moment.to_utc().with_timezone(&self.zone);
        if !is_fixed(cron) {
            let next = cron.find_next_occurrence(&start, false).ok()?;
            return Some(Timestamp(next.timestamp_millis()));
        }
        // The local times after a moment in the second of two repeated hours may have come before it.
        let mut local = start.naive_local();
        loop {
            local = cron.find_next_occurrence(&local, false).ok()?;
            let at = first_moment(self.zone, local)?;
            if at > moment {
                return Some(at);
            }
        }
    }

    pub(super) fn times(&self) -> impl Iterator<Item = &str> {
        self.crons.iter().map(Cron::as_str)
    }
}

fn is_fixed(cron: &Cron) -> bool {
    let mut minute_and_hour = cron.as_str().split_whitespace().take(2);
    !minute_and_hour.any(|field| field.starts_with('*'))
}

/// The first moment with a local time; if the clock skips it, the moment of the change.
fn first_moment(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    const LONGEST_GAP_IN_MINUTES: i64 = 24 * 60;
    let minutes = (0..=LONGEST_GAP_IN_MINUTES).map(TimeDelta::minutes);
    let mut times = minutes.filter_map(|after| local.checked_add_signed(after));
    let found = times.find_map(|local| zone.from_local_datetime(&local).earliest());
    found.map(|at| Timestamp(at.timestamp_millis()))
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.zone == other.zone && self.times().eq(other.times())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::heartbeat::cron_times;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn half_hour_clock_changes_are_handled() {
        let in_lord_howe = |schedule: &str, from: &str| {
            let zone = Tz::named("Australia/Lord_Howe").expect("a zone");
            let times = Schedule::new(vec![cron_times::read(schedule).expect("valid")], zone);
            let next = times.after(at(from)).expect("it comes again");
            next.to_utc().format("%m-%dT%H:%M").to_string()
        };
        // The clock moves from 02:00 to 02:30, so 02:15 is skipped.
        assert_eq!(
            in_lord_howe("15 2 * * *", "2026-10-03T12:00:00Z"),
            "10-03T15:30"
        );
        // The clock moves from 02:00 back to 01:30, so 01:45 occurs twice.
        assert_eq!(
            in_lord_howe("45 1 * * *", "2026-04-04T12:00:00Z"),
            "04-04T14:45"
        );
        assert_eq!(
            in_lord_howe("45 1 * * *", "2026-04-04T14:50:00Z"),
            "04-05T15:15"
        );
    }
}
