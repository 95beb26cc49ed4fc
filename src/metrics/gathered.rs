//! Families of the `prometheus` crate's registry, written to a sink.

use crate::exposition::{Head, Histogram, Labels, MetricKind, Sink};
use prometheus::proto::{Metric, MetricFamily, MetricType};

/// Writes one family with all its metrics.
pub(super) fn write(sink: &mut dyn Sink, family: &MetricFamily) {
    let name = family.name();
    sink.family(&Head {
        name,
        kind: kind(family),
        unit: unit(name),
        help: family.help(),
    });
    for metric in family.get_metric() {
        let mut labels = Labels::default();
        for pair in metric.get_label() {
            labels.push(pair.name(), pair.value());
        }
        match kind(family) {
            MetricKind::Histogram => write_histogram(sink, &mut labels, metric),
            MetricKind::Counter => sink.value(&labels, metric.get_counter().get_value()),
            MetricKind::Gauge | MetricKind::Summary => {
                sink.value(&labels, metric.get_gauge().get_value());
            }
        }
    }
}

/// Buckets of the crate are cumulative and lack +Inf; a sink takes counts per bucket.
fn write_histogram(sink: &mut dyn Sink, labels: &mut Labels, metric: &Metric) {
    let histogram = metric.get_histogram();
    let mut before = 0;
    let mut buckets: Vec<u64> = Vec::new();
    let mut finite = histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite());
    for bucket in finite.clone() {
        buckets.push(bucket.cumulative_count() - before);
        before = bucket.cumulative_count();
    }
    buckets.push(histogram.get_sample_count() - before);
    let bounds = &mut finite.by_ref().map(prometheus::proto::Bucket::upper_bound);
    let sum = histogram.get_sample_sum();
    sink.histogram(
        labels,
        Histogram {
            bounds,
            buckets: &buckets,
            sum,
            exponential: None,
        },
    );
}

/// The metric type of a family.
pub(super) fn kind(family: &MetricFamily) -> MetricKind {
    match family.get_field_type() {
        MetricType::COUNTER => MetricKind::Counter,
        MetricType::HISTOGRAM => MetricKind::Histogram,
        _ => MetricKind::Gauge,
    }
}

/// The base unit that a metric name ends in.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let known = ["seconds", "bytes", "ratio"];
    known
        .into_iter()
        .find(|unit| name.ends_with(unit))
        .unwrap_or("")
}
