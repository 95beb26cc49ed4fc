//! Charts of a run as data; the x-axis is the time since its start.

use super::RunReport;
use super::observed::{ObservedLine, observed_lines};
use crate::format::numbers;
use crate::load::{Figures, LoadWindow, Model};
use crate::report::families::{DRAWN, DrawnFamily};
use crate::stats::quantile::needed;
use crate::threshold::ThresholdMetric;
use std::time::Duration;

/// Maximum number of points of a line.
const POINTS: u32 = 240;
/// Limits this many times above the highest value would flatten the lines and are left out.
const LIMIT_FAR: f64 = 3.0;

#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    pub lines: Vec<Line>,
    /// Upper limits, with their names.
    pub limits: Vec<(f64, String)>,
    pub show: fn(f64) -> String,
}

#[derive(Clone, Debug)]
pub struct Line {
    /// Untrusted text for observed series.
    pub name: String,
    pub look: LineStyle,
    /// Seconds since the start, and values.
    pub points: Vec<(f64, f64)>,
    /// Points further apart than this, in seconds, are not connected.
    pub gap: f64,
}

/// Lines differ in color and dash pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    First,
    Second,
    Third,
    Fourth,
    Bad,
}

/// Also the maximum number of lines per family, for example of several process groups.
const LINE_STYLES: [LineStyle; 4] = [
    LineStyle::First,
    LineStyle::Second,
    LineStyle::Third,
    LineStyle::Fourth,
];

impl Chart {
    pub fn highest(&self) -> f64 {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let measured = points.map(|(_, value)| *value).fold(0.0, f64::max);
        let limits = self.limits.iter().map(|(limit, _)| *limit);
        limits
            .filter(|limit| *limit <= measured * LIMIT_FAR)
            .fold(measured, f64::max)
    }
}

/// Charts of the client's view: load, throughput and latency. Charts without points are left out.
pub fn of_client(report: &RunReport) -> Vec<Chart> {
    let mut all = vec![load(report), throughput(report), latency(report)];
    all.retain(|chart| !chart.lines.is_empty());
    all
}

/// Charts of the service's samples during the run.
pub fn of_system(report: &RunReport) -> Vec<Chart> {
    let of = |family: &DrawnFamily| {
        let all = observed_lines(&report.run, family).into_iter();
        let drawn = all.filter(|line| !line.points.is_empty()).zip(LINE_STYLES);
        Chart {
            title: family.title.to_owned(),
            lines: drawn.map(|(line, look)| thinned(line, look)).collect(),
            limits: Vec::new(),
            show: family.show,
        }
    };
    let all = DRAWN.iter().map(of);
    all.filter(|chart| !chart.lines.is_empty()).collect()
}

fn load(report: &RunReport) -> Chart {
    let is_closed = matches!(report.run.scenario.model, Model::Closed { .. });
    let active = mean(report, LoadWindow::known_active);
    let (title, lines) = if is_closed {
        let due = line(report, "due", LineStyle::Second, due(report));
        (
            "Users",
            vec![line(report, "active", LineStyle::First, active), due],
        )
    } else {
        let active = line(report, "in flight", LineStyle::First, active);
        ("Requests in flight", vec![active])
    };
    chart(title, lines, numbers::fractional)
}

/// The planned load; empty if the load was not planned.
fn due(report: &RunReport) -> Vec<(f64, f64)> {
    let is_planned = report.run.is_planned();
    let due = mean(report, |window| Some(window.due));
    due.into_iter().filter(|_| is_planned).collect()
}

fn throughput(report: &RunReport) -> Chart {
    let windows = &report.run.windows;
    let per_second = |count: fn(&LoadWindow) -> u64| {
        by_chunk(report, width(report), |windows| {
            let seconds: f64 = windows.iter().map(|one| one.length.as_secs_f64()).sum();
            let count: u64 = windows.iter().map(count).sum();
            (seconds > 0.0).then(|| count as f64 / seconds)
        })
    };
    let (name, answered): (_, fn(&LoadWindow) -> u64) = if Figures::of(windows).unjudged > 0 {
        ("answered", LoadWindow::completed)
    } else {
        ("succeeded", |window| window.good)
    };
    let mut lines = vec![line(report, name, LineStyle::First, per_second(answered))];
    if matches!(report.run.scenario.model, Model::Open { .. }) {
        lines.push(line(report, "due", LineStyle::Second, due(report)));
    }
    lines.push(line(
        report,
        "started",
        LineStyle::Third,
        per_second(|window| window.started),
    ));
    if windows.iter().any(|window| window.errors() > 0) {
        let failed = per_second(LoadWindow::errors);
        lines.push(line(report, "failed", LineStyle::Bad, failed));
    }
    chart("Requests per second", lines, numbers::fractional)
}

/// Quantiles over windows with enough requests.
fn latency(report: &RunReport) -> Chart {
    let quantiles = [
        ("p50", 0.5, LineStyle::First),
        ("p95", 0.95, LineStyle::Second),
        ("p99", 0.99, LineStyle::Third),
    ];
    let lines = quantiles.map(|(name, q, look)| Line {
        // Quantile windows are as long as necessary.
        gap: f64::INFINITY,
        ..line(report, name, look, quantile(report, q))
    });
    let of_all = report.results.iter();
    let of_all = of_all.filter(|result| result.threshold.request.is_none());
    let quantiles = of_all.filter_map(|result| {
        let ThresholdMetric::Quantile(q) = result.threshold.of else {
            return None;
        };
        let name = format!("limit of p{}", numbers::percentage(q));
        Some((result.threshold.limit, name))
    });
    Chart {
        limits: quantiles.collect(),
        ..chart("Response time", lines.into(), numbers::seconds)
    }
}

fn chart(title: &str, mut lines: Vec<Line>, show: fn(f64) -> String) -> Chart {
    lines.retain(|line| !line.points.is_empty());
    Chart {
        title: title.to_owned(),
        lines,
        limits: Vec::new(),
        show,
    }
}

fn line(report: &RunReport, name: &str, look: LineStyle, points: Vec<(f64, f64)>) -> Line {
    Line {
        name: name.to_owned(),
        look,
        points,
        gap: 2.5 * width(report).as_secs_f64(),
    }
}

/// Width of the windows that are merged to one point.
fn width(report: &RunReport) -> Duration {
    (report.length() / POINTS).max(Duration::from_secs(1))
}

fn mean(report: &RunReport, of: fn(&LoadWindow) -> Option<f64>) -> Vec<(f64, f64)> {
    by_chunk(report, width(report), |windows| {
        let values: Vec<f64> = windows.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    })
}

/// One point in the middle of each group of windows.
fn by_chunk(
    report: &RunReport,
    width: Duration,
    value: impl Fn(&[LoadWindow]) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let windows = &report.run.windows;
    let mut points = Vec::new();
    let mut from = 0;
    while let Some(first) = windows.get(from) {
        let end = first.start + width;
        let inside = windows[from..].partition_point(|window| window.start < end);
        let group = &windows[from..from + inside.max(1)];
        let last = group.last().unwrap_or(first);
        let middle = (first.start + last.start + last.length) / 2;
        points.extend(value(group).map(|value| (middle.as_secs_f64(), value)));
        from += group.len();
    }
    points
}

/// One point in the middle of each group of windows that has enough requests for the quantile.
fn quantile(report: &RunReport, q: f64) -> Vec<(f64, f64)> {
    let (windows, width) = (&report.run.windows, width(report));
    let mut points = Vec::new();
    let (mut from, mut completed) = (0, 0);
    for (at, window) in windows.iter().enumerate() {
        completed += window.completed();
        let (start, end) = (windows[from].start, window.start + window.length);
        if end.saturating_sub(start) < width || completed < needed(q) {
            continue;
        }
        let value = Figures::of(&windows[from..=at]).quantile(q);
        let middle = f64::midpoint(start.as_secs_f64(), end.as_secs_f64());
        points.extend(value.map(|value| (middle, value.as_secs_f64())));
        (from, completed) = (at + 1, 0);
    }
    points
}

/// Thinned out to the resolution of the chart.
fn thinned(line: ObservedLine, look: LineStyle) -> Line {
    let every = line.points.len().div_ceil(POINTS as usize).max(1);
    let chunks = line.points.chunks(every);
    let points = chunks.filter_map(|chunk| {
        let highest = chunk.iter().map(|(_, value)| *value).reduce(f64::max)?;
        Some((chunk.first()?.0, highest))
    });
    let points: Vec<(f64, f64)> = points.collect();
    let span = points.last().map_or(0.0, |last| last.0) - points.first().map_or(0.0, |one| one.0);
    Line {
        name: line.name,
        look,
        gap: 3.0 * span / points.len().max(1) as f64,
        points,
    }
}
