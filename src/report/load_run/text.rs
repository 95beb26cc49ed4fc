//! The summary at the end of a run, in the order that users of k6 know.

use super::{RunReport, sampled, stages};
use crate::format::numbers;
use crate::load::{Advice, Answer, Figures, Indicators, OBSERVED, RequestFigures};
use crate::text::printable;
use std::fmt::Write as _;
use std::time::Duration;

/// Characters of the widest name of a request that others are aligned with.
const NAME_WIDTH: usize = 40;

pub(super) fn write(report: &RunReport) -> String {
    let mut out = format!("{}\n", printable(&report.headline()));
    if report.run.engine == OBSERVED {
        let purpose = printable(&report.run.scenario.purpose);
        writeln!(out, "  watched: {purpose}").unwrap_or_default();
    }
    verdicts(&mut out, report);
    thresholds(&mut out, report);
    results(&mut out, report);
    requests(&mut out, report);
    stages::write(&mut out, report);
    sampled::write(&mut out, &report.run.observed);
    indicators(&mut out, report);
    advice(&mut out, report);
    out
}

fn verdicts(out: &mut String, report: &RunReport) {
    if report.statements.is_empty() {
        return;
    }
    out.push_str("\n  VERDICT\n");
    for one in &report.statements {
        let word = match one.answer {
            Answer::Good => "ok",
            Answer::Bad => "BAD",
            Answer::Unknown => "unknown",
        };
        let evidence = printable(&one.evidence);
        writeln!(out, "    {word:<8}{}: {evidence}", one.topic).unwrap_or_default();
    }
}

fn thresholds(out: &mut String, report: &RunReport) {
    if report.held.is_empty() {
        return;
    }
    out.push_str("\n  THRESHOLDS\n");
    for held in &report.held {
        let sign = if held.is_kept() {
            '\u{2713}'
        } else {
            '\u{2717}'
        };
        let measured = held.measured.map_or_else(
            || "nothing was measured".to_owned(),
            |value| held.threshold.of.show(value),
        );
        let threshold = held.threshold.to_string();
        let source = printable(&held.source);
        writeln!(out, "    {sign} {threshold:<18}{measured:<12}{source}").unwrap_or_default();
    }
}

fn results(out: &mut String, report: &RunReport) {
    let figures = Figures::of(&report.run.windows);
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), numbers::latency);
    let quantile = |q: f64| time(figures.quantile(q));
    let (min, max) = figures.extremes().unzip();
    out.push_str("\n  RESULTS\n");
    let rows = [
        (
            "latency",
            format!(
                "avg={} min={} med={} max={} p(90)={} p(95)={} p(99)={}",
                time(figures.mean()),
                time(min),
                quantile(0.5),
                time(max),
                quantile(0.9),
                quantile(0.95),
                quantile(0.99)
            ),
        ),
        (
            "failed",
            format!(
                "{} {} out of {}",
                figures
                    .error_ratio()
                    .map_or_else(|| "-".to_owned(), numbers::share),
                figures.errors,
                figures.completed
            ),
        ),
        (
            "requests",
            format!("{} {:.1}/s", figures.completed, figures.rate()),
        ),
        ("dropped starts", figures.dropped.to_string()),
        ("generator", generator(report)),
    ];
    // What only a generator has.
    let own = if report.run.engine == OBSERVED { 2 } else { 0 };
    for (name, value) in rows.iter().take(rows.len() - own) {
        let dots = ".".repeat(20_usize.saturating_sub(name.len()));
        writeln!(out, "    {name}{dots}: {value}").unwrap_or_default();
    }
    let mut causes: Vec<(&'static str, u64)> = Vec::new();
    for (cause, count) in report.run.windows.iter().flat_map(|one| &one.failed) {
        match causes.iter_mut().find(|(known, _)| *known == cause.label()) {
            Some((_, known)) => *known += count,
            None => causes.push((cause.label(), *count)),
        }
    }
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (cause, count) in causes {
        writeln!(out, "      {cause}: {count}").unwrap_or_default();
    }
}

/// A row for each request of the plan, and what its responses lacked.
fn requests(out: &mut String, report: &RunReport) {
    let requests = &report.run.requests;
    let is_plain =
        |one: &RequestFigures| one.missing.is_empty() && one.first_token.iter().next().is_none();
    if requests.len() < 2 && requests.iter().all(is_plain) {
        return;
    }
    out.push_str("\n  REQUESTS\n");
    let length = report.run.windows.iter().map(|one| one.length).sum();
    let names = requests.iter().map(|one| one.name.chars().count());
    let width = names.max().unwrap_or_default().min(NAME_WIDTH);
    for one in requests {
        let figures = Figures::of_request(one, length);
        let time = |q: f64| {
            let time = figures.quantile(q);
            time.map_or_else(|| "-".to_owned(), numbers::latency)
        };
        writeln!(
            out,
            "    {:<width$}  {:>8}  {:>9.1}/s  failed {:<8} p50 {:<9} p95 {:<9} p99 {}",
            printable(&one.name),
            figures.completed,
            figures.rate(),
            figures.errors,
            time(0.5),
            time(0.95),
            time(0.99),
        )
        .unwrap_or_default();
        if let Some(first) = Figures::of_first_tokens(one) {
            let time = |q: f64| {
                let time = first.quantile(q);
                time.map_or_else(|| "-".to_owned(), numbers::latency)
            };
            let (p50, p95, p99) = (time(0.5), time(0.95), time(0.99));
            writeln!(
                out,
                "      time to first token  p50 {p50:<9} p95 {p95:<9} p99 {p99}"
            )
            .unwrap_or_default();
        }
        for (value, count) in &one.missing {
            let value = printable(value);
            writeln!(out, "      no value for `{value}` to capture: {count}").unwrap_or_default();
        }
    }
}

fn generator(report: &RunReport) -> String {
    let windows = &report.run.windows;
    let cpu = windows
        .iter()
        .filter_map(|one| one.generator_cpu)
        .fold(0.0, f64::max);
    let lag = windows.iter().map(|one| one.lag).max().unwrap_or_default();
    format!(
        "at most {:.0} % of the processors, requests at most {} late at the 99th percentile of a second",
        cpu * 100.0,
        numbers::latency(lag)
    )
}

/// The two lists of the checklist, each row with its answer.
fn indicators(out: &mut String, report: &RunReport) {
    let Indicators { healthy, warnings } = &report.indicators;
    for (title, list, words) in [
        ("HEALTHY INDICATORS", healthy, ["yes", "NO"]),
        ("WARNING SIGNS", warnings, ["no", "YES"]),
    ] {
        writeln!(out, "\n  {title}").unwrap_or_default();
        for one in list {
            let word = match one.answer {
                Answer::Good => words[0],
                Answer::Bad => words[1],
                Answer::Unknown => "unknown",
            };
            let evidence = printable(&one.evidence);
            writeln!(out, "    {word:<8}{}: {evidence}", one.topic).unwrap_or_default();
        }
    }
}

/// Nothing if all is well.
fn advice(out: &mut String, report: &RunReport) {
    let advice = report.advice();
    if advice.is_empty() {
        return;
    }
    out.push_str("\n  WHAT TO DO\n");
    for Advice { row, what } in advice {
        writeln!(out, "    {row}: {what}").unwrap_or_default();
    }
}
