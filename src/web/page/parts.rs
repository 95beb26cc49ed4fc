//! Elements shared by several pages.

use super::query::PageQuery;
use crate::format::{numbers, times};
use crate::ledger::snapshot::{BudgetView, LastOutcome};
use crate::outcome::Timestamp;
use crate::report::health::{Health, HealthLevel};
pub use crate::report::sheet::or_dash;
use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Icons, named by [`HealthLevel`]: shapes differ, so that information is never conveyed by color alone.
pub const ICONS: PreEscaped<&str> = PreEscaped(concat!(
    r#"<svg class="icons" width="0" height="0" aria-hidden="true">"#,
    r#"<symbol id="ok" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><path d="m4.8 8.3 2.2 2.2 4.2-4.6"/></symbol>"#,
    r#"<symbol id="warn" viewBox="0 0 16 16"><path class="solid" d="M8 1.2 15.4 14.4H.6z"/><path d="M8 6v3.8M8 12v.1"/></symbol>"#,
    r#"<symbol id="bad" viewBox="0 0 16 16"><path class="solid" d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z"/><path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2"/></symbol>"#,
    r#"<symbol id="idle" viewBox="0 0 16 16"><circle class="ring" cx="8" cy="8" r="6.2"/><path class="dash" d="M5.2 8h5.6"/></symbol>"#,
    "</svg>"
));

/// A smaller remaining budget ratio is considered low.
pub const LITTLE_BUDGET: f64 = 0.25;

/// Parameter of the page number of a list, starting at 1.
pub const PART: &str = "page";

/// Characters that need no escape in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Path of a service's page relative to the root.
pub fn service_path(name: &str) -> String {
    format!("services/{}", utf8_percent_encode(name, SEGMENT))
}

/// Path of a service's runs relative to the root.
pub fn runs_path(service: &str) -> String {
    format!("runs?service={}", utf8_percent_encode(service, SEGMENT))
}

/// Path of the forms of an alert, by its words, relative to the root.
pub fn decisions_path(alert: &str) -> String {
    format!(
        "alerts?state=firing&unfold&q={}",
        utf8_percent_encode(alert, SEGMENT)
    )
}

/// Path of the services with a label relative to the root.
pub fn labeled_path(name: &str, value: &str) -> String {
    let text = format!("{name}:{value}");
    format!("?q={}#services", utf8_percent_encode(&text, SEGMENT))
}

pub fn icon(level: HealthLevel) -> Markup {
    html! {
        svg class={ "icon " (level.class()) } width="16" height="16" aria-hidden="true" { use href={ "#" (level.class()) } {} }
    }
}

/// Icon, color and label.
pub fn badge(health: Health) -> Markup {
    html! {
        span class={ "badge " (health.level().class()) } { (icon(health.level())) (health.label()) }
    }
}

/// Remaining budget as a bar and a number.
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
            span { (or_dash(left, numbers::share)) }
            @if left.is_some() {
                svg class=(level.class()) aria-hidden="true" height="6" {
                    rect.track width="100%" height="6" rx="3" {}
                    @if width > 0.0 { rect.fill width=(format!("{width:.1}%")) height="6" rx="3" {} }
                }
            }
        }
    }
}

/// A table that may be wider than the page. It takes the focus, so that the keyboard can scroll it.
pub fn scrolled(label: &str, table: &Markup) -> Markup {
    html! {
        div.scroll role="group" aria-label=(label) tabindex="0" { (table) }
    }
}

/// `2026-11-03`
pub fn date(at: Timestamp) -> String {
    times::date(at.to_utc())
}

/// Formats `2026-11-03 14:01:57 UTC` in a `time` element.
pub fn moment(at: Timestamp) -> Markup {
    let at = at.to_utc();
    html! {
        time datetime=(times::machine(at)) { (times::second(at)) " UTC" }
    }
}

/// A table that becomes a stack of labeled values on a narrow screen. The last column is the state.
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

/// Failures with cause, message and age, in the given order, and the probe if there are several.
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
                            (numbers::age(at.since(failure.at)))
                        }
                    }
                }
            }
        }
    }
}

/// The requested page of a list, starting at 0, and the number of pages.
pub fn page_number(query: PageQuery<'_>, length: usize, rows: usize) -> (usize, usize) {
    let parts = length.div_ceil(rows).max(1);
    let asked = query
        .number(PART)
        .and_then(|part| usize::try_from(part.checked_sub(1)?).ok());
    (asked.unwrap_or(0).min(parts - 1), parts)
}

/// Links to the other pages of a list at an anchor; nothing if there are none.
pub fn page_links(
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
