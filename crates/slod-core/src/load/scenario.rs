//! Load scenarios: the planned load over time.

use std::time::Duration;

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
