//! Continuous watching: the same detectors every five minutes over days.

use crate::memory::{self, SAMPLES_PER_HOUR, daily, means, minima};
use crate::noise::Ar;
use crate::soak::{MEMORY, MEMORY_WINDOW};
use crate::{HISTORIES, Table, share_of};
use fastrand::Rng;
use slod_core::trend::{
    ClimbVerdict, DriftVerdict, Errors, GrowthVerdict, Windows, climb, drift, growth, load_rises,
};
use std::f64::consts::TAU;
use std::time::Duration;

const CONFIRMATIONS: [usize; 4] = [1, 3, 6, 12];
const DAY: usize = 24 * SAMPLES_PER_HOUR;
const SPAN: Duration = Duration::from_secs(5 * 60);

/// The most consecutive findings of a history.
fn longest(found: impl Iterator<Item = bool>) -> usize {
    let count = |(most, run): (usize, usize), found: bool| {
        let run = if found { run + 1 } else { 0 };
        (most.max(run), run)
    };
    found.fold((0, 0), count).0
}

fn row(table: &mut Table, name: &str, runs: &[usize]) {
    let confirmed = |k| {
        share_of(runs.iter().filter(|run| **run >= k).count() * HISTORIES as usize / runs.len())
    };
    table.row(name, CONFIRMATIONS.map(confirmed));
}

fn header(what: &str) -> Table {
    Table::new([what, "1 evaluation", "3 in a row", "6", "12"])
}

/// Evaluations of trailing windows: two and a half windows of memory per step.
fn growing(values: &[Option<f64>], load: Option<&[Option<f64>]>, kept: usize) -> usize {
    let evaluations = (kept * 2..values.len() * 2).step_by(5).map(|end| end / 2);
    longest(evaluations.map(|end| {
        let part = |series: &[Option<f64>]| -> bool {
            let windows = Windows {
                width: MEMORY_WINDOW,
                values: &series[end - kept..end],
            };
            load_rises(windows, 0.05)
        };
        let windows = Windows {
            width: MEMORY_WINDOW,
            values: &values[end - kept..end],
        };
        !load.is_some_and(part) && matches!(growth(windows, &MEMORY), GrowthVerdict::Growing(_))
    }))
}

pub fn memory(hours: usize) {
    let kept = hours * 30;
    let mut table = header(&format!("memory, {hours} h watched for a day"));
    for kind in &memory::HEALTHY {
        let runs: Vec<usize> = (0..HISTORIES)
            .map(|seed| {
                let samples = (kind.make)(&mut Rng::with_seed(seed), DAY);
                growing(&minima(&samples), None, kept)
            })
            .collect();
        row(&mut table, kind.name, &runs);
    }
    for (name, weekend) in [("day and night", false), ("weekends, a week", true)] {
        for with_load in [false, true] {
            let runs: Vec<usize> = (0..HISTORIES)
                .map(|seed| {
                    let days = if weekend { 7 } else { 1 };
                    let (memory, traffic) = daily(&mut Rng::with_seed(seed), days * DAY, weekend);
                    let load = means(&traffic);
                    growing(&minima(&memory), with_load.then_some(&load), kept)
                })
                .collect();
            let name = format!(
                "{name}, traffic {}",
                if with_load { "known" } else { "unknown" }
            );
            row(&mut table, &name, &runs);
        }
    }
    table.print();
}
