//! Time that does not count: maintenance, false alarms.

use super::parts::moment;
use crate::ledger::snapshot::ServiceView;
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::yaml::units::show_duration;
use maud::{Markup, html};
use std::time::Duration;

/// Newest first; nothing where there are none.
pub fn corrections(service: &ServiceView, at: Timestamp) -> Markup {
    html! {
        @if !service.corrections.is_empty() {
            section {
                h2 { "Corrections" }
                div.card {
                    p.quiet { "What happened in these times does not count." }
                    ul.failures {
                        @for correction in &*service.corrections { (item(correction, at)) }
                    }
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
