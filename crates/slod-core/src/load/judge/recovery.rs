//! How long the responses took to be as before, after a spike.

use super::super::stats::chunks;
use super::super::verdict::{Answer, Statement};
use super::super::{Figures, LoadWindow, RunRecord};
use super::advice;
use std::time::Duration;

/// Width of the windows of a recovery, and how many calm ones in a row it takes.
const RECOVERY_WINDOW: Duration = Duration::from_secs(5);
const CALM_IN_A_ROW: usize = 3;

/// The begin and the end of a spike: a stage between two of less than half its load.
pub(in super::super) fn spike(run: &RunRecord) -> Option<(Duration, Duration)> {
    let stages = &run.scenario.stages;
    let levels: Vec<f64> = stages
        .iter()
        .map(|stage| stage.from.max(stage.to))
        .collect();
    let place = (1..stages.len().saturating_sub(1))
        .find(|at| levels[*at] > 2.0 * levels[at - 1] && levels[*at] > 2.0 * levels[at + 1])?;
    let begin: Duration = stages[..place].iter().map(|stage| stage.length).sum();
    Some((begin, begin + stages[place].length))
}

pub(in super::super) fn responses(
    run: &RunRecord,
    (begin, end): (Duration, Duration),
) -> Statement {
    let topic = "recovery";
    let answered = |answer, evidence: String| Statement::new(topic, answer, evidence);
    let of = |from: Duration, to: Duration| -> Vec<LoadWindow> {
        let inside = |one: &&LoadWindow| one.start >= from && one.start < to;
        run.windows.iter().filter(inside).cloned().collect()
    };
    let (calm, after) = (of(Duration::ZERO, begin), of(end, run.scenario.length()));
    let p95 = |windows: &[LoadWindow]| {
        let quantile = Figures::of(windows).quantile(0.95);
        quantile.map(|p95| p95.as_secs_f64())
    };
    // Windows are as wide as it takes to have a 95th percentile.
    let rate = Figures::of(&calm).rate().max(0.1);
    let width = RECOVERY_WINDOW.max(Duration::from_secs_f64(60.0 / rate));
    let mut before: Vec<f64> = chunks(&calm, width).into_iter().filter_map(p95).collect();
    before.sort_by(f64::total_cmp);
    let Some(median) = before.get(before.len() / 2).copied() else {
        let need = "too few requests before the spike: run it with more users, or for longer";
        return answered(Answer::Unknown, need.to_owned());
    };
    let mut off: Vec<f64> = before.iter().map(|one| (one - median).abs()).collect();
    off.sort_by(f64::total_cmp);
    let spread = 3.0 * 1.4826 * off[off.len() / 2];
    let border = median + spread.max(0.1 * median);
    let is_calm: Vec<bool> = chunks(&after, width)
        .into_iter()
        .map(|windows| {
            let figures = Figures::of(windows);
            figures.errors == 0 && p95(windows).is_some_and(|one| one <= border)
        })
        .collect();
    let row = is_calm
        .windows(CALM_IN_A_ROW)
        .position(|row| row.iter().all(|calm| *calm));
    let ms = border * 1000.0;
    match row {
        Some(at) => {
            let took = width * u32::try_from(at + 1).unwrap_or(u32::MAX);
            let evidence = format!(
                "recovered within {} s after the spike: p95 back under {ms:.0} ms without errors",
                took.as_secs()
            );
            answered(Answer::Good, evidence)
        }
        None if is_calm.len() < CALM_IN_A_ROW => answered(
            Answer::Unknown,
            "the time after the spike was too short".to_owned(),
        ),
        None => {
            // A run may have been interrupted.
            let seen = after.last().map(|one| one.start + one.length);
            let seen = seen.map_or(Duration::ZERO, |until| until.saturating_sub(end));
            let evidence = format!(
                "did not recover in {} s: p95 or errors stayed above the time before the spike (p95 {ms:.0} ms)",
                seen.as_secs()
            );
            answered(Answer::Bad, evidence).advised(advice::OVERLOAD)
        }
    }
}
