//! The status as text.

use super::{ObjectiveStatus, Status};
use crate::format::numbers;
use crate::report::table::{drawn_within, known, plain};
use crate::report::{alerts, notes};
use crate::units::show_duration;
use std::time::Duration;

impl Status {
    /// Aligned tables of objectives, probes and firing alerts.
    pub fn to_text(&self) -> String {
        self.to_text_within(usize::MAX)
    }

    /// Like `to_text`, without the less important columns if a table is wider than `width`.
    pub fn to_text_within(&self, width: usize) -> String {
        let objectives = self.objectives_table(width);
        let probes = if self.services.iter().all(|one| one.probes.is_empty()) {
            String::new()
        } else {
            format!("\n{}\n", self.probes_table(width))
        };
        let alerts = match &*self.alerts {
            [] => String::new(),
            firing => format!("\nFiring alerts\n{}", alerts::to_text(firing)),
        };
        format!("{objectives}\n{probes}{alerts}{}", self.notes())
    }

    /// Notes on limitations of the numbers.
    fn notes(&self) -> String {
        let mut notes = vec![String::new()];
        if let Some(until) = self.future_until {
            notes.push(notes::future(self.future_outcomes, until));
        }
        for service in &self.services {
            if service.probes.is_empty() && service.objectives.is_empty() {
                let name = &service.name;
                notes.push(format!(
                    "{name}: no probes and no objectives; `slod health` shows its warning signs"
                ));
            }
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
                    numbers::exact_percent(objective.target_ratio),
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
                    known(probe.last_at, |at| {
                        numbers::age((self.at - at).to_std().unwrap_or_default())
                    }),
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

impl ObjectiveStatus {
    fn window(&self) -> String {
        let rolling = || show_duration(Duration::from_secs(self.window_seconds));
        self.calendar.clone().unwrap_or_else(rolling)
    }
}
