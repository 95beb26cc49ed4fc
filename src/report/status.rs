//! The SLOs of all services as one table: the same for a running daemon, a store and the demo.

use super::alerts::{self, AlertEntry};
use super::health::Health;
use super::maintenance::MaintenanceEntry;
use super::notes;
use super::table::{drawn_within, known, plain};
use crate::alert::AlertRecord;
use crate::format::numbers;
use crate::ledger::snapshot::{
    BudgetView, ObjectiveView, ProbeView, ServiceView, Snapshot, WindowView,
};
use crate::outcome::{Timestamp, Verdict};
use crate::slo::{BudgetingMethod, StandardWindow};
use crate::units::show_duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The content of `slod status`, and what `--format json` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub at: chrono::DateTime<chrono::Utc>,
    pub services: Vec<ServiceStatus>,
    /// Burn-rate alerts that fire.
    #[serde(default)]
    pub alerts: Vec<AlertEntry>,
    /// Stored outcomes that are not counted, because their time is still to come: the clock was
    /// ahead when they were made.
    #[serde(default)]
    pub future_outcomes: u64,
    /// The latest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_until: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    pub description: String,
    /// The worst of its probes and objectives: `ok`, `down`, `partly down`, or as for an objective;
    /// `in maintenance` while nothing of it counts.
    #[serde(default)]
    pub state: String,
    /// While nothing of it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceEntry>,
    /// As the config has them.
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
    /// `good`, or the cause.
    pub last_verdict: Option<String>,
    pub last_latency_seconds: Option<f64>,
    pub last_message: Option<String>,
    /// What a failed attempt counts as in the quantiles, at least. An older daemon does not say it.
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
    /// Over the last hour; absent while the sample is too small.
    pub p50_seconds: Option<f64>,
    pub p95_seconds: Option<f64>,
    pub p99_seconds: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectiveStatus {
    pub name: String,
    pub target_ratio: f64,
    pub window_seconds: u64,
    /// `ok`, `warming up`, `burning`, `burning fast`, `recovered`, `budget spent`, `in maintenance` or
    /// `no data yet`.
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
    /// How long a total outage the budget still affords.
    pub affordable_outage_seconds: Option<f64>,
    /// When a spent budget has something left again if nothing fails from now on.
    pub recovery_at: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default)]
    pub further_windows: Vec<FurtherWindow>,
    /// Every window in counts, where one service is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowStatus>,
    /// The window, or one of the further ones, reaches further back than outcomes are kept: its SLI
    /// and budget are withheld.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_retention: bool,
    /// Before then, latencies near the threshold may be counted on the wrong side of it: it was
    /// another one when they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approximate_before: Option<chrono::DateTime<chrono::Utc>>,
    /// How near, as a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approximate_within_ratio: Option<f64>,
    /// Outcomes before then were stored without the measurement, and are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_since: Option<chrono::DateTime<chrono::Utc>>,
    /// Why nothing of its service's metrics is counted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_counted: Option<String>,
}

/// What was counted in a window. An event is an outcome, or a minute where minutes are budgeted,
/// which may be good in part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WindowStatus {
    /// `5m`, `30d`, `month`
    pub window: String,
    pub good_events: f64,
    pub bad_events: f64,
    /// Outcomes that say nothing about the service, because an attempt failed for a reason of our
    /// own.
    pub void_outcomes: u64,
    /// Events that the whole window would hold.
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

    /// Whether every objective with a known budget still has some left.
    pub fn all_within_budget(&self) -> bool {
        let mut objectives = self.services.iter().flat_map(|service| &service.objectives);
        objectives.all(|objective| {
            objective
                .budget_remaining_ratio
                .is_none_or(|left| left >= 0.0)
        })
    }

    /// Aligned tables: objectives, probes, and the alerts that fire.
    pub fn to_text(&self) -> String {
        self.to_text_within(usize::MAX)
    }

    /// What a reader must know of the numbers above.
    fn notes(&self) -> String {
        let mut notes = vec![String::new()];
        if let Some(until) = self.future_until {
            notes.push(notes::future(self.future_outcomes, until));
        }
        for service in &self.services {
            if let Some(maintenance) = &service.maintenance {
                notes.push(format!("{}: {}", service.name, maintenance.words()));
            }
            for objective in &service.objectives {
                let name = format!("{}/{}", service.name, objective.name);
                if objective.beyond_retention {
                    notes.push(format!("{name}: {}", notes::BEYOND_RETENTION));
                }
                let (before, within) = (
                    objective.approximate_before,
                    objective.approximate_within_ratio,
                );
                if let (Some(before), Some(within)) = (before, within) {
                    notes.push(format!("{name}: {}", notes::approximate(before, within)));
                }
                if let Some(missing) = &objective.not_counted {
                    notes.push(format!("{name}: nothing is counted: {missing}"));
                }
                if let Some(since) = objective.measured_since {
                    notes.push(format!("{name}: {}", notes::measured_since(since)));
                }
            }
        }
        if notes.len() == 1 {
            return String::new();
        }
        notes.join("\n") + "\n"
    }

    /// Without the less important columns where the tables are wider than `width`.
    pub fn to_text_within(&self, width: usize) -> String {
        let (objectives, probes) = (self.objectives_table(width), self.probes_table(width));
        let alerts = match &*self.alerts {
            [] => String::new(),
            firing => format!("\nFiring alerts\n{}", alerts::to_text(firing)),
        };
        format!("{objectives}\n\n{probes}\n{alerts}{}", self.notes())
    }

    fn objectives_table(&self, width: usize) -> String {
        let mut table = plain(&[
            "SERVICE",
            "SLO",
            "TARGET",
            "WINDOW",
            "SLI",
            "BUDGET LEFT",
            "BURN 1h",
            "BURN 6h",
            "COVERAGE",
            "STATE",
        ]);
        for service in &self.services {
            for objective in &service.objectives {
                table.add_row([
                    service.name.clone(),
                    objective.name.clone(),
                    numbers::percent(objective.target_ratio),
                    objective.window(),
                    known(objective.sli_ratio, numbers::percent),
                    known(objective.budget_remaining_ratio, numbers::share),
                    known(objective.burn_rate_1h, numbers::burn),
                    known(objective.burn_rate_6h, numbers::burn),
                    known(objective.coverage_ratio, numbers::coverage),
                    objective.state.clone(),
                ]);
                for further in &objective.further_windows {
                    table.add_row([
                        service.name.clone(),
                        objective.name.clone(),
                        String::new(),
                        further.window.clone(),
                        known(further.sli_ratio, numbers::percent),
                        known(further.budget_remaining_ratio, numbers::share),
                        String::new(),
                        String::new(),
                        known(further.coverage_ratio, numbers::coverage),
                    ]);
                }
            }
        }
        drawn_within(table, &[2, 3, 4, 5, 6, 7, 8], width, &[3, 7, 8, 2, 6])
    }

    fn probes_table(&self, width: usize) -> String {
        let mut table = plain(&[
            "PROBE", "LAST", "WHEN", "LATENCY", "P50 1h", "P95 1h", "P99 1h", "TARGET", "STATE",
        ]);
        for service in &self.services {
            for probe in &service.probes {
                let duration = |s: f64| Duration::try_from_secs_f64(s).unwrap_or_default();
                let timeout = probe.timeout_seconds.map(duration);
                let last = |s: f64| numbers::latency(duration(s));
                let quantile = |s: f64| match timeout {
                    Some(timeout) => numbers::latency_or_failed(duration(s), timeout),
                    None => last(s),
                };
                table.add_row([
                    format!("{}/{}", service.name, probe.name),
                    probe.last_verdict.clone().unwrap_or_else(|| "-".to_owned()),
                    probe.last_at.map_or_else(
                        || "-".to_owned(),
                        |at| numbers::age((self.at - at).to_std().unwrap_or_default()),
                    ),
                    known(probe.last_latency_seconds, last),
                    known(probe.p50_seconds, quantile),
                    known(probe.p95_seconds, quantile),
                    known(probe.p99_seconds, quantile),
                    probe.target.clone(),
                    probe.state.clone(),
                ]);
            }
        }
        drawn_within(table, &[3, 4, 5, 6], width, &[7, 6, 4, 2])
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

    /// With the counts of every window.
    pub fn in_depth(service: &ServiceView, at: Timestamp) -> Self {
        let mut status = Self::of(service, at);
        for (shown, view) in status.objectives.iter_mut().zip(&service.objectives) {
            shown.windows = WindowStatus::all(view);
        }
        status
    }
}

impl WindowStatus {
    /// The windows that every objective has, then its own ones that are not among them.
    fn all(view: &ObjectiveView) -> Vec<Self> {
        let budgeting = view.objective.budgeting;
        let common = view.windows.iter();
        let mut all: Vec<_> = common
            .map(|(window, view)| Self::of(window.name().to_owned(), view, budgeting))
            .collect();
        for budget in std::iter::once(&view.budget).chain(&view.further) {
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
    fn window(&self) -> String {
        let rolling = || show_duration(Duration::from_secs(self.window_seconds));
        self.calendar.clone().unwrap_or_else(rolling)
    }

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
            further_windows: view.further.iter().map(FurtherWindow::of).collect(),
            windows: Vec::new(),
            beyond_retention: view.is_beyond_retention(),
            approximate_before: view.precision.approximate_before.map(Timestamp::to_utc),
            approximate_within_ratio: view.approximate_within(),
            measured_since: view.precision.measured_since.map(Timestamp::to_utc),
            not_counted: view.missing.as_deref().map(str::to_owned),
        }
    }
}
