//! A page in protobuf: messages `MetricFamily`, each after its length. Pure.
//!
//! A family is not kept until its end: its metrics are read one by one as they arrive, so that
//! neither the length of a family nor that of a page takes memory.

mod family;
mod message;
mod samples;

pub use family::Families;
pub use message::{Histogram, Span};

#[cfg(test)]
mod tests;
