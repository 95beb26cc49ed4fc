//! Statistics of each stage of a run.

use super::observed::{Curve, Span, gauges};
use super::{Figures, LoadWindow, RunRecord};
use std::time::Duration;

/// A stage, or a part of one with a changing load.
#[derive(Clone, Debug, PartialEq)]
pub struct StageRow {
    pub name: String,
    /// The planned load at its start and end.
    pub from: f64,
    pub to: f64,
    pub length: Duration,
    pub figures: Figures,
    /// Mean CPU usage of the host, from 0 to 1.
    pub cpu: Option<f64>,
    /// Mean memory usage of the service's processes, in bytes.
    pub memory: Option<f64>,
}

/// Maximum number of parts of a stage with a changing load, and their minimum length.
const PARTS: u32 = 10;
const PART_MIN: Duration = Duration::from_secs(30);
/// Maximum number of rows.
const ROWS: usize = 100;

/// The stages that were reached.
pub fn stage_rows(run: &RunRecord) -> Vec<StageRow> {
    let cpu = gauges(run, "slod_host_cpu_usage_ratio");
    let memory = memory(run);
    let mut rows = Vec::new();
    let mut start = Duration::ZERO;
    for stage in &run.scenario.stages {
        let parts = if (stage.to - stage.from).abs() > f64::EPSILON {
            let fit = stage.length.as_secs() / PART_MIN.as_secs();
            u32::try_from(fit).unwrap_or(PARTS).clamp(1, PARTS)
        } else {
            1
        };
        let length = stage.length / parts;
        for part in 0..parts {
            let due = |number: u32| {
                let share = f64::from(number) / f64::from(parts);
                stage.from + (stage.to - stage.from) * share
            };
            let end = start + length;
            let inside = |one: &&LoadWindow| (start..end).contains(&(one.start + one.length / 2));
            let span = (start.as_secs_f64(), end.as_secs_f64());
            rows.push(StageRow {
                name: stage.name.clone(),
                from: due(part),
                to: due(part + 1),
                length,
                figures: Figures::of(run.windows.iter().filter(inside)),
                cpu: sum_of_means(&cpu, span),
                memory: sum_of_means(&memory, span),
            });
            start = end;
        }
    }
    rows.retain(|row| row.figures.length > Duration::ZERO);
    rows.truncate(ROWS);
    rows
}

/// The memory of all processes of the service under load, or of their containers if no process is known.
fn memory(run: &RunRecord) -> Vec<Curve> {
    let families = [
        "slod_process_resident_memory_bytes",
        "slod_container_memory_working_set_bytes",
    ];
    let of_service = |family: &&str| {
        let mut curves = gauges(run, family);
        curves.retain(|one| one.key.label("service") == Some(&*run.service));
        curves
    };
    let mut known = families.iter().map(of_service);
    known.find(|curves| !curves.is_empty()).unwrap_or_default()
}

fn sum_of_means(curves: &[Curve], span: Span) -> Option<f64> {
    let means = curves.iter().filter_map(|curve| curve.mean(span));
    means.reduce(|sum, mean| sum + mean)
}
