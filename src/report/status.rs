//! SLO status of all services at one time, shared by the daemon, the store and the demo.

mod text;

use super::alerts::AlertEntry;
use super::health::Health;
use super::maintenance::MaintenanceEntry;
use crate::alert::AlertRecord;
use crate::ledger::snapshot::{
    BudgetView, ObjectiveView, ProbeView, ServiceView, Snapshot, WindowView,
};
use crate::outcome::{Timestamp, Verdict};
use crate::slo::{BudgetingMethod, StandardWindow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Content of `slod status` and of its JSON format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub at: chrono::DateTime<chrono::Utc>,
    pub services: Vec<ServiceStatus>,
    /// Burn-rate alerts that are firing.
    #[serde(default)]
    pub alerts: Vec<AlertEntry>,
    /// Stored outcomes that are not counted, because their time is in the future: the clock was ahead when
    /// they were recorded.
    #[serde(default)]
    pub future_outcomes: u64,
    /// The latest of these outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_until: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    pub description: String,
    /// The worst of its probes and objectives: `ok`, `down`, `partly down`, or as for an objective; `in
    /// maintenance` while a correction excludes all of it; `no objectives` if it has neither.
    #[serde(default)]
    pub state: String,
    /// Set while the service is in maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceEntry>,
    /// Labels of the config.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub probes: Vec<ProbeStatus>,
    pub objectives: Vec<ObjectiveStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProbeStatus {
    pub name: String,
    pub kind: String,
    pub target: String,
    /// `ok`, `down`, `no recent data` or `no data yet`.
    #[serde(default)]
    pub state: String,
    pub last_at: Option<chrono::DateTime<chrono::Utc>>,
    /// `good`, or the cause of the failure.
    pub last_verdict: Option<String>,
    pub last_latency_seconds: Option<f64>,
    pub last_message: Option<String>,
    /// Minimum latency that a failed attempt counts as in the quantiles. Older daemons do not send it.
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
    /// Over the last hour; absent while there are too few attempts.
    pub p50_seconds: Option<f64>,
    pub p95_seconds: Option<f64>,
    pub p99_seconds: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectiveStatus {
    pub name: String,
    pub target_ratio: f64,
    pub window_seconds: u64,
    /// `ok`, `warming up`, `burning`, `burning fast`, `recovered`, `budget spent`, `in maintenance`,
    /// `quiet` (no requests), `no recent data` (the metrics cannot be read) or `no data yet`.
    #[serde(default)]
    pub state: String,
    /// `week`, `month`, `quarter` or `year`; absent for a rolling window.
    #[serde(default)]
    pub calendar: Option<String>,
    /// Absent while nothing was observed.
    pub sli_ratio: Option<f64>,
    /// May be negative.
    pub budget_remaining_ratio: Option<f64>,
    #[serde(default)]
    pub burn_rate_5m: Option<f64>,
    pub burn_rate_1h: Option<f64>,
    pub burn_rate_6h: Option<f64>,
    pub coverage_ratio: Option<f64>,
    pub exhaustion_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Remaining downtime allowance: how long a total outage may last.
    pub affordable_outage_seconds: Option<f64>,
    /// When a spent budget recovers if nothing fails from now on.
    pub recovery_at: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default)]
    pub further_windows: Vec<FurtherWindow>,
    /// Counts of all windows, if a single service is requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowStatus>,
    /// The window, or an additional one, reaches further back than the retention: its SLI and budget are
    /// withheld.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_retention: bool,
    /// Before then, latencies near the threshold may be counted on the wrong side: another threshold was
    /// configured when they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approximate_before: Option<chrono::DateTime<chrono::Utc>>,
    /// Ratio around the threshold that is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approximate_within_ratio: Option<f64>,
    /// Outcomes before then were stored without the measurement and are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_since: Option<chrono::DateTime<chrono::Utc>>,
    /// Why the service's own metrics are not counted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_counted: Option<String>,
}

/// Counts of a window. An event is an outcome, or a minute if minutes are budgeted; a minute may be partly
/// good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WindowStatus {
    /// `5m`, `30d`, `month`
    pub window: String,
    pub good_events: f64,
    pub bad_events: f64,
    /// Void outcomes: attempts that failed for a reason within slod and say nothing about the service.
    pub void_outcomes: u64,
    /// Events of the whole window if all were counted.
    pub expected_events: f64,
    pub sli_ratio: Option<f64>,
    pub burn_rate: Option<f64>,
    pub coverage_ratio: Option<f64>,
}

/// An additional window of an objective.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FurtherWindow {
    /// `7d`, `month`
    pub window: String,
    pub sli_ratio: Option<f64>,
    /// May be negative.
    pub budget_remaining_ratio: Option<f64>,
    pub coverage_ratio: Option<f64>,
}

impl Status {
    pub fn of(snapshot: &Snapshot, firing: &[AlertRecord]) -> Self {
        let services = snapshot.services.iter();
        let services = services.map(|service| ServiceStatus::of(service, snapshot.at));
        Self {
            at: snapshot.at.to_utc(),
            services: services.collect(),
            alerts: firing.iter().map(AlertEntry::of).collect(),
            future_outcomes: snapshot.ahead.outcomes,
            future_until: snapshot.ahead.last.map(Timestamp::to_utc),
        }
    }

    /// Whether every objective with a known budget has some left.
    pub fn all_within_budget(&self) -> bool {
        let mut objectives = self.services.iter().flat_map(|service| &service.objectives);
        objectives.all(|objective| {
            objective
                .budget_remaining_ratio
                .is_none_or(|left| left >= 0.0)
        })
    }
}

impl ServiceStatus {
    fn of(service: &ServiceView, at: Timestamp) -> Self {
        let probes = service.probes.iter();
        Self {
            name: service.name.to_string(),
            description: service.description.to_string(),
            state: Health::of(service, at).label().to_owned(),
            maintenance: service.maintenance.as_ref().map(MaintenanceEntry::of),
            labels: service.labels.iter().cloned().collect(),
            probes: probes.map(|probe| ProbeStatus::of(probe, at)).collect(),
            objectives: service.objectives.iter().map(ObjectiveStatus::of).collect(),
        }
    }

    /// Includes the counts of all windows.
    pub fn in_depth(service: &ServiceView, at: Timestamp) -> Self {
        let mut status = Self::of(service, at);
        for (shown, view) in status.objectives.iter_mut().zip(&service.objectives) {
            shown.windows = WindowStatus::all(view);
        }
        status
    }
}

impl WindowStatus {
    /// The windows that all objectives have, then the objective's own ones.
    fn all(view: &ObjectiveView) -> Vec<Self> {
        let budgeting = view.objective.budgeting;
        let common = view.windows.iter();
        let mut all: Vec<_> = common
            .map(|(window, view)| Self::of(window.name().to_owned(), view, budgeting))
            .collect();
        for budget in std::iter::once(&view.budget).chain(&view.additional_budgets) {
            let name = budget.window.name();
            if all.iter().all(|known| known.window != name) {
                all.push(Self::of(name, &budget.period, budgeting));
            }
        }
        all
    }

    fn of(window: String, view: &WindowView, budgeting: BudgetingMethod) -> Self {
        Self {
            window,
            good_events: budgeting.events(view.good),
            bad_events: budgeting.events(view.bad),
            void_outcomes: view.void,
            expected_events: view.expected / f64::from(budgeting.parts()),
            sli_ratio: view.sli,
            burn_rate: view.burn_rate,
            coverage_ratio: view.coverage,
        }
    }
}

impl ProbeStatus {
    fn of(probe: &ProbeView, at: Timestamp) -> Self {
        let last = probe.last.as_ref();
        let [p50, p95, p99] = probe.quantiles[1].map(|quantile| quantile.map(|q| q.as_secs_f64()));
        Self {
            name: probe.key.probe.to_string(),
            kind: probe.kind.to_owned(),
            target: probe.target.to_string(),
            state: Health::of_probe(probe, at).label().to_owned(),
            last_at: last.map(|last| last.at.to_utc()),
            last_verdict: last.map(|last| last.verdict.label().to_owned()),
            last_latency_seconds: last.map(|last| last.latency.as_secs_f64()),
            last_message: last
                .filter(|last| last.verdict != Verdict::Good)
                .and_then(|last| last.message.as_deref().map(str::to_owned)),
            timeout_seconds: Some(probe.timeout.as_secs_f64()),
            p50_seconds: p50,
            p95_seconds: p95,
            p99_seconds: p99,
        }
    }
}

impl FurtherWindow {
    fn of(view: &BudgetView) -> Self {
        Self {
            window: view.window.name(),
            sli_ratio: view.period.sli,
            budget_remaining_ratio: view.left(),
            coverage_ratio: view.period.coverage,
        }
    }
}

impl ObjectiveStatus {
    fn of(view: &ObjectiveView) -> Self {
        Self {
            name: view.objective.name.clone(),
            target_ratio: view.objective.target,
            state: Health::of_objective(view).label().to_owned(),
            calendar: view
                .objective
                .window
                .calendar
                .map(|calendar| calendar.period.name().to_owned()),
            window_seconds: view.objective.window.length.as_secs(),
            sli_ratio: view.budget.period.sli,
            budget_remaining_ratio: view.budget.left(),
            burn_rate_5m: view.windows[StandardWindow::Minutes5].burn_rate,
            burn_rate_1h: view.windows[StandardWindow::Hour1].burn_rate,
            burn_rate_6h: view.windows[StandardWindow::Hours6].burn_rate,
            coverage_ratio: view.budget.period.coverage,
            affordable_outage_seconds: view.budget.affordable.map(|left| left.as_secs_f64()),
            recovery_at: view.budget.recovery.map(Timestamp::to_utc),
            exhaustion_at: view.budget.exhaustion.map(Timestamp::to_utc),
            further_windows: view
                .additional_budgets
                .iter()
                .map(FurtherWindow::of)
                .collect(),
            windows: Vec::new(),
            beyond_retention: view.is_beyond_retention(),
            approximate_before: view.precision.approximate_before.map(Timestamp::to_utc),
            approximate_within_ratio: view.approximate_within(),
            measured_since: view.precision.measured_since.map(Timestamp::to_utc),
            not_counted: view.uncounted.as_ref().map(|one| one.why.to_string()),
        }
    }
}
