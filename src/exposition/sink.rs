//! The contract of an output format, and how the samples of one thing are written to it.

use super::family::{Family, MetricKind};
use super::labels::Labels;

/// An output format. Samples belong to the family that was begun last.
pub trait Sink {
    /// Begins a family.
    fn family(&mut self, head: &Head<'_>);

    /// One sample of a gauge, counter or summary. What is not finite is unknown and left out.
    fn value(&mut self, labels: &Labels, value: f64);

    /// A whole number, as most counters are.
    fn count(&mut self, labels: &Labels, value: u64);

    /// One histogram; the labels are the same afterwards.
    fn histogram(&mut self, labels: &mut Labels, histogram: Histogram<'_>);

    /// Whether nobody reads any more, so that writing on is useless.
    fn is_closed(&self) -> bool {
        false
    }
}

/// What a format says of a family before its samples.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// As in text 0.0.4: the name of a counter ends in `_total`.
    pub name: &'a str,
    pub kind: MetricKind,
    /// The base unit that the name ends in, or nothing.
    pub unit: &'a str,
    pub help: &'a str,
}

impl From<&Family> for Head<'static> {
    fn from(family: &Family) -> Self {
        Self {
            name: family.name,
            kind: family.kind,
            unit: family.unit,
            help: family.help,
        }
    }
}

/// Counts per bucket, not cumulative.
pub struct Histogram<'a> {
    /// Upper bounds, ascending, without +Inf.
    pub bounds: &'a mut dyn Iterator<Item = f64>,
    /// One count per bound, and a last one for what lies above them.
    pub buckets: &'a [u64],
    pub sum: f64,
}

/// The samples of one probe, objective or process within one family.
pub struct Samples<'a> {
    pub(super) sink: &'a mut dyn Sink,
    pub(super) labels: &'a mut Labels,
}

impl Samples<'_> {
    /// Unknown is absent.
    pub fn value(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sink.value(self.labels, value);
        }
    }

    pub fn count(&mut self, value: u64) {
        self.sink.count(self.labels, value);
    }

    /// Writes samples with one more label.
    pub fn with(&mut self, name: &str, value: &str, write: impl FnOnce(&mut Self)) {
        self.labels.push(name, value);
        write(self);
        self.labels.pop();
    }

    pub fn histogram(&mut self, mut bounds: impl Iterator<Item = f64>, buckets: &[u64], sum: f64) {
        let histogram = Histogram {
            bounds: &mut bounds,
            buckets,
            sum,
        };
        self.sink.histogram(self.labels, histogram);
    }
}
