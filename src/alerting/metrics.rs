//! Metric families of the alerts.

use super::view::AlertsView;
use crate::alert::{AlertRecord, Condition, Source};
use crate::exposition::{Family, Labels, Sink, write_each};
use crate::ledger::{LedgerView, LiveObjective};

pub const FIRING: Family = Family::gauge(
    "slod_alerts_firing",
    "",
    &["service", "slo", "severity", "tier"],
    "Whether an error budget alert is firing: 1 yes, 0 no. Burn-rate tiers are numbered, starting with 1 for the fastest; tiers longer than the objective's window never fire. `exhausted` and `forecast` exist only if they are enabled.",
);

pub const SIGNALS: Family = Family::gauge(
    "slod_signal_alerts_firing",
    "",
    &["service", "signal", "subject", "severity"],
    "1 while an alert for a warning sign or for a problem of slod itself is firing, otherwise absent. `service` is empty for the host and for slod.",
);

pub fn families() -> impl Iterator<Item = &'static Family> {
    [&FIRING, &SIGNALS].into_iter()
}

/// Writes whether each condition of each objective is firing, and the firing signs.
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
            let name = &slo.objective().name;
            let firing = alerts.of(slo.service(), name);
            for condition in alerts.rules.policy(slo.service(), name).conditions() {
                let fires = firing
                    .iter()
                    .any(|one| one.key.condition() == Some(condition));
                samples.with("severity", condition.urgency().severity(), |samples| {
                    let mut write = |tier: &str| {
                        samples.with("tier", tier, |samples| samples.count(u64::from(fires)));
                    };
                    match condition {
                        Condition::Tier(tier) => write(itoa::Buffer::new().format(tier.number)),
                        other => write(&other.label()),
                    }
                });
            }
        },
    );
    write_signs(sink, alerts);
}

fn write_signs(sink: &mut dyn Sink, alerts: &AlertsView) {
    let signs = alerts
        .firing()
        .iter()
        .filter_map(|one| match &one.key.source {
            Source::Sign { sign, subject } => Some((one, &**sign, &**subject)),
            Source::Budget { .. } => None,
        });
    let label = |labels: &mut Labels, (one, sign, subject): &(&AlertRecord, &str, &str)| {
        labels.push("service", &one.key.service);
        labels.push("signal", sign);
        labels.push("subject", subject);
        labels.push("severity", one.urgency.severity());
    };
    write_each(sink, &[(SIGNALS, ())], &signs, label, |(), samples, _| {
        samples.count(1);
    });
}
