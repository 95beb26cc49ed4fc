//! The service's own metrics on its page.

use super::parts::{icon, moment, or_dash, scrolled};
use crate::format::numbers;
use crate::observe::SystemView;
use crate::observe::scrape::{BreakerView, RoleValue, RoleView, ServiceMetrics};
use crate::report::health::HealthLevel;
use crate::roles::Role;
use maud::{Markup, html};
use std::time::Duration;

/// Maximum number of circuit breakers listed by name.
const BREAKERS: usize = 5;

/// Own metrics of a service; nothing if they are not scraped.
pub fn metrics(service: &str, system: &SystemView, unfold: bool) -> Markup {
    let found = system.services.iter().find(|one| *one.service == *service);
    html! {
        @if let Some(metrics) = found {
            section {
                h2 { "The service's own metrics" }
                div.card {
                    (trouble(metrics))
                    @if metrics.roles.is_empty() {
                        p.quiet { "No series with a known role was found." }
                    } @else {
                        (facts(metrics))
                        details open[unfold] {
                            summary { "All metrics" }
                            (roles(metrics))
                        }
                    }
                }
            }
        }
    }
}

fn trouble(metrics: &ServiceMetrics) -> Markup {
    let dropped = metrics.scrape.dropped;
    html! {
        @if let Some(error) = &metrics.scrape.error {
            p { span.badge.warn { (icon(HealthLevel::Warn)) "not readable" } " " span dir="auto" { (error) } }
        } @else if dropped.total() > 0 {
            p.quiet { (numbers::plural(dropped.total(), "sample")) " ignored: " (dropped) }
        }
        @if let Some(surplus) = metrics.surplus_errors() {
            p { span.badge.warn { (icon(HealthLevel::Warn)) "wrong selectors" } " " (surplus) }
        }
    }
}

/// For a card.
pub fn brief(metrics: &ServiceMetrics) -> Markup {
    html! {
        (trouble(metrics))
        @if !metrics.roles.is_empty() { (facts(metrics)) }
    }
}

fn traffic(metrics: &ServiceMetrics) -> Markup {
    let [p50, p95, p99] = metrics.quantiles.map_or([None; 3], |all| all.map(seconds));
    html! {
        @if metrics.role(Role::Requests).is_some() {
            div { dt { "Requests" } dd { (or_dash(metrics.requests_per_second, rate)) } }
            div { dt { "Errors" } dd { (or_dash(metrics.error_ratio, numbers::percent)) } }
        }
        @if metrics.role(Role::RequestDuration).is_some() {
            div { dt { "Response time p50" } dd { (or_dash(p50, numbers::latency)) } }
            div { dt { "p95" } dd { (or_dash(p95, numbers::latency)) } }
            div { dt { "p99" } dd { (or_dash(p99, numbers::latency)) } }
        }
    }
}

/// A quantile; `None` if it is out of range.
pub fn seconds(quantile: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(quantile).ok()
}

fn facts(metrics: &ServiceMetrics) -> Markup {
    let number = |role| metrics.number(role);
    html! {
        dl.facts {
            (traffic(metrics))
            @for (name, role) in [("Active connections", Role::ActiveConnections), ("Queue", Role::QueueDepth)] {
                @if let Some(value) = number(role) { div { dt { (name) } dd { (plain(value)) } } }
            }
            @if let Some(requests) = metrics.llm_requests_per_second {
                div { dt { "AI requests" } dd { (rate(requests)) } }
                div { dt { "AI errors" } dd { (or_dash(metrics.llm_error_ratio, numbers::percent)) } }
            }
            @if let Some(tokens) = metrics.llm_tokens_per_second { div { dt { "AI tokens" } dd { (rate(tokens)) } } }
            @for (name, quantiles) in [("AI response time p95", metrics.llm_quantiles), ("AI first token p95", metrics.first_token_quantiles)] {
                @if let Some(p95) = quantiles.and_then(|[_, p95, _]| seconds(p95)) { div { dt { (name) } dd { (numbers::latency(p95)) } } }
            }
            @if let Some(in_use) = number(Role::DbPoolInUse) {
                div { dt { "Database pool" } dd {
                    (or_dash(metrics.pool_usage(), numbers::share))
                    span.quiet { (plain(in_use)) " in use" (limit(number(Role::DbPoolMax))) }
                    @if let Some(name) = &metrics.fullest_pool {
                        span.quiet { " fullest: " bdi { (name) } }
                    }
                } }
            }
            @if let Some(open) = number(Role::CircuitBreakerOpen) {
                div { dt { "Circuit breaker" } dd { (breaker(open)) (open_ones(&metrics.breakers)) } }
            }
        }
    }
}

fn limit(max: Option<f64>) -> String {
    max.map_or_else(String::new, |max| format!(" of {}", plain(max)))
}

fn breaker(open: f64) -> Markup {
    let (level, word) = if open > 0.0 {
        (HealthLevel::Warn, "open")
    } else {
        (HealthLevel::Ok, "closed")
    };
    html! { span class={ "badge " (level.class()) } { (icon(level)) (word) } }
}

/// Names of open circuit breakers, and since when they are open.
fn open_ones(breakers: &[BreakerView]) -> Markup {
    let open = breakers.iter();
    let open = open.filter_map(|one| Some((&one.name, one.open_since?)));
    html! {
        @for (name, since) in open.take(BREAKERS) {
            span.quiet { bdi { (name) } " since " (moment(since)) " " }
        }
    }
}

fn roles(metrics: &ServiceMetrics) -> Markup {
    let table = html! {
        table.numbers {
            caption { "Counters count from slod's first scrape" }
            thead { tr {
                th scope="col" { "Role" } th scope="col" { "Value" } th scope="col" { "Series" }
                th scope="col" { "Selector" }
            } }
            tbody {
                @for view in &metrics.roles {
                    tr {
                        th scope="row" { (view.role.name()) }
                        td { (or_dash(view.value.as_ref(), value)) }
                        td { (numbers::count(view.series as u64)) }
                        td { bdi { (selector(view)) } }
                    }
                }
            }
        }
    };
    scrolled("Metrics by role", &table)
}

fn selector(view: &RoleView) -> String {
    let library = view.library.map(|library| format!(" ({library})"));
    format!("{}{}", view.selector, library.unwrap_or_default())
}

fn value(value: &RoleValue) -> String {
    match value {
        RoleValue::Gauge(value) | RoleValue::Counter(value) => plain(*value),
        RoleValue::Histogram(histogram) => {
            let count = histogram.counts.iter().sum();
            format!("{} observed", numbers::count(count))
        }
    }
}

fn rate(rate: f64) -> String {
    format!("{}/s", plain(rate))
}

/// Formats with two decimals unless it is an integer.
fn plain(value: f64) -> String {
    if value.abs() > 1e15 {
        numbers::any(value)
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
