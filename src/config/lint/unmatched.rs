//! Routes that cannot match any alert.

use super::finding::Finding;
use crate::alert::TROUBLES;
use crate::config::draft::Draft;
use crate::config::keys::notify as key;
use crate::diagnostic::nearest;
use crate::signal::SIGNALS;
use std::collections::BTreeSet;

/// Labels set by slod whose values do not follow from the config.
const OPEN: [&str; 5] = ["alertname", "tier", "subject", "correction", "begins"];
/// Severities of alerts, as urgency and as severity, and of announcements.
const SEVERITIES: [&str; 6] = ["page", "ticket", "critical", "warning", "info", "none"];

/// Routes that require a label or a value that no alert has, and routes after one that matches every alert.
pub fn route_takes_nothing(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut takes_all = false;
    for section in draft.root.sections(&key::ROUTES) {
        let matchers = section.map(&key::MATCH);
        let finding = |at, message, help| Finding { at, message, help };
        if takes_all {
            let message =
                "an earlier route matches every alert, so this one matches none".to_owned();
            let help = "move the route without `match` and `at` to the end".to_owned();
            found.push(finding(section.spot().clone(), message, help));
        }
        takes_all |= matchers.is_empty() && !section.has(&key::AT);
        for (label, value, at) in matchers {
            if let Some((message, help)) = fault(draft, &label, &value) {
                found.push(finding(at, message, help));
            }
        }
    }
    found
}

/// Why no alert has this value of a label, and the existing labels or values.
fn fault(draft: &Draft<'_>, label: &str, value: &str) -> Option<(String, String)> {
    let known = match label {
        label if OPEN.contains(&label) => return None,
        "severity" => BTreeSet::from(SEVERITIES),
        "service" => draft.services.iter().map(|one| &*one.name).collect(),
        "signal" => SIGNALS
            .iter()
            .map(|one| one.name)
            .chain(TROUBLES.iter().copied())
            .collect(),
        "slo" => {
            let all = draft.services.iter().flat_map(|one| &one.objectives);
            all.map(|one| one.value.name.as_str()).collect()
        }
        label => values(draft, label),
    };
    let is_closed = ["severity", "service", "signal", "slo"].contains(&label);
    if known.is_empty() && !is_closed {
        let mut labels: BTreeSet<_> = OPEN.into();
        labels.extend(["severity", "service", "signal", "slo"]);
        let own = draft.services.iter().flat_map(|one| one.labels.iter());
        labels.extend(own.map(|(name, _)| name.as_str()));
        let message = format!("no alert has the label `{label}`");
        return Some((message, help("labels", label, &labels)));
    }
    let message = || format!("no alert has the label `{label}` with the value `{value}`");
    (!known.contains(value)).then(|| (message(), help("values", value, &known)))
}

/// The values of a label of services.
fn values<'d>(draft: &'d Draft<'_>, label: &str) -> BTreeSet<&'d str> {
    let all = draft.services.iter().flat_map(|one| one.labels.iter());
    let same = all.filter(|(name, _)| name == label);
    same.map(|(_, value)| value.as_str()).collect()
}

fn help(what: &str, wrong: &str, known: &BTreeSet<&str>) -> String {
    const LISTED: usize = 12;
    if let Some(near) = nearest(wrong, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "there are none".to_owned();
    }
    let some: Vec<_> = known.iter().take(LISTED).copied().collect();
    let rest = if known.len() > LISTED { ", ..." } else { "" };
    format!("{what}: {}{rest}", some.join(", "))
}
