//! How metrics leave the program: families with label pairs go to a [`Sink`], which writes them in
//! one format. A room declares its families beside the code that knows the values.

pub mod accept;
mod family;
mod labels;
mod sink;
mod text;

pub use family::{Described, Family, MetricKind, write_each};
pub use labels::Labels;
pub use sink::{Head, Histogram, Samples, Sink};
pub use text::{TextFormat, TextSink};
