//! Warning signs and healthy indicators in JSON and text.

use super::maintenance::MaintenanceEntry;
use crate::alert::{AlertRecord, Source};
use crate::ledger::snapshot::ServiceView;
use crate::signal::{Finding, Findings, Indicator};
use crate::text::printable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Healthy indicators and warning signs of a service, or warning signs of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthAnswer {
    /// Absent for the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Set while the service is in maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceEntry>,
    pub indicators: Vec<IndicatorEntry>,
    pub signals: Vec<SignalEntry>,
}

/// Finding of one warning sign.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignalEntry {
    pub signal: String,
    pub title: String,
    /// Absent for the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The process, file system or probe that it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// `active`, `clear` or `unknown`.
    pub state: String,
    pub evidence: String,
    /// Since when the alert of the sign is firing; absent if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Link to its section of the runbook.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runbook: String,
}

/// State of a healthy indicator of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndicatorEntry {
    pub indicator: String,
    pub title: String,
    pub service: String,
    /// `yes`, `no` or `unknown`.
    pub holds: String,
    pub evidence: String,
}

impl IndicatorEntry {
    pub fn of(one: &Indicator) -> Self {
        let word = match one.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        Self {
            indicator: one.kind.name.to_owned(),
            title: one.kind.title.to_owned(),
            service: one.service.to_string(),
            holds: word.to_owned(),
            evidence: one.evidence.to_string(),
        }
    }
}

impl SignalEntry {
    pub fn of(one: &Finding) -> Self {
        Self {
            signal: one.kind.name.to_owned(),
            title: one.kind.title.to_owned(),
            service: one.service.as_deref().map(str::to_owned),
            subject: one.subject.to_string(),
            state: one.presence.label().to_owned(),
            evidence: one.evidence.to_string(),
            since: None,
            runbook: format!("/runbook#{}", one.kind.alert.to_lowercase()),
        }
    }

    /// Sets the time since which the alert is firing, if it is among the firing ones.
    #[must_use]
    pub fn with_alert(self, firing: &[AlertRecord]) -> Self {
        if !self.is_active() {
            return self;
        }
        let service = self.service.as_deref().unwrap_or_default();
        let is_its = |one: &&AlertRecord| match &one.key.source {
            Source::Sign { sign, subject } => {
                *one.key.service == *service && **sign == *self.signal && **subject == *self.subject
            }
            Source::Budget { .. } => false,
        };
        let since = firing.iter().find(is_its).map(|one| one.from.to_utc());
        Self { since, ..self }
    }

    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

impl HealthAnswer {
    /// Collects the findings of a service, or of the host without one.
    pub fn of(service: Option<&ServiceView>, findings: &Findings, firing: &[AlertRecord]) -> Self {
        let maintenance = service.and_then(|view| view.maintenance.as_ref());
        let service = service.map(|view| &*view.name);
        let signals = findings.all.iter();
        let signals = signals.filter(|one| one.service.as_deref() == service);
        let indicators = findings.indicators.iter();
        let indicators = indicators.filter(|one| Some(&*one.service) == service);
        Self {
            service: service.map(str::to_owned),
            maintenance: maintenance.map(MaintenanceEntry::of),
            indicators: indicators.map(IndicatorEntry::of).collect(),
            signals: signals
                .map(|one| SignalEntry::of(one).with_alert(firing))
                .collect(),
        }
    }

    pub fn active(&self) -> impl Iterator<Item = &SignalEntry> {
        self.signals.iter().filter(|one| one.is_active())
    }

    /// Whether the service is healthy: `None` if unknown, for example in maintenance. Warning signs that
    /// belong to no indicator do not count for a service; the host has only signs.
    pub fn is_healthy(&self) -> Option<bool> {
        if self.maintenance.is_some() {
            return None;
        }
        let words: Vec<&str> = if self.service.is_some() {
            self.indicators.iter().map(|one| &*one.holds).collect()
        } else {
            let word = |one: &SignalEntry| match &*one.state {
                "active" => "no",
                "clear" => "yes",
                _ => "unknown",
            };
            self.signals.iter().map(word).collect()
        };
        if words.contains(&"no") {
            Some(false)
        } else {
            words.contains(&"yes").then_some(true)
        }
    }

    pub fn to_text(&self) -> String {
        let title = self.service.as_deref().unwrap_or("host");
        let mut out = format!("{}\n", printable(title));
        if let Some(maintenance) = &self.maintenance {
            writeln!(out, "  {}", maintenance.words()).unwrap_or_default();
        }
        for one in &self.indicators {
            let word = if one.holds == "no" { "NO" } else { &*one.holds };
            let (title, evidence) = (printable(&one.title), printable(&one.evidence));
            writeln!(out, "  {word:<8} {title}\n           {evidence}").unwrap_or_default();
        }
        let mut active = self.active().peekable();
        if active.peek().is_none() {
            let unknown = self.signals.iter().filter(|one| one.state == "unknown");
            match unknown.count() {
                0 => out.push_str("no warning signs\n"),
                some => writeln!(out, "no warning signs, {some} unknown").unwrap_or_default(),
            }
            return out;
        }
        out.push_str("warning signs\n");
        for one in active {
            let subject = if one.subject.is_empty() {
                String::new()
            } else {
                format!(" ({})", printable(&one.subject))
            };
            let (title, evidence) = (printable(&one.title), printable(&one.evidence));
            writeln!(out, "  {title}{subject}: {evidence}").unwrap_or_default();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(service: Option<&str>, holds: &[&str], states: &[&str]) -> HealthAnswer {
        let indicators = holds.iter().map(|word| IndicatorEntry {
            indicator: "error_rate".to_owned(),
            title: "Error rate remains below 0.1%".to_owned(),
            service: "rag".to_owned(),
            holds: (*word).to_owned(),
            evidence: "3 of 360 failed".to_owned(),
        });
        let signals = states.iter().map(|state| SignalEntry {
            signal: "restarted".to_owned(),
            title: "Restarted".to_owned(),
            service: service.map(str::to_owned),
            subject: "main".to_owned(),
            state: (*state).to_owned(),
            evidence: "2 restarts".to_owned(),
            since: None,
            runbook: String::new(),
        });
        HealthAnswer {
            service: service.map(str::to_owned),
            maintenance: None,
            indicators: indicators.collect(),
            signals: signals.collect(),
        }
    }

    #[test]
    fn a_service_is_as_healthy_as_its_indicators() {
        let healthy = |holds: &[&str]| answer(Some("rag"), holds, &["active"]).is_healthy();
        assert_eq!(healthy(&["yes", "no", "unknown"]), Some(false));
        assert_eq!(
            healthy(&["yes", "unknown"]),
            Some(true),
            "a restart is no indicator"
        );
        assert_eq!(healthy(&["unknown", "unknown"]), None);
        let host = |states: &[&str]| answer(None, &[], states).is_healthy();
        assert_eq!(host(&["clear", "active"]), Some(false));
        assert_eq!(host(&["clear", "unknown"]), Some(true));
        assert_eq!(host(&[]), None);
    }

    #[test]
    fn a_service_in_maintenance_is_not_judged() {
        let mut answer = answer(Some("rag"), &["no"], &[]);
        answer.maintenance = Some(MaintenanceEntry {
            until: DateTime::UNIX_EPOCH,
            reason: "upgrade".to_owned(),
        });
        assert_eq!(answer.is_healthy(), None);
        let first = "rag\n  in maintenance until 1970-01-01 00:00:00 UTC: upgrade\n  NO ";
        assert!(answer.to_text().starts_with(first), "{}", answer.to_text());
    }

    #[test]
    fn the_text_has_each_number() {
        let text = answer(Some("rag"), &["no"], &["active", "clear"]).to_text();
        let expected = "rag
  NO       Error rate remains below 0.1%
           3 of 360 failed
warning signs
  Restarted (main): 2 restarts
";
        assert_eq!(text, expected);
        assert_eq!(answer(None, &[], &[]).to_text(), "host\nno warning signs\n");
        let unknown = answer(None, &[], &["clear", "unknown"]).to_text();
        assert_eq!(unknown, "host\nno warning signs, 1 unknown\n");
    }
}
