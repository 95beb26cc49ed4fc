//! Counts the samples that a collector adds.

use super::collector::CollectorKind;
use super::view::SystemView;
use crate::exposition::{Head, Histogram, Labels, Sink};

/// The number of samples exposed from this view.
pub(super) fn samples(kind: &CollectorKind, view: &SystemView) -> u64 {
    let mut counter = Counter(0);
    (kind.write)(&mut counter, view);
    counter.0
}

struct Counter(u64);

impl Sink for Counter {
    fn family(&mut self, _head: &Head<'_>) {}

    fn number(&mut self, _suffix: &str, _labels: &Labels, value: f64) {
        self.0 += u64::from(value.is_finite());
    }

    fn whole(&mut self, _suffix: &str, _labels: &Labels, _value: u64) {
        self.0 += 1;
    }

    fn histogram(&mut self, _labels: &mut Labels, _histogram: Histogram<'_>) {
        self.0 += 1;
    }
}
