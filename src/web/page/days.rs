//! Daily history of a service: one bar per day. More errors make a taller bar, and it is filled up to the
//! day's coverage. A day without data is a stub.

mod column;

use super::parts::{date, or_dash, scrolled};
use super::query::PageQuery;
use crate::format::numbers;
use crate::ledger::LONG_DAYS;
use crate::ledger::snapshot::{DAYS, DayView, ServiceView};
use crate::outcome::Timestamp;
use crate::slo::BudgetingMethod;
use crate::units::DAY_MS;
use column::{Column, Level, ratio};
use maud::{Markup, html};
use std::fmt::Write as _;

/// Target of the service; without an objective, no day has data.
fn target(service: &ServiceView) -> f64 {
    service
        .objectives
        .first()
        .map_or(1.0, |view| view.objective.target)
}

/// `2026-11-03: 99.93%, target met`,
/// `2026-11-03: 99.93%, target met, corrected 25% of the time, coverage 50%`
fn sentence(day: &DayView, target: f64) -> String {
    let mut sentence = format!("{}: ", date(day.start));
    if let Some(ratio) = ratio(day) {
        write!(sentence, "{}, ", numbers::percent(ratio)).unwrap_or_default();
    }
    sentence + &judgement(day, target) + &coverage(day)
}

/// `target met`, `target met, corrected 25% of the time`
fn judgement(day: &DayView, target: f64) -> String {
    let level = Level::of(day, target);
    let word = level.label();
    if day.corrected > 0.0 && level != Level::Maintenance {
        let share = numbers::coverage(day.corrected);
        return format!("{word}, corrected {share} of the time");
    }
    word.to_owned()
}

/// `, coverage 50%` if it is incomplete.
fn coverage(day: &DayView) -> String {
    match day.coverage {
        Some(coverage) if coverage < 1.0 && ratio(day).is_some() => {
            format!(", coverage {}", numbers::coverage(coverage))
        }
        _ => String::new(),
    }
}

/// Text description of all days, for screen readers.
fn summary(days: &[DayView], target: f64) -> String {
    let count = |chosen: &dyn Fn(&DayView) -> bool| days.iter().filter(|day| chosen(day)).count();
    let on = |level| count(&|day| Level::of(day, target) == level);
    let partly_known = |day: &DayView| {
        let known = ratio(day).and(day.coverage);
        known.is_some_and(|coverage| coverage < 0.99)
    };
    format!(
        "Last {} days: target met on {}, missed on {}, missed by far on {}, no requests on {}, no data on {}, \
         corrected on {}, coverage below 99% on {}",
        days.len(),
        on(Level::Kept),
        on(Level::Missed),
        on(Level::FarMissed),
        on(Level::Quiet),
        on(Level::NoData),
        count(&|day| day.corrected > 0.0),
        count(&partly_known),
    )
}

/// Bars over the whole width, each labeled with its day.
pub fn chart(service: &ServiceView, days: &[DayView]) -> Markup {
    let target = target(service);
    // Bars of 30 days are 2.3% wide each; those of more days shrink with their gaps.
    let width = 2300 * DAYS / days.len().max(1);
    let step = |index: usize| index * (99_900 - width) / days.len().saturating_sub(1).max(1);
    html! {
        figure.days {
            svg role="img" aria-label=(summary(days, target)) {
                @for (index, day) in days.iter().enumerate() {
                    g {
                        title { (sentence(day, target)) }
                        @for (class, height) in Column::of(day, target, 125).layers() {
                            rect class=(class) x=(thousandths(step(index)))
                                y=(thousandths((1000 - height) * 100))
                                width=(thousandths(width)) height=(thousandths(height * 100)) rx=(if days.len() > DAYS { "1" } else { "2" }) {}
                        }
                    }
                }
            }
            figcaption.quiet {
                span { (days.len()) " days ago" }
                @if let Some(first) = service.objectives.first() {
                    span { bdi { (first.objective.name) } " by UTC day" }
                }
                span { "today" }
            }
        }
    }
}

/// Selection of 30 or 90 days, if there is enough history.
pub fn switch(service: &ServiceView, shown: usize, query: PageQuery<'_>, at: Timestamp) -> Markup {
    let since = service.objectives.first().and_then(|first| first.since);
    let is_old = since.is_some_and(|since| at.0 - since.0 > DAYS as i64 * DAY_MS);
    html! {
        @if is_old || shown > DAYS {
            p.quiet {
                @for (number, count) in [DAYS, LONG_DAYS].into_iter().enumerate() {
                    @if number > 0 { " · " }
                    @if count == shown { b { (count) " days" } } @else {
                        a href=(query.with("days", &count.to_string())) { (count) " days" }
                    }
                }
            }
        }
    }
}

/// Legend of the bars.
pub fn legend(days: &[DayView]) -> Markup {
    let has_quiet = days.iter().any(|day| Level::of(day, 1.0) == Level::Quiet);
    html! {
        p.quiet {
            "The taller the bar, the more errors. It is filled up to the day's coverage; gray is "
            "unknown. Blue is corrected time, such as maintenance, which is not counted."
            @if has_quiet { " A low green bar is a day without requests." }
        }
    }
}

/// Formats thousandths as a percentage.
fn thousandths(count: usize) -> String {
    format!("{}%", count as f64 / 1000.0)
}

/// All bars as a sparkline: one path per class keeps a page with a thousand of them small.
pub fn sparkline(service: &ServiceView) -> Markup {
    let target = target(service);
    let mut paths = Column::CLASSES.map(|class| (class, String::new()));
    for (index, day) in service.days.iter().enumerate() {
        for (class, height) in Column::of(day, target, 2).layers() {
            let path = paths.iter_mut().find(|(one, _)| *one == class);
            if let Some((_, path)) = path {
                write!(path, "M{} 16v-{height}h3v{height}z", index * 4).unwrap_or_default();
            }
        }
    }
    html! {
        svg.spark role="img" aria-label=(summary(&service.days, target)) width="120" height="16" {
            @for (class, path) in &paths {
                @if !path.is_empty() { path class=(class) d=(path) {} }
            }
        }
    }
}

/// All days as a table, newest first.
pub fn table(service: &ServiceView, days: &[DayView], unfold: bool) -> Markup {
    let target = target(service);
    let first = service.objectives.first();
    let budgeting = first.map_or(BudgetingMethod::Occurrences, |view| {
        view.objective.budgeting
    });
    let table = html! {
        table.numbers.history {
            thead { tr {
                th scope="col" { "UTC day" } th scope="col" { "Good" } th scope="col" { "Bad" }
                th scope="col" { "SLI" } th scope="col" { "Coverage" } th scope="col" { "Target" }
            } }
            tbody {
                @for day in days.iter().rev() {
                    tr {
                        th scope="row" { (date(day.start)) }
                        td { (numbers::events(day.good, budgeting)) }
                        td { (numbers::events(day.bad, budgeting)) }
                        td { (or_dash(ratio(day), numbers::percent)) }
                        td { (or_dash(day.coverage, numbers::coverage)) }
                        td { (judgement(day, target)) }
                    }
                }
            }
        }
    };
    html! {
        details open[unfold] {
            summary { "All " (days.len()) " days as a table" }
            (scrolled("Days", &table))
        }
    }
}
