//! Small pieces that more than one page shows.

use super::frame::since;
use super::query::PageQuery;
use crate::format::{numbers, times};
use crate::ledger::snapshot::{BudgetView, LastOutcome};
use crate::outcome::Timestamp;
use crate::report::health::{Health, HealthLevel};
use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The icons, by the name of their [`HealthLevel`]: shapes differ, so that colour is never alone.
pub const ICONS: PreEscaped<&str> = PreEscaped(concat!(
    r#"<svg class="icons" width="0" height="0" aria-hidden="true">"#,
    r#"<symbol id="ok" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><path d="m4.8 8.3 2.2 2.2 4.2-4.6"/></symbol>"#,
    r#"<symbol id="warn" viewBox="0 0 16 16"><path class="solid" d="M8 1.2 15.4 14.4H.6z"/><path d="M8 6v3.8M8 12v.1"/></symbol>"#,
    r#"<symbol id="bad" viewBox="0 0 16 16"><path class="solid" d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z"/><path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2"/></symbol>"#,
    r#"<symbol id="idle" viewBox="0 0 16 16"><circle class="ring" cx="8" cy="8" r="6.2"/><path class="dash" d="M5.2 8h5.6"/></symbol>"#,
    "</svg>"
));

/// Less of an error budget than this is little.
pub const LITTLE_BUDGET: f64 = 0.25;

/// The parameter of the part of a list, from 1.
pub const PART: &str = "page";

/// What may stay as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The path of a service's page, seen from the root.
pub fn service_path(name: &str) -> String {
    format!("services/{}", utf8_percent_encode(name, SEGMENT))
}

/// The path of the runs of a service, seen from the root.
pub fn runs_path(service: &str) -> String {
    format!("runs?service={}", utf8_percent_encode(service, SEGMENT))
}

/// The path of the services with a label, seen from the root.
pub fn labeled_path(name: &str, value: &str) -> String {
    let text = format!("{name}:{value}");
    format!("?q={}#services", utf8_percent_encode(&text, SEGMENT))
}

pub fn icon(level: HealthLevel) -> Markup {
    html! {
        svg class={ "icon " (level.class()) } width="16" height="16" aria-hidden="true" { use href={ "#" (level.class()) } {} }
    }
}

/// Icon, colour and word.
pub fn badge(health: Health) -> Markup {
    html! {
        span class={ "badge " (health.level().class()) } { (icon(health.level())) (health.label()) }
    }
}

/// What is left of the budget: a bar and the number that it shows.
pub fn budget(view: &BudgetView) -> Markup {
    let left = view.left();
    let level = match left {
        Some(left) if left < 0.0 => HealthLevel::Bad,
        Some(left) if left < LITTLE_BUDGET => HealthLevel::Warn,
        Some(_) => HealthLevel::Ok,
        None => HealthLevel::Idle,
    };
    let width = left.map_or(0.0, |left| left.clamp(0.0, 1.0) * 100.0);
    html! {
        span.budget {
            span { (known(left, numbers::share)) }
            @if left.is_some() {
                svg class=(level.class()) aria-hidden="true" height="6" {
                    rect.track width="100%" height="6" rx="3" {}
                    @if width > 0.0 { rect.fill width=(format!("{width:.1}%")) height="6" rx="3" {} }
                }
            }
        }
    }
}

/// The value, or a dash where nothing is known.
pub fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

/// `2026-11-03`
pub fn date(at: Timestamp) -> String {
    times::date(at.to_utc())
}

/// `2026-11-03 14:01:57 UTC`, readable for machines too.
pub fn moment(at: Timestamp) -> Markup {
    let at = at.to_utc();
    html! {
        time datetime=(times::machine(at)) { (times::second(at)) " UTC" }
    }
}

/// A table that becomes a stack of labelled figures on a narrow screen. The last column is the
/// state.
pub fn figures(labels: [&str; 7], rows: &[[Markup; 7]]) -> Markup {
    html! {
        @if !rows.is_empty() {
            table.figures {
                thead { tr { @for label in labels { th scope="col" { (label) } } } }
                tbody {
                    @for [head, cells @ .., state] in rows {
                        tr {
                            th scope="row" { (head) }
                            @for (label, cell) in labels[1..].iter().zip(cells) {
                                td data-label=(label) { (cell) }
                            }
                            td.state { (state) }
                        }
                    }
                }
            }
        }
    }
}

/// Failures with cause, message and age, in the order given, and the probe where it is not plain.
pub fn failures<'a>(
    failures: impl Iterator<Item = (Option<&'a str>, &'a LastOutcome)>,
    at: Timestamp,
) -> Markup {
    html! {
        ul.failures {
            @for (probe, failure) in failures {
                li {
                    span.cause { (failure.verdict.label()) }
                    span.message dir="auto" { (failure.message.as_deref().unwrap_or("no details")) }
                    span.quiet {
                        @if let Some(probe) = probe { bdi { (probe) } ", " }
                        "after " (numbers::latency(failure.latency)) ", "
                        time datetime=(times::machine(failure.at.to_utc())) {
                            (numbers::age(since(failure.at, at)))
                        }
                    }
                }
            }
        }
    }
}

/// Which part of a list was asked for, from 0, and how many parts there are.
pub fn part_of(query: PageQuery<'_>, length: usize, rows: usize) -> (usize, usize) {
    let parts = length.div_ceil(rows).max(1);
    let asked = query
        .number(PART)
        .and_then(|part| usize::try_from(part.checked_sub(1)?).ok());
    (asked.unwrap_or(0).min(parts - 1), parts)
}

/// The ways to the other parts of a list at a `place` of the page; nothing where there are none.
pub fn places(
    (part, parts): (usize, usize),
    rows: usize,
    query: PageQuery<'_>,
    place: &str,
) -> Markup {
    let to = |part: usize| format!("{}{place}", query.with(PART, &(part + 1).to_string()));
    html! {
        @if parts > 1 {
            nav.places aria-label="Parts of the list" {
                @if part > 0 { a href=(to(part - 1)) { "Previous " (rows) } }
                span { "Part " (part + 1) " of " (parts) }
                @if part + 1 < parts { a href=(to(part + 1)) { "Next " (rows) } }
            }
        }
    }
}
