//! Indicators of the service and its host: CPU, memory, connection pool, circuit breakers.

use super::{Judgement, found, is_constant, unknown};
use crate::format::rounded;
use crate::load::judge::advice::Advice;
use crate::load::judge::measures::{self, CPU_LACK, CPU_USAGE, Measure};
use crate::load::judge::needs::Needs;
use crate::load::judge::processors::Users;
use crate::load::judge::resources::{Reading, reading, too_short, within};
use crate::load::judge::soak;
use crate::load::observed::{Curve, Span, gauges, length};
use crate::load::verdict::{Answer, SOAK_MIN};
use crate::load::{RunRecord, Usable};
use crate::sample::increase;

/// The averaging period of CPU usage, in seconds.
const MINUTE: f64 = 60.0;
/// A breaker opens frequently if it is open for more than this share of the run, or opens at least this
/// many times.
const OPEN_MAX: f64 = 0.05;
const TRIPS: f64 = 3.0;

/// A finding with optional advice.
type Advised = (Judgement, Option<Advice>);

/// Compares the highest CPU usage over a minute with a limit, which is below the level at which a processor
/// is full. CPU time can also be lacking without high usage: in a single-threaded process, or in a
/// throttled container. What the verdict considers too short to count is unknown here as well.
pub fn cpu(run: &RunRecord, spans: &[Span], limit: f64) -> (Judgement, Option<Advice>) {
    let usage = CPU_USAGE.iter().flat_map(|measure| {
        let curves = (measure.read)(run).into_iter();
        curves.filter_map(move |curve| usage(run, measure, &curve, spans, limit))
    });
    let mut usage: Vec<(f64, Advised)> = usage.collect();
    usage.sort_by(|one, other| other.0.total_cmp(&one.0));
    let lacks = CPU_LACK.iter();
    let lacks = lacks.flat_map(|measure| lacking(run, measure, spans));
    let usage = usage.into_iter().map(|(_, found)| found);
    // Without a fault, the highest usage is shown.
    let all: Vec<Advised> = usage.chain(lacks).collect();
    let advice = all.iter().find(|one| one.0.0 == Answer::Bad);
    let advice = advice.and_then(|one| one.1);
    let all: Vec<Judgement> = all.into_iter().map(|one| one.0).collect();
    let found = worst(&all).unwrap_or_else(|| {
        let host = Needs::Host.lacking(run);
        let processes = Needs::Processes.lacking(run);
        unknown(if host == processes {
            format!("not observed: {host}")
        } else {
            format!("not observed: {host}, or `processes` of the service")
        })
    });
    (found, advice)
}

/// All bad findings joined, or else the first unknown one, or else the first one.
fn worst(all: &[Judgement]) -> Option<Judgement> {
    let is = |answer| move |one: &&Judgement| one.0 == answer;
    let bad: Vec<_> = all.iter().filter(is(Answer::Bad)).collect();
    if !bad.is_empty() {
        let texts: Vec<&str> = bad.iter().map(|one| &*one.1).collect();
        return Some((Answer::Bad, texts.join("; ")));
    }
    let unknown = all.iter().find(is(Answer::Unknown));
    unknown.or(all.first()).cloned()
}

/// The CPU usage of one curve, with the highest share for sorting.
fn usage(
    run: &RunRecord,
    measure: &Measure,
    curve: &Curve,
    spans: &[Span],
    limit: f64,
) -> Option<(f64, Advised)> {
    let short = |most| {
        let known = too_short(&within(measure, curve, spans));
        Some((most, (unknown(known), None)))
    };
    let highest = spans.iter().filter_map(|span| {
        let (most, of_what) = highest_minute(curve, *span)?;
        Some((most, of_what, *span))
    });
    let (most, of_what, span) = highest.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let reading = reading(measure, curve, spans);
    match reading {
        Reading::Absent => return None,
        Reading::Full(since) => {
            let fault = measure.fault(run, curve, since, None);
            let advice = measure.advice_on(run, curve, since);
            return Some((most, ((Answer::Bad, fault), advice)));
        }
        Reading::Single => return short(most),
        Reading::Brief if most < limit => return short(most),
        Reading::Brief | Reading::Fine => {}
    }
    let text = format!(
        "{} at most {}{} {of_what}",
        measure.name(curve),
        rounded(most, 1),
        measure.share_of()
    );
    let users = Users::of(run, curve, span).filter(|_| most >= limit);
    let text = text + &users.map(|users| users.words()).unwrap_or_default();
    let advice = measure.advice_on(run, curve, span);
    Some((most, (found(most < limit, text), advice)))
}

fn lacking(run: &RunRecord, measure: &Measure, spans: &[Span]) -> Vec<Advised> {
    let curves = (measure.read)(run).into_iter();
    let each = curves.filter_map(|curve| match reading(measure, &curve, spans) {
        Reading::Full(since) => {
            let fault = measure.fault(run, &curve, since, None);
            let advice = measure.advice_on(run, &curve, since);
            Some(((Answer::Bad, fault), advice))
        }
        Reading::Brief => Some((unknown(too_short(&within(measure, &curve, spans))), None)),
        Reading::Single | Reading::Fine | Reading::Absent => None,
    });
    each.collect()
}

/// The highest mean over a minute, or the mean of a shorter span, with a description.
fn highest_minute(curve: &Curve, (from, to): Span) -> Option<(f64, &'static str)> {
    let points = curve.inside((from, to));
    let full = points.iter().filter(|(at, _)| at - from >= MINUTE);
    let minutes = full.filter_map(|(at, _)| curve.mean((at - MINUTE, *at)));
    let highest = minutes.max_by(f64::total_cmp);
    let highest = highest.map(|mean| (mean, "over a minute"));
    highest.or_else(|| Some((curve.mean((from, to))?, "on average")))
}

pub fn memory(usable: &Usable<'_>) -> Judgement {
    if !is_soak(usable.run) {
        return unknown(
            "needs a constant load for at least half an hour, such as the scenario soak",
        );
    }
    let all = soak::growth::of(usable, "memory growth");
    let of = |answer| all.iter().find(|one| one.answer == answer);
    let worst = of(Answer::Bad).or(of(Answer::Unknown)).or(all.first());
    worst.map_or_else(
        || not_observed(usable.run, Needs::Processes),
        |one| (one.answer, one.evidence.clone()),
    )
}

fn is_soak(run: &RunRecord) -> bool {
    is_constant(run) && length(run) >= SOAK_MIN.as_secs_f64()
}

/// Whether connections are properly pooled: the pool was never exhausted, and does not leak.
pub fn pooled(usable: &Usable<'_>, exhausted: &Judgement) -> Judgement {
    let is_fine = exhausted.0 != Answer::Bad && is_soak(usable.run);
    let growth = is_fine.then(|| soak::growth::of(usable, "pool growth"));
    let mut leaks = growth
        .into_iter()
        .flatten()
        .filter(|one| one.answer == Answer::Bad);
    leaks
        .next()
        .map_or_else(|| exhausted.clone(), |one| (one.answer, one.evidence))
}

pub fn pool(run: &RunRecord) -> Judgement {
    of_levels(run, "connection pool")
        .unwrap_or_else(|| not_observed(run, Needs::Metrics("`db_pool_in_use` with `db_pool_max`")))
}

fn not_observed(run: &RunRecord, needs: Needs) -> Judgement {
    unknown(format!("not observed: {}", needs.lacking(run)))
}

/// Whether a resource was full over the whole run, by the same rules as the verdict at the highest load;
/// `None` if nothing is known.
fn of_levels(run: &RunRecord, topic: &str) -> Option<Judgement> {
    let whole = [(0.0, length(run))];
    let (mut fine, mut short) = (Vec::new(), Vec::new());
    for measure in measures::of(topic) {
        for curve in (measure.read)(run) {
            match reading(measure, &curve, &whole) {
                Reading::Full(since) => {
                    return Some((Answer::Bad, measure.fault(run, &curve, since, None)));
                }
                Reading::Brief | Reading::Single => short.push(within(measure, &curve, &whole)),
                Reading::Fine => fine.push(within(measure, &curve, &whole)),
                Reading::Absent => {}
            }
        }
    }
    if !short.is_empty() {
        return Some(unknown(too_short(&short.join("; "))));
    }
    (!fine.is_empty()).then(|| (Answer::Good, fine.join("; ")))
}

/// The total increase of the counters of a family; `None` if none has two samples.
pub fn risen(run: &RunRecord, family: &str) -> Option<f64> {
    let of = |curve: &Curve| {
        let pairs = curve.points.windows(2);
        let rises = pairs.map(|pair| increase(pair[0].1, pair[1].1));
        rises.reduce(|sum, rise| sum + rise)
    };
    let known = gauges(run, family);
    known.iter().filter_map(of).reduce(|sum, one| sum + one)
}

pub fn breakers(run: &RunRecord) -> Judgement {
    let open = gauges(run, "slod_service_circuit_breaker_open");
    let trips = risen(run, "slod_service_circuit_breaker_trips_total");
    if open.is_empty() && trips.is_none() {
        return not_observed(run, Needs::Metrics("circuit breakers"));
    }
    let share = |curve: &Curve| {
        let is_open = |point: &&(f64, f64)| point.1 >= 0.5;
        let count = curve.points.iter().filter(is_open).count();
        count as f64 / curve.points.len().max(1) as f64
    };
    if trips.is_none() && open.iter().all(|curve| curve.points.len() < 2) {
        return unknown(too_short("one sample of the circuit breakers"));
    }
    let share = open.iter().map(share).reduce(f64::max);
    let parts = [
        share.map(|share| format!("open for {:.0}% of the time", share * 100.0)),
        trips.map(|trips| format!("opened {trips:.0} times")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let is_fine = share.unwrap_or(0.0) <= OPEN_MAX && trips.unwrap_or(0.0) < TRIPS - 0.5;
    found(is_fine, parts.join("; "))
}
