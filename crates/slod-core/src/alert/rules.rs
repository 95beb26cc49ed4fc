//! What alerts go by: the conditions of every objective, which services depend on which, and the
//! labels that services have.

use super::condition::AlertPolicy;
use super::notice::Notice;
use super::record::{AlertKey, AlertRecord, Source};
use super::state::Timing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// By service.
type ByName<T> = BTreeMap<Arc<str>, T>;

#[derive(Clone, Debug, PartialEq)]
pub struct AlertRules {
    /// Of objectives without one of their own.
    pub policy: AlertPolicy,
    /// Of some objectives, by service and objective.
    pub own: ByName<ByName<AlertPolicy>>,
    /// The services that each one depends on, directly or through others.
    pub depends_on: ByName<BTreeSet<Arc<str>>>,
    /// The services' own labels.
    pub labels: ByName<Arc<[(String, String)]>>,
    /// How warning signs become alerts.
    pub signs: Timing,
    /// Where the pages are, without a slash at the end.
    pub address: String,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            policy: AlertPolicy::default(),
            own: BTreeMap::new(),
            depends_on: BTreeMap::new(),
            labels: BTreeMap::new(),
            signs: Timing {
                pending: Duration::from_secs(120),
                confirmations: 2,
                keep: Duration::from_secs(900),
            },
            address: String::new(),
        }
    }
}

impl AlertRules {
    pub fn policy(&self, service: &str, slo: &str) -> &AlertPolicy {
        let own = self.own.get(service).and_then(|own| own.get(slo));
        own.unwrap_or(&self.policy)
    }

    /// What identifies an alert for receivers and silences.
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
        labels
    }

    pub fn notice(&self, alert: &AlertRecord) -> Notice {
        let what = match alert.key.condition() {
            Some(condition) => format!("{}: {}", alert.key.words(), condition.words()),
            None => format!("{}: {}", alert.key.words(), alert.evidence),
        };
        let annotations = [
            ("summary", what),
            ("description", alert.evidence.to_string()),
            (
                "runbook_url",
                format!("{}/{}", self.address, alert.runbook()),
            ),
        ];
        let chart = (!alert.chart.is_empty()).then(|| ("chart", alert.chart.to_string()));
        let annotations = annotations.into_iter().chain(chart);
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value));
        Notice {
            labels: self.labels(alert),
            annotations: annotations.collect(),
            from: alert.from,
            to: alert.to,
        }
    }

    /// The fingerprint of its labels in hexadecimal, as in Alertmanager.
    pub fn fingerprint(&self, alert: &AlertRecord) -> String {
        let notice = Notice {
            labels: self.labels(alert),
            annotations: BTreeMap::new(),
            from: alert.from,
            to: None,
        };
        format!("{:016x}", notice.fingerprint())
    }

    /// The service that explains why something fires for this one: one that it depends on and that
    /// pages.
    pub fn explained_by(&self, service: &str, paging: &BTreeSet<Arc<str>>) -> Option<Arc<str>> {
        let below = self.depends_on.get(service)?;
        below.intersection(paging).next().cloned()
    }
}

/// The services that each one depends on, directly or through others, given the direct ones.
pub fn all_below(direct: &ByName<Vec<Arc<str>>>) -> ByName<BTreeSet<Arc<str>>> {
    let reach = |service: &Arc<str>| {
        let (mut found, mut open) = (BTreeSet::new(), vec![service]);
        while let Some(next) = open.pop() {
            let below = direct.get(next).into_iter().flatten();
            open.extend(below.filter(|one| found.insert(Arc::clone(one))));
        }
        (service.clone(), found)
    };
    let all = direct.keys().map(reach);
    all.filter(|(_, below)| !below.is_empty()).collect()
}
