//! The protobuf format of Prometheus, the only one with native histograms.

use super::family::MetricKind;
use super::labels::Labels;
use super::message::{self, Bucket, Kind, LabelPair, Metric, Number, Span};
use super::sink::{Head, Histogram, Sink};
use crate::stats::exponential::{SCHEMA, ZERO_THRESHOLD, index};
use crate::stats::quantile;
use prost::encoding::{encode_varint, int32, message as submessage, string};
use std::io::{self, BufWriter, Write};

/// Size of the chunks in bytes that are passed on.
const PIECE: usize = 64 * 1024;

pub(super) const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Writes a page as length-delimited families. A family is one message, because some readers keep only the last
/// one of a name.
#[derive(Debug)]
pub struct ProtobufSink<W: Write> {
    name: String,
    help: String,
    unit: String,
    kind: Kind,
    progress: Progress,
    /// Encoded metrics of the current family that have not been passed on.
    metrics: Vec<u8>,
    /// Reused, with its buffers, for each metric.
    metric: Metric,
    out: BufWriter<W>,
    /// The first error of the output; later metrics are dropped.
    failed: Option<io::Error>,
}

/// How far the current family is. Its length precedes it.
#[derive(Clone, Copy, Debug)]
enum Progress {
    /// Its metrics are kept until it is complete.
    Kept,
    /// The length of its metrics so far.
    Measured(usize),
    /// The length of the metrics that follow.
    Announced(usize),
}

impl<W: Write> ProtobufSink<W> {
    pub fn new(out: W) -> Self {
        Self {
            name: String::new(),
            help: String::new(),
            unit: String::new(),
            kind: Kind::Gauge,
            progress: Progress::Kept,
            metrics: Vec::new(),
            metric: Metric::default(),
            out: BufWriter::with_capacity(PIECE, out),
            failed: None,
        }
    }

    /// Completes the page and returns the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_family();
        match self.failed {
            Some(error) => Err(error),
            None => self
                .out
                .into_inner()
                .map_err(io::IntoInnerError::into_error),
        }
    }

    /// Passes the current family on, unless that has been done.
    fn end_family(&mut self) {
        let result = match self.progress {
            Progress::Announced(0) => Ok(()),
            Progress::Kept => self
                .write_head(self.metrics.len())
                .and_then(|()| self.pass_on()),
            Progress::Announced(_) | Progress::Measured(_) => Err(changed()),
        };
        self.note(result);
        self.metrics.clear();
    }

    /// Keeps the first error.
    fn note(&mut self, result: io::Result<()>) {
        if self.failed.is_none() {
            self.failed = result.err();
        }
    }

    /// Writes everything but the metrics of the family, whose length is `metrics`. Families without metrics are
    /// omitted, as in client libraries.
    fn write_head(&mut self, metrics: usize) -> io::Result<()> {
        if metrics == 0 || self.failed.is_some() {
            return Ok(());
        }
        let mut head = Vec::new();
        string::encode(message::NAME, &self.name, &mut head);
        string::encode(message::HELP, &self.help, &mut head);
        int32::encode(message::KIND, &(self.kind as i32), &mut head);
        if !self.unit.is_empty() {
            string::encode(message::UNIT, &self.unit, &mut head);
        }
        let mut length = Vec::new();
        encode_varint((head.len() + metrics) as u64, &mut length);
        self.out.write_all(&length)?;
        self.out.write_all(&head)
    }

    /// Writes the encoded metrics.
    fn pass_on(&mut self) -> io::Result<()> {
        if self.failed.is_none() {
            for piece in self.metrics.chunks(PIECE) {
                self.out.write_all(piece)?;
            }
        }
        self.metrics.clear();
        Ok(())
    }

    /// Adds the metric with these labels to the family.
    fn push(&mut self, labels: &Labels) {
        let pairs = &mut self.metric.labels;
        pairs.truncate(labels.pairs().count());
        for (at, (name, value)) in labels.pairs().enumerate() {
            if pairs.len() == at {
                pairs.push(LabelPair::default());
            }
            name.clone_into(&mut pairs[at].name);
            value.clone_into(&mut pairs[at].value);
        }
        if self.failed.is_some() {
            return;
        }
        if let Progress::Measured(length) = &mut self.progress {
            *length += submessage::encoded_len(message::METRIC, &self.metric);
            return;
        }
        submessage::encode(message::METRIC, &self.metric, &mut self.metrics);
        if let Progress::Announced(left) = self.progress {
            let result = match left.checked_sub(self.metrics.len()) {
                Some(left) => {
                    self.progress = Progress::Announced(left);
                    self.pass_on()
                }
                None => Err(changed()),
            };
            self.note(result);
        }
    }
}

/// The samples of a family were not the same when they were written again.
fn changed() -> io::Error {
    io::Error::other("a family changed while it was written")
}

impl<W: Write> Sink for ProtobufSink<W> {
    fn family(&mut self, head: &Head<'_>) {
        self.end_family();
        head.name.clone_into(&mut self.name);
        head.help.clone_into(&mut self.help);
        head.known_unit().clone_into(&mut self.unit);
        self.kind = match head.kind {
            MetricKind::Counter => Kind::Counter,
            // A summary would have a count and a sum as well, which are not known. Its quantiles are
            // labels, as in the text formats.
            MetricKind::Gauge | MetricKind::Summary => Kind::Gauge,
            MetricKind::Histogram => Kind::Histogram,
        };
        self.metric = Metric::default();
        self.progress = Progress::Kept;
    }

    fn begins_to_measure(&mut self) -> bool {
        self.progress = Progress::Measured(0);
        true
    }

    fn end_measuring(&mut self) {
        if let Progress::Measured(length) = self.progress {
            self.progress = Progress::Announced(length);
            let result = self.write_head(length);
            self.note(result);
        }
    }

    fn number(&mut self, _suffix: &str, labels: &Labels, value: f64) {
        if !value.is_finite() {
            return;
        }
        let number = Some(Number { value });
        match self.kind {
            Kind::Counter => self.metric.counter = number,
            _ => self.metric.gauge = number,
        }
        self.push(labels);
    }

    fn whole(&mut self, suffix: &str, labels: &Labels, value: u64) {
        self.number(suffix, labels, value as f64);
    }

    fn histogram(&mut self, labels: &mut Labels, histogram: Histogram<'_>) {
        let count: u64 = histogram.buckets.iter().sum();
        let sums = histogram.buckets.iter().scan(0, |sum, bucket| {
            *sum += bucket;
            Some(*sum)
        });
        // The bucket above all bounds is implied by the count.
        let buckets = histogram
            .bounds
            .zip(sums)
            .map(|(upper_bound, cumulative)| Bucket {
                cumulative,
                upper_bound,
                ..Bucket::default()
            });
        let mut written = message::Histogram {
            count,
            sum: histogram.sum,
            buckets: buckets.collect(),
            ..message::Histogram::default()
        };
        if let Some(exponential) = histogram.exponential {
            add_native(&mut written, exponential);
        }
        self.metric.histogram = Some(written);
        self.push(labels);
    }

    fn is_closed(&self) -> bool {
        self.failed.is_some()
    }
}

/// Adds the native form: spans of consecutive buckets, each with the difference from the previous one.
fn add_native(histogram: &mut message::Histogram, exponential: &quantile::Histogram) {
    histogram.schema = SCHEMA;
    histogram.zero_threshold = ZERO_THRESHOLD;
    // The index after the last bucket, and its count.
    let (mut next, mut before) = (0, 0);
    for (code, count) in exponential.iter() {
        let Some(at) = index(code) else {
            histogram.zero_count = count;
            continue;
        };
        match histogram.positive_spans.last_mut().filter(|_| at == next) {
            Some(span) => span.length += 1,
            None => histogram.positive_spans.push(Span {
                offset: at - next,
                length: 1,
            }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        histogram.positive_deltas.push(count - before);
        (next, before) = (at + 1, count);
    }
}

#[cfg(test)]
mod tests;
