//! Warning signs and healthy indicators as people and programs read them.

use crate::alert::{AlertRecord, Source};
use crate::signal::{Finding, Findings};
use crate::text::printable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The healthy indicators and warning signs of a service, or the signs of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthAnswer {
    /// Absent for the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    pub indicators: Vec<IndicatorEntry>,
    pub signals: Vec<SignalEntry>,
}

/// What is known of a healthy indicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorEntry {
    pub title: String,
    /// `yes`, `no` or `unknown`.
    pub holds: String,
    /// The numbers that it was decided by, or what is missing.
    pub evidence: String,
}

/// What one sign found.
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
    /// Since when the alert of the sign fires; absent until it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Where its section of the runbook is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runbook: String,
}

/// The healthy indicators, with the signs that contradict each.
const INDICATORS: [(&str, &[&str]); 6] = [
    (
        "Response times stay consistent under load",
        &["latency_rising"],
    ),
    ("Error rate does not climb", &["errors_climbing"]),
    ("CPU usage is not high", &["cpu_high", "throttled"]),
    (
        "Memory usage stable (no growth)",
        &["memory_growing", "out_of_memory"],
    ),
    ("Database connections properly pooled", &["pool_exhausted"]),
    ("No connection timeouts", &["connection_timeouts"]),
];

impl SignalEntry {
    pub fn of(one: &Finding) -> Self {
        Self {
            signal: one.kind.name.to_owned(),
            title: one.kind.title.to_owned(),
            service: one.service.as_deref().map(str::to_owned),
            subject: one.subject.to_string(),
            state: one.presence.label().to_owned(),
            evidence: one.evidence.clone(),
            since: None,
            runbook: format!("/runbook#{}", one.kind.alert.to_lowercase()),
        }
    }

    /// With the time since when its alert is among those that fire.
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
    /// What is known of a service, or of the host without one.
    pub fn of(service: Option<&str>, findings: &Findings, firing: &[AlertRecord]) -> Self {
        let all = findings.all.iter();
        let own = all.filter(|one| one.service.as_deref() == service);
        let signals: Vec<_> = own
            .map(|one| SignalEntry::of(one).with_alert(firing))
            .collect();
        Self {
            service: service.map(str::to_owned),
            indicators: indicators(&signals),
            signals,
        }
    }

    pub fn active(&self) -> impl Iterator<Item = &SignalEntry> {
        self.signals.iter().filter(|one| one.is_active())
    }

    pub fn to_text(&self) -> String {
        let title = self.service.as_deref().unwrap_or("host");
        let mut out = format!("{}\n", printable(title));
        for one in &self.indicators {
            let word = if one.holds == "no" { "NO" } else { &*one.holds };
            let title = printable(&one.title);
            let evidence = printable(&one.evidence);
            writeln!(out, "  {word:<8} {title}\n           {evidence}").unwrap_or_default();
        }
        let mut active = self.active().peekable();
        if active.peek().is_none() {
            out.push_str("no warning sign\n");
            return out;
        }
        out.push_str("warning signs\n");
        for one in active {
            let subject = if one.subject.is_empty() {
                String::new()
            } else {
                format!(" ({})", one.subject)
            };
            writeln!(
                out,
                "  {}{}: {}",
                one.title,
                printable(&subject),
                printable(&one.evidence)
            )
            .unwrap_or_default();
        }
        out
    }
}

/// Each indicator, answered by a sign against it, or else by its first sign.
fn indicators(signs: &[SignalEntry]) -> Vec<IndicatorEntry> {
    let of = |name: &str, state: &str| {
        let mut found = signs.iter();
        found.find(|one| one.signal == name && one.state == state)
    };
    let answer = |(title, names): (&str, &[&str])| {
        let active = names.iter().find_map(|name| of(name, "active"));
        let decides = || of(names[0], "unknown").or_else(|| of(names[0], "clear"));
        let sign = active.or_else(decides);
        let evidence = sign.map_or("nothing of it is sampled", |one| &one.evidence);
        IndicatorEntry {
            title: title.to_owned(),
            holds: match sign.map(|one| one.state.as_str()) {
                Some("active") => "no",
                Some("clear") => "yes",
                _ => "unknown",
            }
            .to_owned(),
            evidence: evidence.to_owned(),
        }
    };
    INDICATORS.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(signal: &str, state: &str) -> SignalEntry {
        SignalEntry {
            signal: signal.to_owned(),
            title: signal.to_owned(),
            service: Some("rag".to_owned()),
            subject: String::new(),
            state: state.to_owned(),
            evidence: format!("{signal} is {state}"),
            since: None,
            runbook: String::new(),
        }
    }

    #[test]
    fn each_indicator_is_answered_by_its_worst_sign() {
        let signs = [
            entry("cpu_high", "clear"),
            entry("throttled", "active"),
            entry("memory_growing", "clear"),
            entry("out_of_memory", "unknown"),
            entry("pool_exhausted", "unknown"),
        ];
        let text = HealthAnswer {
            service: Some("rag".to_owned()),
            indicators: indicators(&signs),
            signals: signs.into(),
        }
        .to_text();
        for line in [
            "  NO       CPU usage is not high\n           throttled is active",
            "  yes      Memory usage stable (no growth)\n           memory_growing is clear",
            "  unknown  Database connections properly pooled\n           pool_exhausted is unknown",
            "  unknown  No connection timeouts\n           nothing of it is sampled",
            "  throttled: throttled is active",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }
}
