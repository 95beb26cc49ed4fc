//! Timeline of a service on its page, the newest event first.

use super::parts::{icon, moment};
use crate::format::numbers;
use crate::report::timeline::TimelineEvent;
use maud::{Markup, html};

/// Maximum number of events on a page.
const MAX_ROWS: usize = 60;
/// Number of events shown initially; the others are collapsed.
const UNFOLDED: usize = 15;

pub fn timeline(events: &[TimelineEvent], unfold: bool) -> Markup {
    let shown = &events[..events.len().min(MAX_ROWS)];
    let (first, rest) = shown.split_at(shown.len().min(UNFOLDED));
    let more = events.len() - shown.len();
    html! {
        @if !events.is_empty() {
            section #timeline {
                h2 { "Timeline" }
                div.card {
                    p.quiet { "The last 30 days, the newest first." }
                    (list(first))
                    @if !rest.is_empty() {
                        details open[unfold] {
                            summary { (numbers::plural(rest.len() as u64, "earlier event")) }
                            (list(rest))
                            @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " older ones" } }
                        }
                    }
                }
            }
        }
    }
}

fn list(events: &[TimelineEvent]) -> Markup {
    html! {
        ul.failures.events {
            @for event in events {
                li {
                    span class={ "badge " (event.level.class()) } { (icon(event.level)) (event.what) }
                    span.message dir="auto" { (event.text) }
                    span.quiet { (moment(event.at)) }
                }
            }
        }
    }
}
