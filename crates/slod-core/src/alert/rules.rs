//! Alert rules: the conditions of each objective, the dependencies between services, and the labels of
//! services.

use super::causes::Causes;
use super::condition::AlertPolicy;
use super::notice::{ENDED_BECAUSE, HELD_BACK, Notice};
use super::record::{AlertKey, AlertRecord, Source};
use super::signs::SignTimings;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Characters that need no escape in a segment of a path (RFC 3986).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A map by service name.
type ByName<T> = BTreeMap<Arc<str>, T>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertRules {
    /// The default policy.
    pub policy: AlertPolicy,
    /// The policies of individual objectives, by service and objective.
    pub own: ByName<ByName<AlertPolicy>>,
    /// Which pages explain which alerts.
    pub causes: Causes,
    /// The configured labels of services.
    pub labels: ByName<Arc<[(String, String)]>>,
    /// Labels of all alerts, which distinguish them from those of other installations.
    pub external: Vec<(String, String)>,
    /// When warning signs become alerts.
    pub signs: SignTimings,
    /// The base URL of the web pages, without a trailing slash.
    pub address: String,
    /// The host that slod runs on. It identifies alerts without a service.
    pub instance: String,
}

impl AlertRules {
    pub fn policy(&self, service: &str, slo: &str) -> &AlertPolicy {
        let own = self.own.get(service).and_then(|own| own.get(slo));
        own.unwrap_or(&self.policy)
    }

    /// The labels that identify an alert for receivers and silences.
    pub fn labels(&self, alert: &AlertRecord) -> BTreeMap<String, String> {
        let AlertKey { service, source } = &alert.key;
        let own = self.labels.get(service).into_iter().flat_map(|one| &**one);
        let mut labels: BTreeMap<_, _> = own.cloned().collect();
        let mut add = |name: &str, value: String| {
            if !value.is_empty() {
                labels.insert(name.to_owned(), value);
            }
        };
        add("alertname", alert.alertname.to_string());
        add("service", service.to_string());
        if service.is_empty() {
            add("instance", self.instance.clone());
        }
        add("severity", alert.urgency.severity().to_owned());
        match source {
            Source::Budget { slo, condition } => {
                add("slo", slo.to_string());
                add("tier", condition.label());
            }
            Source::Sign { sign, subject } => {
                add("signal", sign.to_string());
                add("subject", subject.to_string());
            }
        }
        self.add_external(&mut labels);
        labels
    }

    /// Adds the labels of all alerts, except for those that an alert already has.
    pub fn add_external(&self, labels: &mut BTreeMap<String, String>) {
        for (name, value) in &self.external {
            let label = labels.entry(name.clone());
            label.or_insert_with(|| value.clone());
        }
    }

    pub fn notice(&self, alert: &AlertRecord) -> Notice {
        let words = alert.key.words();
        let service = &*alert.key.service;
        let what = match alert.key.condition() {
            Some(condition) => format!("{words}: {}", condition.words()),
            None if service.is_empty() && !self.instance.is_empty() => {
                format!("{words} on {}: {}", self.instance, alert.evidence)
            }
            None => format!("{words}: {}", alert.evidence),
        };
        let description = match (alert.to, alert.key.condition()) {
            // It has numbers of a time at which the objective still failed.
            (Some(_), Some(_)) => format!("last evidence: {}", alert.evidence),
            _ => alert.evidence.to_string(),
        };
        let annotations = [
            ("summary", what),
            ("description", description),
            ("page_url", self.page(service)),
            (
                "runbook_url",
                format!("{}/{}", self.address, alert.runbook()),
            ),
        ];
        let optional = [
            ("chart", &alert.chart),
            (HELD_BACK, &alert.held_back),
            (ENDED_BECAUSE, &alert.ended_because),
        ];
        let optional = optional.into_iter().filter(|(_, text)| !text.is_empty());
        let optional = optional.map(|(name, text)| (name, text.to_string()));
        let annotations = annotations.into_iter().chain(optional);
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value));
        Notice {
            labels: self.labels(alert),
            annotations: annotations.collect(),
            from: alert.from,
            to: alert.to,
        }
    }

    /// The URL of the page of a service, or of the overview.
    fn page(&self, service: &str) -> String {
        if service.is_empty() {
            return format!("{}/", self.address);
        }
        let name = utf8_percent_encode(service, UNRESERVED);
        format!("{}/services/{name}", self.address)
    }

    /// The fingerprint of the alert's labels in hexadecimal, as in Alertmanager.
    pub fn fingerprint(&self, alert: &AlertRecord) -> String {
        let notice = Notice {
            labels: self.labels(alert),
            annotations: BTreeMap::new(),
            from: alert.from,
            to: None,
        };
        format!("{:016x}", notice.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Urgency;
    use crate::outcome::Timestamp;

    fn notice(service: &str, subject: &str) -> Notice {
        let rules = AlertRules {
            address: "http://slod".to_owned(),
            instance: "db1".to_owned(),
            ..AlertRules::default()
        };
        let key = AlertKey::sign(service.into(), "disk_full_soon".into(), subject.into());
        let (at, urgency) = (Timestamp(0), Urgency::Ticket);
        let alert = AlertRecord::new(key, "SlodDiskFullSoon", urgency, at, "96% full");
        rules.notice(&alert)
    }

    #[test]
    fn external_labels_are_those_that_an_alert_does_not_have() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let rules = AlertRules {
            external: vec![pair("cluster", "eu1"), pair("team", "sre")],
            labels: [("rag".into(), [pair("team", "search")].into())].into(),
            ..AlertRules::default()
        };
        let key = AlertKey::sign("rag".into(), "queue_growing".into(), "".into());
        let alert = AlertRecord::new(key, "SlodQueueGrowing", Urgency::Ticket, Timestamp(0), "x");
        let labels = rules.labels(&alert);
        assert_eq!((&*labels["cluster"], &*labels["team"]), ("eu1", "search"));
    }

    #[test]
    fn an_alert_without_a_service_names_its_host() {
        let host = notice("", "/srv");
        assert_eq!(host.label("instance"), Some("db1"));
        let summary = "disk_full_soon (/srv) on db1: 96% full";
        assert_eq!(host.annotations["summary"], summary);
        assert_eq!(host.annotations["page_url"], "http://slod/");
        let service = notice("rag ü", "");
        assert_eq!(service.label("instance"), None);
        let page = "http://slod/services/rag%20%C3%BC";
        assert_eq!(service.annotations["page_url"], page);
    }
}
