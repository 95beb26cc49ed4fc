//! The metric family of the warning signs.

use crate::exposition::{Family, Labels, Sink, write_each};
use crate::signal::{Finding, Findings, Presence};

pub const ACTIVE: Family = Family::gauge(
    "slod_signal_active",
    "",
    &["service", "signal", "subject", "severity"],
    "Whether a warning sign is active: 1 yes, 0 no; absent while unknown. `service` is empty for the host; `subject` is the affected process, file system or probe.",
);

/// Writes the signs whose state is known.
pub fn write(sink: &mut dyn Sink, findings: &Findings) {
    let known = findings.all.iter();
    let known = known.filter(|one| one.presence != Presence::Unknown);
    let label = |labels: &mut Labels, one: &&Finding| {
        labels.push("service", one.service.as_deref().unwrap_or_default());
        labels.push("signal", one.kind.name);
        labels.push("subject", &one.subject);
        labels.push("severity", one.kind.urgency.severity());
    };
    write_each(sink, &[(ACTIVE, ())], &known, label, |(), samples, one| {
        samples.count(u64::from(one.presence == Presence::Active));
    });
}
