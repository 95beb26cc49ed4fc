//! The results of the last scrapes of a service.

use super::dropped::Dropped;
use crate::format::numbers::summed;
use crate::outcome::Timestamp;
use crate::roles::Role;
use std::sync::Arc;
use std::time::Duration;

/// One service's own metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceMetrics {
    pub service: Arc<str>,
    /// When the values were read; `None` without values.
    pub at: Option<Timestamp>,
    pub scrape: ScrapeView,
    /// Empty before the first success, and when the last one is too old.
    pub roles: Vec<RoleView>,
    /// Over the last minute; `None` before the second scrape.
    pub requests_per_second: Option<f64>,
    /// Over the last minute; `None` without requests.
    pub error_ratio: Option<f64>,
    /// Requests to a language model, over the last minute.
    pub llm_requests_per_second: Option<f64>,
    /// The share of them that failed; `None` without requests.
    pub llm_error_ratio: Option<f64>,
    /// Tokens of a language model, input and output, over the last minute.
    pub llm_tokens_per_second: Option<f64>,
    /// p50, p95 and p99 of the request duration, in seconds over the last five minutes.
    pub quantiles: Option<[f64; 3]>,
    /// The same of the duration of requests to a language model.
    pub llm_quantiles: Option<[f64; 3]>,
    /// The same of its time to the first token.
    pub first_token_quantiles: Option<[f64; 3]>,
    /// The share of its limit that the fullest database pool uses; `None` if the series of several
    /// pools cannot be distinguished.
    pub pool_usage: Option<f64>,
    /// The name of that pool; `None` if there is only one.
    pub fullest_pool: Option<Arc<str>>,
    /// The breakers that are open or opened recently, if their labels name them; limited in number.
    pub breakers: Vec<BreakerView>,
}

/// A circuit breaker by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerView {
    pub name: Arc<str>,
    /// `None` if it is not open now, or only its counter is known.
    pub open_since: Option<Timestamp>,
    /// Whether it was already open when slod first saw it.
    pub or_before: bool,
    /// When it last opened, as far as slod observed it.
    pub opened: Option<Timestamp>,
}

/// The result of the last scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapeView {
    pub error: Option<String>,
    /// Scrapes that failed since the service has been watched.
    pub failures: u64,
    pub took: Duration,
    /// Samples on the page.
    pub samples: u64,
    /// Samples that matched a role but could not be used, and lines that were too long.
    pub dropped: Dropped,
    /// The first one of a JSON document, in words.
    pub example: Option<String>,
}

/// A role that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleView {
    pub role: Role,
    /// The selector or the `JSONPath`.
    pub selector: Arc<str>,
    /// The library that uses these names; `None` for a selector of the config.
    pub library: Option<&'static str>,
    /// The number of matching samples.
    pub series: usize,
    /// `None` if there were too many.
    pub value: Option<RoleValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RoleValue {
    Gauge(f64),
    /// Counted since slod found the role.
    Counter(f64),
    Histogram(HistogramView),
}

#[derive(Clone, Debug, PartialEq)]
pub struct HistogramView {
    /// Upper bounds, ascending, without +Inf.
    pub bounds: Vec<f64>,
    /// One count per bound, and a last one for observations above them.
    pub counts: Vec<u64>,
    pub sum: f64,
}

/// Errors may exceed requests by this ratio, and this count, because a library may count a request later than its
/// error.
const SURPLUS_RATIO: f64 = 0.05;
const SURPLUS_COUNT: f64 = 10.0;

/// What is wrong if there are more errors than requests, more than their timing explains.
pub fn surplus_errors(requests: f64, errors: f64) -> Option<String> {
    let is_surplus = errors > requests * (1.0 + SURPLUS_RATIO) + SURPLUS_COUNT;
    is_surplus.then(|| {
        format!(
            "{} errors of only {} requests: `errors` counts something else than `requests`, so ratios of them are wrong",
            summed(errors),
            summed(requests)
        )
    })
}

/// The estimated quantiles.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99")];

impl ServiceMetrics {
    /// The state before the first scrape.
    pub fn unknown(service: Arc<str>) -> Self {
        Self {
            service,
            ..Self::default()
        }
    }

    /// The result of the last scrape, without values.
    #[must_use]
    pub fn without_values(&self) -> Self {
        Self {
            scrape: self.scrape.clone(),
            ..Self::unknown(self.service.clone())
        }
    }

    /// [`surplus_errors()`] of what slod has counted; the ratio of errors is then limited to 100%.
    pub fn surplus_errors(&self) -> Option<String> {
        surplus_errors(self.number(Role::Requests)?, self.number(Role::Errors)?)
    }

    pub fn role(&self, role: Role) -> Option<&RoleView> {
        self.roles.iter().find(|view| view.role == role)
    }

    /// The value of a role that is not a histogram.
    pub fn number(&self, role: Role) -> Option<f64> {
        match self.role(role)?.value.as_ref()? {
            RoleValue::Gauge(value) | RoleValue::Counter(value) => Some(*value),
            RoleValue::Histogram(_) => None,
        }
    }

    pub fn histogram(&self, role: Role) -> Option<&HistogramView> {
        match self.role(role)?.value.as_ref()? {
            RoleValue::Histogram(histogram) => Some(histogram),
            RoleValue::Gauge(_) | RoleValue::Counter(_) => None,
        }
    }

    /// Database connections in use as a share of the pool, or of the fullest of several; `None` for a
    /// pool without a limit.
    pub fn pool_usage(&self) -> Option<f64> {
        let of_all = || {
            let max = self.number(Role::DbPoolMax).filter(|max| *max > 0.0)?;
            Some(self.number(Role::DbPoolInUse)? / max)
        };
        self.pool_usage.or_else(of_all)
    }

    pub(super) fn set_gauge(&mut self, role: Role, value: Option<f64>) {
        if let Some(view) = self.roles.iter_mut().find(|view| view.role == role) {
            view.value = value.map(RoleValue::Gauge);
        }
    }
}
