//! Synthetic load runs.

use crate::synthetic::AT;
use slod::load::{LoadWindow, ObservedSeries, RunRecord, builtin};
use slod::outcome::{Cause, Timestamp};
use slod::report::load_run::{RunReport, RunSummary};
use slod::runs::Digest;
use slod::sample::{Sample, SeriesKey, SeriesKind};
use slod::stats::quantile::Histogram;
use slod::stats::scale::Scale;
use slod::store::{RunState, StoredRun};
use std::sync::Arc;
use std::time::Duration;

/// A spike of five minutes during which the service fails, and after which it recovers, while its
/// memory grows.
pub fn spike(service: &str, scenario: &str) -> RunRecord {
    let mut plan = builtin("spike", 100.0).expect("built in");
    scenario.clone_into(&mut plan.name);
    let windows = (0..300).map(|second| {
        let elapsed = Duration::from_secs(second);
        let (stage, due) = plan.at(elapsed).expect("within the run");
        window(second, stage, due)
    });
    RunRecord {
        to: AT.after(plan.length()),
        windows: windows.collect(),
        observed: vec![
            memory(service, "app"),
            gauge(service, "app", "slod_process_cpu_usage_ratio", |second| {
                if (90..150).contains(&second) {
                    0.93
                } else {
                    0.2
                }
            }),
        ],
        ..RunRecord::begun(service, plan, "slod", AT)
    }
}

fn window(second: u64, stage: usize, due: f64) -> LoadWindow {
    let is_spike = stage == 1;
    let base = if is_spike { 400.0 } else { 50.0 };
    let scale = Scale::new([]);
    let mut latency = Histogram::default();
    let count = if is_spike { 90 } else { 10 };
    for request in 0..count {
        let spread = 1.0 + ((second * 31 + request * 7919) % 101) as f64 / 100.0;
        let took = Duration::from_secs_f64(base * spread / 1000.0);
        latency.add(scale.code(took), 1);
    }
    let failed = if is_spike {
        vec![(Cause::Status, 4), (Cause::Timeout, 1)]
    } else {
        Vec::new()
    };
    let errors: u64 = failed.iter().map(|(_, count)| count).sum();
    LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage,
        due,
        active: due,
        started: count,
        good: count - errors,
        failed,
        latency,
        lag: Duration::from_micros(300),
        generator_cpu: Some(0.05),
        ..LoadWindow::default()
    }
}

fn memory(service: &str, process: &str) -> ObservedSeries {
    gauge(
        service,
        process,
        "slod_process_resident_memory_bytes",
        |second| (200 + second / 3) as f64 * 1024.0 * 1024.0,
    )
}

fn gauge(service: &str, process: &str, name: &str, of: fn(u64) -> f64) -> ObservedSeries {
    let samples = (0..300).step_by(10).map(|second| Sample {
        at: AT.after(Duration::from_secs(second)),
        value: of(second),
    });
    ObservedSeries {
        key: SeriesKey::new(name, [("service", service), ("process", process)]),
        kind: SeriesKind::Gauge,
        samples: samples.collect(),
    }
}

/// A run with three thresholds.
pub fn judged(mut run: RunRecord) -> RunReport {
    let thresholds = ["p95<500ms", "errors<1%", "rate>10/s"];
    run.thresholds = thresholds.map(str::to_owned).into();
    RunReport::new(run, None)
}

pub fn stored(id: i64, run: &RunRecord) -> StoredRun {
    StoredRun {
        id,
        service: run.service.clone(),
        scenario: run.scenario.name.clone(),
        engine: run.engine.clone(),
        from: run.from,
        to: run.to,
        is_baseline: id == 1,
        is_open: false,
    }
}

pub fn digest(id: i64, report: &RunReport, state: RunState) -> Digest {
    Digest {
        run: stored(id, &report.run),
        state,
        summary: Some(Arc::new(RunSummary::of(report))),
    }
}

/// A time after the run.
pub const LATER: Timestamp = Timestamp(AT.0 + 3_600_000);
