//! Error budget over time. Pure.

use super::span::Span;
use crate::outcome::Timestamp;
use crate::units::{DAY_MS, HOUR_MS};

const MINUTE_MS: i64 = 60_000;

/// Maximum span length and step between two points; longer spans have one point per day.
const STEPS: [(i64, i64); 2] = [(12 * HOUR_MS, MINUTE_MS), (3 * DAY_MS, HOUR_MS)];

/// Counts the spent budget step by step.
#[derive(Debug)]
pub struct BurnDown {
    span: Span,
    step: i64,
    bad_by_step: Vec<u64>,
}

/// The budget at one point in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    /// Remaining ratio of the span's whole budget.
    pub left: f64,
    /// Remaining ratio if the budget was spent evenly.
    pub ideal: f64,
}

impl BurnDown {
    pub fn new(span: Span) -> Self {
        let length = span.to.0 - span.from.0;
        let fitting = STEPS.into_iter().find(|(longest, _)| length <= *longest);
        let step = fitting.map_or(DAY_MS, |(_, step)| step);
        let steps = usize::try_from((length + step - 1) / step).unwrap_or_default();
        Self {
            span,
            step,
            bad_by_step: vec![0; steps],
        }
    }

    /// Adds bad events of the span.
    pub fn spend(&mut self, at: Timestamp, bad: u64) {
        let step = usize::try_from((at.0 - self.span.from.0) / self.step);
        let spent = step.ok().and_then(|step| self.bad_by_step.get_mut(step));
        if let Some(spent) = spent {
            *spent += bad;
        }
    }

    /// Points from the span's start to the first one after `last`; what follows is unknown. `left` returns
    /// the budget that remains after a number of bad events.
    pub fn points(&self, last: Timestamp, left: impl Fn(u64) -> Option<f64>) -> Vec<Point> {
        let Span { from, to, .. } = self.span;
        let length = (to.0 - from.0) as f64;
        let (mut points, mut spent) = (Vec::new(), 0);
        for step in 0..=self.bad_by_step.len() {
            let at = Timestamp((from.0 + step as i64 * self.step).min(to.0));
            points.extend(left(spent).map(|left| Point {
                at,
                left,
                ideal: 1.0 - (at.0 - from.0) as f64 / length,
            }));
            if at > last {
                break;
            }
            spent += self.bad_by_step.get(step).copied().unwrap_or_default();
        }
        points
    }

    /// Milliseconds between two points; the last interval may be shorter.
    pub const fn step_ms(&self) -> i64 {
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(hours: i64, last: i64) -> usize {
        let span = Span::new(
            Timestamp(0),
            Timestamp(hours * HOUR_MS),
            Timestamp(i64::MAX),
        );
        let points = BurnDown::new(span).points(Timestamp(last * HOUR_MS), |_| Some(1.0));
        points.len()
    }

    #[test]
    fn points_by_the_minute_the_hour_or_the_day() {
        assert_eq!(points(1, 1), 61);
        assert_eq!(points(12, 12), 721);
        assert_eq!(points(13, 13), 14);
        assert_eq!(points(24, 24), 25);
        assert_eq!(points(72, 72), 73);
        assert_eq!(points(73, 73), 5);
        assert_eq!(points(30 * 24, 30 * 24), 31);
    }

    #[test]
    fn nothing_is_drawn_beyond_the_end() {
        assert_eq!(points(25, 0), 2);
        assert_eq!(points(25, 3), 5);
    }
}
