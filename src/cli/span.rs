//! Spans of time on the command line.

use crate::format::times;
use crate::outcome::Timestamp;
use crate::units;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct SpanArgs {
    /// Start: a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now (7d).
    #[arg(long, value_name = "TIME", default_value = "30d")]
    from: When,
    /// End, in the same formats [default: now].
    #[arg(
        long,
        value_name = "TIME",
        default_value = "0",
        hide_default_value = true
    )]
    to: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Ago(Duration),
    At(Timestamp),
}

impl SpanArgs {
    /// Start and end, in this order; the end may be in the future.
    pub fn at(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), String> {
        let (from, to) = (self.from.at(now), self.to.at(now));
        let show = |at: Timestamp| times::second(at.to_utc()) + " UTC";
        if from >= to {
            let (from, to) = (show(from), show(to));
            return Err(format!("--from {from} is not before --to {to}"));
        }
        if from >= now {
            let (from, now) = (show(from), show(now));
            return Err(format!("--from {from} is in the future (now: {now})"));
        }
        Ok((from, to))
    }
}

impl When {
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.before(ago),
            Self::At(at) => at,
        }
    }
}

/// A duration in an option.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    units::duration(text).ok_or_else(|| "expected a duration such as 30s or 2m".to_owned())
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(ago) = units::duration(text) {
            return Ok(Self::Ago(ago));
        }
        let moment = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
        let day = || {
            let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(
                day.and_time(chrono::NaiveTime::MIN)
                    .and_utc()
                    .timestamp_millis(),
            )
        };
        match moment.ok().or_else(day) {
            Some(at) => Ok(Self::At(Timestamp(at))),
            None => Err("expected a date such as 2026-11-01, a time such as 2026-11-01T14:00:00Z, or a duration before now such as 7d".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_moments_and_how_long_ago() {
        let now = Timestamp::from_secs(1_795_442_517);
        let at = |text: &str| text.parse::<When>().map(|when| when.at(now).0 / 1000);
        assert_eq!(at("2026-11-01"), Ok(1_793_491_200));
        assert_eq!(at("2026-11-01T01:00:00+01:00"), Ok(1_793_491_200));
        assert_eq!(at("7d"), Ok(1_795_442_517 - 7 * 86_400));
        assert_eq!(at("0"), Ok(1_795_442_517));
        assert!(at("yesterday").is_err() && at("2026-13-01").is_err());
    }

    #[test]
    fn a_span_ends_after_it_begins() {
        let ago = |secs| When::Ago(Duration::from_secs(secs));
        let span = |from, to| SpanArgs { from, to }.at(Timestamp(0));
        assert!(span(ago(2), ago(1)).is_ok());
        assert!(span(ago(1), ago(1)).is_err() && span(ago(1), ago(2)).is_err());
        let at = |secs| When::At(Timestamp::from_secs(secs));
        assert!(span(ago(1), at(9)).is_ok());
        assert!(span(at(0), at(9)).is_err() && span(at(8), at(9)).is_err());
    }
}
