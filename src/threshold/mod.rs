//! Thresholds of a load run. Pure. syntax.rs: parsing and formatting; result.rs: results.

mod result;
mod syntax;

#[cfg(test)]
mod tests;

pub use result::{Decision, NotMeasured, ThresholdResult};
pub use syntax::{expected, suggestion};

use crate::format::numbers;
use crate::load::Figures;
use crate::stats::proportion::exceeds;
use crate::stats::quantile::needed;
use std::sync::Arc;
use std::time::Duration;

/// Significance level for deciding that a quantile is above its limit with fewer requests than it needs.
pub const LEVEL: f64 = 0.001;

/// One condition, such as `p95<500ms`, `avg<400ms`, `max<2s`, `ttft_p95<1s`, `errors<0.1%`, `errors==0` or
/// `rate>100/s`; with the name of a request, such as `p95{name:login}<500ms`, of this request alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The name of the request; `None` for all requests.
    pub request: Option<Arc<str>>,
    pub of: ThresholdMetric,
    pub limit: f64,
}

/// Latencies are in seconds, errors are a ratio, the rate is per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThresholdMetric {
    Quantile(f64),
    /// A quantile of the times to first token, which are only known for a whole run.
    FirstToken(f64),
    Average,
    Maximum,
    Errors,
    Rate,
}

impl ThresholdMetric {
    /// Formats a value of the metric.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Errors => numbers::failed(value),
            Self::Rate => format!("{value:.1}/s"),
            _ => numbers::seconds(value),
        }
    }

    /// Formats a value with enough digits to differ from `other`.
    fn show_distinct(self, value: f64, other: f64) -> String {
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

    fn of(self, figures: &Figures) -> Result<f64, NotMeasured> {
        let requests = figures.completed;
        if requests == 0 {
            return Err(NotMeasured::Nothing);
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        match self {
            Self::Quantile(q) if requests < needed(q) => {
                let needed = needed(q);
                Err(NotMeasured::TooFewRequests { requests, needed })
            }
            Self::Quantile(q) => seconds(figures.quantile(q)).ok_or(NotMeasured::Times),
            Self::FirstToken(_) => Err(NotMeasured::Tokens),
            Self::Average => seconds(figures.mean()).ok_or(NotMeasured::Times),
            Self::Maximum => {
                let longest = figures.extremes().map(|(_, longest)| longest);
                seconds(longest).ok_or(NotMeasured::Times)
            }
            Self::Errors => figures.error_ratio().ok_or(NotMeasured::Errors),
            Self::Rate => Ok(figures.good_rate()),
        }
    }
}

impl Threshold {
    /// A threshold for all requests.
    pub const fn new(of: ThresholdMetric, limit: f64) -> Self {
        let request = None;
        Self { request, of, limit }
    }

    /// Returns the measured value, and whether the threshold was met.
    pub fn judge(&self, figures: &Figures) -> (Result<f64, NotMeasured>, Decision) {
        match self.of.of(figures) {
            Ok(value) if self.is_met_by(value) => (Ok(value), Decision::Met),
            Ok(value) => (Ok(value), Decision::Missed),
            Err(few @ NotMeasured::TooFewRequests { .. }) => self.judge_few(figures, few),
            Err(NotMeasured::Tokens) => (Err(NotMeasured::Tokens), Decision::Undecided),
            Err(missing) => (Err(missing), Decision::Unmeasured),
        }
    }

    /// Fewer requests than a quantile needs may still prove that it is above the limit.
    fn judge_few(
        &self,
        figures: &Figures,
        few: NotMeasured,
    ) -> (Result<f64, NotMeasured>, Decision) {
        let limit = Duration::try_from_secs_f64(self.limit).unwrap_or(Duration::MAX);
        let (slow, requests) = (figures.slower_than(limit), figures.completed);
        match self.of {
            ThresholdMetric::Quantile(q) if exceeds(slow, requests, 1.0 - q, LEVEL) => {
                let bad = NotMeasured::Bad {
                    failed: 0,
                    slow,
                    requests,
                };
                (Err(bad), Decision::Missed)
            }
            _ => (Err(few), Decision::Undecided),
        }
    }

    fn is_met_by(&self, value: f64) -> bool {
        match self.of {
            ThresholdMetric::Rate => value > self.limit,
            ThresholdMetric::Errors if self.is_none() => value <= 0.0,
            _ => value < self.limit,
        }
    }

    /// `errors==0`, the only threshold whose limit itself is allowed.
    pub fn is_none(&self) -> bool {
        self.limit <= 0.0
    }
}
