//! What a load run has to keep.

use crate::format::numbers;
use crate::load::{Answer, Figures, LoadWindow};
use crate::stats::quantile::needed;
use crate::units;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One condition, such as `p95<500ms`, `avg<400ms`, `max<2s`, `errors<0.1%` or `rate>100/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub of: Measured,
    pub limit: f64,
}

/// Latencies are in seconds, errors a ratio, the rate per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    Quantile(f64),
    Average,
    Maximum,
    Errors,
    Rate,
}

/// A threshold and what was measured; without a value it is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub threshold: Threshold,
    pub measured: Result<f64, Missing>,
    /// Where it comes from: an objective's name, `load`, or the command line.
    pub source: String,
}

/// Why a threshold has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing {
    Requests,
    /// Too few requests for a quantile: so many.
    Few(u64),
    /// The responses were not timed.
    Times,
    /// Nothing says which requests failed.
    Errors,
    /// The run asked for at most so many requests per second, which is too few to show it.
    Offered(f64),
    /// This share of the requests failed, which leaves too few for the quantile of an objective.
    Failed(f64),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests => f.write_str("nothing was measured"),
            Self::Few(requests) => write!(f, "too few requests: {requests}"),
            Self::Times => f.write_str("response times are not known"),
            Self::Errors => f.write_str("it is not known which requests failed"),
            Self::Offered(rate) => write!(
                f,
                "at most {} were asked for (`slod load throughput` asks for more)",
                Measured::Rate.show(*rate)
            ),
            Self::Failed(share) => {
                let share = numbers::failed(*share);
                write!(
                    f,
                    "{share} of the requests failed, and those are never fast"
                )
            }
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "invalid threshold `{text}`; expected such as `p95<500ms`, `avg<400ms`, `max<2s`, `errors<0.1%` or `rate>100/s`"
            )
        };
        let at = text.find(['<', '>']).ok_or_else(fault)?;
        let (name, limit) = (text[..at].trim(), text[at + 1..].trim());
        let of = match (name, &text[at..=at]) {
            ("avg", "<") => Measured::Average,
            ("max", "<") => Measured::Maximum,
            ("errors", "<") => Measured::Errors,
            ("rate", ">") => Measured::Rate,
            (name, "<") => {
                let percent: f64 = name
                    .strip_prefix('p')
                    .and_then(|number| number.parse().ok())
                    .ok_or_else(fault)?;
                if !(percent > 0.0 && percent < 100.0) {
                    return Err(fault());
                }
                Measured::Quantile(percent / 100.0)
            }
            _ => return Err(fault()),
        };
        let limit = match of {
            Measured::Errors => units::ratio(limit),
            Measured::Rate => units::Rate::parse(limit).map(units::Rate::per_second),
            _ => units::duration(limit).map(|limit| limit.as_secs_f64()),
        };
        let limit = limit.ok_or_else(fault)?;
        Ok(Self { of, limit })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.of == Measured::Rate { '>' } else { '<' };
        match self.of {
            Measured::Quantile(q) => write!(f, "p{}", percent(q))?,
            Measured::Average => f.write_str("avg")?,
            Measured::Maximum => f.write_str("max")?,
            Measured::Errors => f.write_str("errors")?,
            Measured::Rate => f.write_str("rate")?,
        }
        write!(f, " {sign} {}", self.of.show(self.limit))
    }
}

impl Threshold {
    /// As it is read, with its exact limit.
    pub fn written(&self) -> String {
        let ms = (self.limit * 1000.0).round();
        match self.of {
            Measured::Quantile(q) => format!("p{}<{ms}ms", percent(q)),
            Measured::Average => format!("avg<{ms}ms"),
            Measured::Maximum => format!("max<{ms}ms"),
            Measured::Errors => format!("errors<{}", self.limit),
            Measured::Rate => format!("rate>{}/s", self.limit),
        }
    }
}

/// Without the error of a number such as 0.58, of which 100 times are not 58.
fn percent(quantile: f64) -> f64 {
    (quantile * 1e8).round() / 1e6
}

impl Measured {
    /// A value of it, for people.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Errors => numbers::failed(value),
            Self::Rate => format!("{value:.1}/s"),
            _ => numbers::latency(Duration::try_from_secs_f64(value).unwrap_or_default()),
        }
    }

    fn of(self, figures: &Figures) -> Result<f64, Missing> {
        let requests = figures.completed;
        if requests == 0 {
            return Err(Missing::Requests);
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        match self {
            Self::Quantile(q) if requests < needed(q) => Err(Missing::Few(requests)),
            Self::Quantile(q) => seconds(figures.quantile(q)).ok_or(Missing::Times),
            Self::Average => seconds(figures.mean()).ok_or(Missing::Times),
            Self::Maximum => {
                let longest = figures.extremes().map(|(_, longest)| longest);
                seconds(longest).ok_or(Missing::Times)
            }
            Self::Errors => figures.error_ratio().ok_or(Missing::Errors),
            Self::Rate => Ok(figures.good_rate()),
        }
    }
}

impl Threshold {
    /// Holds it against windows.
    pub fn judge<'a>(
        self,
        windows: impl IntoIterator<Item = &'a LoadWindow>,
        source: &str,
    ) -> Held {
        let figures = Figures::of(windows);
        Held {
            threshold: self,
            measured: self.of.of(&figures),
            source: source.to_owned(),
        }
    }
}

impl Held {
    pub fn is_kept(&self) -> bool {
        let limit = self.threshold.limit;
        self.measured.is_ok_and(|measured| match self.threshold.of {
            Measured::Rate => measured > limit,
            _ => measured < limit,
        })
    }

    /// Whether the run shows that it was not kept.
    pub fn is_missed(&self) -> bool {
        let is_known = matches!(self.measured, Ok(_) | Err(Missing::Failed(_)));
        is_known && !self.is_kept()
    }

    /// What is not measured fails, unless the run was not made to show it.
    pub fn answer(&self) -> Answer {
        match self.measured {
            Err(Missing::Offered(_)) => Answer::Unknown,
            _ if self.is_kept() => Answer::Good,
            _ => Answer::Bad,
        }
    }

    /// What was measured, or why nothing was, in words.
    pub fn in_words(&self) -> String {
        match self.measured {
            Ok(value) => self.threshold.of.show(value),
            Err(missing) => missing.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_written() {
        for (text, shown) in [
            ("p95<500ms", "p95 < 500ms"),
            ("p99.9 < 2s", "p99.9 < 2.00s"),
            ("avg<400ms", "avg < 400ms"),
            ("errors<0.1%", "errors < 0.1%"),
            ("rate>100/s", "rate > 100.0/s"),
        ] {
            let read: Threshold = text.parse().expect(text);
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.written().parse(), Ok(read));
        }
        for text in [
            "p58<1h1ms",
            "p99.999<1ms",
            "max<1234ms",
            "errors<1e-9",
            "rate>7/min",
        ] {
            let read: Threshold = text.parse().expect(text);
            assert_eq!(read.written().parse(), Ok(read), "{}", read.written());
        }
        for bad in [
            "",
            "p95",
            "p95>500ms",
            "p0<1s",
            "p100<1s",
            "errors<x",
            "rate<100/s",
            "q95<1s",
        ] {
            assert!(bad.parse::<Threshold>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_measured_nothing_is_not_kept() {
        for text in ["p95<500ms", "avg<1s", "max<1s", "errors<1%", "rate>1/s"] {
            let threshold: Threshold = text.parse().expect(text);
            let held = threshold.judge([], "test");
            assert!(
                !held.is_kept() && held.measured == Err(Missing::Requests),
                "{text}"
            );
        }
    }
}
