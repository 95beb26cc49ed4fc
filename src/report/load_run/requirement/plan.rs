//! Parts of a plan that requirements apply to.

use super::Requirement;
use crate::config::LoadSpec;
use crate::load::{IMPORTED, Model, Scenario};
use crate::threshold::Threshold;

/// The lowest load of a plan: up to this factor of its lowest level, or this share of the way to its
/// highest one.
const LOW: f64 = 1.5;
const LOW_SHARE: f64 = 0.1;
/// The highest load: from this ratio of it on.
const HIGH_SHARE: f64 = 0.9;
/// Tolerance: levels are averages.
const SLACK: f64 = 1e-6;

/// The windows with a load in a range of levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadRange {
    from: f64,
    to: f64,
}

impl LoadRange {
    pub const WHOLE: Self = Self {
        from: 0.0,
        to: f64::INFINITY,
    };

    pub fn contains(self, level: f64) -> bool {
        level >= self.from * (1.0 - SLACK) && level <= self.to * (1.0 + SLACK)
    }
}

/// The levels of a plan, and those of the service in the same unit.
pub struct Plan<'a> {
    scenario: &'a Scenario,
    lowest: f64,
    expected: Option<f64>,
    peak: Option<f64>,
}

impl<'a> Plan<'a> {
    pub fn of(scenario: &'a Scenario, load: Option<&LoadSpec>) -> Self {
        let stages = scenario.stages.iter();
        let levels = stages.flat_map(|stage| [stage.from, stage.to]);
        let (expected, peak) = match (scenario.model, load) {
            (_, None) => (None, None),
            (Model::Closed { .. }, Some(load)) => (
                load.users.as_ref().map(|users| f64::from(*users.end())),
                load.peak_users.map(f64::from),
            ),
            (Model::Open { .. }, Some(load)) => {
                (load.rate.as_ref().map(|rate| *rate.end()), load.peak_rate)
            }
        };
        Self {
            scenario,
            lowest: levels.fold(f64::INFINITY, f64::min),
            expected,
            peak,
        }
    }

    /// The highest configured load.
    pub fn promised(&self) -> Option<f64> {
        self.peak.or(self.expected)
    }

    /// Up to the expected load; `None` if the whole plan is above it. External load has no plan.
    pub fn expected(&self) -> Option<LoadRange> {
        let top = self.scenario.peak();
        let to = match self.expected {
            Some(expected) if expected < self.lowest => return None,
            Some(expected) => expected,
            None if top <= 0.0 => return Some(LoadRange::WHOLE),
            None => (LOW * self.lowest).max(self.lowest + LOW_SHARE * (top - self.lowest)),
        };
        Some(LoadRange {
            to,
            ..LoadRange::WHOLE
        })
    }

    /// Up to the peak load; the whole plan if all of it is above the peak.
    pub fn up_to_peak(&self) -> LoadRange {
        match self.peak {
            Some(to) if to >= self.lowest => LoadRange {
                to,
                ..LoadRange::WHOLE
            },
            _ => LoadRange::WHOLE,
        }
    }

    /// Where the throughput must be reached: at the highest load up to the peak, and at every rate that is
    /// at least as high as `rate`.
    pub fn highest(&self, rate: f64) -> LoadRange {
        let LoadRange { to, .. } = self.up_to_peak();
        let top = HIGH_SHARE * self.scenario.peak().min(to);
        let from = match self.scenario.model {
            Model::Closed { .. } => top,
            Model::Open { .. } => top.min(rate),
        };
        LoadRange { from, to }
    }

    /// Names the part in the source, unless it is the whole plan.
    pub fn requirement(&self, threshold: Threshold, source: &str, part: LoadRange) -> Requirement {
        let unit = match self.scenario.model {
            Model::Closed { .. } => " users",
            Model::Open { .. } => "/s",
        };
        let shown = |level: f64| format!("{}{unit}", (level * 10.0).round() / 10.0);
        let mut source = source.to_owned();
        if part.from > self.lowest {
            source.push_str(", from ");
            source.push_str(&shown(part.from));
        }
        if part.to < self.scenario.peak() {
            source.push_str(", up to ");
            source.push_str(&shown(part.to));
        }
        Requirement {
            is_objective: false,
            is_planned: self.scenario.name != IMPORTED,
            model: self.scenario.model,
            threshold,
            source,
            part,
        }
    }
}
