//! Crontab schedules: parsing, and explanations of invalid ones. Pure.

use crate::yaml::{Form, Scalar};
use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::CronParser;
use std::str::FromStr;

/// Maximum interval between two times of a schedule; `0 0 29 2 *` has up to eight years.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(8 * 366 + 1);

const EXAMPLES: &str = "five fields of a crontab such as `0 3 * * *`, or a name such as `@daily`";

/// The fields and their valid values.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, or L for the last"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7, or SUN to SAT"),
];

/// Five fields (minute, hour, day of the month, month, day of the week) or a name such as `@daily`.
#[derive(Clone, Copy, Debug)]
pub struct CronTimes;

impl Form for CronTimes {
    fn describe(&self) -> String {
        "crontab times".to_owned()
    }
}

impl Scalar for CronTimes {
    type Value = Cron;

    fn expected(&self, written: &str) -> String {
        match read(written) {
            // Values with variables get no specific explanation.
            Err(fault) if !written.contains("${") => fault,
            _ => EXAMPLES.to_owned(),
        }
    }

    fn parse(&self, text: &str) -> Option<Cron> {
        read(text).ok()
    }
}

/// Parses a schedule, or returns what is expected instead.
pub fn read(text: &str) -> Result<Cron, String> {
    let count = text.split_whitespace().count();
    if text.starts_with('@') {
        let names = "one of @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly";
        let text = text.replace("@midnight", "@daily");
        return Cron::from_str(&text).map_err(|_| names.to_owned());
    }
    if count != FIELDS.len() {
        return Err(format!(
            "{EXAMPLES}; found {count} fields (the fields are minute, hour, day of the month, month, day of the week)"
        ));
    }
    let cron = parse(text).map_err(|_| wrong_field(text))?;
    let start = DateTime::<Utc>::UNIX_EPOCH;
    let next = cron.find_next_occurrence(&start, false).ok();
    if next.is_none_or(|next| next - start >= LONGEST_PAUSE) {
        return Err("a recurring time: no year has such a day".to_owned());
    }
    Ok(cron)
}

/// Parses a schedule. If both the day of the month and the day of the week are restricted, either may
/// match. A field that begins with `*`, such as `*/2`, is not restricted, so that both must match
/// (crontab(5)).
fn parse(text: &str) -> Result<Cron, CronError> {
    let mut days = text.split_whitespace().skip(2).step_by(2);
    let both = days.any(|field| field.starts_with('*'));
    let parser = CronParser::builder().dom_and_dow(both).build();
    parser.parse(text)
}

/// What is expected in the first field that is invalid on its own.
fn wrong_field(text: &str) -> String {
    let fields = text.split_whitespace().zip(FIELDS).enumerate();
    let mut wrong = fields.filter(|(at, (written, _))| {
        let mut alone = ["*"; FIELDS.len()];
        alone[*at] = written;
        Cron::from_str(&alone.join(" ")).is_err()
    });
    match wrong.next() {
        Some((_, (_, (name, range)))) => format!(
            "{range} as the {name} (`*` for any, `1,2` for several, `1-5` for a range in ascending order, `*/2` for every second value)"
        ),
        None => EXAMPLES.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_field() {
        for (bad, expected) in [
            ("", "found 0"),
            ("* * *", "found 3"),
            ("0 0 3 * * *", "found 6"),
            ("daily", "found 1"),
            ("60 * * * *", "0 to 59 as the minute"),
            ("5-1 * * * *", "a range in ascending order"),
            ("*/0 * * * *", "0 to 59 as the minute"),
            ("H * * * *", "0 to 59 as the minute"),
            ("0 24 * * *", "0 to 23 as the hour"),
            (
                "0 0 32 * *",
                "1 to 31, or L for the last as the day of the month",
            ),
            ("0 0 * 13 *", "1 to 12, or JAN to DEC as the month"),
            ("0 0 * * 8", "0 to 7, or SUN to SAT as the day of the week"),
            ("0 0 30 2 *", "no year has such a day"),
            ("0 0 31 2 *", "no year has such a day"),
            ("@reboot", "one of @yearly"),
        ] {
            let fault = read(bad).expect_err(bad);
            assert!(fault.contains(expected), "{bad}: {fault}");
        }
    }

    #[test]
    fn recurring_times_are_valid() {
        for good in [
            "*/5 * * * *",
            "0 0 29 2 *",
            "0 22 * * MON-FRI",
            "0 0 L * *",
            "0 0 * * 7",
            "@yearly",
            "@annually",
            "@monthly",
            "@weekly",
            "@daily",
            "@hourly",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn values_with_variables_are_not_explained() {
        assert_eq!(CronTimes.expected("${TIMES}"), EXAMPLES);
    }

    /// What cronie runs, following the examples of crontab(5).
    #[test]
    fn day_fields_beginning_with_a_star_must_both_match() {
        let start: DateTime<Utc> = "2026-11-30T12:00:00Z".parse().expect("a time");
        for (text, expected) in [
            ("0 3 */2 * 3", "2026-12-09"),
            ("0 3 8 * */2", "2026-12-08"),
            ("0 3 5 * */1", "2026-12-05"),
            ("0 0 */100,1-7 * MON", "2026-12-07"),
            ("0 3 8 * 3", "2026-12-02"),
            ("0 3 * * 3", "2026-12-02"),
            ("0 3 8 * *", "2026-12-08"),
            ("@midnight", "2026-12-01"),
        ] {
            let cron = read(text).expect(text);
            let next = cron.find_next_occurrence(&start, false).expect(text);
            assert_eq!(next.date_naive().to_string(), expected, "{text}");
        }
    }
}
