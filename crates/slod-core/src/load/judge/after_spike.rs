//! Whether memory, circuit breakers, connection pool and queue returned to normal after a spike.

use super::advice::{self, Advice};
use super::needs::{self, Needs};
use super::soak::growth::curves;
use crate::load::RunRecord;
use crate::load::observed::{Curve, Span, gauges, length};
use crate::load::verdict::{Answer, Statement};
use crate::stats::order::median_of;
use std::time::Duration;

/// A resource that a spike fills.
struct SpikeResource {
    topic: &'static str,
    name: &'static str,
    noun: &'static str,
    read: fn(&RunRecord) -> Vec<Curve>,
    /// The smallest difference from the time before the spike that counts.
    least: f64,
    /// Whether the usual range follows from the spread before the spike; otherwise it is a tenth of the
    /// value.
    has_spread: bool,
    show: fn(f64) -> String,
    back: &'static str,
    needs: Needs,
    advice: Advice,
}

const MIB: f64 = 1_048_576.0;
/// Required number of samples before and after the spike.
const SAMPLES: usize = 3;

static FILLED: [SpikeResource; 4] = [
    SpikeResource {
        topic: "memory after the spike",
        name: "memory",
        noun: "the memory",
        read: |run| {
            curves(
                run,
                &[
                    "slod_process_resident_memory_bytes",
                    "slod_process_proportional_memory_bytes",
                    "slod_process_anonymous_memory_bytes",
                    "slod_container_memory_anonymous_bytes",
                    "slod_container_memory_working_set_bytes",
                ],
            )
        },
        least: 0.0,
        has_spread: false,
        show: |bytes| format!("{:.0} MiB", bytes / MIB),
        back: "was released",
        needs: Needs::Processes,
        advice: advice::KEPT,
    },
    SpikeResource {
        topic: "circuit breakers after the spike",
        name: "circuit breakers",
        noun: "a circuit breaker",
        read: |run| gauges(run, "slod_service_circuit_breaker_open"),
        least: 0.5,
        has_spread: false,
        show: |open| if open > 0.5 { "open" } else { "closed" }.to_owned(),
        back: "closed",
        needs: Needs::Metrics("`circuit_breaker_open`"),
        advice: advice::BREAKER,
    },
    SpikeResource {
        topic: "connection pool after the spike",
        name: "connection pool",
        noun: "the connection pool",
        read: |run| gauges(run, "slod_service_db_pool_in_use"),
        least: 2.0,
        has_spread: true,
        show: |used| format!("{used:.0} in use"),
        back: "was released",
        needs: Needs::Metrics("`db_pool_in_use`"),
        advice: advice::HELD,
    },
    SpikeResource {
        topic: "queue after the spike",
        name: "queue",
        noun: "the queue",
        read: |run| gauges(run, "slod_service_queue_depth"),
        least: 5.0,
        has_spread: true,
        show: |waiting| format!("{waiting:.0} waiting"),
        back: "was drained",
        needs: Needs::Metrics("`queue_depth`"),
        advice: advice::OVERLOAD,
    },
];

/// One statement per observed resource, and one for all others.
pub(in crate::load) fn statements(
    run: &RunRecord,
    (begin, end): (Duration, Duration),
) -> Vec<Statement> {
    let (begin, end) = (begin.as_secs_f64(), end.as_secs_f64());
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for filled in &FILLED {
        let curves = (filled.read)(run);
        if curves.is_empty() {
            missing.push((filled.name, filled.needs));
        }
        let of = |curve: &Curve| statement(filled, curve, (0.0, begin), (end, length(run)));
        all.extend(curves.iter().map(of));
    }
    let missing = needs::not_observed(run, missing);
    let topic = "not observed after the spike";
    all.extend(missing.map(|what| Statement::new(topic, Answer::Unknown, what)));
    all
}

fn statement(filled: &SpikeResource, curve: &Curve, before: Span, after: Span) -> Statement {
    let topic = filled.topic;
    let name = format!("{} of {}", filled.noun, curve.subject());
    let unknown =
        |needed: &str| Statement::new(topic, Answer::Unknown, format!("{name}: {needed}"));
    let rest = curve.inside(after);
    let usual = curve.band(before, filled.least);
    let Some((usual, border)) = usual.filter(|_| rest.len() >= SAMPLES) else {
        return unknown(&format!(
            "needs {SAMPLES} samples before the spike and after it; use longer stages, or a shorter `observe.interval`"
        ));
    };
    let Some(highest) = curve.highest((before.1, after.1)) else {
        return unknown("needs samples during the spike and after it");
    };
    let border = if filled.has_spread {
        border
    } else {
        usual + filled.least.max(0.1 * usual.abs())
    };
    let last = rest.last().map_or(highest, |(_, value)| *value);
    let (answer, finding) = if highest <= border {
        (Answer::Good, filled.unchanged(highest, usual))
    } else if let Some(seconds) = back_after(rest, after.0, border) {
        (Answer::Good, filled.emptied(seconds, last, highest, usual))
    } else {
        let finding = filled.still_full(after.1 - after.0, last, usual);
        (Answer::Bad, finding)
    };
    let statement = Statement::new(topic, answer, format!("{name} {finding}"));
    if answer == Answer::Bad {
        statement.advised(filled.advice)
    } else {
        statement
    }
}

/// Seconds from the end of the spike until the values remain at or below the border; `None` if they are
/// above it at the end.
fn back_after(rest: &[(f64, f64)], end: f64, border: f64) -> Option<f64> {
    let rest = smoothed(rest);
    let late = rest.iter().rposition(|(_, value)| *value > border);
    let back = late.map_or(0, |late| late + 1);
    rest.get(back).map(|(at, _)| (at - end).max(0.0))
}

impl SpikeResource {
    fn unchanged(&self, highest: f64, usual: f64) -> String {
        let show = self.show;
        format!(
            "stayed as before the spike: at most {}, {} before",
            show(highest),
            show(usual)
        )
    }

    fn emptied(&self, seconds: f64, last: f64, highest: f64, usual: f64) -> String {
        let show = self.show;
        format!(
            "{} within {seconds:.0} s after the spike: {}, at most {} during the spike and {} before",
            self.back,
            show(last),
            show(highest),
            show(usual)
        )
    }

    fn still_full(&self, seconds: f64, last: f64, usual: f64) -> String {
        let show = self.show;
        let before = if usual > 0.0 {
            format!(
                ", {:.0}% above the level before the spike ({})",
                100.0 * (last / usual - 1.0),
                show(usual)
            )
        } else {
            format!("; {} before the spike", show(usual))
        };
        format!(
            "was still {} at the end, {seconds:.0} s after the spike{before}",
            show(last)
        )
    }
}

/// The median of each value and its neighbors, so that one sample is neither a relapse nor a recovery.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let of = |at: usize| {
        let near = &points[at.saturating_sub(1)..(at + 2).min(points.len())];
        let middle = median_of(near.iter().map(|(_, value)| *value));
        (points[at].0, middle.unwrap_or(points[at].1))
    };
    (0..points.len()).map(of).collect()
}
