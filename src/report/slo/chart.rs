//! Burn-down chart of a budget as SVG. Pure.

use super::model::{ObjectiveReport, Report};
use crate::format::{numbers, times};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use std::fmt::Write as _;

/// Width in SVG units. Charts are drawn about as wide as on a phone, so that labels are never too small.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 216.0;
/// Bounds of the plot area.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 392.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 176.0;
/// Lower limit of the plot; lower values are written as text.
const LOWEST: f64 = -1.0;

struct Plot {
    from: f64,
    length: f64,
    /// Budget ratio at the lower edge of the plot.
    lowest: f64,
}

impl Plot {
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let share = (at.timestamp_millis() as f64 - self.from) / self.length;
        LEFT + share * (RIGHT - LEFT)
    }

    fn y(&self, left: f64) -> f64 {
        let share = (1.0 - left.clamp(self.lowest, 1.0)) / (1.0 - self.lowest);
        TOP + share * (BOTTOM - TOP)
    }

    fn path(&self, points: impl Iterator<Item = (DateTime<Utc>, f64)>) -> String {
        let mut path = String::new();
        for (at, left) in points {
            let word = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{word}{:.1} {:.1}", self.x(at), self.y(left)).unwrap_or_default();
        }
        path
    }
}

/// Draws the remaining budget and the line of even spending; a sentence if nothing is known.
pub fn burn_down(report: &Report, service: &str, objective: &ObjectiveReport, id: &str) -> Markup {
    let points = &objective.burn_down.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return html! { p.quiet { "No events were counted, so there is no budget chart." } };
    };
    let lefts = points.iter().map(|point| point.left_ratio);
    let lowest = lefts.fold(0.0, f64::min);
    let plot = Plot {
        from: report.from.timestamp_millis() as f64,
        length: (report.to - report.from).num_milliseconds() as f64,
        // Rounded down to a multiple of 0.5, so that the edge is a grid line.
        lowest: ((lowest * 2.0).floor() / 2.0).max(LOWEST),
    };
    let marks = [1.0, 0.5, 0.0, -0.5, -1.0].into_iter();
    let marks: Vec<f64> = marks.filter(|mark| *mark >= plot.lowest).collect();
    let steps = points.iter().map(|point| (point.at, point.left_ratio));
    let even = [(report.from, 1.0), (report.to, 0.0)];
    let (title, described) = (format!("{id}-title"), format!("{id}-desc"));
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby={ (title) " " (described) } {
                title id=(title) { "Error budget left: " (service) ", " (objective.name) }
                desc id=(described) { (sentence(report, objective, last.at, lowest)) }
                text x="0" y="10" { "Budget left, % of the whole time range" }
                @if plot.lowest < 0.0 {
                    rect.over x=(LEFT) y=(one(plot.y(0.0))) width=(one(RIGHT - LEFT)) height=(one(BOTTOM - plot.y(0.0))) {}
                }
                @for mark in marks {
                    line class=(if mark == 0.0 { "zero" } else { "grid" }) x1=(LEFT) x2=(RIGHT) y1=(one(plot.y(mark))) y2=(one(plot.y(mark))) {}
                    text x=(LEFT - 6.0) y=(one(plot.y(mark) + 4.0)) text-anchor="end" { (percent(mark)) }
                }
                @if plot.lowest < 0.0 {
                    text x=(LEFT + 6.0) y=(one(BOTTOM - 6.0)) { (if lowest < LOWEST { "overspent, below -100%" } else { "overspent" }) }
                }
                @for (share, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
                    @let x = LEFT + share * (RIGHT - LEFT);
                    line.grid x1=(x) x2=(x) y1=(BOTTOM) y2=(BOTTOM + 5.0) {}
                    text x=(x) y=(BOTTOM + 18.0) text-anchor=(anchor) { (day(report, share)) }
                }
                text x=(f64::midpoint(LEFT, RIGHT)) y=(BOTTOM + 35.0) text-anchor="middle" { (unit(report)) }
                path.ideal d=(plot.path(even.into_iter())) {}
                path.left d=(plot.path(steps)) {}
                @if points.len() == 1 { circle.left cx=(one(plot.x(first.at))) cy=(one(plot.y(first.left_ratio))) r="1" {} }
            }
            figcaption.quiet {
                span { svg aria-hidden="true" viewBox="0 0 24 8" { path.left d="M1 4H23" {} } "actual" }
                span { svg aria-hidden="true" viewBox="0 0 24 8" { path.ideal d="M0 4H24" {} } "even spending" }
            }
        }
    }
}

/// Text description of the chart, for screen readers.
fn sentence(
    report: &Report,
    objective: &ObjectiveReport,
    last: DateTime<Utc>,
    lowest: f64,
) -> String {
    let known = match objective.budget_left_ratio {
        Some(left) if report.is_over() => format!("At the end, {} was left", numbers::share(left)),
        Some(left) => format!("So far, {} is left", numbers::share(left)),
        None => "An unknown part".to_owned(),
    };
    let spent = objective.burn_down.points.iter();
    let gone = spent.clone().find(|point| point.left_ratio < 0.0);
    let gone = gone.map_or_else(String::new, |point| {
        format!(" It was overspent from {} UTC.", times::minute(point.at))
    });
    let below = if lowest < LOWEST {
        " The chart ends at -100%."
    } else {
        ""
    };
    let ends = if last < report.to {
        format!(" There is no data after {} UTC.", times::minute(last))
    } else {
        String::new()
    };
    format!("{known} of the error budget of the time range.{gone}{below}{ends}")
}

fn one(number: f64) -> String {
    format!("{number:.1}")
}

fn percent(mark: f64) -> String {
    format!("{:.0}%", mark * 100.0)
}

fn unit(report: &Report) -> &'static str {
    if (report.to - report.from).num_days() < 3 {
        "Hour (UTC)"
    } else {
        "Day (UTC)"
    }
}

fn day(report: &Report, share: f64) -> String {
    let length = (report.to - report.from).num_milliseconds() as f64;
    #[expect(clippy::cast_possible_truncation, reason = "part of a length in i64")]
    let at = report.from + chrono::TimeDelta::milliseconds((length * share) as i64);
    let form = if (report.to - report.from).num_days() < 3 {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    at.format(form).to_string()
}
