//! Lists of alerts: JSON and a table.

use super::table::{drawn, known, plain};
use crate::alert::{AlertRecord, AlertRules, Condition, Inhibitor, Source};
use crate::format::{numbers, times};
use crate::outcome::Timestamp;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlertEntry {
    /// Fingerprint of the labels, as in Alertmanager. Absent if the config is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(default)]
    pub alertname: String,
    /// Empty for alerts of the host and of slod itself.
    pub service: String,
    /// Empty for warning signs.
    pub slo: String,
    /// Absent for warning signs and for conditions other than tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// The number of the tier, `exhausted` or `forecast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Name of the warning sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// What the sign is about within the service, such as a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `1h/5m`
    pub windows: String,
    /// `page` or `ticket`
    pub urgency: String,
    pub severity: String,
    pub fired_at: DateTime<Utc>,
    /// Absent while firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended. Absent while firing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ended_because: String,
    /// Error budget spent when the alert fired, as a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_spent_ratio: Option<f64>,
    /// Evidence when it fired, and the most recent one.
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
    pub evidence: String,
    /// Whether another alert explains it, so that nobody was notified.
    pub inhibited: bool,
    /// `tier 1`, `service database`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inhibited_by: Option<String>,
    /// ID of the silence that matches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_by: Option<i64>,
    /// What held it back at first, and until when: `silence 7 until 2026-11-01 17:35 UTC`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub held_back: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<AcknowledgedEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcknowledgedEntry {
    pub at: DateTime<Utc>,
    pub by: String,
    pub note: String,
}

impl AlertEntry {
    pub fn of(alert: &AlertRecord) -> Self {
        let condition = alert.key.condition();
        let (signal, subject) = match &alert.key.source {
            Source::Budget { .. } => (None, None),
            Source::Sign { sign, subject } => (Some(sign.to_string()), Some(subject.to_string())),
        };
        let acknowledged = alert.acknowledged.as_ref().map(|one| AcknowledgedEntry {
            at: one.at.to_utc(),
            by: one.by.clone(),
            note: one.note.clone(),
        });
        Self {
            fingerprint: None,
            alertname: alert.alertname.to_string(),
            service: alert.key.service.to_string(),
            slo: alert.key.slo().unwrap_or_default().to_owned(),
            tier: alert.key.tier().map(|tier| tier.number),
            condition: condition.map(Condition::label),
            signal,
            subject: subject.filter(|subject| !subject.is_empty()),
            windows: condition.map_or_else(String::new, Condition::windows),
            urgency: alert.urgency.label().to_owned(),
            severity: alert.urgency.severity().to_owned(),
            fired_at: alert.from.to_utc(),
            ended_at: alert.to.map(Timestamp::to_utc),
            ended_because: alert.ended_because.to_string(),
            budget_spent_ratio: alert.spent,
            summary: alert.summary.to_string(),
            evidence: alert.evidence.to_string(),
            inhibited: alert.is_inhibited(),
            inhibited_by: alert.inhibited_by.as_ref().map(Inhibitor::words),
            silenced_by: alert.silenced_by,
            held_back: alert.held_back.to_string(),
            acknowledged,
        }
    }

    /// Converts an alert, with a fingerprint of the labels that the config gives it.
    pub fn with_fingerprint(alert: &AlertRecord, rules: &AlertRules) -> Self {
        Self {
            fingerprint: Some(rules.fingerprint(alert)),
            ..Self::of(alert)
        }
    }

    pub fn is_firing(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether a faster tier of the same objective is firing too.
    fn is_slower(&self) -> bool {
        let by = self.inhibited_by.as_deref();
        by.is_some_and(|by| by.starts_with("tier "))
    }

    /// Why it does not notify or did so late, who acknowledged it, and why it ended.
    fn note(&self) -> String {
        let inhibited = self.inhibited_by.as_deref().map(inhibited);
        let silenced = self.silenced_by.map(|id| format!("silence {id}"));
        let acknowledged = self.acknowledged.as_ref().map(|one| match &*one.note {
            "" => format!("acknowledged by {}", one.by),
            note => format!("acknowledged by {}: {note}", one.by),
        });
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let (held_back, ended) = (text(&self.held_back), text(&self.ended_because));
        let all = [inhibited, silenced, held_back, acknowledged, ended];
        let all = all.into_iter().flatten();
        all.collect::<Vec<_>>().join(", ")
    }
}

/// `inhibited by a faster tier`, `inhibited by service database`; `by` is the name of the inhibitor in the API.
pub(super) fn inhibited(by: &str) -> String {
    let known = Inhibitor::parse(by).map(|by| by.described());
    format!("inhibited by {}", known.as_deref().unwrap_or(by))
}

/// Renders one line per alert.
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
        let about = alert.signal.as_ref().unwrap_or(&alert.slo);
        let detail = alert.subject.as_ref().unwrap_or(&alert.windows);
        table.add_row([
            alert.service.clone(),
            about.clone(),
            detail.clone(),
            alert.urgency.clone(),
            times::second(alert.fired_at),
            alert
                .ended_at
                .map_or_else(|| "still firing".to_owned(), times::second),
            known(alert.budget_spent_ratio, numbers::spent),
            alert.note(),
        ]);
    }
    drawn(table, &[6]) + "\n"
}

/// Like [`to_text`], followed by the evidence of the firing alerts with their fingerprints. Slower tiers
/// that are inhibited by a faster one are left out, because they show the same numbers.
pub fn with_evidence(alerts: &[AlertEntry]) -> String {
    let mut text = to_text(alerts);
    for alert in alerts
        .iter()
        .filter(|one| one.is_firing() && !one.is_slower() && !one.evidence.is_empty())
    {
        let fingerprint = alert.fingerprint.as_deref().unwrap_or("-");
        let (name, service, evidence) = (&alert.alertname, &alert.service, &alert.evidence);
        // Evidence of a burn rate names the service; that of a sign needs its subject.
        let is_named = !service.is_empty() && evidence.starts_with(&format!("{service}/"));
        let whose = match (&**service, alert.subject.as_deref()) {
            _ if is_named => String::new(),
            ("", None) => String::new(),
            ("", Some(subject)) => format!("{subject}: "),
            (service, None) => format!("{service}: "),
            (service, Some(subject)) => format!("{service} ({subject}): "),
        };
        write!(text, "\n{fingerprint}  {name}  {whose}{evidence}").unwrap_or_default();
    }
    if text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_names_its_service_once() {
        let entry = |service: &str, evidence: &str| -> AlertEntry {
            let entry = serde_json::json!({
                "fingerprint": "f0", "alertname": "SlodX", "service": service, "slo": "a", "windows": "1h/5m",
                "urgency": "page", "severity": "critical", "fired_at": "2026-11-01T00:00:00Z",
                "evidence": evidence, "inhibited": false,
            });
            serde_json::from_value(entry).expect("an alert")
        };
        let alerts = [
            entry("rag", "rag/errors: 5 of 9 were bad"),
            entry("rag", "5 timeouts"),
            entry("", "busy"),
            AlertEntry {
                subject: Some("/srv".to_owned()),
                ..entry("", "100% full")
            },
            AlertEntry {
                subject: Some("worker".to_owned()),
                ..entry("rag", "1 restart")
            },
            AlertEntry {
                inhibited_by: Some("tier 1".to_owned()),
                ..entry("rag", "the same again")
            },
        ];
        let text = with_evidence(&alerts);
        let ends = "\n\nf0  SlodX  rag/errors: 5 of 9 were bad\nf0  SlodX  rag: 5 timeouts\nf0  SlodX  busy\nf0  SlodX  /srv: 100% full\nf0  SlodX  rag (worker): 1 restart\n";
        assert!(text.ends_with(ends), "{text}");
    }
}
