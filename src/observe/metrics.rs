//! Metric families of the system: those of every collector, and those about the collectors
//! themselves.

use super::collector::{COLLECTORS, families_of, write_some};
use super::{CollectorView, SystemView};
use crate::exposition::{Described, Family, Labels, Sink, gauge};

const COLLECTOR: &[&str] = &["collector"];

const SELF: &[Described<CollectorView>] = &[
    gauge(
        "slod_collector_success",
        "",
        COLLECTOR,
        "Whether the last sample of the collector succeeded: 1 yes, 0 no.",
        |samples, collector| samples.count(u64::from(collector.success)),
    ),
    gauge(
        "slod_collector_duration_seconds",
        "seconds",
        COLLECTOR,
        "Duration of the collector's last sample.",
        |samples, collector| samples.value(Some(collector.took.as_secs_f64())),
    ),
    gauge(
        "slod_collector_samples",
        "",
        COLLECTOR,
        "Number of values in the collector's last sample.",
        |samples, collector| samples.count(collector.samples),
    ),
];

/// All families of the system, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let collectors = COLLECTORS.iter().flat_map(|kind| (kind.families)());
    collectors.chain(families_of(SELF))
}

/// Writes the families of a sample.
pub fn write(sink: &mut dyn Sink, system: &SystemView) {
    for kind in COLLECTORS {
        (kind.write)(sink, system);
    }
    write_some(sink, SELF, &system.collectors, |collector| {
        Labels::new(&[("collector", collector.name)])
    });
}
