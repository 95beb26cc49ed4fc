//! Growth under a constant load: memory, files, threads, connections, queues.

use super::room::end_of;
use super::{MIB, load_explains};
use crate::load::judge::advice::{self, Advice};
use crate::load::judge::needs::{self, Needs};
use crate::load::observed::{Curve, gauges, length};
use crate::load::verdict::{Answer, Statement};
use crate::load::{RunRecord, Usable};
use crate::stats::order::median_of;
use crate::trend::{GrowthRules, GrowthVerdict, Windows, growth};
use std::time::Duration;

/// Number of windows in which growth is evaluated, including those of the warm-up, which are skipped.
const GROWTH_WINDOWS: u32 = 80;

/// A resource that may grow.
struct HeldResource {
    topic: &'static str,
    noun: &'static str,
    /// The metric families that show it, in order of preference.
    families: &'static [&'static str],
    rules: GrowthRules,
    /// Whether the lowest value of a window counts (what remains after a garbage collection) instead of the
    /// median.
    is_lowest: bool,
    unit: &'static str,
    scale: f64,
    needs: Needs,
    advice: Advice,
}

static RESOURCES: [HeldResource; 6] = [
    HeldResource {
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
        needs: Needs::Processes,
        advice: advice::LEAK,
    },
    HeldResource {
        topic: "open files growth",
        noun: "the number of open files",
        families: &["slod_process_open_fds"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: Needs::Processes,
        advice: advice::OPEN,
    },
    HeldResource {
        topic: "thread growth",
        noun: "the number of threads",
        families: &["slod_process_threads", "slod_container_pids"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: Needs::Processes,
        advice: advice::OPEN,
    },
    HeldResource {
        topic: "connection growth",
        noun: "the number of open connections",
        families: &["slod_service_active_connections"],
        rules: rules(0.2, 10.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: Needs::Metrics("`active_connections`"),
        advice: advice::OPEN,
    },
    HeldResource {
        topic: "pool growth",
        noun: "the number of used pool connections",
        families: &["slod_service_db_pool_in_use"],
        rules: rules(0.2, 3.0),
        is_lowest: true,
        unit: "",
        scale: 1.0,
        needs: Needs::Metrics("`db_pool_in_use`"),
        advice: advice::HELD,
    },
    HeldResource {
        topic: "queue growth",
        noun: "the queue",
        families: &["slod_service_queue_depth"],
        rules: rules(0.2, 5.0),
        is_lowest: false,
        unit: "",
        scale: 1.0,
        needs: Needs::Metrics("`queue_depth`"),
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

/// One statement per observed resource, and one for all others.
pub(super) fn statements(usable: &Usable<'_>) -> Vec<Statement> {
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for held in &RESOURCES {
        let curves = curves(usable.run, held.families);
        if curves.is_empty() {
            missing.push((held.topic, held.needs));
        }
        all.extend(curves.iter().map(|curve| grows(usable, held, curve)));
    }
    let missing = needs::not_observed(usable.run, missing);
    all.extend(missing.map(|what| Statement::new("growth not observed", Answer::Unknown, what)));
    all
}

/// Whether a resource of each process or service grows, by the topic of its statements.
pub(in crate::load::judge) fn of(usable: &Usable<'_>, topic: &str) -> Vec<Statement> {
    let held = RESOURCES.iter().filter(|held| held.topic == topic);
    held.flat_map(|held| {
        let curves = curves(usable.run, held.families).into_iter();
        curves.map(move |curve| grows(usable, held, &curve))
    })
    .collect()
}

/// One curve per process or service, from the first family that contains it.
pub(in crate::load::judge) fn curves(run: &RunRecord, families: &[&str]) -> Vec<Curve> {
    let mut all: Vec<Curve> = Vec::new();
    for curve in families.iter().flat_map(|family| gauges(run, family)) {
        if !all.iter().any(|known| known.is_about_same(&curve)) {
            all.push(curve);
        }
    }
    all
}

/// Whether a resource grows.
fn grows(usable: &Usable<'_>, held: &HeldResource, curve: &Curve) -> Statement {
    let width = length(usable.run) / f64::from(GROWTH_WINDOWS);
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
    let verdict = growth(windows.after_warm_up(), &held.rules);
    let evidence = format!(
        "{} of {}{}",
        held.noun,
        curve.subject(),
        held.finding(verdict, width)
    );
    match verdict {
        GrowthVerdict::Unknown { .. } => Statement::new(held.topic, Answer::Unknown, evidence),
        GrowthVerdict::Steady { .. } | GrowthVerdict::Plateauing(_) => {
            Statement::new(held.topic, Answer::Good, evidence)
        }
        GrowthVerdict::Growing(growth) => {
            let evidence = evidence + &end_of(usable.run, held.topic, curve, &growth);
            if load_explains(usable, GROWTH_WINDOWS) {
                let evidence = evidence + "; so does the load";
                Statement::new(held.topic, Answer::Unknown, evidence)
            } else {
                Statement::new(held.topic, Answer::Bad, evidence).advised(held.advice)
            }
        }
    }
}

impl HeldResource {
    /// The result as the rest of a sentence about the resource. `width` is the width of the windows in
    /// seconds.
    fn finding(&self, verdict: GrowthVerdict, width: f64) -> String {
        let shown = |value: f64| format!("{:.*}", digits(value / self.scale), value / self.scale);
        let unit = self.unit;
        match verdict {
            GrowthVerdict::Unknown { needed } => format!(
                ": {needed} windows of {width:.0} s with samples are required after the warm-up and the last restart; use a longer run, or a shorter `observe.interval`"
            ),
            GrowthVerdict::Steady { smallest_per_hour } => format!(
                " does not grow; growth of {}{unit} per hour would have been detected",
                shown(smallest_per_hour)
            ),
            GrowthVerdict::Plateauing(growth) => format!(
                " grew from {} to {}{unit} and levels off, as after a start",
                shown(growth.from),
                shown(growth.to)
            ),
            GrowthVerdict::Growing(growth) => format!(
                " grows by {}{unit} per hour ({} to {}), from {} to {}{unit}",
                shown(growth.per_hour),
                shown(growth.low),
                shown(growth.high),
                shown(growth.from),
                shown(growth.to)
            ),
        }
    }
}

/// Decimal places for about three significant digits.
fn digits(value: f64) -> usize {
    usize::from(value.abs() < 100.0)
}
