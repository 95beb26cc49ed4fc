//! The precision with which stored outcomes can be compared with a threshold.

use super::objective::{Sli, Threshold};
use crate::outcome::{Event, Timestamp};
use crate::stats::scale;

/// Until when the history of a latency objective is only partly known. Both fields are `None` if it is
/// exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Precision {
    /// Before this time, values within [`Threshold::precision`] may be counted on the wrong side, because
    /// the threshold was different when they were stored.
    pub approximate_before: Option<Timestamp>,
    /// Before this time, outcomes were stored without the measurement and are not counted.
    pub measured_since: Option<Timestamp>,
}

impl Precision {
    /// Includes an outcome read from the store.
    pub fn note(&mut self, sli: Sli, event: &Event) {
        if sli.measurement().is_some() && !event.measured.are_known() {
            self.measured_since = self.measured_since.max(Some(Timestamp(event.at.0 + 1)));
        }
    }

    /// The combined precision of two histories.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            approximate_before: self.approximate_before.max(other.approximate_before),
            measured_since: self.measured_since.max(other.measured_since),
        }
    }

    /// The precision of the history from `oldest` on.
    #[must_use]
    pub fn since(self, oldest: Timestamp) -> Self {
        Self {
            approximate_before: self.approximate_before.filter(|end| *end > oldest),
            measured_since: self.measured_since.filter(|end| *end > oldest),
        }
    }
}

impl Threshold {
    /// How close to the threshold stored values may be counted on the wrong side if it is newer than they
    /// are, as a ratio.
    pub const fn precision(&self) -> f64 {
        match self.of {
            None => scale::PRECISION,
            Some(_) => scale::COARSE_PRECISION,
        }
    }
}
