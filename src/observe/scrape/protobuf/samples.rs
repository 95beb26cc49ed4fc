//! The samples of a metric, named as in the text format.

use crate::exposition::message::{Histogram, Kind, LabelPair, Metric, Summary};
use crate::observe::scrape::native::Native;
use crate::observe::scrape::parse::{LabelSet, Sample};
use crate::observe::scrape::scan::{NativeSample, Scan};

/// Reusable buffers for names and labels.
#[derive(Debug, Default)]
pub struct Labelled {
    name: String,
    /// As in the text format, without braces.
    labels: String,
    own_length: usize,
    timestamp: Option<i64>,
}

impl Labelled {
    /// Passes the samples of a metric to the scan, equal to those of a text page.
    pub fn take(
        &mut self,
        family: &str,
        kind: Kind,
        metric: &Metric,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        self.begin(metric);
        match kind {
            Kind::Histogram => match &metric.histogram {
                Some(histogram) => self.histogram(family, histogram, scan),
                None => Ok(()),
            },
            Kind::Summary => match &metric.summary {
                Some(summary) => self.summary(family, summary, scan),
                None => Ok(()),
            },
            // Its buckets may decrease, so it cannot be used as a histogram.
            Kind::GaugeHistogram => {
                scan.pass_over(1);
                Ok(())
            }
            Kind::Counter | Kind::Gauge | Kind::Untyped => {
                let value = match kind {
                    Kind::Counter => &metric.counter,
                    Kind::Gauge => &metric.gauge,
                    _ => &metric.untyped,
                };
                let value = value.as_ref().map_or(0.0, |number| number.value);
                self.sample((family, ""), value, scan)
            }
        }
    }

    fn begin(&mut self, metric: &Metric) {
        self.timestamp = metric.timestamp_ms;
        self.labels.clear();
        for LabelPair { name, value } in &metric.labels {
            push_label(&mut self.labels, name, value);
        }
        self.own_length = self.labels.len();
    }

    fn summary(
        &mut self,
        family: &str,
        summary: &Summary,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        for one in &summary.quantiles {
            self.add_label("quantile", one.quantile);
            self.sample((family, ""), one.value, scan)?;
        }
        self.totals(family, summary.count as f64, summary.sum, scan)
    }

    /// If a histogram has both forms, the one that the rules need is used.
    fn histogram(
        &mut self,
        family: &str,
        histogram: &Histogram,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        let bounds = histogram.buckets.iter().map(|bucket| bucket.upper_bound);
        let is_classic = !histogram.is_native() || scan.counts_exactly(family, &bounds);
        let native = (!is_classic).then(|| Native::read(histogram));
        match native {
            Some(Ok(native)) => self.native(family, &native, scan),
            Some(Err(_)) if histogram.buckets.is_empty() => {
                scan.drop_histogram(family);
                Ok(())
            }
            _ => self.classic(family, histogram, scan),
        }
    }

    fn classic(
        &mut self,
        family: &str,
        histogram: &Histogram,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        let mut has_last = false;
        for bucket in &histogram.buckets {
            has_last |= bucket.upper_bound == f64::INFINITY;
            self.add_label("le", bucket.upper_bound);
            self.sample((family, "_bucket"), bucket.cumulative(), scan)?;
        }
        if !has_last {
            self.add_label("le", f64::INFINITY);
            self.sample((family, "_bucket"), histogram.count(), scan)?;
        }
        self.totals(family, histogram.count(), histogram.sum, scan)
    }

    fn native(&mut self, family: &str, native: &Native, scan: &mut Scan<'_>) -> Result<(), String> {
        self.name(family, "_bucket");
        if scan.wants(&self.name) {
            let labels = LabelSet::of(&self.labels)?;
            scan.take_native(&NativeSample {
                name: &self.name,
                labels,
                timestamp: self.timestamp,
                native,
            });
        }
        for (suffix, value) in [("_count", native.count), ("_sum", native.sum)] {
            self.name(family, suffix);
            if scan.wants(&self.name) {
                let labels = LabelSet::of(&self.labels)?;
                scan.take_number(&Sample {
                    name: &self.name,
                    labels,
                    value,
                    timestamp: self.timestamp,
                });
            }
        }
        scan.pass_over(1);
        Ok(())
    }

    fn totals(
        &mut self,
        family: &str,
        count: f64,
        sum: f64,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        self.labels.truncate(self.own_length);
        self.sample((family, "_sum"), sum, scan)?;
        self.sample((family, "_count"), count, scan)
    }

    fn name(&mut self, family: &str, suffix: &str) {
        self.name.clear();
        self.name.push_str(family);
        self.name.push_str(suffix);
    }

    fn add_label(&mut self, name: &str, value: f64) {
        self.labels.truncate(self.own_length);
        // As in the text format of most client libraries.
        let value = if value == f64::INFINITY {
            "+Inf".to_owned()
        } else {
            value.to_string()
        };
        push_label(&mut self.labels, name, &value);
    }

    fn sample(
        &mut self,
        (family, suffix): (&str, &str),
        value: f64,
        scan: &mut Scan<'_>,
    ) -> Result<(), String> {
        self.name(family, suffix);
        if !scan.wants(&self.name) {
            scan.pass_over(1);
            return Ok(());
        }
        let labels = LabelSet::of(&self.labels)?;
        scan.take(&Sample {
            name: &self.name,
            labels,
            value,
            timestamp: self.timestamp,
        });
        Ok(())
    }
}

fn push_label(labels: &mut String, name: &str, value: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(is_plain) {
        labels.push_str(name);
    } else {
        push_quoted(labels, name);
    }
    labels.push('=');
    push_quoted(labels, value);
    labels.push(',');
}

fn push_quoted(labels: &mut String, text: &str) {
    labels.push('"');
    for c in text.chars() {
        match c {
            '\n' => labels.push_str("\\n"),
            '\\' | '"' => labels.extend(['\\', c]),
            _ => labels.push(c),
        }
    }
    labels.push('"');
}
