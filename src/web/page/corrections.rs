//! Time that does not count: maintenance, false alarms.

use super::parts::moment;
use crate::outcome::Timestamp;
use crate::report::numbers;
use crate::slo::correction::Correction;
use crate::yaml::units::show_duration;
use maud::{Markup, html};
use std::time::Duration;

/// A page of more is no help to its reader; the API lists all.
const SHOWN: usize = 50;

/// Those of a service, the latest first; nothing where there are none.
pub fn corrections(service: &str, all: &[Correction], at: Timestamp) -> Markup {
    let mine = || all.iter().filter(|correction| correction.is_for(service));
    let more = mine().skip(SHOWN).count();
    html! {
        @if mine().next().is_some() {
            section {
                h2 { "Corrections" }
                div.card {
                    p.quiet { "What happened in these times does not count." }
                    ul.failures {
                        @for correction in mine().take(SHOWN) { (item(correction, at)) }
                    }
                    @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " older ones" } }
                }
            }
        }
    }
}

fn item(correction: &Correction, at: Timestamp) -> Markup {
    let length = (correction.to.0 - correction.from.0).unsigned_abs();
    html! {
        li {
            span.cause.plain { (state(correction, at)) }
            span.message dir="auto" { (correction.reason) }
            span.quiet {
                @if !correction.slos.is_empty() {
                    bdi { (correction.slos.join(", ")) } ", "
                }
                (moment(correction.from)) ", " (show_duration(Duration::from_millis(length)))
                ", by " bdi { (correction.author) }
            }
        }
    }
}

fn state(correction: &Correction, at: Timestamp) -> &'static str {
    if at < correction.from {
        "planned"
    } else if at < correction.to {
        "now"
    } else {
        "over"
    }
}
