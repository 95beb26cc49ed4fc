//! What a load run has to keep. syntax.rs: how it is written.

mod syntax;

use crate::format::numbers;
use crate::load::{Answer, Figures, LoadWindow};
use crate::stats::proportion::exceeds;
use crate::stats::quantile::needed;
use std::fmt;
use std::time::Duration;

/// Of the decision that a quantile is above its limit, with fewer requests than it needs.
const LEVEL: f64 = 0.001;

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
    /// Too few requests for a quantile, and how many it needs.
    Few {
        requests: u64,
        needed: u64,
    },
    /// Too few requests for a quantile, but so many of them were above the limit that it is.
    Above {
        slow: u64,
        requests: u64,
    },
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
            Self::Few { requests, needed } => {
                write!(f, "too few requests: {requests}, and it takes {needed}")
            }
            Self::Above { slow, requests } => {
                write!(f, "{slow} of {requests} requests took longer")
            }
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

impl Measured {
    /// A value of it, for people.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Errors => numbers::failed(value),
            Self::Rate => format!("{value:.1}/s"),
            _ => numbers::latency(Duration::try_from_secs_f64(value).unwrap_or_default()),
        }
    }

    /// Another value than `other`, for people: with so many digits that it looks like another.
    fn show_beside(self, value: f64, other: f64) -> String {
        let text = self.show(value);
        if value.total_cmp(&other).is_eq() || text != self.show(other) {
            return text;
        }
        match self {
            Self::Errors => format!("{:.4}%", value * 100.0),
            Self::Rate => format!("{value:.3}/s"),
            _ => format!("{:.3}ms", value * 1000.0),
        }
    }

    fn of(self, figures: &Figures, limit: f64) -> Result<f64, Missing> {
        let requests = figures.completed;
        if requests == 0 {
            return Err(Missing::Requests);
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        match self {
            Self::Quantile(q) if requests < needed(q) => Err(few(figures, q, limit)),
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

/// Fewer requests than a quantile needs may still show that it is above a limit.
fn few(figures: &Figures, q: f64, limit: f64) -> Missing {
    let slow = figures.slower_than(Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX));
    let requests = figures.completed;
    if exceeds(slow, requests, 1.0 - q, LEVEL) {
        return Missing::Above { slow, requests };
    }
    Missing::Few {
        requests,
        needed: needed(q),
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
            measured: self.of.of(&figures, self.limit),
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
        let is_known = matches!(
            self.measured,
            Ok(_) | Err(Missing::Failed(_) | Missing::Above { .. })
        );
        is_known && !self.is_kept()
    }

    /// Whether a longer run would say more.
    pub fn is_undecided(&self) -> bool {
        matches!(self.measured, Err(Missing::Few { .. }))
    }

    /// What is not measured at all fails. What the run has too little of, or was not made to show,
    /// is unknown.
    pub fn answer(&self) -> Answer {
        match self.measured {
            Err(Missing::Offered(_) | Missing::Few { .. }) => Answer::Unknown,
            _ if self.is_kept() => Answer::Good,
            _ => Answer::Bad,
        }
    }

    /// What was measured, or why nothing was, in words.
    pub fn in_words(&self) -> String {
        match self.measured {
            Ok(value) => {
                let Threshold { of, limit } = self.threshold;
                of.show_beside(value, limit)
            }
            Err(missing) => missing.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn held(text: &str, latencies_ms: &[u64], failed: u64) -> Held {
        let scale = crate::stats::scale::Scale::new([]);
        let mut latency = crate::stats::quantile::Histogram::default();
        for ms in latencies_ms {
            latency.add(scale.code(Duration::from_millis(*ms)), 1);
        }
        let window = LoadWindow {
            start: Duration::ZERO,
            length: Duration::from_secs(10),
            stage: 0,
            due: 1.0,
            active: 1.0,
            started: latencies_ms.len() as u64,
            dropped: 0,
            unjudged: 0,
            good: latencies_ms.len() as u64 - failed,
            failed: vec![(crate::outcome::Cause::Status, failed)],
            latency,
            lag: Duration::ZERO,
            generator_cpu: None,
        };
        let threshold: Threshold = text.parse().expect(text);
        threshold.judge([&window], "test")
    }

    #[test]
    fn too_few_requests_for_a_quantile_are_unknown_unless_nearly_all_are_slow() {
        let few = held("p95<1h", &[10; 20], 0);
        assert_eq!(few.answer(), Answer::Unknown);
        assert!(few.is_undecided() && !few.is_missed());
        assert_eq!(few.in_words(), "too few requests: 20, and it takes 59");
        let slow = held("p95<500ms", &[2000; 20], 0);
        assert_eq!(slow.answer(), Answer::Bad);
        assert!(slow.is_missed() && !slow.is_undecided());
        assert_eq!(slow.in_words(), "20 of 20 requests took longer");
        // One slow request of 20 is what is expected at the limit.
        let mut mixed = [10; 20];
        mixed[0] = 2000;
        assert_eq!(held("p95<500ms", &mixed, 0).answer(), Answer::Unknown);
    }

    #[test]
    fn a_value_never_looks_like_the_limit_that_it_misses() {
        let missed = held("errors<33.33%", &[10; 3], 1);
        assert!(missed.is_missed());
        assert_eq!(missed.in_words(), "33.3333%");
        assert_eq!(held("errors<30%", &[10; 3], 1).in_words(), "33.33%");
    }
}
