//! Computes when the next report of a job is due. Pure.

use super::Schedule;
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use crate::units::show_duration;
use std::time::Duration;

/// A report at most this long before its scheduled time counts for that time, since clocks differ between
/// machines.
const EARLY: Duration = Duration::from_secs(5);

/// How often a job reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    Every(Duration),
    Schedule(Box<Schedule>),
}

/// When reports are due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub pace: Pace,
    /// How late a report may be.
    pub grace: Duration,
}

impl Due {
    /// The latest time at which the report after one at `last` is still in time; `None` if none will be due.
    pub fn deadline(&self, last: Timestamp) -> Option<Timestamp> {
        self.next(last).map(|due| due.after(self.grace))
    }

    /// When the next report after one at `last` is due.
    fn next(&self, last: Timestamp) -> Option<Timestamp> {
        match &self.pace {
            Pace::Every(every) => Some(last.after(*every)),
            Pace::Schedule(schedule) => schedule.after(last.after(EARLY)),
        }
    }

    /// Since when reports are expected, after one at `last`. A job may skip a run that falls into a
    /// maintenance; it then gets its full interval again from the end of the maintenance, or from `now` while
    /// the maintenance lasts.
    pub fn owed_since(&self, last: Timestamp, maintenance: &Spans, now: Timestamp) -> Timestamp {
        maintenance.iter().fold(last, |since, (from, to)| {
            let due = self.next(since);
            let falls_on = |due: Timestamp| due < to && due.after(self.grace) >= from;
            if from <= now && due.is_some_and(falls_on) {
                to.min(now).max(since)
            } else {
                since
            }
        })
    }

    /// Whether a report is missing at `now`, with the last one at `last`.
    pub fn is_overdue(&self, last: Timestamp, now: Timestamp) -> bool {
        self.deadline(last).is_some_and(|deadline| now > deadline)
    }

    /// Whether a job counts as silent after slod waited for `waited` without a report since `last`, excluding
    /// breaks. Each break may have lost one report, but not two in a row.
    pub fn gives_up(&self, last: Timestamp, waited: Duration) -> bool {
        let two = match &self.pace {
            Pace::Every(every) => Some((*every + self.grace) * 2),
            Pace::Schedule(_) => {
                let second = self.next(last).and_then(|first| self.next(first));
                second.map(|second| second.since(last) + self.grace)
            }
        };
        two.is_some_and(|two| waited > two)
    }

    /// The shortest time between two of the next scheduled times, if `grace` is not shorter: the next report
    /// then comes in time for a missing one.
    pub fn hiding_gap(&self) -> Option<Duration> {
        const TIMES: usize = 32;
        let Pace::Schedule(schedule) = &self.pace else {
            return None;
        };
        let first = schedule.after(Timestamp::default())?;
        let times = std::iter::successors(Some(first), |last| schedule.after(*last));
        let times: Vec<_> = times.take(TIMES).collect();
        let gaps = times.windows(2).map(|two| two[1].since(two[0]));
        gaps.min().filter(|gap| *gap <= self.grace)
    }

    /// A description, such as `every 1h`.
    pub fn words(&self) -> String {
        match &self.pace {
            Pace::Every(every) => format!("every {}", show_duration(*every)),
            Pace::Schedule(schedule) => {
                let times: Vec<_> = schedule.times().map(|times| format!("`{times}`")).collect();
                format!("at {} ({})", times.join(", "), schedule.zone)
            }
        }
    }

    /// The scheduled time of a report that is missing after one at `last`, such as `, due at 03:00 on 2026-11-30`.
    /// A report may have come just before it, in another time zone. Empty for an interval.
    pub fn missing_words(&self, last: Timestamp) -> String {
        let Pace::Schedule(schedule) = &self.pace else {
            return String::new();
        };
        self.next(last).map_or_else(String::new, |due| {
            let due = due.to_utc().with_timezone(&schedule.zone);
            format!(", due on {}", due.format("%Y-%m-%d at %H:%M"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::heartbeat::cron_times;
    use crate::units::Tz;
    use chrono::DateTime;

    fn at(text: &str) -> Timestamp {
        let moment = DateTime::parse_from_rfc3339(text).expect("a moment");
        Timestamp(moment.timestamp_millis())
    }

    /// The deadlines after `from` of a job that reports on time.
    fn deadlines(schedule: &str, from: &str, count: usize) -> Vec<String> {
        let zone = Tz::named("Europe/Berlin").expect("a zone");
        let cron = cron_times::read(schedule).expect("valid");
        let due = Due {
            pace: Pace::Schedule(Box::new(Schedule::new(vec![cron], zone))),
            grace: Duration::from_mins(10),
        };
        let mut last = at(from);
        let mut found = Vec::new();
        for _ in 0..count {
            let deadline = due.deadline(last).expect("it comes again");
            assert!(
                !due.is_overdue(last, deadline)
                    && due.is_overdue(last, deadline.after(Duration::from_millis(1)))
            );
            found.push(deadline.to_utc().format("%m-%dT%H:%M").to_string());
            last = deadline;
        }
        found
    }

    #[test]
    fn a_daily_job_keeps_its_hour_when_clocks_change() {
        assert_eq!(
            deadlines("0 3 * * *", "2026-03-28T00:00:00Z", 3),
            ["03-28T02:10", "03-29T01:10", "03-30T01:10"]
        );
        assert_eq!(
            deadlines("0 3 * * *", "2026-10-24T00:00:00Z", 3),
            ["10-24T01:10", "10-25T02:10", "10-26T02:10"]
        );
    }

    #[test]
    fn runs_during_maintenance_are_not_expected() {
        let zone = Tz::named("Europe/Berlin").expect("a zone");
        let cron = cron_times::read("0 3 * * *").expect("valid");
        let grace = Duration::from_mins(30);
        let nightly = Due {
            pace: Pace::Schedule(Box::new(Schedule::new(vec![cron], zone))),
            grace,
        };
        let daily = Due {
            pace: Pace::Every(Duration::from_hours(24)),
            grace,
        };
        let last = at("2026-11-02T02:00:00Z");
        let owed = |due: &Due, from: &str, to: &str, now: &str| {
            let spans = Spans::new([(at(from), at(to))]);
            let since = due.owed_since(last, &spans, at(now));
            since.to_utc().format("%dT%H:%M").to_string()
        };
        let noon = "2026-11-03T12:00:00Z";
        let night = ["2026-11-03T01:00:00Z", "2026-11-03T04:00:00Z"];
        for due in [&nightly, &daily] {
            assert_eq!(owed(due, night[0], night[1], noon), "03T04:00");
            let within = owed(due, night[0], night[1], "2026-11-03T03:15:00Z");
            assert_eq!(within, "03T03:15");
            // The maintenance begins while the job may still be running.
            let late = owed(due, "2026-11-03T02:29:00Z", night[1], noon);
            assert_eq!(late, "03T04:00");
            for (from, to) in [
                ("2026-11-03T02:31:00Z", night[1]),
                (night[0], "2026-11-03T02:00:00Z"),
                ("2026-11-02T12:00:00Z", "2026-11-02T14:00:00Z"),
            ] {
                assert_eq!(owed(due, from, to, noon), "02T02:00", "{from}");
            }
        }
        let next = nightly.deadline(at(night[1]));
        assert_eq!(next, Some(at("2026-11-04T02:30:00Z")));
    }

    #[test]
    fn skipped_and_repeated_times_occur_once() {
        // 02:30 does not exist on this day, so it is due at 03:00, when the clock has changed.
        assert_eq!(
            deadlines("30 2 * * *", "2026-03-28T12:00:00Z", 2),
            ["03-29T01:10", "03-30T00:40"]
        );
        // 02:30 occurs twice; the first one counts.
        assert_eq!(
            deadlines("30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["10-25T00:40", "10-26T01:40"]
        );
        // An hourly job runs every hour.
        assert_eq!(
            deadlines("15 * * * *", "2026-10-24T23:30:00Z", 4),
            ["10-25T00:25", "10-25T01:25", "10-25T02:25", "10-25T03:25"]
        );
    }

    #[test]
    fn several_fixed_times_occur_once_when_clocks_change() {
        let (autumn, spring) = ("2026-10-24T23:00:00Z", "2026-03-29T00:00:00Z");
        for (schedule, from, expected) in [
            ("0 2,14 * * *", autumn, &["10-25T00:10", "10-25T13:10"][..]),
            (
                "0,30 2 * * *",
                autumn,
                &["10-25T00:10", "10-25T00:40", "10-26T01:10"],
            ),
            (
                "0 0-4 * * *",
                autumn,
                &["10-25T00:10", "10-25T02:10", "10-25T03:10"],
            ),
            (
                "30 2,3 * * *",
                "2026-10-25T01:15:00Z",
                &["10-25T02:40", "10-26T01:40"],
            ),
            ("0 2,14 * * *", spring, &["03-29T01:10", "03-29T12:10"]),
            (
                "15,45 2 * * *",
                spring,
                &["03-29T01:10", "03-30T00:25", "03-30T00:55"],
            ),
            // Regular intervals.
            (
                "*/30 2 * * *",
                autumn,
                &["10-25T00:10", "10-25T00:40", "10-25T01:10", "10-25T01:40"],
            ),
            (
                "0 */2 * * *",
                autumn,
                &["10-25T00:10", "10-25T01:10", "10-25T03:10"],
            ),
            ("*/30 2 * * *", spring, &["03-30T00:10", "03-30T00:40"]),
        ] {
            let found = deadlines(schedule, from, expected.len());
            assert_eq!(found, expected, "{schedule} from {from}");
        }
    }

    #[test]
    fn a_job_may_have_several_lines_of_a_crontab() {
        let crons = ["0 12 * * *", "30 17 * * MON-FRI"];
        let crons = crons.map(|text| cron_times::read(text).expect("valid"));
        let times = Schedule::new(crons.to_vec(), Tz::UTC);
        let due = Due {
            pace: Pace::Schedule(Box::new(times)),
            grace: Duration::ZERO,
        };
        // 2026-11-27 is a Friday.
        let mut last = at("2026-11-27T12:00:00Z");
        for expected in ["27T17:30", "28T12:00", "29T12:00", "30T12:00", "30T17:30"] {
            last = due.deadline(last).expect("it comes again");
            assert_eq!(last.to_utc().format("%dT%H:%M").to_string(), expected);
        }
        assert_eq!(due.words(), "at `0 12 * * *`, `30 17 * * 1-5` (UTC)");
    }

    #[test]
    fn a_long_grace_hides_a_missing_report() {
        let gap = |schedule: &str, minutes: u64| {
            let cron = cron_times::read(schedule).expect("valid");
            let due = Due {
                pace: Pace::Schedule(Box::new(Schedule::new(vec![cron], Tz::UTC))),
                grace: Duration::from_mins(minutes),
            };
            due.hiding_gap().map(|gap| gap.as_secs() / 60)
        };
        assert_eq!(gap("0 * * * *", 59), None);
        assert_eq!(gap("0 * * * *", 60), Some(60));
        assert_eq!(gap("0 8,20 * * *", 700), None);
        assert_eq!(gap("0 8,10 * * *", 700), Some(120));
        assert_eq!(gap("0 3 * * *", 120), None);
    }

    #[test]
    fn reports_shortly_before_the_scheduled_time_count_for_it() {
        assert_eq!(
            deadlines("0 3 * * *", "2026-11-01T01:59:58Z", 1),
            ["11-02T02:10"]
        );
    }
}
