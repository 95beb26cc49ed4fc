//! Stages of constant load whose latency may still exceed its objective.

use super::super::super::verdict::Limit;
use super::super::super::{Figures, LoadWindow, Usable};
use super::super::fault::name;
use super::super::levels::settled;
use super::format_level;
use std::time::Duration;

/// Number of batches of a stage. Few long ones are less correlated than many short ones.
const BATCHES: usize = 5;
/// The quantile of the t distribution with `BATCHES - 1` degrees of freedom whose probability is 99%.
const T: f64 = 3.747;

/// A stage that met the objective without showing that it meets it for longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unsteady {
    pub level: f64,
    /// The upper confidence limit of the quantile; `None` if the stage was too short for one.
    pub most: Option<Duration>,
}

/// The unsteady stages of a run, with their numbers.
pub(super) fn unsteady(usable: &Usable<'_>, limit: Option<Limit>) -> Vec<(usize, Unsteady)> {
    let Some(limit) = limit else {
        return Vec::new();
    };
    let stages = usable.run.scenario.stages.iter().enumerate();
    let constant = stages.filter(|(_, stage)| (stage.to - stage.from).abs() <= f64::EPSILON);
    let found = constant.filter_map(|(number, stage)| {
        let of_stage = |one: &&LoadWindow| one.stage == number;
        let windows: Vec<&LoadWindow> = usable.loaded().filter(of_stage).collect();
        let most = upper_limit(settled(stage, &windows), limit.quantile);
        let is_proven = most.is_some_and(|most| most <= limit.below);
        let level = stage.to;
        (!is_proven).then_some((number, Unsteady { level, most }))
    });
    found.collect()
}

/// The upper 99% confidence limit of a quantile in the long term. Successive latencies of a queue are correlated,
/// the more so the busier it is, and an overloaded one grows for as long as it is overloaded. The number of requests
/// does not show this, but the difference between the means of long batches does (batch means, Conway 1963): the
/// relative error of the mean is that of the quantile, since a queue stretches all latencies.
fn upper_limit(windows: &[&LoadWindow], quantile: f64) -> Option<Duration> {
    let batch = |number: usize| {
        let place = |batch: usize| batch * windows.len() / BATCHES;
        let batch = &windows[place(number)..place(number + 1)];
        let mean = Figures::of(batch.iter().copied()).mean()?;
        Some(mean.as_secs_f64())
    };
    let means: Vec<f64> = (0..BATCHES).map(batch).collect::<Option<_>>()?;
    let count = BATCHES as f64;
    let mean = means.iter().sum::<f64>() / count;
    let squares: f64 = means.iter().map(|one| (one - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    let found = Figures::of(windows.iter().copied()).quantile(quantile)?;
    let most = found.as_secs_f64() * (1.0 + T * error / mean);
    Duration::try_from_secs_f64(most).ok()
}

impl Unsteady {
    /// Describes it: `at 100 requests per second, p99 was below 500 ms, but may be up to 640 ms in the long term`.
    pub fn described(&self, limit: Limit, unit: &str) -> String {
        let (p, level) = (name(limit.quantile), format_level(self.level));
        let below = limit.below.as_millis();
        let rest = match self.most {
            Some(most) => format!("may be up to {} ms in the long term", most.as_millis()),
            None => format!("the stage has fewer than {BATCHES} windows"),
        };
        format!("at {level} {unit}, {p} was not above {below} ms, but {rest}")
    }
}
