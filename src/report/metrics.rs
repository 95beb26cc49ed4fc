//! JSON of a service's own metrics.

use crate::observe::scrape::{QUANTILES, RoleValue, RoleView, ServiceMetrics};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub struct MetricsStatus {
    /// Whether the last scrape succeeded.
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub scrape_duration_seconds: f64,
    pub samples: u64,
    pub samples_dropped: u64,
    pub requests_per_second: Option<f64>,
    pub error_ratio: Option<f64>,
    /// What is wrong if there are more errors than requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surplus_errors: Option<String>,
    pub llm_requests_per_second: Option<f64>,
    pub llm_error_ratio: Option<f64>,
    /// Input and output.
    pub llm_tokens_per_second: Option<f64>,
    pub db_pool_usage_ratio: Option<f64>,
    /// The name of the fullest pool; absent if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fullest_db_pool: Option<String>,
    /// Quantiles of the request duration, in seconds.
    pub quantiles: BTreeMap<&'static str, f64>,
    /// Those of requests to a language model.
    pub llm_quantiles: BTreeMap<&'static str, f64>,
    /// Those of its time to the first token.
    pub first_token_quantiles: BTreeMap<&'static str, f64>,
    /// Roles by name.
    pub roles: BTreeMap<&'static str, RoleStatus>,
}

#[derive(Serialize)]
pub struct RoleStatus {
    pub selector: String,
    /// The library whose metric names were detected; absent for a configured selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<&'static str>,
    pub series: usize,
    /// For counters and histograms, the count since slod first scraped them.
    pub value: Option<f64>,
}

impl MetricsStatus {
    pub fn of(metrics: &ServiceMetrics) -> Self {
        let quantiles = |values: Option<[f64; 3]>| {
            let named = QUANTILES.into_iter().zip(values.into_iter().flatten());
            named.map(|((_, name), value)| (name, value)).collect()
        };
        let roles = metrics.roles.iter();
        Self {
            success: metrics.scrape.error.is_none(),
            error: metrics.scrape.error.clone(),
            scrape_duration_seconds: metrics.scrape.took.as_secs_f64(),
            samples: metrics.scrape.samples,
            samples_dropped: metrics.scrape.dropped.total(),
            requests_per_second: metrics.requests_per_second,
            error_ratio: metrics.error_ratio,
            surplus_errors: metrics.surplus_errors(),
            llm_requests_per_second: metrics.llm_requests_per_second,
            llm_error_ratio: metrics.llm_error_ratio,
            llm_tokens_per_second: metrics.llm_tokens_per_second,
            db_pool_usage_ratio: metrics.pool_usage(),
            fullest_db_pool: metrics.fullest_pool.as_deref().map(str::to_owned),
            quantiles: quantiles(metrics.quantiles),
            llm_quantiles: quantiles(metrics.llm_quantiles),
            first_token_quantiles: quantiles(metrics.first_token_quantiles),
            roles: roles
                .map(|view| (view.role.name(), RoleStatus::of(view)))
                .collect(),
        }
    }
}

impl RoleStatus {
    fn of(view: &RoleView) -> Self {
        let value = view.value.as_ref().map(|value| match value {
            RoleValue::Gauge(value) | RoleValue::Counter(value) => *value,
            RoleValue::Histogram(histogram) => histogram.counts.iter().sum::<u64>() as f64,
        });
        Self {
            selector: view.selector.to_string(),
            library: view.library,
            series: view.series,
            value,
        }
    }
}
