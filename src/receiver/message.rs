//! What one message is about: the alerts of a group.

use crate::alert::Notice;
use crate::outcome::Timestamp;
use std::collections::BTreeSet;

/// Alerts that a text lists; the others are a number.
const LISTED: usize = 10;
/// Characters of an alert's line in a list.
const LINE_MAX: usize = 300;

/// What a receiver is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same for each attempt to deliver it, and for no other message.
    pub key: String,
    /// The same for all messages about a group.
    pub incident: String,
    pub receiver: String,
    pub group: String,
    /// When it was due.
    pub at: Timestamp,
    /// Those that fire, then those that ended; the newest first.
    pub notices: Vec<Notice>,
    /// What the receiver calls its earlier message about the incident, which this one replaces.
    pub replaces: Option<String>,
}

impl Message {
    pub fn new(
        receiver: &str,
        group: &str,
        key: String,
        at: Timestamp,
        mut notices: Vec<Notice>,
    ) -> Self {
        notices.sort_by_key(|notice| (notice.is_resolved(), std::cmp::Reverse(notice.from)));
        Self {
            key,
            incident: format!("slod/{receiver}/{group}"),
            receiver: receiver.to_owned(),
            group: group.to_owned(),
            at,
            notices,
            replaces: None,
        }
    }

    /// A message to try a receiver with.
    pub fn sample(resolved: bool, now: Timestamp) -> Self {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let notice = Notice {
            labels: [
                text("alertname", "SlodTest"),
                text("service", "example"),
                text("severity", "ticket"),
            ]
            .into(),
            annotations: [
                text("summary", "Test notification of slod"),
                text(
                    "description",
                    "Somebody ran `slod notify test`. Nothing is wrong.",
                ),
            ]
            .into(),
            from: Timestamp(now.0 - 60_000),
            to: resolved.then_some(now),
        };
        Self::new("test", "test", "slod-test".to_owned(), now, vec![notice])
    }

    pub fn firing(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(|notice| !notice.is_resolved())
    }

    pub fn is_resolved(&self) -> bool {
        self.firing().next().is_none()
    }

    /// `firing` or `resolved`, as Alertmanager calls them.
    pub fn status(&self) -> &'static str {
        if self.is_resolved() {
            "resolved"
        } else {
            "firing"
        }
    }

    /// Whether one of the alerts that fire is a page.
    pub fn is_page(&self) -> bool {
        self.firing()
            .any(|notice| matches!(notice.label("severity"), Some("page" | "critical")))
    }

    /// The value that all alerts have of a label or annotation.
    pub fn common(&self, of: impl Fn(&Notice) -> Option<&str>) -> Option<&str> {
        let values: BTreeSet<_> = self.notices.iter().map(of).collect();
        match values.into_iter().collect::<Vec<_>>()[..] {
            [Some(value)] => Some(value),
            _ => None,
        }
    }

    /// The value of a template's field; empty if there is none.
    pub fn field(&self, name: &str) -> String {
        let firing = self.firing().count();
        let annotation = |name: &str| {
            let values = self.common(|notice| notice.annotations.get(name).map(String::as_str));
            values.unwrap_or_default().to_owned()
        };
        match name {
            "status" if self.is_resolved() => "RESOLVED".to_owned(),
            "status" if firing > 1 => format!("FIRING {firing}"),
            "status" => "FIRING".to_owned(),
            "firing" => firing.to_string(),
            "resolved" => (self.notices.len() - firing).to_string(),
            "summary" => self.summary(),
            "list" => self.list(),
            "description" | "runbook_url" => annotation(name),
            _ => match name.strip_prefix("annotation.") {
                Some(name) => annotation(name),
                None => self.label(name.strip_prefix("label.").unwrap_or(name)),
            },
        }
    }

    fn label(&self, name: &str) -> String {
        let value = self.common(|notice| notice.label(name));
        value.unwrap_or_default().to_owned()
    }

    /// The summary of the only alert, or how many there are and of which services.
    fn summary(&self) -> String {
        if let [notice] = &self.notices[..] {
            return summary(notice);
        }
        let firing = self.firing().count();
        let services: BTreeSet<_> = self
            .notices
            .iter()
            .filter_map(|notice| notice.label("service"))
            .collect();
        let resolved = self.notices.len() - firing;
        format!(
            "{firing} alerts firing, {resolved} resolved, of {} services",
            services.len()
        )
    }

    /// A line for each of the first alerts.
    fn list(&self) -> String {
        let lines = self.notices.iter().take(LISTED).map(|notice| {
            let state = if notice.is_resolved() {
                "resolved"
            } else {
                "firing"
            };
            let line: String = summary(notice).chars().take(LINE_MAX).collect();
            format!("- {state}: {line}")
        });
        let mut lines: Vec<_> = lines.collect();
        if self.notices.len() > LISTED {
            lines.push(format!("- and {} more", self.notices.len() - LISTED));
        }
        lines.join("\n")
    }
}

fn summary(notice: &Notice) -> String {
    let written = notice.annotations.get("summary").cloned();
    written.unwrap_or_else(|| {
        let labels: Vec<_> = notice.labels.values().map(String::as_str).collect();
        labels.join(" ")
    })
}
