//! History on a service's page: hourly latencies, and alerts.

use super::alerts::{marks, what};
use super::charts::Charts;
use super::parts::moment;
use super::signs::SignCharts;
use crate::alert::{AlertRecord, Urgency};
use crate::format::numbers;
use crate::outcome::{ProbeKey, Timestamp};
use crate::report::timeline::TimelineEvent;
use crate::runs::Digest;
use crate::slo::DayView;
use crate::slo::occurrence::Cursor;
use crate::stats::quantile::needed;
use crate::store::HourSummary;
use crate::units::HOUR_MS;
use maud::{Markup, html};
use std::fmt::Write as _;
use std::time::Duration;

/// Hours of latencies in the chart.
pub const HOURS: i64 = 7 * 24;
/// Maximum number of alerts: the newest.
pub const MAX_ALERTS: usize = 20;

/// History read from the store for a request.
#[derive(Debug, Default)]
pub struct Past {
    /// Cursor of the next page of corrections.
    pub older: Option<Cursor>,
    /// Ordered by time.
    pub latencies: Vec<(ProbeKey, Vec<HourLatency>)>,
    /// Burn-rate alerts, the newest first.
    pub alerts: Vec<AlertRecord>,
    pub charts: Charts,
    /// More days than the service has in memory, if requested and readable.
    pub days: Option<Vec<DayView>>,
    /// Charts of the warning signs.
    pub signs: SignCharts,
    /// Timeline events, the newest first.
    pub events: Vec<TimelineEvent>,
    /// The newest load runs.
    pub runs: Vec<Digest>,
}

/// Latencies of one probe in an hour: unknown if there are too few attempts, or if a failure has that rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourLatency {
    pub start: Timestamp,
    pub p50: Option<Duration>,
    pub p95: Option<Duration>,
}

impl HourLatency {
    pub fn of(hour: &HourSummary) -> Self {
        Self {
            start: hour.start,
            p50: quantile(hour, 0.5),
            p95: quantile(hour, 0.95),
        }
    }
}

/// Failures rank above all latencies.
fn quantile(hour: &HourSummary, quantile: f64) -> Option<Duration> {
    let bad: u64 = hour.bad.values().map(|count| u64::from(*count)).sum();
    let total = u64::from(hour.good) + bad;
    if total < needed(quantile) {
        return None;
    }
    let rank = quantile * total as f64;
    let mut below = 0.0;
    let found = hour.histogram.iter().find(|(_, count)| {
        below += f64::from(*count);
        below >= rank
    });
    found.map(|(code, _)| hour.scale().middle(*code))
}

/// Chart of median and p95 of the last days.
pub fn latencies(key: &ProbeKey, past: &Past, at: Timestamp) -> Markup {
    let hours = past.latencies.iter().find(|(one, _)| one == key);
    let hours = hours.map_or(&[][..], |(_, hours)| hours);
    let values = hours.iter().flat_map(|hour| [hour.p50, hour.p95]).flatten();
    let Some(highest) = values.max() else {
        return html! {};
    };
    let from = at.0.div_euclid(HOUR_MS) - HOURS;
    let path = |value: fn(&HourLatency) -> Option<Duration>| path(hours, from, highest, value);
    let label = format!(
        "Response times by hour over the last 7 days; the highest p95 is {}",
        numbers::latency(highest)
    );
    html! {
        h4 { "Response time by hour" }
        figure.days.times {
            svg role="img" aria-label=(label) viewBox={ "0 0 " (HOURS) " 100" } preserveAspectRatio="none" {
                path.p95 d=(path(|hour| hour.p95)) {}
                path.p50 d=(path(|hour| hour.p50)) {}
            }
            figcaption.quiet {
                span { "7 days ago" }
                span { "p50, dashed p95; top " (numbers::latency(highest)) }
                span { "now" }
            }
        }
    }
}

/// SVG path of a line, interrupted where the value is unknown; hours are numbered from `from`.
fn path(
    hours: &[HourLatency],
    from: i64,
    highest: Duration,
    value: impl Fn(&HourLatency) -> Option<Duration>,
) -> String {
    let mut path = String::new();
    let mut before = None;
    for hour in hours {
        let number = hour.start.0.div_euclid(HOUR_MS) - from;
        let Some(value) = value(hour) else { continue };
        let share = value.as_secs_f64() / highest.as_secs_f64();
        let (command, y) = (
            if before == Some(number - 1) { 'L' } else { 'M' },
            98.0 - share * 96.0,
        );
        // A single hour is drawn as a short line. Writing to a string cannot fail.
        write!(path, "{command}{number} {y:.1}h.5").unwrap_or_default();
        before = Some(number);
    }
    path
}

/// Alerts of the last 30 days, except those inhibited by a faster tier.
pub fn alert_history(service: &str, past: &Past) -> Markup {
    let alerts = past.alerts.iter();
    let mine = alerts.filter(|one| *one.key.service == *service && !one.is_inhibited());
    let shown: Vec<_> = mine.take(MAX_ALERTS).collect();
    html! {
        @if !shown.is_empty() {
            section {
                h2 { "Alert history" }
                div.card {
                    p.quiet { "Alerts of the last 30 days, the newest first." }
                    ul.failures { @for alert in shown { (past_alert(alert)) } }
                }
            }
        }
    }
}

fn past_alert(alert: &AlertRecord) -> Markup {
    let lasted = |to: Timestamp| numbers::span(to.since(alert.from));
    html! {
        li {
            span.cause.warn[alert.urgency == Urgency::Ticket] { (alert.urgency.label()) }
            span.message dir="auto" {
                (what(alert))
                @if let Some(spent) = alert.spent { ", " (numbers::spent(spent)) " of the budget spent" }
            }
            span.quiet {
                (moment(alert.from)) ", "
                @match alert.to {
                    Some(to) => { "for " (lasted(to)) }
                    None => { "still firing" }
                }
                (marks(alert))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_interrupted_at_unknown_values() {
        let hour = |number: i64, p50: Option<u64>| HourLatency {
            start: Timestamp(number * HOUR_MS),
            p50: p50.map(Duration::from_millis),
            p95: None,
        };
        let hours = [
            hour(10, Some(50)),
            hour(11, Some(100)),
            hour(12, None),
            hour(13, Some(100)),
        ];
        let drawn = path(&hours, 10, Duration::from_millis(100), |hour| hour.p50);
        assert_eq!(drawn, "M0 50.0h.5L1 2.0h.5M3 2.0h.5");
    }
}
