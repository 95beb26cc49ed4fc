//! Time ranges on the command line.

use crate::format::times;
use crate::outcome::Timestamp;
use crate::slo::recurrence::moment;
use crate::units::{self, Tz, likely};
use crate::yaml::{Scalar, Span, ZoneForm};
use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct SpanArgs {
    /// Start: a date (2026-11-01), a time (2026-11-01T14:00:00Z), a duration before now (7d), or now.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30d",
        allow_hyphen_values = true
    )]
    from: TimeArg,
    /// End, in the same formats.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    to: TimeArg,
    /// Time zone in which dates begin, such as Europe/Berlin. Times are shown in UTC.
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = read_zone)]
    timezone: Tz,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    Ago(Duration),
    /// The start of a day.
    Day(NaiveDate),
    At(Timestamp),
}

impl SpanArgs {
    /// Returns start and end, checked to be in this order; the end may be in the future.
    pub fn at(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), String> {
        let at = |time: TimeArg| time.in_zone(now, self.timezone);
        let (from, to) = (at(self.from), at(self.to));
        check_order(from, to)?;
        if from >= now {
            let (from, now) = (utc(from), utc(now));
            return Err(format!("--from {from} is in the future (now: {now})"));
        }
        Ok((from, to))
    }
}

impl TimeArg {
    /// A day begins at midnight UTC.
    pub fn at(self, now: Timestamp) -> Timestamp {
        self.in_zone(now, Tz::UTC)
    }

    fn in_zone(self, now: Timestamp, zone: Tz) -> Timestamp {
        match self {
            Self::Ago(ago) => now.before(ago),
            // `None` only at the ends of the calendar, which `read_when` rejects.
            Self::Day(day) => moment(zone, day.and_time(NaiveTime::MIN)).unwrap_or_default(),
            Self::At(at) => at,
        }
    }
}

/// The end of a time range: a time, or the length.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct EndArgs {
    /// End (exclusive): a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now (20m); may be in the future.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<TimeArg>,
    /// Length, such as 2h, instead of the end.
    #[arg(long = "for", value_name = "DURATION", id = "length", value_parser = read_duration)]
    length: Option<Duration>,
}

impl EndArgs {
    /// The end of the range that starts at `from`.
    pub fn at(&self, from: Timestamp, now: Timestamp) -> Timestamp {
        match self.to {
            Some(to) => to.at(now),
            None => from.after(self.length.unwrap_or_default()),
        }
    }
}

/// Checks that `--from` is before `--to`.
pub fn check_order(from: Timestamp, to: Timestamp) -> Result<(), String> {
    if from < to {
        return Ok(());
    }
    let (from, to) = (utc(from), utc(to));
    Err(format!("--from {from} is not before --to {to}"))
}

fn utc(at: Timestamp) -> String {
    times::second(at.to_utc()) + " UTC"
}

/// Parses a duration option, which must be above 0.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    let duration = units::duration(text);
    if duration == Some(Duration::ZERO) {
        return Err("expected a duration above 0, such as 30s or 2m".to_owned());
    }
    duration.ok_or_else(|| {
        let likely = Span::ANY.likely(text);
        let suggestion = likely::question(&likely);
        format!("expected a duration such as 30s or 2m{suggestion}")
    })
}

impl std::str::FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_when(text).ok_or_else(|| {
            let suggestion: Vec<_> = suggestion(text).into_iter().collect();
            let question = likely::question(&suggestion);
            format!("expected a date such as 2026-11-01, a time such as 2026-11-01T14:00:00Z, a duration before now such as 7d, or now{question}")
        })
    }
}

fn read_when(text: &str) -> Option<TimeArg> {
    if text == "now" {
        return Some(TimeArg::Ago(Duration::ZERO));
    }
    if let Some(ago) = units::duration(text) {
        return Some(TimeArg::Ago(ago));
    }
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let at = Timestamp::parse(text).map(TimeArg::At);
    at.or_else(|| day().map(TimeArg::Day))
}

fn read_zone(text: &str) -> Result<Tz, String> {
    ZoneForm.parse(text).ok_or_else(|| {
        let question = likely::question(&ZoneForm.likely(text));
        format!("expected {}{question}", ZoneForm.expected(text))
    })
}

/// Guesses the intended value: a duration before now without a sign, or a time with a zone. There is no
/// guess for a duration after now, such as `+5m`.
fn suggestion(text: &str) -> Option<String> {
    let text = text.trim();
    let before = text.strip_prefix("now").unwrap_or(text).trim_start();
    if before.starts_with('+') {
        return None;
    }
    let ago = before.strip_prefix('-').unwrap_or(before);
    let plain = units::duration(ago).map(|_| ago.to_owned());
    let duration = plain.or_else(|| likely::duration(ago));
    let word = text.eq_ignore_ascii_case("now").then(|| "now".to_owned());
    let mut moments = likely::moments(text).into_iter();
    let moment = || moments.find(|text| read_when(text).is_some());
    word.or(duration).or_else(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_durations_are_parsed() {
        let now = Timestamp::from_secs(1_795_442_517);
        let at = |text: &str| text.parse::<TimeArg>().map(|when| when.at(now).0 / 1000);
        assert_eq!(at("2026-11-01"), Ok(1_793_491_200));
        assert_eq!(at("2026-11-01T01:00:00+01:00"), Ok(1_793_491_200));
        assert_eq!(at("2026-11-01T01:00+01:00"), Ok(1_793_491_200));
        assert_eq!(at("7d"), Ok(1_795_442_517 - 7 * 86_400));
        assert_eq!(at("0"), Ok(1_795_442_517));
        assert_eq!(at("now"), Ok(1_795_442_517));
        assert!(at("yesterday").is_err() && at("2026-13-01").is_err());
    }

    #[test]
    fn a_day_begins_in_its_time_zone() {
        let begin = |zone: &str, day: &str| {
            let day: TimeArg = day.parse().expect("a date");
            let zone = read_zone(zone).expect("a time zone");
            times::second(day.in_zone(Timestamp(0), zone).to_utc())
        };
        assert_eq!(begin("UTC", "2026-11-01"), "2026-11-01 00:00:00");
        assert_eq!(begin("Europe/Berlin", "2026-11-01"), "2026-10-31 23:00:00");
        assert_eq!(begin("Europe/Berlin", "2026-10-01"), "2026-09-30 22:00:00");
        // Clocks were set forward at midnight.
        assert_eq!(
            begin("America/Sao_Paulo", "2018-11-04"),
            "2018-11-04 03:00:00"
        );
        let unknown = read_zone("europe/berln").expect_err("unknown");
        assert!(
            unknown.ends_with("did you mean `Europe/Berlin`?"),
            "{unknown}"
        );
    }

    #[test]
    fn a_missing_sign_or_zone_is_suggested() {
        for (written, offered) in [
            ("-5m", Some("5m")),
            ("now-5m", Some("5m")),
            ("5 min", Some("5m")),
            ("NOW", Some("now")),
            ("2026-11-29T02:50", Some("2026-11-29T02:50Z")),
            ("2026-11-29 02:50:00", Some("2026-11-29T02:50:00Z")),
            ("2026-11-29 02:50:00 UTC", Some("2026-11-29T02:50:00Z")),
            ("+5m", None),
            ("yesterday", None),
            ("2026-13-01", None),
        ] {
            assert_eq!(suggestion(written).as_deref(), offered, "{written}");
            let error = written.parse::<TimeArg>().expect_err("invalid");
            let question = offered.map(|offered| format!("did you mean `{offered}`?"));
            assert!(
                error.ends_with(question.as_deref().unwrap_or("or now")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_span_ends_after_it_begins() {
        let ago = |secs| TimeArg::Ago(Duration::from_secs(secs));
        let timezone = Tz::UTC;
        let span = |from, to| SpanArgs { from, to, timezone }.at(Timestamp(0));
        assert!(span(ago(2), ago(1)).is_ok());
        assert!(span(ago(1), ago(1)).is_err() && span(ago(1), ago(2)).is_err());
        let at = |secs| TimeArg::At(Timestamp::from_secs(secs));
        assert!(span(ago(1), at(9)).is_ok());
        assert!(span(at(0), at(9)).is_err() && span(at(8), at(9)).is_err());
    }
}
