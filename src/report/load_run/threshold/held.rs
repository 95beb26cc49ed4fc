//! How a threshold came out.

use super::{Threshold, ThresholdMetric};
use crate::format::numbers;
use crate::load::Answer;
use std::fmt;

/// A threshold, what was measured of it, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdResult {
    pub threshold: Threshold,
    /// Where it comes from: an objective's name, `load`, or the command line.
    pub source: String,
    pub measured: Result<f64, NotMeasured>,
    pub decision: Decision,
}

/// Whether a threshold was kept, from the best to the worst: what is true of several together is the
/// largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Kept,
    /// The load was not made to show it.
    NotAsked,
    /// A longer run would show it.
    Undecided,
    /// Nothing was measured of it, which fails.
    Unmeasured,
    Missed,
}

/// Why a threshold has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NotMeasured {
    Requests,
    /// The generator was the limit whenever there were any.
    Limited,
    /// The run never had the load that it is meant for.
    Load,
    /// Too few requests for a quantile, and how many it needs.
    Few {
        requests: u64,
        needed: u64,
    },
    /// Without a quantile: so many requests failed, or others were above the limit, that it is.
    Bad {
        failed: u64,
        slow: u64,
        requests: u64,
    },
    /// The same, but up to so many of the slow ones may be those that failed.
    Unclear {
        failed: u64,
        slow: u64,
        requests: u64,
    },
    /// The responses were not timed.
    Times,
    /// No first token was timed, or none is until the end of the run.
    Tokens,
    /// Nothing says which requests failed.
    Errors,
    /// The run asked for at most so many requests per second, which is too few to show it.
    Offered(f64),
    /// So few requests per second were made that it is missed if more were asked for.
    Asked(f64),
}

impl Decision {
    /// Of several thresholds together; kept without any.
    pub fn worst(all: &[ThresholdResult]) -> Self {
        let all = all.iter().map(|one| one.decision);
        all.max().unwrap_or(Self::Kept)
    }

    pub const fn answer(self) -> Answer {
        match self {
            Self::Kept => Answer::Good,
            Self::NotAsked | Self::Undecided => Answer::Unknown,
            Self::Unmeasured | Self::Missed => Answer::Bad,
        }
    }
}

impl ThresholdResult {
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

impl fmt::Display for NotMeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests => f.write_str("nothing was measured"),
            Self::Limited => f.write_str("the generator was the limit"),
            Self::Load => f.write_str("no second of the run had this load: use longer stages"),
            Self::Few { requests, needed } => {
                write!(f, "too few requests: {requests}, and it takes {needed}")
            }
            Self::Bad {
                failed: 0,
                slow,
                requests,
            } => write!(f, "{slow} of {requests} requests took longer"),
            Self::Bad {
                failed,
                slow: 0,
                requests,
            } => {
                let share = numbers::failed(*failed as f64 / (*requests).max(1) as f64);
                write!(
                    f,
                    "{share} of the requests failed, and those are never fast"
                )
            }
            Self::Bad {
                failed,
                slow,
                requests,
            } => write!(
                f,
                "{failed} of {requests} requests failed and {slow} took longer"
            ),
            Self::Unclear {
                failed,
                slow,
                requests,
            } => write!(
                f,
                "{failed} of {requests} requests failed and up to {slow} others took longer: it is not known how long the failed ones took"
            ),
            Self::Times => f.write_str("response times are not known"),
            Self::Tokens => f.write_str("the times to the first token are not known"),
            Self::Errors => f.write_str("it is not known which requests failed"),
            Self::Offered(0.0) => f.write_str("no requests were asked for"),
            Self::Offered(rate) => write!(
                f,
                "at most {} were asked for (`slod load throughput` asks for more)",
                ThresholdMetric::Rate.show(*rate)
            ),
            Self::Asked(rate) => write!(
                f,
                "{} were made, and it is not known whether more were asked for",
                ThresholdMetric::Rate.show(*rate)
            ),
        }
    }
}
