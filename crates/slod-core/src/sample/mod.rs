//! Samples of gauges and counters over time.
//!
//! A [`SeriesKey`] names a series, and a [`Sample`] is its value at a time. Old samples are downsampled to
//! one [`Point`] per minute ([`minutes`], [`thinned`]). [`Summary`] describes a span without its samples,
//! and [`Steps`] turns points into the rows of a chart.

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

/// How the values of a series must be interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeriesKind {
    /// May rise and fall.
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

/// The increase of a counter from one sample to the next. As in Prometheus, a counter that fell was reset
/// and has counted from zero since.
pub fn increase(before: f64, after: f64) -> f64 {
    if after < before {
        after
    } else {
        after - before
    }
}
