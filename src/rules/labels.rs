//! The labels of recorded series.

use super::ObjectiveRules;
use std::collections::BTreeMap;

pub(super) type Labels = BTreeMap<String, String>;

/// The labels of the service, the objective, and Sloth's equivalents.
pub(super) fn of(slo: &ObjectiveRules<'_>) -> Labels {
    let (service, objective) = (&*slo.service.name, slo.objective.name.as_str());
    let own = slo.service.labels.iter().cloned();
    let fixed = [
        ("service", service),
        ("slo", objective),
        ("sloth_id", &id(slo)),
        ("sloth_service", service),
        ("sloth_slo", objective),
    ];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(fixed).collect()
}

/// The unique ID of an objective, since names contain no slash.
pub(super) fn id(slo: &ObjectiveRules<'_>) -> String {
    format!("{}/{}", slo.service.name, slo.objective.name)
}

/// The labels of a series over a window.
pub(super) fn windowed(slo: &ObjectiveRules<'_>, window: &str) -> Labels {
    let mut labels = of(slo);
    labels.insert("sloth_window".to_owned(), window.to_owned());
    labels
}

/// The labels of an alert. Their values are templates, unlike those of recorded series.
pub(super) fn of_alert<const N: usize>(
    slo: &ObjectiveRules<'_>,
    own: [(&str, String); N],
) -> Labels {
    let mut labels = pairs(own);
    for (name, value) in [
        ("service", &*slo.service.name),
        ("slo", slo.objective.name.as_str()),
    ] {
        labels.insert(name.to_owned(), value.replace("{{", r#"{{ "{{" }}"#));
    }
    labels
}

pub(super) fn pairs<const N: usize>(all: [(&str, String); N]) -> Labels {
    let all = all.map(|(name, value)| (name.to_owned(), value));
    all.into_iter().collect()
}
