//! Warning signs that a service configures but cannot have.

use super::finding::Finding;
use crate::config::draft::{Draft, ServiceDraft};
use crate::config::keys::service::SIGNALS;
use crate::config::keys::signals::SIGNS;
use crate::signal::SignalKind;
use crate::signal::kinds::{OF_LOAD, OF_METRICS, OF_PROCESSES};

/// Signs that a service configures without what they are measured by.
pub fn sign_without_source(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in &draft.services {
        let Some(section) = service.section.section(&SIGNALS) else {
            continue;
        };
        let given = SIGNS.iter().filter(|sign| section.has(*sign));
        for sign in given.filter(|sign| service.signals.is_on(sign.form.0)) {
            if let Some(lacking) = lacking(service, sign.form.0) {
                found.push(Finding {
                    at: section.spot_of(sign),
                    message: format!(
                        "`{}` has no effect, because the service has no `{lacking}`",
                        sign.name
                    ),
                    help: format!("add `{lacking}` to the service, or remove the sign"),
                });
            }
        }
    }
    found
}

/// The key that a service needs for a sign and lacks.
fn lacking(service: &ServiceDraft<'_>, kind: &SignalKind) -> Option<&'static str> {
    let needs = |signs: &[&SignalKind]| signs.contains(&kind);
    if needs(&OF_METRICS) && service.metrics.is_none() {
        return Some("metrics");
    }
    if needs(&OF_PROCESSES) && service.processes.is_empty() {
        return Some("processes");
    }
    (needs(&OF_LOAD) && service.load.is_none()).then_some("load")
}
