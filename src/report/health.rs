//! Current health of a service: the worst state of its probes and objectives.

use crate::ledger::snapshot::{ObjectiveView, ProbeView, ServiceView};
use crate::outcome::{Timestamp, Verdict};
use crate::report::state::ObjectiveState;
use std::time::Duration;

/// Minimum observed time, or half of a shorter window, before an objective's numbers are meaningful.
const WARM: Duration = Duration::from_hours(1);

/// Intervals without an outcome after which a probe counts as unseen.
const UNSEEN_AFTER: u32 = 3;

/// Minimum time before a probe counts as unseen: a busy machine may delay probes with short intervals.
const UNSEEN_AT_LEAST: Duration = Duration::from_secs(3);

fn unseen_after(interval: Duration) -> Duration {
    (interval * UNSEEN_AFTER).max(UNSEEN_AT_LEAST)
}

/// Ordered from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// The last attempt of every probe failed.
    Down,
    /// The last attempt of some probes failed.
    PartlyDown,
    BudgetSpent,
    BurningFast,
    /// There are no recent outcomes, or its metrics cannot be read.
    Unseen,
    Burning,
    /// The budget burned recently, but is no longer burning.
    Recovered,
    /// Current outcomes are excluded by a correction.
    Maintenance,
    NoData,
    WarmingUp,
    Ok,
    /// Observed, but without events to count: no requests.
    Quiet,
    /// Neither probes nor objectives, only metrics or processes.
    NoObjectives,
}

/// Severity of a health state: its color and icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthLevel {
    Bad,
    Warn,
    Idle,
    Ok,
}

impl Health {
    pub const ALL: [Self; 13] = [
        Self::Down,
        Self::PartlyDown,
        Self::BudgetSpent,
        Self::BurningFast,
        Self::Unseen,
        Self::Burning,
        Self::Recovered,
        Self::Maintenance,
        Self::NoData,
        Self::WarmingUp,
        Self::Ok,
        Self::Quiet,
        Self::NoObjectives,
    ];

    pub fn of(service: &ServiceView, at: Timestamp) -> Self {
        if service.maintenance.is_some() {
            return Self::Maintenance;
        }
        let probes = Self::of_probes(&service.probes, at);
        let objectives = service.objectives.iter().map(Self::of_objective);
        let objectives = objectives.filter(|health| *health != Self::Maintenance);
        // A user journey has no probes of its own, and neither has a service with only metrics.
        let probes = Some(probes).filter(|_| !service.probes.is_empty());
        let none = if service.objectives.is_empty() {
            Self::NoObjectives
        } else {
            Self::NoData
        };
        objectives.chain(probes).min().unwrap_or(none)
    }

    fn of_probes(probes: &[ProbeView], at: Timestamp) -> Self {
        let of = |health| move |probe: &&ProbeView| Self::of_probe(probe, at) == health;
        let down = probes.iter().filter(of(Self::Down)).count();
        match down {
            0 if probes.iter().any(|probe| of(Self::Unseen)(&probe)) => Self::Unseen,
            0 if probes.iter().all(|probe| probe.last.is_none()) => Self::NoData,
            0 => Self::Ok,
            _ if down == probes.len() => Self::Down,
            _ => Self::PartlyDown,
        }
    }

    pub fn of_probe(probe: &ProbeView, at: Timestamp) -> Self {
        match &probe.last {
            None => Self::NoData,
            Some(last) if last.at.after(unseen_after(probe.interval)) < at => Self::Unseen,
            Some(last) if last.verdict == Verdict::Good => Self::Ok,
            Some(_) => Self::Down,
        }
    }

    pub fn of_objective(view: &ObjectiveView) -> Self {
        if view.corrected {
            return Self::Maintenance;
        }
        let period = &view.budget.period;
        let share = (period.good + period.bad) as f64 / period.expected.max(1.0);
        let is_young = is_young(share, view.objective.window.length);
        let health = match ObjectiveState::of(view) {
            ObjectiveState::BudgetSpent => Self::BudgetSpent,
            ObjectiveState::BurningFast => Self::BurningFast,
            ObjectiveState::Burning => Self::Burning,
            ObjectiveState::Recovered => Self::Recovered,
            ObjectiveState::NoData => Self::NoData,
            ObjectiveState::Ok if is_young => Self::WarmingUp,
            ObjectiveState::Ok => Self::Ok,
            ObjectiveState::Quiet => Self::Quiet,
        };
        if view.uncounted.as_ref().is_some_and(|one| one.is_unreadable) {
            // Its numbers describe the past.
            return health.min(Self::Unseen);
        }
        health
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::PartlyDown => "partly down",
            Self::BudgetSpent => ObjectiveState::BudgetSpent.label(),
            Self::BurningFast => ObjectiveState::BurningFast.label(),
            Self::Unseen => "no recent data",
            Self::Burning => ObjectiveState::Burning.label(),
            Self::Recovered => ObjectiveState::Recovered.label(),
            Self::Maintenance => "in maintenance",
            Self::NoData => "no data yet",
            Self::WarmingUp => "warming up",
            Self::Ok => ObjectiveState::Ok.label(),
            Self::Quiet => ObjectiveState::Quiet.label(),
            Self::NoObjectives => "no objectives",
        }
    }

    /// Predicate of a sentence whose subject is the service.
    pub const fn predicate(self) -> &'static str {
        match self {
            Self::Down => "is down",
            Self::PartlyDown => "is partly down",
            Self::BudgetSpent => "has spent its error budget",
            Self::BurningFast => "is burning its error budget fast",
            Self::Unseen => "has no recent data",
            Self::Burning => "is burning its error budget",
            Self::Recovered => "has recovered; its burn rate over the last hours is still high",
            Self::Maintenance => "is in maintenance",
            Self::NoData => "has no data yet",
            Self::WarmingUp => "is healthy so far",
            Self::Ok => "is healthy",
            Self::Quiet => "is quiet: there were no requests to count",
            Self::NoObjectives => "is only observed: it has no probes and no objectives",
        }
    }

    pub const fn level(self) -> HealthLevel {
        match self {
            Self::Down | Self::PartlyDown | Self::BurningFast => HealthLevel::Bad,
            Self::BudgetSpent | Self::Unseen | Self::Burning | Self::Recovered => HealthLevel::Warn,
            Self::Maintenance | Self::NoData | Self::WarmingUp | Self::NoObjectives => {
                HealthLevel::Idle
            }
            Self::Ok | Self::Quiet => HealthLevel::Ok,
        }
    }

    /// Whether it requires attention.
    pub fn is_trouble(self) -> bool {
        matches!(self.level(), HealthLevel::Bad | HealthLevel::Warn) && self != Self::Recovered
    }
}

impl HealthLevel {
    /// CSS class; also the name of the icon.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Idle => "idle",
            Self::Ok => "ok",
        }
    }

    /// Single character for the title of a browser tab.
    pub const fn mark(self) -> char {
        match self {
            Self::Bad => '✕',
            Self::Warn => '!',
            Self::Idle => '–',
            Self::Ok => '✓',
        }
    }
}

/// Whether too little of the window was observed.
fn is_young(share: f64, window: Duration) -> bool {
    share * window.as_secs_f64() < WARM.min(window / 2).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_documented() {
        let docs = include_str!("../../docs/WEB.md");
        for health in Health::ALL {
            let label = health.label();
            assert!(docs.contains(&format!("`{label}`")), "{label}");
        }
    }

    #[test]
    fn a_window_of_an_hour_is_warm_in_time() {
        let month = Duration::from_hours(30 * 24);
        assert!(is_young(0.4, WARM) && !is_young(0.98, WARM));
        assert!(is_young(0.9 / 720.0, month) && !is_young(1.1 / 720.0, month));
    }
}
