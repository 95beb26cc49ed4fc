//! A service's history: one bar per day. The more trouble, the taller; no data is a stub.

use super::parts::date;
use crate::ledger::snapshot::{DAYS, DayView, ServiceView};
use crate::report::numbers;
use crate::slo::Budgeting;
use maud::{Markup, html};
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    NoData,
    /// The day alone kept the target.
    Kept,
    Missed,
    /// With more than ten times the errors that the target allows.
    FarMissed,
}

impl Level {
    const ALL: [Self; 4] = [Self::NoData, Self::Kept, Self::Missed, Self::FarMissed];

    fn of(day: &DayView, target: f64) -> Self {
        match ratio(day) {
            None => Self::NoData,
            Some(ratio) if ratio >= target => Self::Kept,
            Some(ratio) if 1.0 - ratio <= 10.0 * (1.0 - target) => Self::Missed,
            Some(_) => Self::FarMissed,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::NoData => "idle",
            Self::Kept => "ok",
            Self::Missed => "warn",
            Self::FarMissed => "bad",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::NoData => "no data",
            Self::Kept => "target kept",
            Self::Missed => "target missed",
            Self::FarMissed => "target far missed",
        }
    }

    /// Of the bar, in eighths of the chart.
    const fn height(self) -> usize {
        match self {
            Self::NoData => 1,
            Self::Kept => 5,
            Self::Missed => 7,
            Self::FarMissed => 8,
        }
    }
}

fn ratio(day: &DayView) -> Option<f64> {
    let events = day.good + day.bad;
    (events > 0).then(|| day.good as f64 / events as f64)
}

/// Without an objective nothing was promised, and no day has data.
fn target(service: &ServiceView) -> f64 {
    service
        .objectives
        .first()
        .map_or(1.0, |view| view.objective.target)
}

/// `2026-11-03: 99.93%, target kept`
fn sentence(day: &DayView, target: f64) -> String {
    let level = Level::of(day, target).word();
    match ratio(day) {
        Some(ratio) => format!("{}: {}, {level}", date(day.start), numbers::percent(ratio)),
        None => format!("{}: {level}", date(day.start)),
    }
}

/// All days in one sentence, for those who do not see the bars.
fn summary(service: &ServiceView, target: f64) -> String {
    let count = |level| {
        let days = service.days.iter();
        days.filter(|day| Level::of(day, target) == level).count()
    };
    format!(
        "Last {DAYS} days: target kept on {}, missed on {}, far missed on {}, no data on {}",
        count(Level::Kept),
        count(Level::Missed),
        count(Level::FarMissed),
        count(Level::NoData)
    )
}

/// Bars over the whole width, each of which tells its day.
pub fn chart(service: &ServiceView) -> Markup {
    let target = target(service);
    html! {
        figure.days {
            svg role="img" aria-label=(summary(service, target)) {
                @for (index, day) in service.days.iter().enumerate() {
                    @let level = Level::of(day, target);
                    rect class=(level.class()) x=(place(index)) y=(eighths(8 - level.height()))
                        width="2.3%" height=(eighths(level.height())) rx="2" {
                        title { (sentence(day, target)) }
                    }
                }
            }
            figcaption.quiet {
                span { (DAYS) " days ago" }
                @if let Some(first) = service.objectives.first() {
                    span { bdi { (first.objective.name) } " by UTC day" }
                }
                span { "today" }
            }
        }
    }
}

/// Of the chart's height, which the style sheet sets.
fn eighths(count: usize) -> String {
    format!("{}%", count as f64 * 12.5)
}

/// Where a bar begins, so that the last one ends at the border.
fn place(index: usize) -> String {
    const GAPS: usize = DAYS - 1;
    let thousandths = index * 97_600 / GAPS;
    format!("{}.{:03}%", thousandths / 1000, thousandths % 1000)
}

/// All bars as small as a word: one path per level keeps a thousand of them light.
pub fn sparkline(service: &ServiceView) -> Markup {
    let target = target(service);
    let mut paths = Level::ALL.map(|_| String::new());
    for (index, day) in service.days.iter().enumerate() {
        let level = Level::of(day, target);
        let height = level.height() * 2;
        let place = Level::ALL.iter().position(|one| *one == level);
        let path = &mut paths[place.unwrap_or_default()];
        write!(path, "M{} 16v-{height}h3v{height}z", index * 4).unwrap_or_default();
    }
    html! {
        svg.spark role="img" aria-label=(summary(service, target)) width="120" height="16" {
            @for (level, path) in Level::ALL.iter().zip(&paths) {
                @if !path.is_empty() { path class=(level.class()) d=(path) {} }
            }
        }
    }
}

/// All days as a table, newest first.
pub fn table(service: &ServiceView) -> Markup {
    let target = target(service);
    let first = service.objectives.first();
    let budgeting = first.map_or(Budgeting::Occurrences, |view| view.objective.budgeting);
    html! {
        details {
            summary { "All " (DAYS) " days as a table" }
            table.numbers {
                thead { tr {
                    th scope="col" { "UTC day" } th scope="col" { "Good" } th scope="col" { "Bad" }
                    th scope="col" { "SLI" } th scope="col" { "Target" }
                } }
                tbody {
                    @for day in service.days.iter().rev() {
                        tr {
                            th scope="row" { (date(day.start)) }
                            td { (numbers::events(day.good, budgeting)) }
                            td { (numbers::events(day.bad, budgeting)) }
                            td { (ratio(day).map_or_else(|| "–".to_owned(), numbers::percent)) }
                            td { (Level::of(day, target).word()) }
                        }
                    }
                }
            }
        }
    }
}
