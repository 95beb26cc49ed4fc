//! Summary of a run for a list.

use super::RunReport;
use crate::config::ServiceSpec;
use crate::format::numbers;
use crate::load::{Figures, Model};
use crate::store::{KeptSummary, Store, StoreError};
use crate::version;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// What a list shows of a completed run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The most important result, without the names of the run.
    pub finding: String,
    /// `passed`, `failed`, or `unknown`.
    pub verdict: Cow<'static, str>,
    /// Number of bad statements that do not fail the run.
    pub findings: usize,
    /// The highest planned load: users, or starts per second.
    pub peak: f64,
    /// `users` or `per_second`
    pub peak_unit: Cow<'static, str>,
    pub requests: u64,
    pub rate_per_second: f64,
    pub error_ratio: Option<f64>,
    pub p95_seconds: Option<f64>,
}

impl RunSummary {
    pub fn of(report: &RunReport) -> Self {
        let figures = Figures::of(&report.run.windows);
        let scenario = &report.run.scenario;
        Self {
            finding: report.finding(),
            verdict: report.verdict().into(),
            findings: report.findings(),
            peak: scenario.peak(),
            peak_unit: match scenario.model {
                Model::Closed { .. } => "users".into(),
                Model::Open { .. } => "per_second".into(),
            },
            requests: figures.completed,
            rate_per_second: figures.rate(),
            error_ratio: figures.error_ratio(),
            p95_seconds: figures.quantile(0.95).map(|p95| p95.as_secs_f64()),
        }
    }

    /// Hash of everything that runs of a service are judged by: the program version, and the objectives and
    /// load of the config.
    pub fn basis(service: Option<&ServiceSpec>) -> i64 {
        let mut basis = DefaultHasher::new();
        version::LONG.hash(&mut basis);
        if let Some(service) = service {
            for one in &service.objectives {
                format!("{:?}", (&one.name, &one.sli, one.target)).hash(&mut basis);
            }
            let levels = service.load.as_ref().map(|load| {
                let users = (&load.users, load.peak_users);
                let rate = (&load.rate, load.peak_rate);
                format!("{:?}", (users, rate, &load.average, load.max))
            });
            levels.hash(&mut basis);
        }
        basis.finish().cast_signed()
    }

    /// Reads the stored summary of a run with this basis; `None` without one.
    pub fn read(store: &Store, run: i64, basis: i64) -> Result<Option<Self>, StoreError> {
        let text = store.run_summary(run, basis)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Converts it for the store.
    pub fn to_stored(&self, basis: i64) -> KeptSummary {
        let text = serde_json::to_string(self).unwrap_or_default();
        KeptSummary { basis, text }
    }

    /// `passed, 2 findings`
    pub fn verdict(&self) -> String {
        with_findings(&self.verdict, self.findings)
    }

    /// Formats the load: `200 users`, `150/s`; `–` for results of tools that do not record the plan.
    pub fn load(&self) -> String {
        let peak = numbers::level(self.peak);
        match &*self.peak_unit {
            _ if self.peak <= 0.0 => "–".to_owned(),
            "users" if peak == "1" => "1 user".to_owned(),
            "users" => format!("{peak} users"),
            _ => format!("{peak}/s"),
        }
    }

    pub fn p95(&self) -> Option<Duration> {
        let p95 = self.p95_seconds?;
        Duration::try_from_secs_f64(p95).ok()
    }
}

/// `passed, 1 finding`
pub(super) fn with_findings(verdict: &str, findings: usize) -> String {
    match findings {
        0 => verdict.to_owned(),
        1 => format!("{verdict}, 1 finding"),
        more => format!("{verdict}, {more} findings"),
    }
}
