//! Text charts for burn-rate alerts: the error ratio over the long window.

use crate::alert::{AlertRules, Notice};
use crate::ledger::LedgerView;
use crate::signals::chart::of_values;
use std::sync::Arc;

/// Number of parts of the long window: one character each, in a line that fits on a phone.
const PARTS: u32 = 30;

/// Adds a chart to the notices of burn-rate alerts.
pub fn add(notices: &mut [Notice], view: &LedgerView, rules: &AlertRules) {
    for notice in notices {
        if let Some(chart) = of(notice, view, rules).filter(|chart| !chart.is_empty()) {
            let annotations = &mut notice.annotations;
            annotations.insert("chart".to_owned(), chart.to_string());
        }
    }
}

fn of(notice: &Notice, view: &LedgerView, rules: &AlertRules) -> Option<Arc<str>> {
    let label = |name: &str| notice.label(name);
    let (service, slo, condition) = (label("service")?, label("slo")?, label("tier")?);
    let mut conditions = rules.policy(service, slo).conditions().iter();
    let condition = conditions.find(|one| one.label() == condition)?;
    let long = condition.tier()?.long.length();
    let ratios = view
        .live(service)?
        .objective(slo)?
        .error_ratios(long, PARTS);
    Some(of_values(&ratios, long / PARTS))
}
