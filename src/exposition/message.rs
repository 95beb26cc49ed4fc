//! The messages of `io.prometheus.client` that a page in protobuf consists of, without exemplars: each family
//! is preceded by its length. The page of slod is written with them, and those of services are read with them.
//!
//! <https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto>

use prost::Message;

/// Field numbers of a family, which is written and read in parts.
pub const NAME: u32 = 1;
pub const HELP: u32 = 2;
pub const KIND: u32 = 3;
pub const METRIC: u32 = 4;
pub const UNIT: u32 = 5;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

/// One metric of a family. The type of the family determines which of its values is used.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Number>,
    #[prost(message, optional, tag = "4")]
    pub summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    pub untyped: Option<Number>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
    #[prost(int64, optional, tag = "6")]
    pub timestamp_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Message)]
pub struct LabelPair {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A gauge, a counter or an untyped value.
#[derive(Clone, PartialEq, Message)]
pub struct Number {
    #[prost(double, tag = "1")]
    pub value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "2")]
    pub sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub quantiles: Vec<Quantile>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Quantile {
    #[prost(double, tag = "1")]
    pub quantile: f64,
    #[prost(double, tag = "2")]
    pub value: f64,
}

/// A histogram in classic form, native form, or both.
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    /// Replaces the integer count if above 0.
    #[prost(double, tag = "4")]
    pub count_float: f64,
    #[prost(double, tag = "2")]
    pub sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub buckets: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    pub schema: i32,
    #[prost(double, tag = "6")]
    pub zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    pub zero_count: u64,
    /// Replaces the integer count if above 0.
    #[prost(double, tag = "8")]
    pub zero_count_float: f64,
    #[prost(message, repeated, tag = "9")]
    pub negative_spans: Vec<Span>,
    /// Differences from the preceding bucket. Float histograms have counts instead.
    #[prost(sint64, repeated, tag = "10")]
    pub negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "11")]
    pub negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    pub positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "14")]
    pub positive_counts: Vec<f64>,
}

/// A bucket of the classic form.
#[derive(Clone, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, tag = "1")]
    pub cumulative: u64,
    /// Replaces the integer count if above 0.
    #[prost(double, tag = "4")]
    pub cumulative_float: f64,
    #[prost(double, tag = "2")]
    pub upper_bound: f64,
}

/// Consecutive buckets of the native form.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// Distance from the end of the preceding span; for the first span, the index of its first
    /// bucket.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

impl Histogram {
    pub fn count(&self) -> f64 {
        number(self.count, self.count_float)
    }

    pub fn zero_count(&self) -> f64 {
        number(self.zero_count, self.zero_count_float)
    }

    /// As in Prometheus: a native histogram without observations has an empty span.
    pub fn is_native(&self) -> bool {
        !self.positive_spans.is_empty()
            || !self.negative_spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count() > 0.0
    }
}

impl Bucket {
    pub fn cumulative(&self) -> f64 {
        number(self.cumulative, self.cumulative_float)
    }
}

fn number(whole: u64, float: f64) -> f64 {
    if float > 0.0 { float } else { whole as f64 }
}
