//! The family of the alerts.

use super::view::AlertsView;
use crate::alert::TIERS;
use crate::exposition::{Family, Labels, Sink};
use crate::ledger::numbers::{ObjectiveNumbers, Services};

pub const FIRING: Family = Family::gauge(
    "slod_alerts_firing",
    "",
    &["service", "slo", "severity", "tier"],
    "Whether a burn-rate alert fires: 1 yes, 0 no. Tier 1 is the fastest; tiers longer than the objective's window never do.",
);

/// Writes whether each tier of each objective fires.
pub fn write(sink: &mut dyn Sink, services: &impl Services, alerts: &AlertsView) {
    sink.family(&(&FIRING).into());
    for (service, slo) in services.objectives() {
        if sink.is_closed() {
            return;
        }
        let slo = slo.objective().name.as_str();
        let firing = alerts.of(service, slo);
        for tier in &TIERS {
            let fires = firing.iter().any(|one| one.key.tier == tier);
            let labels = Labels::new(&[
                ("service", service),
                ("slo", slo),
                ("severity", tier.urgency.severity()),
                ("tier", &tier.number.to_string()),
            ]);
            sink.count(&labels, u64::from(fires));
        }
    }
}
