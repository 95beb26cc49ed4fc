//! The family of the alerts.

use super::view::AlertsView;
use crate::alert::TIERS;
use crate::exposition::{Family, Labels, Sink, write_each};
use crate::ledger::{LedgerView, LiveObjective};

pub const FIRING: Family = Family::gauge(
    "slod_alerts_firing",
    "",
    &["service", "slo", "severity", "tier"],
    "Whether a burn-rate alert fires: 1 yes, 0 no. Tier 1 is the fastest; tiers longer than the objective's window never do.",
);

/// Writes whether each tier of each objective fires.
pub fn write(sink: &mut dyn Sink, view: &LedgerView, alerts: &AlertsView) {
    let label = |labels: &mut Labels, slo: &LiveObjective<'_>| {
        labels.push("service", slo.service());
        labels.push("slo", &slo.objective().name);
    };
    let families = [(FIRING, ())];
    write_each(
        sink,
        &families,
        &view.objectives(),
        label,
        |(), samples, slo| {
            let firing = alerts.of(slo.service(), &slo.objective().name);
            for tier in &TIERS {
                let fires = firing.iter().any(|one| one.key.tier == tier);
                samples.with("severity", tier.urgency.severity(), |samples| {
                    let mut number = itoa::Buffer::new();
                    samples.with("tier", number.format(tier.number), |samples| {
                        samples.count(u64::from(fires));
                    });
                });
            }
        },
    );
}
