//! Load scenarios: the planned load over time.

use crate::units::whole;
use std::time::Duration;

/// Shorter stages are not rounded to seconds.
const WHOLE_MIN: Duration = Duration::from_secs(2);

/// What the level of a stage counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// Concurrent users: each waits for its response, then thinks, then sends its next request.
    Closed { think: Duration },
    /// Requests started per second, whether or not earlier ones were answered. `poisson` draws the time
    /// between two starts from an exponential distribution instead of spacing them evenly.
    Open { poisson: bool },
}

/// A span in which the level changes linearly from one value to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub name: String,
    pub from: f64,
    pub to: f64,
    pub length: Duration,
}

impl Stage {
    pub fn new(name: impl Into<String>, from: f64, to: f64, length: Duration) -> Self {
        Self {
            name: name.into(),
            from,
            to,
            length,
        }
    }
}

/// A planned load run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub name: String,
    /// Its purpose, as one phrase.
    pub purpose: String,
    pub model: Model,
    /// In order; at least one.
    pub stages: Vec<Stage>,
}

impl Scenario {
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// Stretches or shortens all stages, so that together they take this long. Stages of seconds take whole seconds.
    pub fn stretch(&mut self, length: Duration) {
        let factor = length.as_secs_f64() / self.length().as_secs_f64();
        let stages = self.stages.iter();
        let is_long = stages
            .clone()
            .all(|one| one.length.mul_f64(factor) >= WHOLE_MIN);
        let rounded = |at: Duration| Duration::from_secs(whole(at.as_secs_f64()));
        let (mut planned, mut start) = (Duration::ZERO, Duration::ZERO);
        for stage in &mut self.stages {
            planned += stage.length.mul_f64(factor);
            let end = if is_long { rounded(planned) } else { planned };
            stage.length = end.saturating_sub(start);
            start = end;
        }
    }

    /// The stage at a moment after the start, as its number and the planned level; `None` after the end.
    pub fn at(&self, elapsed: Duration) -> Option<(usize, f64)> {
        let mut start = Duration::ZERO;
        for (number, stage) in self.stages.iter().enumerate() {
            let end = start + stage.length;
            if elapsed < end {
                let done = elapsed.saturating_sub(start).as_secs_f64() / stage.length.as_secs_f64();
                return Some((number, stage.from + (stage.to - stage.from) * done));
            }
            start = end;
        }
        None
    }

    /// The highest level of all stages.
    pub fn peak(&self) -> f64 {
        let levels = self.stages.iter().flat_map(|stage| [stage.from, stage.to]);
        levels.fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretched_stages_take_whole_seconds_and_the_given_time() {
        let lengths = |seconds: [u64; 3], to: Duration| {
            let stage = |length| Stage::new("", 1.0, 1.0, Duration::from_secs(length));
            let mut scenario = Scenario {
                name: String::new(),
                purpose: String::new(),
                model: Model::Open { poisson: false },
                stages: seconds.map(stage).into(),
            };
            scenario.stretch(to);
            let stages = scenario.stages.iter();
            stages.map(|one| one.length.as_millis()).collect::<Vec<_>>()
        };
        let of = Duration::from_secs;
        assert_eq!(lengths([60, 60, 60], of(100)), [33_000, 34_000, 33_000]);
        assert_eq!(lengths([90, 60, 150], of(60)), [18_000, 12_000, 30_000]);
        assert_eq!(lengths([1, 1, 2], of(2)), [500, 500, 1000]);
    }
}
