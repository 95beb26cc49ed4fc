//! What grows, slows down or fails more and more under a constant load.

use super::super::observed::{Curve, gauges, length};
use super::super::stats::chunks;
use super::super::verdict::{Answer, Statement};
use super::super::{Figures, RunRecord};
use super::advice::{self, Advice};
use crate::stats::order::median_of;
use crate::trend::{
    ClimbVerdict, DriftVerdict, Errors, Growth, GrowthRules, GrowthVerdict, Windows, climb, drift,
    growth, load_rises,
};
use std::time::Duration;

/// Windows of a soak that are judged for drift and for errors.
const DRIFT_WINDOWS: u32 = 24;
/// Drift of the 95th percentile over the whole soak that counts.
const DRIFT_LEAST: f64 = 0.1;
/// Rise of the share of errors that counts.
const CLIMB_LEAST: f64 = 0.001;
/// Windows that are judged for growth; those of the warm-up are left out.
const GROWTH_WINDOWS: u32 = 80;
/// A rise of the load that explains what grows.
const LOAD_LEAST: f64 = 0.1;
const MIB: f64 = 1_048_576.0;

/// What may grow.
struct Held {
    topic: &'static str,
    noun: &'static str,
    /// The best one first; the others where it is missing.
    families: &'static [&'static str],
    rules: GrowthRules,
    /// What remains after a garbage collection, or what is usual.
    is_lowest: bool,
    unit: &'static str,
    scale: f64,
    needs: &'static str,
    advice: Advice,
}

const PROCESSES: &str = "needs `processes` of the service";
const METRICS: &str = "needs `metrics` of the service";

static HELD: [Held; 6] = [
    Held {
        topic: "memory growth",
        noun: "the memory",
        families: &[
            "slod_process_anonymous_memory_bytes",
            "slod_process_proportional_memory_bytes",
            "slod_process_resident_memory_bytes",
            "slod_container_memory_anonymous_bytes",
            "slod_container_memory_working_set_bytes",
        ],
        rules: rules(0.05, 4.0 * MIB),
        is_lowest: true,
        unit: " MiB",
        scale: MIB,
        needs: PROCESSES,
        advice: advice::LEAK,
    },
    Held {
        topic: "open files growth",
        noun: "the number of open files",
        families: &["slod_process_open_fds"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: PROCESSES,
        advice: advice::OPEN,
    },
    Held {
        topic: "thread growth",
        noun: "the number of threads",
        families: &["slod_process_threads", "slod_container_pids"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: PROCESSES,
        advice: advice::OPEN,
    },
    Held {
        topic: "connection growth",
        noun: "the number of open connections",
        families: &["slod_service_active_connections"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: METRICS,
        advice: advice::OPEN,
    },
    Held {
        topic: "pool growth",
        noun: "the number of used connections of the pool",
        families: &["slod_service_db_pool_in_use"],
        rules: rules(0.2, 3.0),
        is_lowest: true,
        unit: "",
        scale: 1.0,
        needs: METRICS,
        advice: advice::HELD,
    },
    Held {
        topic: "queue growth",
        noun: "the queue",
        families: &["slod_service_queue_depth"],
        rules: rules(0.2, 5.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: METRICS,
        advice: advice::QUEUE,
    },
];

const fn rules(share: f64, floor: f64) -> GrowthRules {
    GrowthRules {
        share,
        floor,
        limit: None,
    }
}

pub(in super::super) fn statements(run: &RunRecord) -> Vec<Statement> {
    let mut all = vec![degradation(run), errors(run)];
    for held in &HELD {
        let curves = curves(run, held.families);
        if curves.is_empty() {
            let evidence = format!("{} was not observed: {}", held.noun, held.needs);
            all.push(Statement::new(held.topic, Answer::Unknown, evidence));
        }
        all.extend(curves.iter().map(|curve| grows(run, held, curve)));
    }
    all
}

/// Whether memory grows, for each process.
pub(super) fn memory(run: &RunRecord) -> Vec<Statement> {
    let held = &HELD[0];
    let curves = curves(run, held.families);
    curves.iter().map(|curve| grows(run, held, curve)).collect()
}

/// One for each process or service, of the first family that has it.
pub(super) fn curves(run: &RunRecord, families: &[&str]) -> Vec<Curve> {
    let mut all: Vec<Curve> = Vec::new();
    for curve in families.iter().flat_map(|family| gauges(run, family)) {
        if !all.iter().any(|known| known.is_about_same(&curve)) {
            all.push(curve);
        }
    }
    all
}

/// Whether one number grows.
fn grows(run: &RunRecord, held: &Held, curve: &Curve) -> Statement {
    let width = length(run) / f64::from(GROWTH_WINDOWS);
    let of = |values: &[f64]| {
        if held.is_lowest {
            values.iter().copied().min_by(f64::total_cmp)
        } else {
            median_of(values.iter().copied())
        }
    };
    let values = curve.windows(width, GROWTH_WINDOWS, of);
    let windows = Windows {
        width: Duration::from_secs_f64(width),
        values: &values,
    };
    let name = format!("{} of {}", held.noun, curve.subject());
    let shown = |value: f64| format!("{:.*}", digits(value / held.scale), value / held.scale);
    let unit = held.unit;
    let (answer, evidence) = match growth(windows.after_warm_up(), &held.rules) {
        GrowthVerdict::Unknown { needed } => {
            let evidence = format!(
                "{name}: {needed} windows of {width:.0} s with samples are needed after the warm-up and the last restart; use a longer run, or a shorter `observe.interval`"
            );
            (Answer::Unknown, evidence)
        }
        GrowthVerdict::Steady { smallest_per_hour } => {
            let evidence = format!(
                "{name} does not grow; {}{unit} per hour would have been found",
                shown(smallest_per_hour)
            );
            (Answer::Good, evidence)
        }
        GrowthVerdict::Plateauing(growth) => {
            let evidence = format!(
                "{name} grew from {} to {}{unit} and levels off, as after a start",
                shown(growth.from),
                shown(growth.to)
            );
            (Answer::Good, evidence)
        }
        GrowthVerdict::Growing(growth) => {
            let evidence = format!(
                "{name} grows by {}{unit} per hour ({} to {}), from {} to {}{unit}{}",
                shown(growth.per_hour),
                shown(growth.low),
                shown(growth.high),
                shown(growth.from),
                shown(growth.to),
                end_of(run, held, curve, &growth)
            );
            if load_explains(run, width) {
                (Answer::Unknown, format!("{evidence}; so does the load"))
            } else {
                (Answer::Bad, evidence)
            }
        }
    };
    let statement = Statement::new(held.topic, answer, evidence);
    if answer == Answer::Bad {
        statement.advised(held.advice)
    } else {
        statement
    }
}

/// Decimal places for three figures.
fn digits(value: f64) -> usize {
    usize::from(value.abs() < 100.0)
}

fn load_explains(run: &RunRecord, width: f64) -> bool {
    let width = Duration::from_secs_f64(width);
    let rate = |windows: &[super::super::LoadWindow]| Some(Figures::of(windows).rate());
    let rates: Vec<Option<f64>> = chunks(&run.windows, width).into_iter().map(rate).collect();
    let windows = Windows {
        width,
        values: &rates,
    };
    !rates.is_empty() && load_rises(windows, LOAD_LEAST)
}

/// When the limit is reached, if one is known.
fn end_of(run: &RunRecord, held: &Held, curve: &Curve, growth: &Growth) -> String {
    let Some((room, limit)) = room(run, held, curve) else {
        return String::new();
    };
    let hours = (room / growth.per_hour).max(0.0);
    let time = match hours {
        _ if hours < 100.0 => format!("in {hours:.1} h"),
        _ if hours < 24.0 * 365.0 => format!("in {:.0} days", hours / 24.0),
        _ => return String::new(),
    };
    format!("; it would reach {limit} {time}")
}

/// What is left of the nearest limit at the end of the run, and its name.
fn room(run: &RunRecord, held: &Held, curve: &Curve) -> Option<(f64, String)> {
    let last = |curve: &Curve| curve.points.last().map(|(_, value)| *value);
    let same = |family: &str| {
        let curves = gauges(run, family);
        curves
            .iter()
            .find(|one| one.is_about_same(curve))
            .and_then(last)
    };
    let host = |family: &str| gauges(run, family).first().and_then(last);
    let limits: Vec<(f64, String)> = match held.topic {
        "memory growth" => {
            let limit = same("slod_container_memory_limit_bytes");
            let used = same("slod_container_memory_working_set_bytes").or(last(curve));
            let container = limit.zip(used).map(|(limit, used)| {
                let name = format!("the limit of {:.0} MiB of the container", limit / MIB);
                (limit - used, name)
            });
            let rest = host("slod_host_memory_available_bytes");
            let rest = rest.map(|rest| (rest, "the memory of the host".to_owned()));
            container.into_iter().chain(rest).collect()
        }
        "open files growth" => {
            let limit = same("slod_process_fd_limit").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the limit of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        "thread growth" => {
            let limit = same("slod_container_pids_limit").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the limit of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        "pool growth" => {
            let limit = same("slod_service_db_pool_max").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the maximum of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        _ => Vec::new(),
    };
    limits.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Whether more and more requests fail.
pub(super) fn errors(run: &RunRecord) -> Statement {
    let topic = "error growth";
    let width = Duration::from_secs_f64(length(run) / f64::from(DRIFT_WINDOWS));
    let of = |windows: &[super::super::LoadWindow]| {
        let figures = Figures::of(windows);
        Errors {
            errors: figures.errors,
            total: figures.completed,
        }
    };
    let windows: Vec<Errors> = chunks(&run.windows, width).into_iter().map(of).collect();
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    match climb(&windows, CLIMB_LEAST) {
        ClimbVerdict::Climbing {
            from,
            to,
            errors,
            total,
        } => {
            let evidence = format!(
                "the share of errors rose from {} in the first third to {} in the last ({errors} of {total} requests failed)",
                percent(from),
                percent(to)
            );
            Statement::new(topic, Answer::Bad, evidence).advised(advice::ERRORS)
        }
        ClimbVerdict::Steady { smallest } => {
            let all = Figures::of(&run.windows).error_ratio().unwrap_or_default();
            let evidence = format!(
                "the share of errors does not rise ({} of all requests); a rise by {} would have been found",
                percent(all),
                percent(smallest)
            );
            Statement::new(topic, Answer::Good, evidence)
        }
        ClimbVerdict::Unknown { needed } => {
            let evidence = format!(
                "too few requests: {needed} windows of {} s with requests are needed",
                width.as_secs().max(1)
            );
            Statement::new(topic, Answer::Unknown, evidence)
        }
    }
}

/// Whether responses become slower.
pub(super) fn degradation(run: &RunRecord) -> Statement {
    let topic = "degradation";
    let width = Duration::from_secs_f64(length(run) / f64::from(DRIFT_WINDOWS));
    let p95 = |windows: &[super::super::LoadWindow]| {
        let p95 = Figures::of(windows).quantile(0.95);
        p95.map(|one| one.as_secs_f64())
    };
    let values: Vec<Option<f64>> = chunks(&run.windows, width).into_iter().map(p95).collect();
    let windows = Windows {
        width,
        values: &values,
    };
    match drift(windows, DRIFT_LEAST) {
        DriftVerdict::Rising(rise) => {
            let evidence = format!(
                "p95 rose by {:.0} %, from {:.0} to {:.0} ms",
                rise.share * 100.0,
                rise.from * 1000.0,
                rise.to * 1000.0
            );
            Statement::new(topic, Answer::Bad, evidence).advised(advice::DRIFT)
        }
        DriftVerdict::Steady { smallest } => {
            let evidence = format!(
                "p95 did not rise; {:.0} % would have been found",
                smallest * 100.0
            );
            Statement::new(topic, Answer::Good, evidence)
        }
        DriftVerdict::Unknown { needed } => {
            let evidence = format!(
                "too few requests: {needed} windows of {} s with a p95 are needed",
                width.as_secs().max(1)
            );
            Statement::new(topic, Answer::Unknown, evidence)
        }
    }
}
