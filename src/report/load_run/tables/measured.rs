//! Tables of the figures of a run.

use crate::format::numbers;
use crate::load::{Figures, RequestFigures, RetryAfter, StageRow, Transferred, Usable, stage_rows};
use crate::report::families::DRAWN;
use crate::report::load_run::RunReport;
use crate::report::load_run::judged::left_out;
use crate::report::load_run::observed::observed_lines;
use crate::report::sheet::{Cell, Column, Kind, Table, column};
use crate::report::table::known;
use crate::stats::proportion::Share;
use crate::text::printable;
use crate::units::{show_duration, whole};
use std::time::Duration;

const STAGES: &[Column] = &[
    column("Stage", Kind::Text),
    column("Load", Kind::Text),
    column("Length", Kind::Number),
    column("Per second", Kind::Number),
    column("p50", Kind::Number),
    column("p95", Kind::Number),
    column("p99", Kind::Number),
    column("Failed", Kind::Number),
    column("Host CPU", Kind::Number),
    column("Memory", Kind::Number),
    column("Dropped", Kind::Number),
];

const REQUESTS: &[Column] = &[
    column("Request", Kind::Text),
    column("Requests", Kind::Number),
    column("Per second", Kind::Number),
    column("p50", Kind::Number),
    column("p95", Kind::Number),
    column("p99", Kind::Number),
    column("Failed", Kind::Number),
    column("Received", Kind::Number),
    column("Sent", Kind::Number),
    column("Failed checks", Kind::Text),
    column("p95 to first token", Kind::Number),
];
/// Number of columns that are shown for any request.
const ALWAYS: usize = 7;

const FAILURES: &[Column] = &[
    column("Cause", Kind::Text),
    column("Requests", Kind::Number),
    column("Of all", Kind::Number),
    column("First one", Kind::Long),
];

const RESULTS: &[Column] = &[column("Figure", Kind::Text), column("Value", Kind::Text)];

const SAMPLED: &[Column] = &[
    column("Series", Kind::Text),
    column("First", Kind::Number),
    column("Last", Kind::Number),
    column("Lowest", Kind::Number),
    column("Highest", Kind::Number),
];

/// Stages of the run. CPU is that of the host, memory that of the service's processes.
pub fn stages(report: &RunReport) -> Table {
    let is_planned = report.run.is_planned();
    let counts_dropped = report.run.counts_dropped();
    let row = |row: &StageRow| {
        let quantile = |q: f64| Cell::known(row.figures.quantile(q), numbers::latency);
        vec![
            Cell::untrusted(&row.name),
            Cell::known(is_planned.then_some(row), |row| {
                numbers::levels(row.from, row.to)
            }),
            Cell::Trusted(show_duration(row.length)),
            Cell::Trusted(format!("{:.1}", row.figures.rate())),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            Cell::known(row.figures.error_ratio(), numbers::failed),
            Cell::known(row.cpu, |share| format!("{:.0}%", share * 100.0)),
            Cell::known(row.memory, |bytes| numbers::bytes(whole(bytes))),
            Cell::known(counts_dropped.then_some(row.figures.dropped), |dropped| {
                dropped.to_string()
            }),
        ]
    };
    Table::new(STAGES, stage_rows(&report.run).iter().map(row))
}

/// Figures by request; empty if there is only one request, which the whole run shows already.
pub fn requests(report: &RunReport) -> Table {
    let requests = &report.run.requests;
    let is_plain =
        |one: &RequestFigures| one.unmet.is_empty() && one.missing.is_empty() && !one.has_tokens();
    let says_nothing = requests.len() < 2 && requests.iter().all(is_plain);
    let shown = if says_nothing { &[][..] } else { requests };
    let length = report.run.windows.iter().map(|one| one.length).sum();
    let row = |one: &RequestFigures| {
        let figures = Figures::of_request(one, length);
        let quantile = |q: f64| Cell::known(figures.quantile(q), numbers::latency);
        let first = Figures::of_first_tokens([one]).quantile(0.95);
        let unmet = one.unmet.iter();
        let unmet = unmet.map(|(name, count)| format!("{name}: {}", numbers::count(*count)));
        let missing = one.missing.iter();
        let missing = missing.map(|(name, count)| format!("no {name}: {}", numbers::count(*count)));
        let failed: Vec<_> = unmet.chain(missing).collect();
        let bytes = |bytes: Option<u64>| Cell::known(bytes, numbers::bytes);
        vec![
            Cell::untrusted(&one.name),
            Cell::Trusted(numbers::count(figures.completed)),
            Cell::Trusted(format!("{:.1}", figures.rate())),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            Cell::Trusted(numbers::count(figures.errors)),
            bytes(one.transferred.received),
            bytes(one.transferred.sent),
            if failed.is_empty() {
                Cell::Unknown
            } else {
                Cell::Untrusted(failed.join(", "))
            },
            Cell::known(first, numbers::latency),
        ]
    };
    Table::new(REQUESTS, shown.iter().map(row)).omit_unknown(ALWAYS)
}

/// Failed requests by cause, the most frequent first.
pub fn failures(report: &RunReport) -> Table {
    let all = Figures::of(&report.run.windows).completed.max(1) as f64;
    let rows = report.run.causes().into_iter().map(|(cause, count)| {
        vec![
            Cell::Trusted(cause.label().to_owned()),
            Cell::Trusted(numbers::count(count)),
            Cell::Trusted(numbers::failed(count as f64 / all)),
            Cell::Untrusted(report.run.example(cause).unwrap_or("-").to_owned()),
        ]
    });
    Table::new(FAILURES, rows)
}

/// Figures of the whole run, in the order of k6's summary.
pub fn figures(report: &RunReport) -> Vec<(&'static str, String)> {
    let figures = Figures::of(&report.run.windows);
    let first_tokens = Figures::of_first_tokens(&report.run.requests);
    let Share { hits, total } = figures.failures();
    let failed = match figures.error_ratio() {
        Some(ratio) => format!("{} {hits} out of {total}", numbers::failed(ratio)),
        None if figures.are_errors_unknown() => "- (errors are not counted)".to_owned(),
        None => format!("- {hits} out of {total}"),
    };
    let mut rows = vec![("latency", times(&figures))];
    if figures.untimed > 0 && figures.has_latencies() {
        let untimed = numbers::plural(figures.untimed, "request");
        let why = "the buckets of the service's histogram changed or were missing";
        rows.push(("not timed", format!("{untimed}: {why}")));
    }
    if first_tokens.completed > 0 {
        rows.push(("first token", times(&first_tokens)));
    }
    rows.extend([
        ("failed", failed),
        (
            "requests",
            format!("{} {:.1}/s", figures.completed, figures.rate()),
        ),
    ]);
    let Transferred { received, sent } = figures.transferred;
    for (name, bytes) in [("received", received), ("sent", sent)] {
        rows.extend(bytes.map(|bytes| (name, volume(report, bytes, figures.length))));
    }
    if figures.rate_limited > 0 {
        rows.push(("rate-limited", rate_limited(report, &figures)));
    }
    if report.run.counts_dropped() {
        rows.push(("dropped starts", dropped(report, &figures)));
    }
    if let Some(left) = left_out(Usable::of(&report.run).limited()) {
        let value =
            format!("{left}: included in these figures, excluded from verdicts and thresholds");
        rows.push(("not judged", value));
    }
    if figures.repeated > 0 {
        rows.push(("retries", repeated(&figures)));
    }
    if report.run.is_planned() {
        rows.push(("generator", generator(report)));
    }
    rows
}

/// Formats `1.2 MiB 12.0 KiB/s`.
fn volume(report: &RunReport, bytes: u64, length: Duration) -> String {
    let rate = bytes as f64 / length.as_secs_f64().max(f64::MIN_POSITIVE);
    let of = if report.run.counts_bodies_only() {
        " (bodies only)"
    } else {
        ""
    };
    format!(
        "{} {}/s{of}",
        numbers::bytes(bytes),
        numbers::bytes(whole(rate))
    )
}

fn times(figures: &Figures) -> String {
    let shown = |time| known(time, numbers::latency);
    let (min, max) = figures.extremes().unzip();
    let quantile = |q: f64| shown(figures.quantile(q));
    format!(
        "avg={} min={} med={} max={} p(90)={} p(95)={} p(99)={}",
        shown(figures.mean()),
        shown(min),
        quantile(0.5),
        shown(max),
        quantile(0.9),
        quantile(0.95),
        quantile(0.99)
    )
}

/// Formats `12% 120 out of 1000 with status 429, all with Retry-After: 2 s to 30 s`.
fn rate_limited(report: &RunReport, figures: &Figures) -> String {
    let (count, all) = (figures.rate_limited, figures.completed);
    let share = numbers::failed(count as f64 / all.max(1) as f64);
    let rejected = format!("{share} {count} out of {all} with status 429");
    match report.run.retry_after() {
        Some(retry_after) => format!("{rejected}, {}", with_retry_after(count, retry_after)),
        None => rejected,
    }
}

/// How many responses with status 429 had a `Retry-After` header, and what they asked for.
pub fn with_retry_after(rejected: u64, retry_after: RetryAfter) -> String {
    let RetryAfter { count, waits } = retry_after;
    let waits = match waits {
        Some((shortest, longest)) if shortest == longest => {
            format!(": {} s", shortest.as_secs())
        }
        Some((shortest, longest)) => {
            format!(": {} s to {} s", shortest.as_secs(), longest.as_secs())
        }
        None => String::new(),
    };
    match count {
        0 => "none with Retry-After".to_owned(),
        count if count >= rejected => format!("all with Retry-After{waits}"),
        count => format!("{count} of them with Retry-After{waits}"),
    }
}

/// Dropped starts, with the reason if the generator caused them.
fn dropped(report: &RunReport, figures: &Figures) -> String {
    let Figures {
        dropped, lacking, ..
    } = figures;
    if *lacking == 0 {
        return dropped.to_string();
    }
    let first = report.run.lack.as_deref();
    let first = first.map_or_else(String::new, |words| {
        format!("; first: {}", printable(words))
    });
    format!("{dropped} ({lacking} of them for lack of resources on the generator's machine{first})")
}

/// Formats `50 4.2% (...)`: retries after the service closed a keep-alive connection.
fn repeated(figures: &Figures) -> String {
    let share = figures.repeated as f64 / figures.completed.max(1) as f64;
    format!(
        "{} {} (the service closed their keep-alive connection before a response, or did not process them; each counts once)",
        figures.repeated,
        numbers::failed(share)
    )
}

fn generator(report: &RunReport) -> String {
    let windows = &report.run.windows;
    let cpu = windows.iter().filter_map(|one| one.generator_cpu);
    let cpu = cpu.max_by(f64::total_cmp).map_or_else(
        || "its CPU usage is unknown".to_owned(),
        |cpu| format!("at most {:.0}% of the CPUs", cpu * 100.0),
    );
    let lag = windows.iter().map(|one| one.lag).max().unwrap_or_default();
    if !report.run.measures_lag() {
        return cpu;
    }
    let lag = numbers::latency(lag);
    format!("{cpu}, at most {lag} late at the 99th percentile of a second")
}

pub fn results(report: &RunReport) -> Table {
    let row =
        |(name, value): (&str, String)| vec![Cell::Trusted(name.to_owned()), Cell::Sentence(value)];
    Table::new(RESULTS, figures(report).into_iter().map(row))
}

/// Minimum and maximum of the gauges that are drawn.
pub fn observed(report: &RunReport) -> Table {
    let mut rows = Vec::new();
    for family in DRAWN {
        let all = observed_lines(&report.run, family).into_iter();
        for line in all.filter(|line| line.is_gauge && !line.points.is_empty()) {
            let values = line.points.iter().map(|(_, value)| *value);
            let show = |value: Option<f64>| Cell::known(value, family.show);
            let name = format!("{} {}", family.title, line.name);
            rows.push(vec![
                Cell::Untrusted(name.trim().to_owned()),
                show(values.clone().next()),
                show(values.clone().next_back()),
                show(values.clone().reduce(f64::min)),
                show(values.reduce(f64::max)),
            ]);
        }
    }
    Table::new(SAMPLED, rows)
}
