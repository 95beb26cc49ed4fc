//! What a report tells: the fields of `slod report --format json`.
//!
//! Moments are UTC in RFC 3339, lengths in seconds, ratios between 0 and 1 (a budget's left one may
//! be negative, its spent one above 1). What is unknown is `null`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Taken down to the minute, so that no time slice is cut.
    pub from: DateTime<Utc>,
    /// Exclusive.
    pub to: DateTime<Utc>,
    /// Outcomes that were read.
    pub outcomes: u64,
    /// Hours of the store that could not be read and are missing from every number.
    pub unreadable_blocks: u64,
    /// In the order of the config.
    pub services: Vec<ServiceReport>,
    /// Those that take something out of the span, in the order of time.
    pub corrections: Vec<CorrectionReport>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    pub name: String,
    pub description: String,
    pub objectives: Vec<ObjectiveReport>,
    pub probes: Vec<ProbeReport>,
}

/// One objective over the span. An event is an outcome, or a minute where minutes are budgeted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveReport {
    pub name: String,
    pub result: Verdict,
    /// `99.9% of minutes`
    pub promise: String,
    pub target_ratio: f64,
    /// good / (good + bad)
    pub sli_ratio: Option<f64>,
    pub good_events: u64,
    pub bad_events: u64,
    /// Events that the span would hold if all were counted, without what corrections took out.
    pub expected_events: f64,
    /// (good + bad) / expected
    pub coverage_ratio: Option<f64>,
    /// Not counted, because an attempt failed for a reason of our own.
    pub void_events: u64,
    /// Not counted, because nobody watched.
    pub missing_events: f64,
    /// Taken out by corrections.
    pub corrected_seconds: f64,
    /// Bad events that the span may have: (1 - target) x expected.
    pub budget_events: f64,
    pub budget_spent_ratio: Option<f64>,
    pub budget_left_ratio: Option<f64>,
    /// Of the bad outcomes, most first.
    pub causes: Vec<CauseReport>,
    /// The budget from the span's start to the last outcome.
    pub burn_down: BurnDownReport,
    /// The worst, at most [`super::SHOWN`].
    pub incidents: Vec<IncidentReport>,
    pub incidents_not_shown: u64,
    /// Bad events in no incident.
    pub scattered_bad_events: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The budget is overspent, whatever happened while nobody watched.
    Missed,
    /// Neither can be said.
    NotEnoughData,
    /// What was counted keeps the promise, and enough was.
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
    /// Share of the span's whole budget.
    pub left_ratio: f64,
    /// What were left if it was spent evenly.
    pub ideal_left_ratio: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentReport {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub duration_seconds: f64,
    pub bad_events: u64,
    pub budget_spent_ratio: Option<f64>,
    pub main_cause: String,
    /// Its share of the incident's bad outcomes.
    pub main_cause_ratio: f64,
    /// One message of the main cause. It may quote what the service sent.
    pub example: Option<String>,
}

/// One correction with all its occurrences in the span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrectionReport {
    pub id: String,
    /// Start of the first occurrence.
    pub from: DateTime<Utc>,
    /// End of the last one.
    pub to: DateTime<Utc>,
    pub occurrences: u64,
    /// What they take out of the span.
    pub corrected_seconds: f64,
    /// Empty means all.
    pub services: Vec<String>,
    /// Empty means all.
    pub slos: Vec<String>,
    pub reason: String,
    pub author: String,
}

/// How well a probe watched, corrections or not: nothing of this is charged to the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    pub name: String,
    pub outcomes: u64,
    /// Attempts that failed for a reason of our own.
    pub void_outcomes: u64,
    pub voids: Vec<VoidReport>,
    /// Time in which attempts were due and none was made.
    pub unwatched_seconds: f64,
    pub longest_gap_start: Option<DateTime<Utc>>,
    pub longest_gap_seconds: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoidReport {
    pub reason: String,
    pub outcomes: u64,
}
