//! Warning signs of a service, its healthy indicators, and charts of the signs' series.

use super::charts::{self, POINTS};
use super::parts::{icon, moment, service_path};
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::report::health::HealthLevel;
use crate::report::signals::{HealthAnswer, IndicatorEntry, SignalEntry};
use crate::signal::{Findings, Presence};
use crate::store::{SeriesInfo, Store, StoreError};
use crate::units::whole;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time range of the charts, which covers the lookback of most signs.
const SPAN: Duration = Duration::from_hours(2);

/// The series that a sign is based on.
struct SignalSeries {
    signal: &'static str,
    family: &'static str,
    /// Restricts it to series with this label.
    label: Option<(&'static str, &'static str)>,
    show: fn(f64) -> String,
}

const fn row(signal: &'static str, family: &'static str, show: fn(f64) -> String) -> SignalSeries {
    SignalSeries {
        signal,
        family,
        label: None,
        show,
    }
}

const SIGNAL_SERIES: &[SignalSeries] = &[
    SignalSeries {
        label: Some(("quantile", "0.95")),
        ..row(
            "latency_rising",
            "slod_service_request_duration_quantile_seconds",
            numbers::seconds,
        )
    },
    row("errors_climbing", "slod_service_errors_total", per_second),
    row(
        "memory_growing",
        "slod_process_anonymous_memory_bytes",
        bytes,
    ),
    row(
        "threads_growing",
        "slod_process_threads",
        numbers::fractional,
    ),
    row(
        "open_files_growing",
        "slod_process_open_fds",
        numbers::fractional,
    ),
    row(
        "connections_growing",
        "slod_service_active_connections",
        numbers::fractional,
    ),
    row(
        "queue_growing",
        "slod_service_queue_depth",
        numbers::fractional,
    ),
    row(
        "pool_exhausted",
        "slod_service_db_pool_usage_ratio",
        numbers::share,
    ),
    row(
        "cpu_high",
        "slod_container_cpu_usage_max_ratio",
        numbers::share,
    ),
    row(
        "throttled",
        "slod_container_cpu_throttled_periods_total",
        per_second,
    ),
    row(
        "breaker_open",
        "slod_service_circuit_breaker_open",
        numbers::fractional,
    ),
    row(
        "connection_timeouts",
        "slod_service_connection_timeouts_total",
        per_second,
    ),
    row("restarted", "slod_process_restarts_total", per_second),
    row(
        "process_gone",
        "slod_process_instances",
        numbers::fractional,
    ),
    row("load_high", "slod_service_requests_total", per_second),
];

fn per_second(value: f64) -> String {
    format!("{}/s", numbers::fractional(value))
}

fn bytes(value: f64) -> String {
    numbers::bytes(whole(value))
}

impl SignalSeries {
    /// Whether a series belongs to a sign: a sign about a process is based on the series of this process.
    fn fits(&self, info: &SeriesInfo, sign: &SignalEntry) -> bool {
        let has = |(name, value)| info.key.label(name) == Some(value);
        let process = info.key.label("process").unwrap_or_default();
        info.key.name() == self.family && self.label.is_none_or(has) && (process == sign.subject)
    }
}

/// Charts of a service's signs, by sign and subject. Read from the store for a request.
#[derive(Debug, Default)]
pub struct SignCharts(BTreeMap<(String, String), Vec<(Timestamp, f64)>>);

impl SignCharts {
    pub fn read(
        store: &Store,
        service: &str,
        report: &HealthAnswer,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let all = store.series()?;
        let own = all
            .iter()
            .filter(|info| info.key.label("service") == Some(service));
        let own: Vec<_> = own.collect();
        let range = (at.before(SPAN), Timestamp(at.0 + 1));
        let mut charts = BTreeMap::new();
        for sign in report.signals.iter().filter(|one| one.state != "unknown") {
            let Some(row) = series_of(sign) else { continue };
            if let Some(info) = own.iter().find(|info| row.fits(info, sign)) {
                let points = charts::points(store, info, range, SPAN)?;
                charts.insert((sign.signal.clone(), sign.subject.clone()), points);
            }
        }
        Ok(Self(charts))
    }

    fn of(&self, sign: &SignalEntry) -> &[(Timestamp, f64)] {
        let key = (sign.signal.clone(), sign.subject.clone());
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }
}

fn series_of(sign: &SignalEntry) -> Option<&'static SignalSeries> {
    SIGNAL_SERIES.iter().find(|row| row.signal == sign.signal)
}

/// Number of active signs per service.
pub fn counts(findings: &Findings) -> BTreeMap<&str, u64> {
    let all = findings.all.iter();
    let active = all.filter(|one| one.presence == Presence::Active);
    let mut counts = BTreeMap::new();
    for service in active.filter_map(|one| one.service.as_deref()) {
        *counts.entry(service).or_default() += 1;
    }
    counts
}

/// Badge of a service with warning signs; nothing without any.
pub fn mark(service: &str, count: Option<u64>) -> Markup {
    html! {
        @if let Some(count) = count {
            a.badge.warn href={ (service_path(service)) "#signs" } {
                (icon(HealthLevel::Warn)) (numbers::plural(count, "warning sign"))
            }
        }
    }
}

/// The section; nothing before the signs were evaluated.
pub fn signs(
    report: &HealthAnswer,
    charts: &SignCharts,
    root: &str,
    at: Timestamp,
    unfold: bool,
) -> Markup {
    let of = |state: &str| -> Vec<&SignalEntry> {
        let all = report.signals.iter();
        all.filter(|one| one.state == state).collect()
    };
    let (active, unknown, clear) = (of("active"), of("unknown"), of("clear"));
    let list = |signs: &[&SignalEntry]| {
        html! { ul.failures.events.signs { @for sign in signs { (item(sign, charts, root, at)) } } }
    };
    html! {
        @if !report.signals.is_empty() {
            section #signs {
                h2 { "Warning signs" }
                div.card {
                    @if active.is_empty() { p { "No warning sign is active." } } @else { (list(&active)) }
                    @if !unknown.is_empty() {
                        details open[unfold] {
                            summary { (numbers::plural(unknown.len() as u64, "sign")) " unknown" span.quiet { " with what is missing" } }
                            (list(&unknown))
                        }
                    }
                    @if !clear.is_empty() {
                        details open[unfold] {
                            summary { (numbers::plural(clear.len() as u64, "sign")) " clear" span.quiet { " with the smallest effect that would have been detected" } }
                            (list(&clear))
                        }
                    }
                }
                (indicators(&report.indicators, unfold))
            }
        }
    }
}

/// Known indicators, and unknown ones collapsed: a service without `processes` and `metrics` has several.
fn indicators(all: &[IndicatorEntry], unfold: bool) -> Markup {
    let (unknown, known): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.holds == "unknown");
    let list = |indicators: &[&IndicatorEntry]| {
        html! {
            ul.checks { @for one in indicators {
                @let (level, word) = answer(&one.holds);
                li {
                    span class={ "badge " (level.class()) } { (icon(level)) (word) }
                    span.message dir="auto" { (one.title) br; span.quiet { (one.evidence) } }
                }
            } }
        }
    };
    html! {
        div.card {
            h3 { "Healthy indicators" }
            @if !known.is_empty() { (list(&known)) }
            @if !unknown.is_empty() {
                details open[unfold] {
                    summary { (numbers::plural(unknown.len() as u64, "indicator")) " unknown" span.quiet { " with what is missing" } }
                    (list(&unknown))
                }
            }
        }
    }
}

fn answer(holds: &str) -> (HealthLevel, &'static str) {
    match holds {
        "yes" => (HealthLevel::Ok, "yes"),
        "no" => (HealthLevel::Bad, "no"),
        _ => (HealthLevel::Idle, "unknown"),
    }
}

fn item(sign: &SignalEntry, charts: &SignCharts, root: &str, at: Timestamp) -> Markup {
    let anchor = sign.runbook.trim_start_matches('/');
    let points = charts.of(sign);
    html! {
        li {
            span.cause.plain[!sign.is_active()] { (sign.state) }
            span.message dir="auto" {
                (sign.title)
                @if !sign.subject.is_empty() { " (" bdi { (sign.subject) } ")" }
                br; span.quiet { (sign.evidence) }
            }
            span.quiet {
                @if let (Some(row), Some((_, last))) = (series_of(sign), points.last()) {
                    span.spare { "now " ((row.show)(*last)) ", " }
                }
                @if sign.is_active() {
                    @match sign.since {
                        Some(since) => { "since " (moment(Timestamp(since.timestamp_millis()))) }
                        None => { "just detected" }
                    }
                    ", "
                }
                a href={ (root) (anchor) } { "runbook" }
                (chart(sign, points, at))
            }
        }
    }
}

/// Sparkline of the sign's series.
fn chart(sign: &SignalEntry, points: &[(Timestamp, f64)], at: Timestamp) -> Markup {
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    html! {
        @if let (Some(row), Some((_, last))) = (series_of(sign), points.last()) {
            @let label = format!("Last 2 hours: now {}, at most {}", (row.show)(*last), (row.show)(highest));
            span.times {
                svg.spark role="img" aria-label=(label) viewBox={ "0 0 " (POINTS) " 100" } preserveAspectRatio="none" {
                    path d=(charts::path(points, highest, SPAN, at)) {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SIGNALS;

    #[test]
    fn every_row_is_about_a_sign() {
        for row in SIGNAL_SERIES {
            assert!(
                SIGNALS.iter().any(|kind| kind.name == row.signal),
                "{}",
                row.signal
            );
        }
    }
}
