//! The interface of collectors, and their registry.
//!
//! To add a collector, add a file to this folder and a line to [`COLLECTORS`]. The file samples one
//! part of the system and declares its metrics.

use super::view::SystemView;
use super::{container, disk, host, network, pressure, process, scrape};
use crate::config::Config;
use crate::exposition::{Described, Family, Labels, Sink, write_each};
use std::fmt::Debug;

/// All collectors, in the order in which they are sampled and their metrics are written.
///
/// Containers come after processes, through which they are found.
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
    /// The value of the label `collector`.
    pub name: &'static str,
    /// Whether the config enables it.
    pub is_on: fn(&Config) -> bool,
    /// Creates the collector, or returns the reason why it is unavailable.
    pub start: fn(&Config) -> Result<Box<dyn Collector>, String>,
    pub families: fn() -> Vec<&'static Family>,
    /// Writes its metrics from the last sample.
    pub write: fn(&mut dyn Sink, &SystemView),
}

/// Samples one part of the system repeatedly.
pub trait Collector: Debug + Send {
    /// Adds a sample to the view. Returns the reason if the sample is incomplete. Blocks.
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String>;

    /// Parts missing from the last sample although it succeeded, each with what would make it
    /// available.
    fn missing(&self) -> Vec<String> {
        Vec::new()
    }

    /// Applies a changed config, keeping the counters.
    fn reload(&mut self, _config: &Config) {}
}

/// Converts a count to a sample value.
pub(super) fn whole(number: Option<u64>) -> Option<f64> {
    number.map(|number| number as f64)
}

/// The families of a table.
pub(super) fn families_of<T>(table: &'static [Described<T>]) -> Vec<&'static Family> {
    table.iter().map(|(family, _)| family).collect()
}

/// Writes a table of families, except those without a sample.
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
