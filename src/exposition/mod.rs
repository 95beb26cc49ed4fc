//! Exposition of metrics: families with labels are written to a [`Sink`] in one format. Each module
//! declares its families next to the code that computes their values.

pub mod accept;
mod family;
mod labels;
pub mod message;
mod protobuf;
mod remote_write;
mod sink;
mod text;

pub use family::{Described, Family, MetricKind, counter, gauge, histogram, summary, write_each};
pub use labels::Labels;
pub use protobuf::ProtobufSink;
pub use remote_write::{RemoteWriteSink, WriteRequest, WrittenSeries};
pub use sink::{Head, Histogram, Samples, Sink};
pub use text::{TextFormat, TextSink};
