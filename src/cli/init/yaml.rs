//! Writes the config as YAML.

use super::service::NewService;
use crate::slo::BudgetingMethod;
use crate::units;
use crate::yaml::quoted;
use std::time::Duration;
use url::Url;

/// The default timeout.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Settings that the config is generated from.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) services: Vec<NewService>,
    pub(super) target: String,
    pub(super) latency: String,
    pub(super) interval: String,
}

impl Answers {
    /// Returns an error message if no timeout is possible.
    pub(super) fn to_yaml(&self) -> Result<String, String> {
        let pace = self.pace()?;
        let objectives = self.objectives();
        let mut yaml = format!(
            "# Written by `slod init`. docs/CONFIGURATION.md lists every key; `slod check` validates this file.
listen: 127.0.0.1:9771
store: {{ path: data/slod.db, retention: 400d }}
defaults:
{pace}  objectives:
{objectives}services:
"
        );
        for service in &self.services {
            yaml += &written(service);
        }
        Ok(yaml)
    }

    /// Interval and timeout of the probes, if there are any.
    fn pace(&self) -> Result<String, String> {
        if self.services.iter().all(|one| one.probed.is_none()) {
            return Ok(String::new());
        }
        let (interval, timeout) = (scalar(&self.interval), self.timeout()?);
        Ok(format!("  interval: {interval}\n  timeout: {timeout}\n"))
    }

    /// The default objectives; each applies to the services that have what it counts.
    fn objectives(&self) -> String {
        let (target, latency) = (scalar(&self.target), scalar(&self.latency));
        let budgeting = self.budgeting();
        let mut services = self.services.iter();
        let of_probes = services.any(|one| one.probed.is_some()).then(|| {
            format!(
                "    - {{ name: availability, sli: availability, target: {target}, window: 30d{budgeting} }}
    - {{ name: latency-p95, sli: latency, below: {latency}, target: 95%, window: 30d }}
    - {{ name: errors, sli: success, target: {target}, window: 30d }}
"
            )
        });
        let mut services = self.services.iter();
        let of_metrics = services.any(|one| one.metrics.is_some()).then(|| {
            format!(
                "    - {{ name: real-errors, sli: success, source: metrics, target: {target}, window: 30d }}
    - {{ name: real-latency-p95, sli: latency, below: {latency}, source: metrics, target: 95%, window: 30d }}   # the bound of a bucket
"
            )
        });
        of_probes.into_iter().chain(of_metrics).collect()
    }

    /// At most the interval, since attempts do not overlap, and at least twice the latency objective if
    /// that is long, so that a slow response is measured rather than timed out.
    fn timeout(&self) -> Result<String, String> {
        let spans = units::duration(&self.interval).zip(units::duration(&self.latency));
        let Some((interval, latency)) = spans else {
            // `slod check` reports what is invalid.
            return Ok(units::show_duration(TIMEOUT));
        };
        let timeout = TIMEOUT.max(latency.saturating_mul(2)).min(interval);
        if timeout <= latency {
            return Err(format!(
                "a latency of {} can only be measured with a longer interval, and the interval is {}",
                self.latency, self.interval
            ));
        }
        Ok(units::show_duration(timeout))
    }

    fn budgeting(&self) -> &'static str {
        let interval = units::duration(&self.interval);
        if interval.is_some_and(|interval| interval > BudgetingMethod::SLICED_INTERVAL_MAX) {
            ", budgeting: occurrences"
        } else {
            ""
        }
    }
}

fn written(service: &NewService) -> String {
    let name = format!("  - name: {}\n", scalar(&service.name));
    let probed = service.probed.as_ref();
    let probed = probed.map(|url| format!("    probes:\n      - {{ {} }}\n", probe(url)));
    let metrics = service.metrics.as_ref().map(|url| scalar(url.as_str()));
    let metrics = metrics.map(|url| format!("    metrics: {{ url: {url} }}\n"));
    [Some(name), probed, metrics]
        .into_iter()
        .flatten()
        .collect()
}

fn probe(url: &Url) -> String {
    if let ("tcp", Some(host), Some(port)) = (url.scheme(), url.host_str(), url.port()) {
        let address = scalar(&format!("{host}:{port}"));
        format!("name: connect, tcp: {{ address: {address} }}")
    } else if matches!(url.scheme(), "ws" | "wss") {
        let url = scalar(url.as_str());
        format!("name: open, websocket: {{ url: {url} }}")
    } else {
        let url = scalar(url.as_str());
        format!("name: health, http: {{ url: {url}, expect: {{ status: [200-299] }} }}")
    }
}

/// A text as a YAML scalar, in which `${` does not begin a variable.
fn scalar(text: &str) -> String {
    quoted(&text.replace("${", "$${"))
}
