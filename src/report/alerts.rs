//! Burn-rate alerts as lists: in JSON and as a table.

use super::table::{drawn, known, plain};
use crate::alert::{AlertKey, AlertRecord};
use crate::format::{numbers, times};
use crate::outcome::Timestamp;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlertEntry {
    pub service: String,
    pub slo: String,
    pub tier: u8,
    /// `1h/5m`
    pub windows: String,
    /// `page` or `ticket`
    pub urgency: String,
    pub severity: String,
    pub fired_at: DateTime<Utc>,
    /// Absent while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Share of the error budget that was spent when it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_spent_ratio: Option<f64>,
    /// Whether a faster tier of the same objective was firing already.
    pub inhibited: bool,
}

impl AlertEntry {
    pub fn of(alert: &AlertRecord) -> Self {
        let AlertKey { service, slo, tier } = &alert.key;
        Self {
            service: service.to_string(),
            slo: slo.to_string(),
            tier: tier.number,
            windows: tier.windows(),
            urgency: tier.urgency.label().to_owned(),
            severity: tier.urgency.severity().to_owned(),
            fired_at: alert.from.to_utc(),
            ended_at: alert.to.map(Timestamp::to_utc),
            budget_spent_ratio: alert.spent,
            inhibited: alert.inhibited,
        }
    }

    pub fn is_firing(&self) -> bool {
        self.ended_at.is_none()
    }

    fn note(&self) -> &'static str {
        if self.inhibited {
            "after a faster tier"
        } else {
            ""
        }
    }
}

/// One line each.
pub fn to_text(alerts: &[AlertEntry]) -> String {
    if alerts.is_empty() {
        return "No alerts.\n".to_owned();
    }
    let mut table = plain(&[
        "SERVICE",
        "SLO",
        "TIER",
        "URGENCY",
        "FIRED (UTC)",
        "ENDED (UTC)",
        "BUDGET SPENT",
        "",
    ]);
    for alert in alerts {
        table.add_row([
            alert.service.clone(),
            alert.slo.clone(),
            alert.windows.clone(),
            alert.urgency.clone(),
            times::second(alert.fired_at),
            alert
                .ended_at
                .map_or_else(|| "still firing".to_owned(), times::second),
            known(alert.budget_spent_ratio, numbers::spent),
            alert.note().to_owned(),
        ]);
    }
    drawn(table, &[6]) + "\n"
}
