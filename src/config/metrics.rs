//! Reads the endpoint of a service's own metrics, and the series of each role.

use super::keys::{metrics as key, service};
use super::model::{MetricsSource, MetricsSpec};
use crate::diagnostic::Severity;
use crate::probe::http::JsonTotal;
use crate::probe::http::fetch::Endpoint;
use crate::roles::{Role, RoleKind, Selector};
use crate::units;
use crate::yaml::{Key, Section, Text};
use std::sync::Arc;
use std::time::Duration;

/// The `Accept` header, unless the config sets one. Protobuf comes first, because only it has native
/// histograms; servers without it answer with text. Text 0.0.4 is preferred to OpenMetrics, which
/// appends `_total` to the names of counters.
const ACCEPT_PAGE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1";
const ACCEPT_JSON: &str = "application/json,*/*;q=0.1";
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the service's `metrics`; `None` if they are absent or invalid. Errors are reported.
pub(super) fn read(
    parent: &Section<'_>,
    service: &Arc<str>,
    interval: Option<Duration>,
) -> Option<Arc<MetricsSpec>> {
    let section = parent.section(&service::METRICS)?;
    let interval = section.get_or(&key::INTERVAL, interval);
    let inherited = interval.map(|interval| TIMEOUT.min(interval));
    let timeout = section.get_or(&key::TIMEOUT, inherited);
    check_timeout(&section, timeout, interval);
    let node = parent.node_of(&service::METRICS)?;
    let read = section.reader().traced(node, || source(&section));
    let (endpoint, source) = read.value?;
    warn_of_halves(&section, &source);
    Some(Arc::new(MetricsSpec {
        service: service.clone(),
        interval: interval?,
        timeout: timeout?,
        endpoint: Arc::new(endpoint),
        source,
        thresholds: Box::default(),
        fingerprint: read.fingerprint,
        redactions: read.redactions,
    }))
}

fn check_timeout(section: &Section<'_>, timeout: Option<Duration>, interval: Option<Duration>) {
    let (Some(timeout), Some(interval)) = (timeout, interval) else {
        return;
    };
    if timeout > interval {
        let (timeout, interval) = (
            units::show_duration(timeout),
            units::show_duration(interval),
        );
        section.error(
            "timeout-exceeds-interval",
            &key::TIMEOUT,
            format!("the timeout of {timeout} is longer than the interval of {interval}"),
            "scrapes of one service do not overlap: lower the timeout, or raise the interval",
        );
    }
}

fn source(section: &Section<'_>) -> Option<(Endpoint, MetricsSource)> {
    if section.has(&key::URL) && section.has(&key::JSON) {
        let message = "`url` and `json` are mutually exclusive";
        section.error("conflict", &key::JSON, message, "remove one of them");
        return None;
    }
    let selectors = roles(section, Selector::parse, SELECTOR);
    if !section.has(&key::JSON) {
        if !section.has(&key::URL) {
            let help = "add `url` for a Prometheus endpoint, or `json` for another one";
            let message = "the metrics have no address";
            let reader = section.reader();
            reader.error("missing-key", section.spot(), message, help);
        }
        let endpoint = Endpoint::read(section, section, &key::URL, ACCEPT_PAGE);
        return Some((endpoint?, MetricsSource::Page(selectors?)));
    }
    let json = section.section(&key::JSON)?;
    let endpoint = Endpoint::read(section, &json, &key::JSON_URL, ACCEPT_JSON);
    let paths = roles(&json, JsonTotal::parse, "a JSONPath such as `$.requests`")?;
    let is_fitting = fit_json(section, &json, &paths);
    Some((endpoint?, MetricsSource::Json(paths))).filter(|_| is_fitting)
}

const SELECTOR: &str =
    "a series selector such as http_requests_total or 'http_requests_total{code=~\"5..\"}'";

/// Reads the configured roles; `None` if one of them is invalid, which is reported.
fn roles<T>(
    section: &Section<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
    expected: &str,
) -> Option<Vec<(Role, T)>> {
    let (mut found, mut faultless) = (Vec::new(), true);
    for (role, key) in Role::ALL.into_iter().zip(&key::SELECTORS) {
        if !section.has(key) {
            continue;
        }
        let read = section.get(key).map(|text| parse(&text));
        match read {
            Some(Ok(value)) => found.push((role, value)),
            Some(Err(fault)) => {
                section.error("invalid-value", key, fault, format!("expected {expected}"));
                faultless = false;
            }
            None => faultless = false,
        }
    }
    faultless.then_some(found)
}

/// Checks that roles are set within `json`, that there is at least one, and that none is a histogram.
fn fit_json(section: &Section<'_>, json: &Section<'_>, paths: &[(Role, JsonTotal)]) -> bool {
    let mut fits = true;
    let mut report = |at: &Section<'_>, key: &Key<Text>, message: &str, help: &str| {
        at.error("conflict", key, message, help);
        fits = false;
    };
    for (role, key) in Role::ALL.into_iter().zip(&key::SELECTORS) {
        if section.has(key) {
            let help = "write it below `json`, as a JSONPath";
            report(
                section,
                key,
                "a JSON document has no series to select",
                help,
            );
        }
        if role.kind() == RoleKind::Histogram && json.has(key) {
            let help = "remove it: histograms can be read from a Prometheus endpoint only";
            report(json, key, "a JSON document has no histograms", help);
        }
    }
    if fits && paths.is_empty() {
        let (message, help) = (
            "no role is read from the document",
            "add one, such as `requests: $.requests`",
        );
        json.reader()
            .error("missing-key", json.spot(), message, help);
        return false;
    }
    fits
}

/// Pairs of roles that form a ratio.
const RATIOS: [(Role, Role); 2] = [
    (Role::Requests, Role::Errors),
    (Role::DbPoolInUse, Role::DbPoolMax),
];

/// Warns if only one role of a ratio is configured and the other cannot be detected: well-known names
/// are not combined with the series of a selector, and a JSON document has only configured roles.
fn warn_of_halves(section: &Section<'_>, source: &MetricsSource) {
    let json = section.section(&key::JSON);
    let (at, given): (_, Vec<Role>) = match source {
        MetricsSource::Page(found) => (section, found.iter().map(|(role, _)| *role).collect()),
        MetricsSource::Json(found) => {
            let roles = found.iter().map(|(role, _)| *role).collect();
            (json.as_ref().unwrap_or(section), roles)
        }
    };
    let is_closed = matches!(source, MetricsSource::Json(_));
    for (whole, part) in RATIOS {
        let (given, missing) = match (given.contains(&whole), given.contains(&part)) {
            (true, false) => (whole, part),
            (false, true) if is_closed => (part, whole),
            _ => continue,
        };
        let keys = Role::ALL.into_iter().zip(&key::SELECTORS);
        let mut keys = keys.filter(|(role, _)| *role == given);
        let spot = keys
            .next()
            .map_or_else(|| at.spot().clone(), |(_, key)| at.spot_of(key));
        section.reader().report(
            Severity::Warning,
            "half-a-ratio",
            &spot,
            format!("`{given}` is configured without `{missing}`, so their ratio is unknown"),
            Some(format!("add `{missing}`")),
        );
    }
}
