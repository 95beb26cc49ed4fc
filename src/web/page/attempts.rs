//! Bar chart of a probe's last attempts; the height is the latency.

use crate::format::{numbers, times};
use crate::ledger::snapshot::{ATTEMPTS, AttemptView, ProbeView};
use crate::outcome::{Timestamp, Verdict};
use maud::{Markup, html};
use std::time::Duration;

/// Height of the chart in SVG units.
const HEIGHT: f64 = 100.0;
/// Minimum height of a bar, so that the fastest attempt is visible.
const LOWEST: f64 = 6.0;

/// Latencies of the last attempts; failures have the full height, void attempts are gray.
pub fn chart(probe: &ProbeView, at: Timestamp) -> Markup {
    html! {
        @if !probe.attempts.is_empty() {
            h4 { "Last " (probe.attempts.len()) " attempts" }
            figure.days.attempts {
                svg role="img" aria-label=(summary(probe)) viewBox={ "0 0 " (ATTEMPTS * 10) " " (HEIGHT) } preserveAspectRatio="none" { (bars(probe, true)) }
                figcaption.quiet {
                    @if let Some(first) = probe.attempts.first() { span { (numbers::age(at.since(first.at))) } }
                    @let slowest = slowest(probe);
                    @if !slowest.is_zero() { span { "slowest good: " (numbers::latency(slowest)) } }
                    @if let Some(last) = probe.attempts.last() { span { (numbers::age(at.since(last.at))) } }
                }
            }
        }
    }
}

/// The chart as a sparkline in a table, without details of the attempts.
pub fn sparkline(probe: &ProbeView) -> Markup {
    html! {
        @if !probe.attempts.is_empty() {
            svg.spark role="img" aria-label=(summary(probe)) width="120" height="16" viewBox={ "0 0 " (ATTEMPTS * 10) " " (HEIGHT) } preserveAspectRatio="none" { (bars(probe, false)) }
        }
    }
}

fn slowest(probe: &ProbeView) -> Duration {
    let good = probe
        .attempts
        .iter()
        .filter(|one| one.verdict == Verdict::Good);
    good.map(|one| one.latency).max().unwrap_or_default()
}

fn bars(probe: &ProbeView, is_titled: bool) -> Markup {
    let slowest = slowest(probe);
    html! {
        @for (index, one) in probe.attempts.iter().enumerate() {
            @let height = height(one, slowest);
            @let place = ATTEMPTS - probe.attempts.len() + index;
            g {
                @if is_titled { title { (sentence(one)) } }
                rect class=(class(one)) x=(place * 10) y=(tenths(HEIGHT - height)) width="8" height=(tenths(height)) {}
            }
        }
    }
}

const fn class(attempt: &AttemptView) -> &'static str {
    match attempt.verdict {
        Verdict::Good => "ok",
        Verdict::Bad(_) => "bad",
        Verdict::Void(_) => "idle",
    }
}

fn height(attempt: &AttemptView, slowest: Duration) -> f64 {
    match attempt.verdict {
        Verdict::Bad(_) => HEIGHT,
        Verdict::Void(_) => LOWEST,
        Verdict::Good if slowest.is_zero() => LOWEST,
        Verdict::Good => {
            let share = attempt.latency.as_secs_f64() / slowest.as_secs_f64();
            // Failures remain the highest.
            (share * 0.8 * HEIGHT).max(LOWEST)
        }
    }
}

/// `2026-11-03 12:00:10 UTC: good, 80ms`
fn sentence(attempt: &AttemptView) -> String {
    let (at, word) = (times::second(attempt.at.to_utc()), attempt.verdict.label());
    format!("{at} UTC: {word}, {}", numbers::latency(attempt.latency))
}

/// Text description of all bars, for screen readers.
fn summary(probe: &ProbeView) -> String {
    let count = |chosen: fn(Verdict) -> bool| {
        let attempts = probe.attempts.iter();
        attempts.filter(|one| chosen(one.verdict)).count()
    };
    format!(
        "Last {} attempts: {} good, {} bad, {} void",
        probe.attempts.len(),
        count(|verdict| verdict == Verdict::Good),
        count(|verdict| matches!(verdict, Verdict::Bad(_))),
        count(|verdict| matches!(verdict, Verdict::Void(_))),
    )
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}
