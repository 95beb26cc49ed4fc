//! What the last scrapes of a service showed.

use crate::outcome::Timestamp;
use crate::roles::Role;
use std::sync::Arc;
use std::time::Duration;

/// The own metrics of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceMetrics {
    pub service: Arc<str>,
    /// When the values were read; `None` where there are none.
    pub at: Option<Timestamp>,
    pub scrape: ScrapeView,
    /// Empty before the first success, and when the last one is too long ago.
    pub roles: Vec<RoleView>,
    /// Over the last minute; absent before the second scrape.
    pub requests_per_second: Option<f64>,
    /// Over the last minute; absent without requests.
    pub error_ratio: Option<f64>,
    /// p50, p95 and p99 in seconds over the last five minutes.
    pub quantiles: Option<[f64; 3]>,
    /// Those that are open or opened lately, as far as their labels name them; not all if there are
    /// many.
    pub breakers: Vec<BreakerView>,
}

/// A circuit breaker by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerView {
    pub name: Arc<str>,
    /// `None` if it is not open now, or only its counter is known.
    pub open_since: Option<Timestamp>,
    /// Whether it was open already when slod first saw it.
    pub or_before: bool,
    /// When it opened last, as far as slod saw it.
    pub opened: Option<Timestamp>,
}

/// How the last scrape went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapeView {
    pub error: Option<String>,
    pub took: Duration,
    /// On the page.
    pub samples: u64,
    /// Of those that matched a role, how many could not be used; and lines that were too long.
    pub dropped: u64,
}

/// A role that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleView {
    pub role: Role,
    /// The selector or the `JSONPath`.
    pub selector: Arc<str>,
    /// The library whose names these are; `None` for a selector of the config.
    pub library: Option<&'static str>,
    /// Matching samples.
    pub series: usize,
    /// Absent where there were too many.
    pub value: Option<RoleValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RoleValue {
    Gauge(f64),
    /// What was counted since slod found the role.
    Counter(f64),
    Histogram(HistogramView),
}

#[derive(Clone, Debug, PartialEq)]
pub struct HistogramView {
    /// Upper bounds, ascending, without +Inf.
    pub bounds: Vec<f64>,
    /// One count per bound, and a last one for what lies above them.
    pub counts: Vec<u64>,
    pub sum: f64,
}

/// The quantiles that are estimated.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99")];

impl ServiceMetrics {
    /// Before the first scrape.
    pub fn unknown(service: Arc<str>) -> Self {
        Self {
            service,
            at: None,
            scrape: ScrapeView::default(),
            roles: Vec::new(),
            requests_per_second: None,
            error_ratio: None,
            quantiles: None,
            breakers: Vec::new(),
        }
    }

    /// How the last scrape went, and nothing else.
    #[must_use]
    pub fn without_values(&self) -> Self {
        Self {
            scrape: self.scrape.clone(),
            ..Self::unknown(self.service.clone())
        }
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

    /// Database connections in use, as a share of the pool. A pool without a limit has none.
    pub fn pool_usage(&self) -> Option<f64> {
        let max = self.number(Role::DbPoolMax).filter(|max| *max > 0.0)?;
        Some(self.number(Role::DbPoolInUse)? / max)
    }
}
