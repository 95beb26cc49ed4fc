//! The resources that were full or left their usual range before a service broke. The first of them is the
//! bottleneck.

use super::advice::Advice;
use super::breaking::Break;
use super::measures::{self, Bound, Measure};
use super::resources;
use crate::load::observed::{Curve, Span};
use crate::load::stats::level_at;
use crate::load::verdict::{Answer, Statement};
use crate::load::{LoadWindow, RunRecord, Usable};
use std::fmt::Write as _;

/// Maximum number of listed resources.
const LISTED: usize = 5;
/// A low load is at most this multiple of the lowest one, or the first part of the run with this share.
const LOW: f64 = 1.5;
const LOW_SHARE: f64 = 0.1;
/// Minimum share of the samples between a crossing and the break that are beyond the limit.
const BEYOND: f64 = 0.75;
/// An event more than this many seconds before a break is not its cause.
const RECENT: f64 = 60.0;

/// A dependency is a cause if its response time was at least this multiple of the usual one.
const SLOW: f64 = 1.5;

/// A resource that was full or left its usual range.
struct ResourceChange {
    /// Seconds since the start of the run.
    at: f64,
    /// Whether it was full, or is a dependency that became slow. Other changes are effects: queues and threads
    /// grow when requests wait, whatever they wait for.
    is_cause: bool,
    words: String,
    advice: Option<Advice>,
}

/// What changed before a service broke.
#[derive(Default)]
struct Changes {
    resources: Vec<ResourceChange>,
    /// Descriptions of resources that other programs filled under a low load as well.
    of_others: Vec<String>,
}

/// Ranks causes first, in order of time, then other changes.
pub(in crate::load) fn statement(usable: &Usable<'_>, found: &Break) -> Statement {
    let (topic, run) = ("bottleneck", usable.run);
    if run.observed.is_empty() {
        return Statement::new(topic, Answer::Unknown, resources::nothing_observed(run));
    }
    let Changes {
        resources: mut all,
        of_others,
    } = moved(usable, found);
    all.sort_by(|a, b| b.is_cause.cmp(&a.is_cause).then(a.at.total_cmp(&b.at)));
    all.truncate(LISTED);
    if let Some(words) = of_others
        .first()
        .filter(|_| all.iter().all(|one| !one.is_cause))
    {
        let evidence = format!(
            "{words} from the start on, so that the service may have broken because of other programs: repeat the run without them"
        );
        return Statement::new(topic, Answer::Unknown, evidence);
    }
    let Some(first) = all.first() else {
        let evidence = format!(
            "no observed resource reached its limit or left its usual range before {}{}",
            found.event(),
            resources::not_observed(run)
                .map_or_else(String::new, |needs| format!("; not observed: {needs}"))
        );
        return Statement::new(topic, Answer::Unknown, evidence);
    };
    let broke = found.at.as_secs_f64();
    let before = |one: &ResourceChange| {
        let seconds = broke - one.at;
        (seconds >= 1.0).then(|| format!("{seconds:.0} s before"))
    };
    let lead = before(first).unwrap_or_else(|| "when".to_owned());
    let mut evidence = format!("{} {lead} {}", first.words, found.event());
    for (place, one) in all.iter().enumerate().skip(1) {
        let lead = before(one).unwrap_or_else(|| "at the same time".to_owned());
        write!(evidence, "; {}. {} {lead}", place + 1, one.words).unwrap_or_default();
    }
    Statement {
        advice: first.advice,
        ..Statement::new(topic, Answer::Bad, evidence)
    }
}

fn moved(usable: &Usable<'_>, found: &Break) -> Changes {
    let run = usable.run;
    let cutoff = found.until.as_secs_f64();
    let low = low_load(usable, found.at.as_secs_f64());
    let mut all = Changes::default();
    for measure in measures::all() {
        for curve in (measure.read)(run) {
            let (judged, band) = match measure.bound {
                Bound::Level(_) | Bound::Any => (curve.clone(), None),
                Bound::Band(least) => (curve.clone(), curve.band((0.0, low), least)),
                Bound::BandPerLoad(least) => per_load(run, &curve, low, least),
            };
            let is_full = matches!(measure.bound, Bound::Level(_) | Bound::Any);
            let beyond = |value: f64| {
                if is_full {
                    measure.is_full(value)
                } else {
                    band.is_some_and(|(_, highest)| value > highest)
                }
            };
            let is_event = measure.bound == Bound::Any;
            let Some(at) = since(&judged, (0.0, cutoff), is_event, beyond) else {
                continue;
            };
            // At a low load, the service coped with what other programs left of it. One that broke at once
            // had no low load.
            let span = (at, cutoff);
            let first = judged.points.first().map_or(0.0, |one| one.0);
            if is_full && at <= low.max(first) && Measure::is_of_others(run, &curve, span) {
                all.of_others.push(measure.fault(run, &curve, span, None));
                continue;
            }
            let usual = band.and_then(|_| curve.median((0.0, low)));
            let is_slow = usual
                .zip(curve.highest(span))
                .is_some_and(|(usual, highest)| highest >= SLOW * usual);
            all.resources.push(ResourceChange {
                at,
                is_cause: is_full || (measure.is_dependency() && is_slow),
                advice: measure.advice_on(run, &curve, span),
                words: measure.fault(run, &curve, span, usual),
            });
        }
    }
    all
}

/// Since when a curve has been beyond its limit most of the time. The break is at the end of the span.
fn since(curve: &Curve, span: Span, is_event: bool, beyond: impl Fn(f64) -> bool) -> Option<f64> {
    let points = curve.inside(span);
    if is_event {
        let recent = points.iter().filter(|(at, _)| *at >= span.1 - RECENT);
        return recent
            .into_iter()
            .find(|(_, value)| beyond(*value))
            .map(|one| one.0);
    }
    // A crossing is confirmed by the following samples, even those after the break.
    let until = curve.points.last()?.0;
    let mut from = span.0;
    while let Some(at) = curve
        .crossing((from, until), &beyond)
        .filter(|at| *at <= span.1)
    {
        let rest = curve.inside((at, span.1));
        let count = rest.iter().filter(|(_, value)| beyond(*value)).count();
        if count as f64 >= BEYOND * rest.len() as f64 {
            return Some(at);
        }
        // Continue after this run of samples.
        let end = curve
            .inside((at, until))
            .iter()
            .find(|(_, value)| !beyond(*value));
        from = end?.0;
    }
    None
}

/// The time until which the load was low, in seconds.
fn low_load(usable: &Usable<'_>, broke: f64) -> f64 {
    let levels = usable.loaded().map(|one| one.due);
    let lowest = levels.fold(f64::INFINITY, f64::min);
    let low = usable.loaded().take_while(|one| one.due <= LOW * lowest);
    let end = |one: &LoadWindow| (one.start + one.length).as_secs_f64();
    let until = low.last().map_or(0.0, end);
    let length = usable.loaded().last().map_or(0.0, end);
    until.max(LOW_SHARE * length).min(broke)
}

/// The curve divided by the load, and its usual range.
fn per_load(run: &RunRecord, curve: &Curve, low: f64, least: f64) -> (Curve, Option<(f64, f64)>) {
    let mut divided = curve.clone();
    divided.points = curve
        .points
        .iter()
        .filter_map(|(at, value)| Some((*at, value / level_at(&run.windows, *at)?)))
        .collect();
    let usual = level_at(&run.windows, low).unwrap_or(1.0);
    let band = divided.band((0.0, low), least / usual);
    (divided, band)
}
