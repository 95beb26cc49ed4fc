//! The interface of an output format, and the writer of samples.

use super::family::{Family, MetricKind};
use super::labels::Labels;
use crate::stats::quantile;

/// An output format. Samples belong to the family that was started last.
pub trait Sink {
    /// Starts a family.
    fn family(&mut self, head: &Head<'_>);

    /// Whether the samples of this family have to be written twice, and are only measured until
    /// [`Sink::end_measuring`]. A format in which the length of a family precedes it would otherwise keep the
    /// whole family in memory.
    fn begins_to_measure(&mut self) -> bool {
        false
    }

    fn end_measuring(&mut self) {}

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

impl Head<'_> {
    /// The unit if the name ends with it, as OpenMetrics requires; otherwise empty.
    pub(super) fn known_unit(&self) -> &str {
        let name = self.name;
        let name = match self.kind {
            MetricKind::Counter => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        if name.ends_with(self.unit) {
            self.unit
        } else {
            ""
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
    /// The same observations in the buckets of [`crate::stats::exponential`], for formats with native histograms.
    pub exponential: Option<&'a quantile::Histogram>,
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
            exponential: None,
        };
        self.sink.histogram(self.labels, histogram);
    }

    /// Writes a histogram that is also a native one in formats with native histograms.
    pub fn histogram_with(
        &mut self,
        mut bounds: impl Iterator<Item = f64>,
        buckets: &[u64],
        sum: f64,
        exponential: &quantile::Histogram,
    ) {
        let histogram = Histogram {
            bounds: &mut bounds,
            buckets,
            sum,
            exponential: Some(exponential),
        };
        self.sink.histogram(self.labels, histogram);
    }
}
