//! Values of a rule that the rrule crate parses too leniently, or in another time zone.

use super::zone::moment;
use crate::outcome::Timestamp;
use crate::units::Tz;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

const MAX_COUNT: usize = 10_000;

/// Checks a BYDAY value. The rrule crate panics if it is not ASCII, and accepts any text in place of the
/// number.
pub(super) fn check_weekday(value: &str) -> Result<(), String> {
    const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let value = value.trim();
    let number = DAYS.iter().find_map(|day| value.strip_suffix(day));
    let valid = number.is_some_and(|number| {
        number.is_empty() || number.parse::<i8>().is_ok_and(|n| n != 0 && n.abs() <= 53)
    });
    if valid {
        return Ok(());
    }
    let expected = "expected days such as SU, or 1SU for the first one, separated by commas";
    Err(format!("invalid day of the week `{value}`; {expected}"))
}

pub(super) fn read_count(value: &str) -> Result<usize, String> {
    let count = value
        .parse()
        .ok()
        .filter(|count| (1..=MAX_COUNT).contains(count));
    count.ok_or_else(|| format!("COUNT must be a whole number from 1 to {MAX_COUNT}"))
}

/// The end, exclusive. A date includes the whole day; a time is included itself.
pub(super) fn read_until(value: &str, zone: Tz) -> Result<Timestamp, String> {
    let day = || NaiveDate::parse_from_str(value, "%Y%m%d").ok()?.succ_opt();
    let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
    let end = match value.strip_suffix('Z') {
        Some(utc) => local(utc).map(|at| Timestamp(at.and_utc().timestamp_millis() + 1)),
        None => local(value)
            .and_then(|at| Some(Timestamp(moment(zone, at)?.0 + 1)))
            .or_else(|| moment(zone, day()?.and_time(NaiveTime::MIN))),
    };
    let expected = "UNTIL must be a date such as 20261231, or a time such as 20261231T235959Z";
    end.ok_or_else(|| expected.to_owned())
}
