//! A series in steps of equal length: the rows of a chart or a table.

use super::{Point, SeriesKind, increase};
use crate::outcome::{Timestamp, millis};
use std::time::Duration;

/// The aggregate of a series over one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The start of the step.
    pub at: Timestamp,
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    pub last: f64,
    /// The increase of a counter since the previous sample; `None` if there is none.
    pub increase: Option<f64>,
    /// The increase per second, over the time since that sample: the step, and a gap before it. Without the time
    /// between a sample and a reset after it, whose increase is only partly known.
    pub rate: Option<f64>,
}

/// Aggregates points into steps. Points must be in order of time.
#[derive(Debug)]
pub struct Steps {
    kind: SeriesKind,
    /// `None` for one step per point.
    width: Option<i64>,
    from: Timestamp,
    made: Vec<Step>,
    /// The time and value of the latest point.
    before: Option<(Timestamp, f64)>,
    known: Known,
}

/// The part of a step's increase that is completely known.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    increase: f64,
    millis: i64,
}

impl Steps {
    /// Steps start at multiples of `width`. Points before `from` belong to no step; they only provide the
    /// previous value of a counter.
    pub fn new(kind: SeriesKind, width: Option<Duration>, from: Timestamp) -> Self {
        Self {
            kind,
            width: width.map(|width| millis(width).max(1)),
            from,
            made: Vec::new(),
            before: None,
            known: Known::default(),
        }
    }

    pub fn add(&mut self, point: &Point) {
        let before = self.before.replace((point.at, point.last));
        if point.at < self.from {
            return;
        }
        let start = match self.width {
            Some(width) => Timestamp(point.at.0.div_euclid(width) * width),
            None => point.at,
        };
        let is_new = self.made.last().is_none_or(|step| step.at != start);
        if is_new {
            self.made.push(Step::of(start, point));
            self.known = Known::default();
        }
        let Some(step) = self.made.last_mut() else {
            return;
        };
        if !is_new {
            step.add(point);
        }
        if let (SeriesKind::Counter, Some((at, value))) = (self.kind, before) {
            let rise = increase(value, point.last);
            step.increase = Some(step.increase.unwrap_or(0.0) + rise);
            if value <= point.last {
                self.known.increase += rise;
                self.known.millis += point.at.0 - at.0;
            }
            step.rate = self.known.rate();
        }
    }

    /// The number of steps so far.
    pub fn len(&self) -> usize {
        self.made.len()
    }

    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    pub fn finish(self) -> Vec<Step> {
        self.made
    }
}

impl Known {
    fn rate(self) -> Option<f64> {
        (self.millis > 0).then(|| self.increase * 1000.0 / self.millis as f64)
    }
}

impl Step {
    fn of(at: Timestamp, point: &Point) -> Self {
        Self {
            at,
            count: point.count,
            min: point.min,
            mean: point.mean,
            max: point.max,
            last: point.last,
            increase: None,
            rate: None,
        }
    }

    fn add(&mut self, point: &Point) {
        let mut whole = Point {
            at: self.at,
            count: self.count,
            min: self.min,
            mean: self.mean,
            max: self.max,
            last: self.last,
        };
        whole.add(point);
        *self = Self {
            increase: self.increase,
            rate: self.rate,
            ..Self::of(self.at, &whole)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;
    use proptest::prelude::*;

    fn steps(kind: SeriesKind, width: u64, from: i64, values: &[(i64, f64)]) -> Vec<Step> {
        let width = (width > 0).then(|| Duration::from_secs(width));
        let mut steps = Steps::new(kind, width, Timestamp::from_secs(from));
        for (at, value) in values {
            let at = Timestamp::from_secs(*at);
            steps.add(&Point::from(Sample { at, value: *value }));
        }
        steps.finish()
    }

    #[test]
    fn a_counter_has_the_rate_of_the_time_since_the_sample_before() {
        let values = [(50, 10.0), (60, 16.0), (70, 19.0), (300, 42.0)];
        let shown = |from| {
            let steps = steps(SeriesKind::Counter, 60, from, &values);
            let shown = |step: &Step| (step.at.0 / 1000, step.last, step.increase, step.rate);
            steps.iter().map(shown).collect::<Vec<_>>()
        };
        let later = (300, 42.0, Some(23.0), Some(0.1));
        assert_eq!(
            shown(0),
            [
                (0, 10.0, None, None),
                (60, 19.0, Some(9.0), Some(0.45)),
                later
            ]
        );
        assert_eq!(shown(60), [(60, 19.0, Some(9.0), Some(0.45)), later]);
        assert_eq!(shown(70), [(60, 19.0, Some(3.0), Some(0.3)), later]);
    }

    #[test]
    fn a_reset_does_not_lower_the_rate() {
        let values = [(0, 90.0), (10, 100.0), (20, 0.0), (30, 10.0), (40, 20.0)];
        let shown = |width| {
            let steps = steps(SeriesKind::Counter, width, 0, &values);
            let shown = |step: &Step| (step.increase, step.rate);
            steps.iter().map(shown).collect::<Vec<_>>()
        };
        let (one, none) = ((Some(10.0), Some(1.0)), (None, None));
        assert_eq!(shown(0), [none, one, (Some(0.0), None), one, one]);
        assert_eq!(shown(60), [(Some(30.0), Some(1.0))]);
    }

    #[test]
    fn without_a_width_each_point_is_a_step() {
        let steps = steps(SeriesKind::Gauge, 0, 10, &[(9, 1.0), (10, 2.0), (11, 3.0)]);
        let shown: Vec<_> = steps
            .iter()
            .map(|step| (step.at.0, step.last, step.rate))
            .collect();
        assert_eq!(shown, [(10_000, 2.0, None), (11_000, 3.0, None)]);
    }

    proptest! {
        #[test]
        fn downsampling_to_minutes_does_not_change_a_gauge(
            parts in prop::collection::vec((1..200_i64, 0..1000_i32), 1..100), factor in 1..9_u64,
        ) {
            let mut at = 0;
            let points: Vec<Point> = parts.into_iter().map(|(seconds, value)| {
                at += seconds;
                Point::from(Sample { at: Timestamp::from_secs(at), value: f64::from(value) })
            }).collect();
            let width = Some(Duration::from_secs(60 * factor));
            let made = |points: &[Point]| {
                let mut steps = Steps::new(SeriesKind::Gauge, width, Timestamp(0));
                for point in points {
                    steps.add(point);
                }
                steps.finish()
            };
            let (raw, thin) = (made(&points), made(&crate::sample::minutes(points.iter().copied())));
            prop_assert_eq!(raw.len(), thin.len());
            for (raw, thin) in raw.iter().zip(&thin) {
                prop_assert!((raw.mean - thin.mean).abs() < 1e-9);
                prop_assert_eq!(Step { mean: 0.0, ..*raw }, Step { mean: 0.0, ..*thin });
            }
        }
    }
}
