//! Corrections: excluded time, such as maintenance and false alarms.

use super::parts::moment;
use super::query::PageQuery;
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::slo::occurrence::{Cursor, Occurrence, latest};
use crate::units::show_duration;
use maud::{Markup, html};
use std::time::Duration;

/// Maximum number of rows on a page.
const MAX_ROWS: usize = 50;

/// Corrections of a service after the cursor, the latest first; nothing if there are none.
pub fn corrections(
    service: &str,
    all: &[Correction],
    at: Timestamp,
    cursor: Option<&Cursor>,
    query: PageQuery<'_>,
) -> Markup {
    let mine: Vec<_> = all.iter().filter(|one| one.is_for(service)).collect();
    let found = latest(&mine, at, cursor, MAX_ROWS + 1);
    let shown = &found[..found.len().min(MAX_ROWS)];
    let older = shown.last().filter(|_| found.len() > MAX_ROWS);
    html! {
        @if !mine.is_empty() {
            section #corrections {
                h2 { "Corrections" }
                div.card {
                    p.quiet { "Outcomes in these times are not counted." }
                    ul.failures {
                        @for occurrence in shown { (item(occurrence, at)) }
                    }
                    @if shown.is_empty() { p.quiet { "No corrections in this period." } }
                    @if cursor.is_some() { p { a href={ (query.without("corrections")) "#corrections" } { "Latest" } } }
                    @if let Some(last) = older {
                        p { a href={ (query.with("corrections", &last.cursor().text())) "#corrections" } { "Older" } }
                    }
                }
            }
        }
    }
}

fn item(occurrence: &Occurrence<'_>, at: Timestamp) -> Markup {
    let correction = occurrence.correction;
    let length = (occurrence.to.0 - occurrence.from.0).unsigned_abs();
    html! {
        li {
            span.cause.plain { (state(occurrence, at)) }
            span.message dir="auto" { (correction.reason) }
            span.quiet {
                @if !correction.slos.is_empty() {
                    bdi { (correction.slos.join(", ")) } ", "
                }
                (moment(occurrence.from)) ", " (show_duration(Duration::from_millis(length)))
                ", by " bdi { (correction.author) }
            }
        }
    }
}

fn state(occurrence: &Occurrence<'_>, at: Timestamp) -> &'static str {
    if at < occurrence.from {
        "planned"
    } else if at < occurrence.to {
        "now"
    } else {
        "over"
    }
}
