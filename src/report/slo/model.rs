//! The content of a report: the fields of `slod report --format json`.
//!
//! Times are UTC in RFC 3339, lengths in seconds, ratios between 0 and 1 (a remaining budget may be
//! negative, a spent one above 1). Unknown values are `null`.

use super::MAX_INCIDENTS;
use crate::report::deploys::BudgetSpend;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When the report was created.
    pub at: DateTime<Utc>,
    /// Rounded down to the minute, so that no time slice is cut.
    pub from: DateTime<Utc>,
    /// Exclusive. May be in the future: budgets and expected events are those of the whole span.
    pub to: DateTime<Utc>,
    /// The requested end, if it is within the minute after `to`: this part of a minute is not in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_to: Option<DateTime<Utc>>,
    /// Outcomes that were read: those of a probe count once for each service that uses them.
    pub outcomes: u64,
    /// Hours of the store that could not be read and are missing from all numbers.
    pub unreadable_blocks: u64,
    /// Stored outcomes that are not counted, because their time is in the future: the clock was ahead when
    /// they were stored.
    #[serde(default)]
    pub future_outcomes: u64,
    /// The latest of these outcomes.
    #[serde(default)]
    pub future_until: Option<DateTime<Utc>>,
    /// In config order.
    pub services: Vec<ServiceReport>,
    /// Corrections that overlap the span, ordered by time.
    pub corrections: Vec<CorrectionReport>,
    /// Changes to services in the span, such as deployments: the latest, ordered by time.
    #[serde(default)]
    pub deployments: Vec<DeploymentReport>,
}

/// A marker of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentReport {
    pub at: DateTime<Utc>,
    pub service: String,
    /// May be empty.
    pub version: String,
    /// May be empty if there is a version.
    pub text: String,
    pub author: String,
    /// Error budgets burned after it; `null` if not computed, as for all but the latest ones.
    pub burned: Option<Vec<BudgetSpend>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    pub name: String,
    pub description: String,
    /// Outcomes that were read for it, including those of borrowed probes.
    pub outcomes: u64,
    pub objectives: Vec<ObjectiveReport>,
    pub probes: Vec<ProbeReport>,
}

/// One objective over the span. An event is an outcome, or a minute if minutes are budgeted; an event may
/// be partly good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveReport {
    pub name: String,
    pub result: Verdict,
    /// `99.9% of minutes`
    pub promise: String,
    pub target_ratio: f64,
    /// SLO window: `30d`, or `month (Europe/Berlin)`.
    pub window: String,
    /// Whether the span is such a window. The budget here is that of the span in any case.
    pub span_is_window: bool,
    /// good / (good + bad)
    pub sli_ratio: Option<f64>,
    pub good_events: f64,
    pub bad_events: f64,
    /// Events of the whole span if all were counted, without those excluded by corrections.
    pub expected_events: f64,
    /// (good + bad) / expected, for the elapsed part of the span.
    pub coverage_ratio: Option<f64>,
    /// Not counted, because the attempt failed for a reason within slod.
    pub void_events: u64,
    /// Not counted, because there was no observation, in the elapsed part of the span.
    pub missing_events: f64,
    /// Time excluded by corrections.
    pub corrected_seconds: f64,
    /// Bad events allowed in the span: (1 - target) x expected.
    pub budget_events: f64,
    pub budget_spent_ratio: Option<f64>,
    pub budget_left_ratio: Option<f64>,
    /// Causes of the bad outcomes, the most frequent first.
    pub causes: Vec<CauseReport>,
    /// The remaining budget from the span's start to the last outcome.
    pub burn_down: BurnDownReport,
    /// The worst incidents, at most [`super::MAX_INCIDENTS`].
    pub incidents: Vec<IncidentReport>,
    pub incidents_not_shown: u64,
    /// Bad events outside of incidents.
    pub scattered_bad_events: f64,
    /// The span reaches further back than the retention: its SLI and budgets are withheld.
    #[serde(default)]
    pub beyond_retention: bool,
    /// Before then, latencies near the threshold may be counted on the wrong side: another threshold was
    /// configured when they were stored.
    #[serde(default)]
    pub approximate_before: Option<DateTime<Utc>>,
    /// Ratio around the threshold that is affected.
    #[serde(default)]
    pub approximate_within_ratio: Option<f64>,
    /// Outcomes before then were stored without the measurement and are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_since: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The budget is overspent, whatever happened in unobserved time.
    Missed,
    /// Neither can be decided.
    NotEnoughData,
    /// Not missed so far, and the span has not ended.
    NotOver,
    /// The span has ended, the counted events meet the target, and the coverage is sufficient.
    Met,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    pub cause: String,
    pub outcomes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BurnDownReport {
    pub step_seconds: u64,
    pub points: Vec<PointReport>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointReport {
    pub at: DateTime<Utc>,
    /// Ratio of the span's whole budget.
    pub left_ratio: f64,
    /// Remaining ratio if the budget was spent evenly.
    pub ideal_left_ratio: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentReport {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub duration_seconds: f64,
    pub bad_events: f64,
    pub budget_spent_ratio: Option<f64>,
    pub main_cause: String,
    /// Its ratio of the incident's bad outcomes.
    pub main_cause_ratio: f64,
    /// One message of the main cause. It may quote text of the service.
    pub example: Option<String>,
}

/// One correction with all its occurrences in the span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrectionReport {
    pub id: String,
    pub origin: Origin,
    /// Start of the first occurrence.
    pub from: DateTime<Utc>,
    /// End of the last one.
    pub to: DateTime<Utc>,
    pub occurrences: u64,
    /// Excluded time of the span: zero if the correction was revoked.
    pub corrected_seconds: f64,
    /// When it was revoked.
    pub taken_back_at: Option<DateTime<Utc>>,
    /// Empty means all services.
    pub services: Vec<String>,
    /// Empty means all objectives.
    pub slos: Vec<String>,
    pub reason: String,
    pub author: String,
}

/// Origin of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Config,
    ByHand,
}

/// How well a probe ran, regardless of corrections: none of this counts against the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    pub name: String,
    pub outcomes: u64,
    /// Attempts that failed for a reason within slod.
    pub void_outcomes: u64,
    pub voids: Vec<VoidReport>,
    /// Time in which attempts were due but not made.
    pub unwatched_seconds: f64,
    pub longest_gap_start: Option<DateTime<Utc>>,
    pub longest_gap_seconds: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoidReport {
    pub reason: String,
    pub outcomes: u64,
}

impl Report {
    /// All objectives, with the names of their services.
    pub(super) fn objectives(&self) -> impl Iterator<Item = (&str, &ObjectiveReport)> {
        self.services.iter().flat_map(|service| {
            let objectives = service.objectives.iter();
            objectives.map(|objective| (service.name.as_str(), objective))
        })
    }

    pub(super) fn count(&self, result: Verdict) -> usize {
        self.objectives()
            .filter(|(_, objective)| objective.result == result)
            .count()
    }

    /// Whether the span has ended.
    pub fn is_over(&self) -> bool {
        self.to <= self.at
    }

    /// Whether neither outcomes nor real requests were counted.
    pub(super) fn is_empty(&self) -> bool {
        let has_events = |one: &ObjectiveReport| one.good_events + one.bad_events > 0.0;
        self.outcomes == 0 && !self.objectives().any(|(_, one)| has_events(one))
    }

    pub fn any_missed(&self) -> bool {
        self.count(Verdict::Missed) > 0
    }

    /// The worst incidents of all objectives, with service and objective, and the number of the remaining ones.
    pub(super) fn worst(&self) -> (Vec<(&str, &str, &IncidentReport)>, u64) {
        let mut all: Vec<_> = self
            .objectives()
            .flat_map(|(service, objective)| {
                let incidents = objective.incidents.iter();
                incidents.map(move |incident| (service, objective.name.as_str(), incident))
            })
            .collect();
        let spent = |incident: &IncidentReport| incident.budget_spent_ratio.unwrap_or(f64::MAX);
        all.sort_by(|(_, _, a), (_, _, b)| spent(b).total_cmp(&spent(a)));
        let mut others: u64 = self
            .objectives()
            .map(|(_, objective)| objective.incidents_not_shown)
            .sum();
        others += all.len().saturating_sub(MAX_INCIDENTS) as u64;
        all.truncate(MAX_INCIDENTS);
        (all, others)
    }

    /// Probes that did not run all the time, or with void outcomes, with the names of their services.
    pub(super) fn failings(&self) -> impl Iterator<Item = (&str, &ProbeReport)> {
        self.services.iter().flat_map(|service| {
            let probes = service.probes.iter();
            let failed =
                |probe: &&ProbeReport| probe.void_outcomes > 0 || probe.unwatched_seconds > 0.0;
            probes
                .filter(failed)
                .map(|probe| (service.name.as_str(), probe))
        })
    }
}
