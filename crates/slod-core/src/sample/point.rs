//! Aggregates of samples over a span of time.

use super::Sample;
use crate::outcome::Timestamp;

const MINUTE_MS: i64 = 60_000;

/// A single sample, or the aggregate of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The time of the sample, or the start of the span.
    pub at: Timestamp,
    /// Number of aggregated samples.
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    pub last: f64,
}

impl From<Sample> for Point {
    fn from(Sample { at, value }: Sample) -> Self {
        Self {
            at,
            count: 1,
            min: value,
            mean: value,
            max: value,
            last: value,
        }
    }
}

impl Point {
    /// Adds the point that follows.
    pub fn add(&mut self, next: &Self) {
        self.count += next.count;
        let share = next.count as f64 / self.count as f64;
        self.mean = self.mean * (1.0 - share) + next.mean * share;
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.last = next.last;
    }
}

/// Downsamples a gauge to one point per minute, each at the start of its minute.
pub fn minutes(points: impl IntoIterator<Item = Point>) -> Vec<Point> {
    let mut minutes: Vec<Point> = Vec::new();
    for mut point in points {
        point.at = Timestamp(point.at.0.div_euclid(MINUTE_MS) * MINUTE_MS);
        match minutes.last_mut() {
            Some(minute) if minute.at == point.at => minute.add(&point),
            _ => minutes.push(point),
        }
    }
    minutes
}

/// Downsamples a counter to the last sample of each minute, plus those that keep its increase exact: the
/// first sample, and the two around each reset.
pub fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let minute = |sample: &Sample| sample.at.0.div_euclid(MINUTE_MS);
    let is_reset = |at: usize| samples[at].value < samples[at - 1].value;
    let is_kept = |at: usize| {
        let ends = |next: &Sample| minute(next) != minute(&samples[at]) || is_reset(at + 1);
        at == 0 || is_reset(at) || samples.get(at + 1).is_none_or(ends)
    };
    let kept = samples.iter().enumerate().filter(|(at, _)| is_kept(*at));
    kept.map(|(_, sample)| *sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Summary;
    use proptest::prelude::*;

    /// Samples some seconds apart.
    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        prop::collection::vec((1..200_i64, 0..1000_i32), 1..100).prop_map(|parts| {
            let mut at = 0;
            let sample = |(seconds, value)| {
                at += seconds;
                Sample {
                    at: Timestamp::from_secs(at),
                    value: f64::from(value),
                }
            };
            parts.into_iter().map(sample).collect()
        })
    }

    proptest! {
        #[test]
        fn minutes_equal_a_recount(samples in samples()) {
            let minutes = minutes(samples.iter().map(|sample| Point::from(*sample)));
            let counted: u64 = minutes.iter().map(|minute| minute.count).sum();
            prop_assert_eq!(counted, samples.len() as u64);
            prop_assert!(minutes.is_sorted_by(|a, b| a.at < b.at));
            for minute in minutes {
                let inside = samples.iter().filter(|sample| sample.at.0 / MINUTE_MS == minute.at.0 / MINUTE_MS);
                let values: Vec<f64> = inside.map(|sample| sample.value).collect();
                prop_assert_eq!(minute.count, values.len() as u64);
                prop_assert_eq!(Some(&minute.last), values.last());
                prop_assert_eq!(Some(minute.min), values.iter().copied().min_by(f64::total_cmp));
                prop_assert_eq!(Some(minute.max), values.iter().copied().max_by(f64::total_cmp));
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                prop_assert!((minute.mean - mean).abs() < 1e-9);
            }
        }

        #[test]
        fn a_thinned_counter_rises_as_before(samples in samples()) {
            let thinned = thinned(&samples);
            let (all, kept) = (Summary::of(samples.iter().copied()), Summary::of(thinned.iter().copied()));
            let known = |summary: Option<Summary>| summary.map(|one| (one.first, one.last, one.increase));
            prop_assert_eq!(known(all), known(kept));
            prop_assert!(thinned.iter().all(|sample| samples.contains(sample)));
        }
    }

    #[test]
    fn a_steady_counter_keeps_one_sample_a_minute() {
        let sample = |number: i32| Sample {
            at: Timestamp::from_secs(i64::from(number) * 10),
            value: f64::from(number),
        };
        let samples: Vec<_> = (0..8640).map(sample).collect();
        assert_eq!(thinned(&samples).len(), 1441);
    }
}
