//! Time ranges on the command line.

use crate::format::times;
use crate::outcome::Timestamp;
use crate::units::{self, likely};
use crate::yaml::{Scalar, Span};
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    Ago(Duration),
    At(Timestamp),
}

impl SpanArgs {
    /// Returns start and end, checked to be in this order; the end may be in the future.
    pub fn at(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), String> {
        let (from, to) = (self.from.at(now), self.to.at(now));
        check_order(from, to)?;
        if from >= now {
            let (from, now) = (shown(from), shown(now));
            return Err(format!("--from {from} is in the future (now: {now})"));
        }
        Ok((from, to))
    }
}

impl TimeArg {
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.before(ago),
            Self::At(at) => at,
        }
    }
}

/// Checks that `--from` is before `--to`.
pub fn check_order(from: Timestamp, to: Timestamp) -> Result<(), String> {
    if from < to {
        return Ok(());
    }
    let (from, to) = (shown(from), shown(to));
    Err(format!("--from {from} is not before --to {to}"))
}

fn shown(at: Timestamp) -> String {
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
        let meant = likely::question(&likely);
        format!("expected a duration such as 30s or 2m{meant}")
    })
}

impl std::str::FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_when(text).ok_or_else(|| {
            let meant: Vec<_> = meant(text).into_iter().collect();
            let question = likely::question(&meant);
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
    let day = || {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        Some(Timestamp(midnight.and_utc().timestamp_millis()))
    };
    Timestamp::parse(text).or_else(day).map(TimeArg::At)
}

/// Guesses the intended value: a duration before now without a sign, or a time with a zone. There is no
/// guess for a duration after now, such as `+5m`.
fn meant(text: &str) -> Option<String> {
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
    fn dates_times_and_durations() {
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
            assert_eq!(meant(written).as_deref(), offered, "{written}");
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
        let span = |from, to| SpanArgs { from, to }.at(Timestamp(0));
        assert!(span(ago(2), ago(1)).is_ok());
        assert!(span(ago(1), ago(1)).is_err() && span(ago(1), ago(2)).is_err());
        let at = |secs| TimeArg::At(Timestamp::from_secs(secs));
        assert!(span(ago(1), at(9)).is_ok());
        assert!(span(at(0), at(9)).is_err() && span(at(8), at(9)).is_err());
    }
}
