//! The contract of a collector, and the registry of all of them.
//!
//! A new collector is one file in this folder plus one line in [`COLLECTORS`]: the file samples one
//! part of the system, and declares its metrics.

use super::view::SystemView;
use super::{container, disk, host, network, pressure, process, scrape};
use crate::config::Config;
use crate::exposition::{Described, Family, Labels, Sink, write_each};
use std::fmt::Debug;

/// Every collector, in the order in which they are sampled and their metrics are written.
///
/// Containers come after the processes that they are found by.
pub const COLLECTORS: &[CollectorKind] = &[
    host::HOST,
    pressure::PRESSURE,
    disk::DISK,
    network::NETWORK,
    process::PROCESSES,
    container::CONTAINERS,
    scrape::SERVICES,
];

/// A part of the system that can be sampled.
#[derive(Clone, Copy, Debug)]
pub struct CollectorKind {
    /// In the label `collector`.
    pub name: &'static str,
    /// Whether a config switches it on.
    pub is_on: fn(&Config) -> bool,
    /// Sets it up; the reason if that is not possible.
    pub start: fn(&Config) -> Result<Box<dyn Collector>, String>,
    pub families: fn() -> Vec<&'static Family>,
    /// Writes its metrics from the last sample.
    pub write: fn(&mut dyn Sink, &SystemView),
}

/// What samples one part of the system, again and again.
pub trait Collector: Debug + Send {
    /// Adds what it sees to the view; the reason if it could not see everything. Blocks.
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String>;

    /// Parts that the last sample lacks although it succeeded, each with what would allow it.
    fn missing(&self) -> Vec<String> {
        Vec::new()
    }

    /// Follows a changed config, with what was counted so far.
    fn reload(&mut self, _config: &Config) {}
}

/// As the value of a sample.
pub(super) fn whole(number: Option<u64>) -> Option<f64> {
    number.map(|number| number as f64)
}

/// The families of a table.
pub(super) fn families_of<T>(table: &'static [Described<T>]) -> Vec<&'static Family> {
    table.iter().map(|(family, _)| family).collect()
}

/// Writes a table of families. Those without a sample are left out.
pub(super) fn write_some<T>(
    sink: &mut dyn Sink,
    families: &[Described<T>],
    items: &[T],
    labels: impl Fn(&T) -> Labels,
) {
    if !items.is_empty() {
        let label = |into: &mut Labels, item: &&T| *into = labels(item);
        write_each(
            sink,
            families,
            &items.iter(),
            label,
            |write, samples, item| {
                write(samples, item);
            },
        );
    }
}
