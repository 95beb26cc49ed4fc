//! Routes that cannot match any alert, or group by labels that no alert has.

use super::finding::Finding;
use crate::config::alert_labels::AlertLabels;
use crate::config::draft::Draft;
use crate::config::keys::{self, alerts, notify as key};

/// Routes that require a label or a value that no alert has, and routes after one that matches every alert.
pub fn route_takes_nothing(draft: &Draft<'_>) -> Vec<Finding> {
    let labels = AlertLabels::of_draft(draft);
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
            if let Some(unknown) = labels.unknown(&label, &value) {
                found.push(finding(at, unknown.message, unknown.help));
            }
        }
    }
    found
}

/// Labels in `group_by` that no alert has: alerts that should be apart share messages and incidents.
pub fn group_by_unknown_label(draft: &Draft<'_>) -> Vec<Finding> {
    let labels = AlertLabels::of_draft(draft);
    let all = draft.root.section(&keys::ALERTS).into_iter();
    let all = all.flat_map(|section| section.list(&alerts::GROUP_BY));
    let routes = draft.root.sections(&key::ROUTES);
    let of_routes = routes.flat_map(|section| section.list(&key::GROUP_BY));
    let found = all.chain(of_routes).filter_map(|(at, node)| {
        let name = node.value.scalar().filter(|name| !name.contains("${"))?;
        let unknown = labels.unknown_name(&name)?;
        Some(Finding {
            at,
            message: unknown.message,
            help: unknown.help,
        })
    });
    found.collect()
}
