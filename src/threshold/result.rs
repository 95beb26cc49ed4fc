//! Results of thresholds.

use super::{Threshold, ThresholdMetric};
use crate::format::numbers;
use crate::load::Answer;
use std::fmt;

/// A threshold with its measurement and decision.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdResult {
    pub threshold: Threshold,
    /// Its source: the name of an objective, `load`, or the command line.
    pub source: String,
    pub measured: Result<f64, NotMeasured>,
    pub decision: Decision,
}

/// Whether a threshold was met, ordered from best to worst: the decision for several is the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Met,
    /// The load was too low for a decision.
    LoadTooLow,
    /// A longer run could decide it.
    Undecided,
    /// Nothing was measured, which is a failure.
    Unmeasured,
    Missed,
}

/// Why a threshold has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NotMeasured {
    Nothing,
    /// The generator was the limit in all relevant windows.
    GeneratorLimited,
    /// The run never reached the load that the threshold applies to.
    LoadNotReached,
    /// Too few requests for a quantile, and the number it needs.
    TooFewRequests {
        requests: u64,
        needed: u64,
    },
    /// No quantile, but enough failed or slow requests to prove that it is above the limit.
    Bad {
        failed: u64,
        slow: u64,
        requests: u64,
    },
    /// Like `Bad`, but up to this many of the slow requests may be the failed ones.
    Unclear {
        failed: u64,
        slow: u64,
        requests: u64,
    },
    /// Response times were not recorded.
    Times,
    /// Times to first token were not recorded, or are not known until the end of the run.
    Tokens,
    /// No request has the name of the threshold.
    NoSuchRequest,
    /// The figures of a request are not known until the end of the run.
    NotYet,
    /// It is unknown which requests failed.
    Errors,
    /// At most this many requests per second were requested, which is too few for a decision.
    Offered(f64),
    /// This many requests per second were completed: the threshold is missed if more were requested.
    Completed(f64),
}

impl Decision {
    /// The worst decision of several thresholds; met if there are none.
    pub fn worst(all: &[ThresholdResult]) -> Self {
        let all = all.iter().map(|one| one.decision);
        all.max().unwrap_or(Self::Met)
    }

    pub const fn answer(self) -> Answer {
        match self {
            Self::Met => Answer::Good,
            Self::LoadTooLow | Self::Undecided => Answer::Unknown,
            Self::Unmeasured | Self::Missed => Answer::Bad,
        }
    }
}

impl ThresholdResult {
    /// The measured value, or why there is none.
    pub fn in_words(&self) -> String {
        match self.measured {
            Ok(value) => {
                let Threshold { of, limit, .. } = &self.threshold;
                of.show_distinct(value, *limit)
            }
            Err(missing) => missing.to_string(),
        }
    }
}

impl fmt::Display for NotMeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing was measured"),
            Self::GeneratorLimited => f.write_str("the generator was the limit"),
            Self::LoadNotReached => {
                f.write_str("no second of the run had this load: use longer stages")
            }
            Self::TooFewRequests { requests, needed } => {
                write!(f, "too few requests: {requests}, at least {needed} needed")
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
                    "{share} of the requests failed, and failed requests are never fast"
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
                "{failed} of {requests} requests failed and up to {slow} others took longer: the duration of some is unknown"
            ),
            Self::Times => f.write_str("response times are unknown"),
            Self::Tokens => f.write_str("the times to the first token are unknown"),
            Self::NoSuchRequest => {
                f.write_str("the run has no figures of a request with this name")
            }
            Self::NotYet => f.write_str("known at the end of the run"),
            Self::Errors => f.write_str("it is unknown which requests failed"),
            Self::Offered(0.0) => f.write_str("no requests were due"),
            Self::Offered(rate) => write!(
                f,
                "at most {} were requested (`slod load throughput` requests more)",
                ThresholdMetric::Rate.show(*rate)
            ),
            Self::Completed(rate) => write!(
                f,
                "{} were completed, and it is unknown whether more were requested",
                ThresholdMetric::Rate.show(*rate)
            ),
        }
    }
}
