//! SVG of a run's chart. Its labels are HTML outside of the SVG, which is stretched to any width.

use super::RunReport;
use super::chart::{Chart, Line, LineStyle};
use crate::units::show_duration;
use maud::{Markup, html};
use std::fmt::Write as _;
use std::time::Duration;

/// Size of the drawing in SVG units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

struct Plot {
    seconds: f64,
    highest: f64,
}

impl Plot {
    fn x(&self, seconds: f64) -> f64 {
        (seconds / self.seconds).clamp(0.0, 1.0) * WIDTH
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - (value / self.highest).clamp(0.0, 1.0) * (HEIGHT - 2.0) - 1.0
    }

    /// SVG path of a line, interrupted at gaps.
    fn path(&self, line: &Line) -> String {
        let mut path = String::new();
        let mut before = None;
        for (at, value) in &line.points {
            let is_connected = before.is_some_and(|before| at - before <= line.gap);
            let command = if is_connected { 'L' } else { 'M' };
            let (x, y) = (self.x(*at), self.y(*value));
            // A single point is drawn as a short line.
            write!(path, "{command}{x:.1} {y:.1}h.5").unwrap_or_default();
            before = Some(*at);
        }
        path
    }
}

pub fn drawn(chart: &Chart, report: &RunReport) -> Markup {
    let length = report.length();
    let highest = chart.highest();
    let plot = Plot {
        seconds: length.as_secs_f64().max(f64::MIN_POSITIVE),
        highest: if highest > 0.0 { highest } else { 1.0 },
    };
    let top = (chart.show)(plot.highest);
    let limits = chart.limits.iter();
    let limits = limits.filter(|(limit, _)| *limit <= highest);
    html! {
        figure.plotted {
            figcaption {
                h3 { (chart.title) }
                @for line in &chart.lines {
                    span.key { (sign(line.look)) bdi { (line.name) } " " span.quiet { (extremes(chart, line)) } }
                }
                @for (limit, name) in &chart.limits {
                    span.key {
                        svg.limit viewBox="0 0 24 8" aria-hidden="true" { path d="M0 4H24" {} }
                        (name) " " span.quiet { ((chart.show)(*limit)) @if *limit > highest { ", above the chart" } }
                    }
                }
            }
            div.plot {
                div.scale.quiet aria-hidden="true" { span { (top) } span { "0" } }
                svg role="img" aria-label=(words(chart, length)) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" {
                    @for end in ends(report) {
                        path.stage d={ "M" (format!("{:.1}", plot.x(end))) " 0V" (HEIGHT) } {}
                    }
                    @for (limit, _) in limits {
                        path.limit d={ "M0 " (format!("{:.1}", plot.y(*limit))) "H" (WIDTH) } {}
                    }
                    @for line in &chart.lines { path.(class(line.look)) d=(plot.path(line)) {} }
                }
            }
            div.axis.quiet aria-hidden="true" {
                @for quarter in 0..=4_u32 { span { (moment(length * quarter / 4)) } }
            }
        }
    }
}

const fn class(look: LineStyle) -> &'static str {
    match look {
        LineStyle::First => "first",
        LineStyle::Second => "second",
        LineStyle::Third => "third",
        LineStyle::Fourth => "fourth",
        LineStyle::Bad => "failed",
    }
}

fn sign(look: LineStyle) -> Markup {
    html! {
        svg.(class(look)) viewBox="0 0 24 8" aria-hidden="true" { path d="M0 4H24" {} }
    }
}

/// Seconds at which one stage ends and the next one starts.
fn ends(report: &RunReport) -> Vec<f64> {
    let mut end = Duration::ZERO;
    let stages = report.run.scenario.stages.iter();
    let mut ends: Vec<f64> = stages
        .map(|stage| {
            end += stage.length;
            end.as_secs_f64()
        })
        .collect();
    ends.pop();
    ends.retain(|end| *end < report.length().as_secs_f64());
    ends
}

fn extremes(chart: &Chart, line: &Line) -> String {
    let values = line.points.iter().map(|(_, value)| *value);
    let lowest = values.clone().reduce(f64::min).unwrap_or_default();
    let highest = values.reduce(f64::max).unwrap_or_default();
    let (lowest, highest) = ((chart.show)(lowest), (chart.show)(highest));
    if lowest == highest {
        highest
    } else {
        format!("{lowest} to {highest}")
    }
}

/// Text description of the chart, for screen readers.
fn words(chart: &Chart, length: Duration) -> String {
    let mut words = format!("{} over {}", chart.title, moment(length));
    for line in &chart.lines {
        write!(words, "; {} {}", line.name, extremes(chart, line)).unwrap_or_default();
    }
    words
}

/// Formats a duration as `2m30s`, without fractions of a second.
fn moment(after: Duration) -> String {
    let whole = Duration::from_secs(after.as_secs());
    if whole.is_zero() {
        "0s".to_owned()
    } else {
        show_duration(whole)
    }
}
