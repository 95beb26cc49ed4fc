//! Parses cookie dates, which servers write in many formats (RFC 6265, section 5.1.1). Pure.

use chrono::{NaiveDate, NaiveDateTime};
use std::ops::RangeInclusive;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Parses a date whose parts may have any order and any separators. The time zone and the day of the
/// week are ignored. `None` if a part is missing or the date does not exist.
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        // Each part is the first token that matches it, and each token is used for one part only.
        let _ = take(&mut time, || time_of(token))
            || take(&mut day, || Some(number(token, 1..=2)?.0))
            || take(&mut month, || month_of(token))
            || take(&mut year, || year_of(token));
    }
    let (hour, minute, second) = time?;
    let date = NaiveDate::from_ymd_opt(year?, month?, day?)?;
    date.and_hms_opt(hour, minute, second)
}

/// Sets a part that is still missing; returns whether it did.
fn take<T>(part: &mut Option<T>, read: impl FnOnce() -> Option<T>) -> bool {
    if part.is_some() {
        return false;
    }
    *part = read();
    part.is_some()
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// Parses a number at the start of a text, with this many digits; also returns the rest of the text.
fn number(text: &str, digits: RangeInclusive<usize>) -> Option<(u32, &str)> {
    let is_digit = |c: char| c.is_ascii_digit();
    let end = text.find(|c| !is_digit(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    digits.contains(&end).then_some(())?;
    Some((number.parse().ok()?, rest))
}

fn time_of(token: &str) -> Option<(u32, u32, u32)> {
    let (hour, rest) = number(token, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1..=2)?;
    let (second, _) = number(rest.strip_prefix(':')?, 1..=2)?;
    Some((hour, minute, second))
}

fn month_of(token: &str) -> Option<u32> {
    let begin = token.get(..3)?;
    let months = (1..).zip(MONTHS);
    let mut fitting = months.filter(|(_, name)| name.eq_ignore_ascii_case(begin));
    fitting.next().map(|(number, _)| number)
}

/// Two digits mean 1970 to 2069. Years before 1601 are invalid.
fn year_of(token: &str) -> Option<i32> {
    let year = match number(token, 2..=4)?.0 {
        year @ 0..=69 => year + 2000,
        year @ 70..=99 => year + 1900,
        year => year,
    };
    i32::try_from(year).ok().filter(|year| *year >= 1601)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_as_browsers_read_them() {
        let epoch = chrono::DateTime::UNIX_EPOCH.naive_utc();
        for text in [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 1 Jan 1970 00:00:00 GMT",
            "Thursday, 01-Jan-70 00:00:00 GMT",
            "Thu Jan  1 00:00:00 1970",
            "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)",
            "Thu, 01 Jan 1970 00:00:00",
            "00:00:00 1 january 1970",
            "0:0:0x\t1st;JANx/1970AD",
            "1 Jan 1970 2 Feb 1980 00:00:00 01:02:03",
        ] {
            assert_eq!(parse(text), Some(epoch), "{text}");
        }
        let late = parse("31 Dec 9999 23:59:59").expect("valid");
        assert_eq!(late.to_string(), "9999-12-31 23:59:59");
        assert_eq!(parse("1 Jan 69 0:0:0"), parse("1 Jan 2069 0:0:0"));
    }

    #[test]
    fn incomplete_and_impossible_dates_are_rejected() {
        for text in [
            "",
            "0",
            "-1",
            "Session",
            "Thu, 01 Jan 1970",
            "Thu, 01 Jan 1970 00:00 GMT",
            "Jan 1970 00:00:00",
            "01 1970 00:00:00",
            "01 Jan 00:00:00",
            "30 Feb 2020 00:00:00",
            "00 Jan 2020 00:00:00",
            "01 Jan 2020 24:00:00",
            "01 Jan 2020 00:60:00",
            "01 Jan 2020 00:00:60",
            "01 Jan 1600 00:00:00",
            "01 Jan 12020 00:00:00",
            "1\u{e9}n Jan",
            "\u{1f600}\u{1f600}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|[0-9: -]|Jan|é){0,40}") {
            if let Some(date) = parse(&text) {
                let written = date.format("%a, %d %b %Y %T GMT").to_string();
                prop_assert_eq!(parse(&written), Some(date));
            }
        }
    }
}
