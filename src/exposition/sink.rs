//! The interface of an output format, and the writer of samples.

use super::family::{Family, MetricKind};
use super::labels::Labels;

/// An output format. Samples belong to the family that was started last.
pub trait Sink {
    /// Starts a family.
    fn family(&mut self, head: &Head<'_>);

    /// Writes a sample whose name is that of the family with this suffix. A non-finite value is unknown
    /// and omitted.
    fn number(&mut self, suffix: &str, labels: &Labels, value: f64);

    /// Writes an integer sample, like [`Sink::number`].
    fn whole(&mut self, suffix: &str, labels: &Labels, value: u64);

    /// Writes a sample of a gauge, counter or summary.
    fn value(&mut self, labels: &Labels, value: f64) {
        self.number("", labels, value);
    }

    /// Writes an integer sample, as of most counters.
    fn count(&mut self, labels: &Labels, value: u64) {
        self.whole("", labels, value);
    }

    /// Writes a histogram; `labels` is unchanged afterwards.
    fn histogram(&mut self, labels: &mut Labels, histogram: Histogram<'_>) {
        let mut total = 0;
        let bounds = histogram.bounds.chain(std::iter::once(f64::INFINITY));
        for (bound, bucket) in bounds.zip(histogram.buckets) {
            total += bucket;
            let mut number = ryu::Buffer::new();
            let le = if bound.is_finite() {
                number.format_finite(bound)
            } else {
                "+Inf"
            };
            labels.push("le", le);
            self.whole("_bucket", labels, total);
            labels.pop();
        }
        self.number("_sum", labels, histogram.sum);
        self.whole("_count", labels, total);
    }

    /// Whether the reader is gone, so that further output is useless.
    fn is_closed(&self) -> bool {
        false
    }
}

/// The metadata of a family, written before its samples.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The name in text 0.0.4; that of a counter ends in `_total`.
    pub name: &'a str,
    pub kind: MetricKind,
    /// The base unit at the end of the name; may be empty.
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

/// A histogram with non-cumulative bucket counts.
pub struct Histogram<'a> {
    /// Upper bounds in ascending order, without +Inf.
    pub bounds: &'a mut dyn Iterator<Item = f64>,
    /// One count per bound, and a last one for values above all bounds.
    pub buckets: &'a [u64],
    pub sum: f64,
}

/// The samples of one probe, objective or process in a family.
pub struct Samples<'a> {
    pub(super) sink: &'a mut dyn Sink,
    pub(super) labels: &'a mut Labels,
}

impl Samples<'_> {
    /// Writes a value; unknown values are omitted.
    pub fn value(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sink.value(self.labels, value);
        }
    }

    pub fn count(&mut self, value: u64) {
        self.sink.count(self.labels, value);
    }

    /// Writes samples with an additional label.
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
