//! What receivers are sent about a burn-rate alert.

use crate::alert::{AlertKey, AlertRecord, Notice};

/// The notice of an alert that began or ended; `None` if nobody is to be notified.
pub fn notice(alert: &AlertRecord) -> Option<Notice> {
    if alert.inhibited {
        return None;
    }
    let AlertKey { service, slo, tier } = &alert.key;
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (windows, urgency) = (tier.windows(), tier.urgency.label());
    let summary = format!("{service}/{slo}: error-budget burn ({windows}): {urgency}");
    Some(Notice {
        labels: [
            text("alertname", "SlodErrorBudgetBurn"),
            text("service", service),
            text("slo", slo),
            text("severity", tier.urgency.severity()),
            text("tier", &tier.number.to_string()),
        ]
        .into(),
        annotations: [text("summary", &summary)].into(),
        from: alert.from,
        to: alert.to,
    })
}
