//! Numbers with a history: the samples of gauges and counters.
//!
//! A [`SeriesKey`] names a series, a [`Sample`] is its value at a time. Old samples become
//! [`Point`]s of a minute each ([`minutes`], [`thinned`]); [`Summary`] is what is known of a span
//! without its samples, and [`Steps`] turns points into the rows of a chart.

mod key;
mod point;
mod steps;
mod summary;

pub use key::{InvalidSeries, SeriesKey};
pub use point::{Point, minutes, thinned};
pub use steps::{Step, Steps};
pub use summary::Summary;

use crate::outcome::Timestamp;

/// The value of a series at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    pub value: f64,
}

/// How the values of a series are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeriesKind {
    /// Goes up and down.
    Gauge,
    /// Only rises, except for resets to zero.
    Counter,
}

impl SeriesKind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// By how much a counter rose from one sample to the next, as Prometheus counts it: one that fell
/// was reset, and has counted from zero since.
pub fn increase(before: f64, after: f64) -> f64 {
    if after < before {
        after
    } else {
        after - before
    }
}
