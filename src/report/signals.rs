//! Warning signs and healthy indicators as people and programs read them.

use crate::signal::Finding;
use crate::text::printable;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

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
        }
    }

    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// The indicators and signs of one service, or of the host without one.
pub fn to_text(title: &str, signs: &[SignalEntry]) -> String {
    let mut out = format!("{}\n", printable(title));
    for (indicator, names) in INDICATORS {
        let of = |name: &str, state: &str| {
            let mut found = signs.iter();
            found.find(|one| one.signal == name && one.state == state)
        };
        let active = names.iter().find_map(|name| of(name, "active"));
        // Without a sign against it, the first one decides.
        let decides = || of(names[0], "unknown").or_else(|| of(names[0], "clear"));
        let (word, evidence) = match active.or_else(decides) {
            Some(one) if one.is_active() => ("NO", one.evidence.as_str()),
            Some(one) if one.state == "clear" => ("yes", one.evidence.as_str()),
            Some(one) => ("unknown", one.evidence.as_str()),
            None => ("unknown", "nothing of it is sampled"),
        };
        writeln!(
            out,
            "  {word:<8} {indicator}\n           {}",
            printable(evidence)
        )
        .unwrap_or_default();
    }
    let active: Vec<&SignalEntry> = signs.iter().filter(|one| one.is_active()).collect();
    if active.is_empty() {
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
        let text = to_text("rag", &signs);
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
