//! Which resources were full at the highest load of a run, and which were not observed.

use super::measures::{self, Bound, Measure, TOPICS};
use super::needs;
use crate::format::count;
use crate::load::RunRecord;
use crate::load::observed::{Curve, Span, at_highest_load};
use crate::load::verdict::{Answer, Statement};
use std::fmt::Write as _;

/// Why a run has no samples of the service.
pub(super) fn nothing_observed(run: &RunRecord) -> &'static str {
    if run.is_imported() {
        "results of other tools contain no samples of the service; `slod observe --service NAME -- COMMAND` collects them while the tool runs"
    } else {
        "the service was not sampled during this run; needs `processes` and `metrics` of the service in the config"
    }
}

/// One statement per known topic, and one for all unknown ones.
pub(in crate::load) fn statements(run: &RunRecord, is_limited: bool) -> Vec<Statement> {
    if run.observed.is_empty() {
        return vec![Statement::new(
            "resources",
            Answer::Unknown,
            nothing_observed(run),
        )];
    }
    let spans = at_highest_load(run);
    let topics = TOPICS.iter();
    let mut all: Vec<Statement> = topics
        .filter_map(|topic| statement(run, topic, &spans, is_limited))
        .collect();
    all.extend(
        not_observed(run).map(|needs| Statement::new("not observed", Answer::Unknown, needs)),
    );
    all
}

fn statement(
    run: &RunRecord,
    topic: &'static str,
    spans: &[Span],
    is_limited: bool,
) -> Option<Statement> {
    let (mut full, mut fine, mut advice) = (Vec::new(), Vec::new(), None);
    let mut of_others = Vec::new();
    let (mut at_limit, mut single) = (Vec::new(), Vec::new());
    let levels = measures::of(topic).filter(|one| has_level(one));
    for measure in levels {
        for curve in (measure.read)(run) {
            match reading(measure, &curve, spans) {
                Reading::Full(since) => {
                    let fault = measure.fault(run, &curve, since, None);
                    if Measure::is_of_others(run, &curve, since) {
                        of_others.push(fault);
                    } else {
                        full.push(fault);
                        advice.get_or_insert(measure.advice);
                    }
                }
                Reading::Brief => at_limit.push(within(measure, &curve, spans)),
                Reading::Single => single.push(within(measure, &curve, spans)),
                Reading::Fine => fine.push(within(measure, &curve, spans)),
                Reading::Absent => {}
            }
        }
    }
    if fine.is_empty() {
        at_limit.append(&mut single);
    }
    let (answer, evidence) = match advice {
        // The generator may run on the host, too.
        Some(_) if is_limited && topic == "cpu" => (Answer::Unknown, full.join("; ")),
        Some(_) => (Answer::Bad, full.join("; ")),
        None if !of_others.is_empty() => (Answer::Unknown, of_others.join("; ")),
        None if !at_limit.is_empty() => (Answer::Unknown, too_short(&listed(at_limit))),
        None if fine.is_empty() => return None,
        None => (Answer::Good, listed(fine)),
    };
    let evidence = format!("at the highest load, {evidence}");
    Some(Statement {
        advice: advice.filter(|_| answer == Answer::Bad),
        ..Statement::new(topic, answer, evidence)
    })
}

/// The evidence for a resource that was observed for too short a time.
pub(super) fn too_short(known: &str) -> String {
    format!("too short to count: {known}; needs a longer stage, or a shorter `observe.interval`")
}

/// Limits the length of the list, since a host can have many devices.
fn listed(mut fine: Vec<String>) -> String {
    const LISTED: usize = 4;
    let more = fine.len().saturating_sub(LISTED);
    fine.truncate(LISTED);
    let mut text = fine.join("; ");
    if more > 0 {
        write!(text, "; and {more} more").unwrap_or_default();
    }
    text
}

fn has_level(measure: &Measure) -> bool {
    matches!(measure.bound, Bound::Level(_) | Bound::Any)
}

/// What the samples in parts of a run show about a resource. Verdicts, indicators and warning signs all use
/// it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Full during this span.
    Full(Span),
    /// Full, but never long enough to count.
    Brief,
    /// A single sample, which is inconclusive.
    Single,
    Fine,
    /// No samples.
    Absent,
}

pub(super) fn reading(measure: &Measure, curve: &Curve, spans: &[Span]) -> Reading {
    if let Some(since) = filled(measure, curve, spans) {
        return Reading::Full(since);
    }
    match full_samples(measure, curve, spans) {
        (_, 0) => Reading::Absent,
        (_, 1) => Reading::Single,
        (0, _) => Reading::Fine,
        _ if is_rarely_full(measure, curve, spans) => Reading::Fine,
        _ => Reading::Brief,
    }
}

/// The highest value of a resource that was within its bound, or beyond it only briefly.
pub(super) fn within(measure: &Measure, curve: &Curve, spans: &[Span]) -> String {
    let text = measure.within(curve, spans);
    match full_samples(measure, curve, spans) {
        (_, 1) => format!("{text}, in one sample"),
        (0, _) => text,
        (full, all) => {
            let (full, all) = (count(full as u64), count(all as u64));
            format!("{text}, in {full} of {all} samples and never for long")
        }
    }
}

/// Whether there are so many samples that the few full ones do not matter.
fn is_rarely_full(measure: &Measure, curve: &Curve, spans: &[Span]) -> bool {
    const LEAST: usize = 60;
    const SHARE: usize = 20;
    let (full, all) = full_samples(measure, curve, spans);
    all >= LEAST && full * SHARE <= all
}

/// The number of samples at or beyond the level, and the number of all samples.
fn full_samples(measure: &Measure, curve: &Curve, spans: &[Span]) -> (usize, usize) {
    let values = spans.iter().flat_map(|span| curve.inside(*span));
    let full = values.clone().filter(|(_, value)| measure.is_full(*value));
    (full.count(), values.count())
}

/// The span in which a resource was full.
fn filled(measure: &Measure, curve: &Curve, spans: &[Span]) -> Option<Span> {
    spans.iter().find_map(|span| {
        let from = if measure.bound == Bound::Any {
            let points = curve.inside(*span).iter();
            points.clone().find(|(_, value)| measure.is_full(*value))?.0
        } else {
            curve.crossing(*span, |value| measure.is_full(value))?
        };
        Some((from, span.1))
    })
}

/// Topics without any series, and what they need.
pub(super) fn not_observed(run: &RunRecord) -> Option<String> {
    let missing = |topic: &&str| measures::of(topic).all(|one| (one.read)(run).is_empty());
    let first = |topic: &'static str| Some((topic, measures::of(topic).next()?.needs));
    needs::not_observed(run, TOPICS.into_iter().filter(missing).filter_map(first))
}
