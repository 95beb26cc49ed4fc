//! Statistics of a span whose samples are no longer available.

use super::{Sample, increase};

/// Computed while the samples were available, and therefore exact even if samples are only kept per minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub first: Sample,
    pub last: Sample,
    pub count: u64,
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    /// The increase of a counter from the first sample to the last, across resets.
    pub increase: f64,
}

impl From<Sample> for Summary {
    fn from(sample: Sample) -> Self {
        Self {
            first: sample,
            last: sample,
            count: 1,
            min: sample.value,
            max: sample.value,
            sum: sample.value,
            increase: 0.0,
        }
    }
}

impl Summary {
    /// Summarizes samples in order of time; `None` without samples.
    pub fn of(samples: impl IntoIterator<Item = Sample>) -> Option<Self> {
        let mut summaries = samples.into_iter().map(Self::from);
        let mut all = summaries.next()?;
        summaries.for_each(|next| all.add(&next));
        Some(all)
    }

    /// Adds the span that follows, including the increase between the two.
    pub fn add(&mut self, next: &Self) {
        self.increase += increase(self.last.value, next.first.value) + next.increase;
        self.last = next.last;
        self.count += next.count;
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.sum += next.sum;
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn a_reset_counts_from_zero() {
        let samples = [5.0, 8.0, 2.0, 3.0, 0.0, 1.0];
        let samples = samples.into_iter().enumerate().map(|(at, value)| Sample {
            at: Timestamp(at as i64),
            value,
        });
        let all = Summary::of(samples).expect("samples");
        assert_eq!(
            (all.increase, all.sum, all.count),
            (3.0 + 2.0 + 1.0 + 0.0 + 1.0, 19.0, 6)
        );
        assert_eq!((all.min, all.max), (0.0, 8.0));
        assert_eq!(Summary::of([]), None);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(values in prop::collection::vec(0..100_u32, 2..50), cut in 1..49_usize) {
            let samples: Vec<Sample> = values.iter().enumerate().map(|(at, value)| Sample {
                at: Timestamp(at as i64),
                value: f64::from(*value),
            }).collect();
            let (one, other) = samples.split_at(cut.min(samples.len() - 1));
            let mut sum = Summary::of(one.iter().copied()).expect("samples");
            sum.add(&Summary::of(other.iter().copied()).expect("samples"));
            prop_assert_eq!(Some(sum), Summary::of(samples));
        }
    }
}
