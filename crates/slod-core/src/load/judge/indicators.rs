//! The indicators of a healthy system and the warning signs of a load test, as its checklist has
//! them. Of an indicator, [`Answer::Good`] means yes; of a sign, no.

use super::super::observed::{Curve, Span, at_highest_load, gauges, length};
use super::super::stats::chunks;
use super::super::verdict::{Answer, SOAK_MIN, Statement};
use super::super::{Figures, RunRecord};
use super::advice::{self, Advice};
use super::measures::MEASURES;
use super::{breaking, resources, soak};
use crate::outcome::Cause;
use crate::sample::increase;

/// Both lists of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicators {
    pub healthy: Vec<Statement>,
    pub warnings: Vec<Statement>,
}

const ERRORS_MAX: f64 = 0.001;
/// Fewer requests do not show whether less than 0.1 % fail.
const REQUESTS_MIN: u64 = 1000;
const CPU_HEALTHY: f64 = 0.7;
const CPU_HIGH: f64 = 0.8;
/// Seconds over which the use of processors is averaged.
const MINUTE: f64 = 60.0;
/// How much slower responses may be at the highest load than at the lowest one.
const CONSISTENT: f64 = 1.5;
/// A breaker that is open for a larger share of the run, or opens so often, opens frequently.
const OPEN_MAX: f64 = 0.05;
const TRIPS: f64 = 3.0;
/// Of the decision that too many requests fail.
const LEVEL: f64 = 0.001;

/// What the run shows of each row.
pub fn indicators(run: &RunRecord) -> Indicators {
    let memory = memory(run);
    let pool = pool(run);
    let peak = cpu(run, &at_highest_load(run));
    let whole = cpu(run, &[(0.0, length(run))]);
    let bad = |(answer, evidence): Found, advice: Advice| (answer, evidence, Some(advice));
    let row = |topic, (answer, evidence): Found| Statement::new(topic, answer, evidence);
    let sign = |topic, (answer, evidence, advice): (Answer, String, Option<Advice>)| Statement {
        advice: advice.filter(|_| answer == Answer::Bad),
        ..Statement::new(topic, answer, evidence)
    };
    Indicators {
        healthy: vec![
            row("Response times stay consistent under load", consistent(run)),
            row("Error rate remains below 0.1%", errors(run)),
            row("CPU usage < 70% at peak", below(peak, CPU_HEALTHY)),
            row("Memory usage stable (no growth)", memory.clone()),
            row("Database connections properly pooled", pool.clone()),
            row("No connection timeouts", timeouts(run)),
        ],
        warnings: vec![
            sign(
                "Response times increasing over time",
                bad(slower(run), advice::DRIFT),
            ),
            sign("Error rate climbing", bad(climbing(run), advice::ERRORS)),
            sign("Memory usage growing", bad(memory, advice::LEAK)),
            sign(
                "Database connection pool exhausted",
                bad(pool, advice::POOL),
            ),
            sign(
                "High CPU usage (> 80%)",
                bad(below(whole, CPU_HIGH), advice::CPU),
            ),
            sign(
                "Circuit breakers frequently open",
                bad(breakers(run), advice::BREAKER),
            ),
        ],
    }
}

type Found = (Answer, String);

fn unknown(evidence: impl Into<String>) -> Found {
    (Answer::Unknown, evidence.into())
}

fn found(is_good: bool, evidence: String) -> Found {
    let answer = if is_good { Answer::Good } else { Answer::Bad };
    (answer, evidence)
}

fn ms(time: std::time::Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// p95 at the highest load against the lowest; over time if the load is constant.
fn consistent(run: &RunRecord) -> Found {
    // After the end of the plan, the last requests are waited for without load.
    let levels = run.windows.iter().map(|one| one.due);
    let levels = levels.filter(|due| *due > 0.0);
    let (lowest, highest) = levels.fold((f64::INFINITY, 0.0_f64), |(low, high), due| {
        (low.min(due), high.max(due))
    });
    if highest <= CONSISTENT * lowest {
        return slower(run);
    }
    let p95 = |is_inside: &dyn Fn(f64) -> bool| {
        let loaded = run.windows.iter().filter(|one| one.due > 0.0);
        Figures::of(loaded.filter(|one| is_inside(one.due))).quantile(0.95)
    };
    let low = p95(&|due| due <= (CONSISTENT * lowest).max(lowest + 0.1 * (highest - lowest)));
    let high = p95(&|due| due >= 0.9 * highest);
    let (Some(low), Some(high)) = (low, high) else {
        return unknown("too few requests for a p95 at the lowest and at the highest load");
    };
    let evidence = format!(
        "p95 {} at the lowest load, {} at the highest",
        ms(low),
        ms(high)
    );
    found(
        high.as_secs_f64() <= CONSISTENT * low.as_secs_f64(),
        evidence,
    )
}

fn is_constant(run: &RunRecord) -> bool {
    let stages = &run.scenario.stages;
    let levels = || stages.iter().flat_map(|stage| [stage.from, stage.to]);
    let (low, high) = (
        levels().fold(f64::INFINITY, f64::min),
        levels().fold(0.0, f64::max),
    );
    high - low <= f64::EPSILON
}

fn slower(run: &RunRecord) -> Found {
    if !is_constant(run) {
        return unknown(
            "needs a constant load: here, slower responses can be an effect of the load",
        );
    }
    let Statement {
        answer, evidence, ..
    } = soak::degradation(run);
    (answer, evidence)
}

fn climbing(run: &RunRecord) -> Found {
    let Statement {
        answer, evidence, ..
    } = soak::errors(run);
    (answer, evidence)
}

fn errors(run: &RunRecord) -> Found {
    let all = Figures::of(&run.windows);
    let chunks = chunks(&run.windows, breaking::BREAK_WINDOW);
    // One of many windows has more errors than usual by chance.
    let level = LEVEL / chunks.len().max(1) as f64;
    let worst = chunks
        .into_iter()
        .map(Figures::of)
        .filter(|figures| figures.fail_more_than(ERRORS_MAX, level))
        .max_by_key(|figures| figures.errors);
    let counts = format!("{} of {} requests failed", all.errors, all.completed);
    let ratio = all.error_ratio().unwrap_or_default();
    if all.fail_more_than(ERRORS_MAX, LEVEL) {
        return (Answer::Bad, format!("{counts}, {:.2} %", ratio * 100.0));
    }
    if let Some(worst) = worst {
        let evidence = format!(
            "{counts}; in the worst 10 s, {} of {}",
            worst.errors, worst.completed
        );
        return (Answer::Bad, evidence);
    }
    if all.completed < REQUESTS_MIN {
        return unknown(format!("{counts}; needs {REQUESTS_MIN} requests"));
    }
    found(
        ratio < ERRORS_MAX,
        format!("{counts}, {:.3} %", ratio * 100.0),
    )
}

/// The highest mean of a minute, with its name.
fn cpu(run: &RunRecord, spans: &[Span]) -> Option<(f64, String)> {
    let of_cpu = MEASURES.iter().filter(|one| one.topic == "cpu").take(2);
    let mut highest: Option<(f64, String)> = None;
    for measure in of_cpu {
        for curve in (measure.read)(run) {
            let means = spans
                .iter()
                .filter_map(|span| highest_minute(&curve, *span));
            let Some(mean) = means.max_by(f64::total_cmp) else {
                continue;
            };
            if highest.as_ref().is_none_or(|(known, _)| mean > *known) {
                highest = Some((mean, measure.name(&curve)));
            }
        }
    }
    highest
}

fn highest_minute(curve: &Curve, (from, to): Span) -> Option<f64> {
    let points = curve.inside((from, to));
    let mean = |points: &[(f64, f64)]| {
        let sum: f64 = points.iter().map(|(_, value)| value).sum();
        (!points.is_empty()).then(|| sum / points.len() as f64)
    };
    let full = points.iter().filter(|(at, _)| at - from >= MINUTE);
    let minutes = full.filter_map(|(at, _)| mean(curve.inside((at - MINUTE, *at))));
    minutes.max_by(f64::total_cmp).or_else(|| mean(points))
}

fn below(highest: Option<(f64, String)>, limit: f64) -> Found {
    let Some((value, name)) = highest else {
        return unknown("not observed: needs `observe.host`, or `processes` of the service");
    };
    let evidence = format!(
        "{name} at most {:.0} %, averaged over a minute",
        value * 100.0
    );
    found(value < limit, evidence)
}

fn memory(run: &RunRecord) -> Found {
    if !is_constant(run) || length(run) < SOAK_MIN.as_secs_f64() {
        return unknown(
            "needs a constant load for at least half an hour, such as the scenario soak",
        );
    }
    let all = soak::memory(run);
    let of = |answer| all.iter().find(|one| one.answer == answer);
    let worst = of(Answer::Bad).or(of(Answer::Unknown)).or(all.first());
    worst.map_or_else(
        || unknown("not observed: needs `processes` of the service"),
        |one| (one.answer, one.evidence.clone()),
    )
}

fn pool(run: &RunRecord) -> Found {
    let whole = [(0.0, length(run))];
    let mut fine = Vec::new();
    for measure in MEASURES.iter().filter(|one| one.topic == "connection pool") {
        for curve in (measure.read)(run) {
            if let Some(since) = resources::filled(measure, &curve, &whole) {
                return (Answer::Bad, measure.fault(run, &curve, since, None));
            }
            fine.push(resources::within(measure, &curve, &whole));
        }
    }
    if fine.is_empty() {
        return unknown("not observed: needs `metrics` of the service");
    }
    (Answer::Good, fine.join("; "))
}

/// What the clients saw, and what the service counted.
fn timeouts(run: &RunRecord) -> Found {
    let failed = run.windows.iter().flat_map(|one| &one.failed);
    let timed_out = failed.filter(|(cause, _)| *cause == Cause::Timeout);
    let requests: u64 = timed_out.map(|(_, count)| count).sum();
    let known = risen(run, "slod_service_connection_timeouts_total");
    if run.windows.is_empty() && known.is_none() {
        return unknown("not observed: needs `metrics` of the service");
    }
    let of_service = known.map_or_else(
        || "; what the service counted is not known".to_owned(),
        |count| format!("; the service counted {count:.0} connections that timed out"),
    );
    let evidence = format!("{requests} requests timed out{of_service}");
    found(requests == 0 && known.unwrap_or(0.0) < 0.5, evidence)
}

/// By how much the counters of a family rose; `None` if none has two samples.
fn risen(run: &RunRecord, family: &str) -> Option<f64> {
    let of = |curve: &Curve| {
        let pairs = curve.points.windows(2);
        let rises = pairs.map(|pair| increase(pair[0].1, pair[1].1));
        rises.reduce(|sum, rise| sum + rise)
    };
    let known = gauges(run, family);
    known.iter().filter_map(of).reduce(|sum, one| sum + one)
}

fn breakers(run: &RunRecord) -> Found {
    let open = gauges(run, "slod_service_circuit_breaker_open");
    let trips = risen(run, "slod_service_circuit_breaker_trips_total");
    if open.is_empty() && trips.is_none() {
        return unknown("not observed: needs `metrics` of a service with circuit breakers");
    }
    let share = |curve: &Curve| {
        let count = curve
            .points
            .iter()
            .filter(|(_, value)| *value >= 0.5)
            .count();
        count as f64 / curve.points.len().max(1) as f64
    };
    let share = open.iter().map(share).fold(0.0, f64::max);
    let trips = trips.unwrap_or(0.0);
    let evidence = format!(
        "open for {:.0} % of the time; opened {trips:.0} times",
        share * 100.0
    );
    found(share <= OPEN_MAX && trips < TRIPS - 0.5, evidence)
}
