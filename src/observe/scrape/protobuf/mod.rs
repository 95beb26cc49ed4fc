//! Pages in protobuf: length-delimited `MetricFamily` messages. Pure.
//!
//! A family is not buffered: its metrics are read one by one as they arrive, so that memory does
//! not depend on the size of a family or page.

mod family;
mod samples;

pub use family::Families;

#[cfg(test)]
mod tests;
