//! Details of one probe: its last run, latencies, and failures since the start.

use super::attempts;
use super::parts::{badge, failures, moment, or_dash};
use super::past::{self, Past};
use crate::format::numbers;
use crate::ledger::snapshot::{LastOutcome, ProbeView, QUANTILE_SPANS, QUANTILES};
use crate::outcome::{Cause, Measurement, Timestamp, Verdict, VoidReason};
use crate::report::health::Health;
use crate::units::show_duration;
use maud::{Markup, html};
use std::time::Duration;

pub fn card(probe: &ProbeView, past: &Past, at: Timestamp) -> Markup {
    html! {
        article.card {
            header {
                div {
                    h3 dir="auto" { (probe.key.probe) }
                    p.quiet {
                        (probe.kind) " every " (show_duration(probe.interval)) ": "
                        bdi.target { (probe.target) }
                    }
                }
                (badge(Health::of_probe(probe, at)))
            }
            (attempts::chart(probe, at))
            (past::latencies(&probe.key, past, at))
            div.halves {
                div {
                    h4 { "Last run" }
                    @match &probe.last {
                        Some(last) => { (last_run(probe, last, at)) }
                        None => { p.quiet { (none_yet(probe)) } }
                    }
                }
                div { (quantiles(probe)) }
            }
            (counters(probe))
            @if !probe.recent_failures.is_empty() {
                h4 { "Last failures" }
                (failures(probe.recent_failures.iter().map(|failure| (None, &**failure)), at))
            }
        }
    }
}

fn none_yet(probe: &ProbeView) -> String {
    let voids: u64 = probe.voids.iter().sum();
    if voids > 0 {
        let attempts = numbers::plural(voids, "attempt");
        return format!(
            "None yet: {attempts} could not be made. The log and `slod probe` show why."
        );
    }
    let interval = show_duration(probe.interval);
    format!("None yet. The first one is due within {interval}.")
}

fn last_run(probe: &ProbeView, last: &LastOutcome, at: Timestamp) -> Markup {
    html! {
        dl.facts {
            div { dt { "Outcome" } dd { @if last.verdict != Verdict::Good { "bad: " } (last.verdict.label()) } }
            div { dt { "Latency" } dd { (numbers::latency(last.latency)) } }
            div { dt { "When" } dd { (numbers::age(at.since(last.at))) span.quiet { (moment(last.at)) } } }
            @if let (Some(of), Some(code)) = (probe.measures.code, last.code) {
                div { dt { (of.label()) } dd { (code) } }
            }
            @for (one, took) in last.measured.iter().filter(|(one, _)| !Measurement::PHASES.contains(one)) {
                div { dt { (in_words(one.label())) } dd { (numbers::latency(took)) } }
            }
            @for (label, value) in last.figures.words() {
                div { dt { (in_words(label)) } dd { (value) } }
            }
            @if let Some(end) = last.tls_not_after {
                div { dt { "Certificate" } dd { (certificate(Timestamp::from_secs(end), at)) } }
            }
        }
        (phases(last))
    }
}

/// Formats a label for people: `Input tokens`.
fn in_words(label: &str) -> String {
    let text = label.replace('_', " ");
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn certificate(end: Timestamp, at: Timestamp) -> Markup {
    html! {
        @if end <= at {
            "expired " (numbers::age(at.since(end)))
        } @else {
            "valid for " (numbers::span(end.since(at)))
        }
        span.quiet { (moment(end)) }
    }
}

/// Phases of the last attempt: a proportional bar, and a legend.
fn phases(last: &LastOutcome) -> Markup {
    let spent = |phase: &Measurement| last.measured.get(*phase).unwrap_or_default();
    let reached = || {
        Measurement::PHASES
            .iter()
            .filter(|phase| last.measured.get(**phase).is_some())
    };
    let total: Duration = Measurement::PHASES.iter().map(spent).sum();
    let share =
        |span: Duration| format!("{:.2}%", span.as_secs_f64() / total.as_secs_f64() * 100.0);
    let before = |phase: &Measurement| {
        let earlier = Measurement::PHASES.iter().take_while(|one| *one != phase);
        earlier.map(spent).sum()
    };
    html! {
        @if !total.is_zero() {
            svg.phases aria-hidden="true" height="12" {
                @for phase in reached() {
                    rect class=(phase.label()) x=(share(before(phase))) width=(share(spent(phase))) height="12" {}
                }
            }
            ul.legend aria-label="Phases of the last run" {
                @for phase in reached() {
                    li {
                        svg aria-hidden="true" width="10" height="10" {
                            rect class=(phase.label()) width="10" height="10" rx="2" {}
                        }
                        (phase.label()) " " b { (numbers::latency(spent(phase))) }
                    }
                }
            }
        }
    }
}

fn quantiles(probe: &ProbeView) -> Markup {
    html! {
        h4 { "Latency" }
        table.numbers {
            caption { "A failed attempt counts as at least the timeout." }
            thead { tr {
                th scope="col" { "Last" }
                @for quantile in QUANTILES { th scope="col" { "p" (quantile * 100.0) } }
            } }
            tbody {
                @for (span, row) in QUANTILE_SPANS.iter().zip(&probe.quantiles) {
                    tr {
                        th scope="row" { (span) }
                        @for value in row { td { (or_dash(*value, |q| numbers::latency_or_failed(q, probe.timeout))) } }
                    }
                }
            }
        }
    }
}

/// Counts since the daemon started; causes and reasons only if they occurred.
fn counters(probe: &ProbeView) -> Markup {
    let causes = Cause::ALL.iter().map(|cause| cause.label());
    let reasons = VoidReason::ALL.iter().map(|why| why.label());
    let bad: u64 = probe.failures.iter().sum();
    let void: u64 = probe.voids.iter().sum();
    html! {
        h4 { "Since the daemon started" }
        dl.facts {
            div { dt { "Good" } dd { (numbers::count(probe.runs.saturating_sub(bad))) } }
            div { dt { "Bad" } dd { (numbers::count(bad)) (occurred(causes.zip(&probe.failures))) } }
            div {
                dt { "Void (failures of slod itself)" }
                dd { (numbers::count(void)) (occurred(reasons.zip(&probe.voids))) }
            }
            div { dt { "Missed ticks" } dd { (numbers::count(probe.missed)) } }
        }
    }
}

fn occurred<'a>(counts: impl Iterator<Item = (&'static str, &'a u64)>) -> Markup {
    let mut some = counts.filter(|(_, count)| **count > 0).peekable();
    html! {
        @if some.peek().is_some() {
            ul.quiet { @for (word, count) in some { li { (word) " " (numbers::count(*count)) } } }
        }
    }
}
