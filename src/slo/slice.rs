//! Time slices: what one slice's outcomes make of it.

use super::objective::{Budgeting, Combine, Judgement, Missing, Objective, Sli};
use super::tally::{Tally, clamp_ms};
use crate::outcome::{Event, Timestamp, millis};

/// Good and bad outcomes of each lane within one slice. A lane is a probe, or all of them where
/// outcomes are pooled.
pub type Lanes = [(u32, u32)];

/// How time slices are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceRule {
    budgeting: Budgeting,
    combine: Combine,
    missing: Missing,
    /// One per probe.
    weights: Box<[u32]>,
}

impl SliceRule {
    /// For one probe's outcomes; `None` where slices are not counted.
    pub fn alone(budgeting: Budgeting) -> Option<Self> {
        budgeting.is_sliced().then(|| Self {
            budgeting,
            combine: Combine::Pooled,
            missing: Missing::Exclude,
            weights: [1].into(),
        })
    }

    /// For an objective whose probes have these weights.
    pub fn of(objective: &Objective, weights: impl Iterator<Item = u32>) -> Option<Self> {
        Self::alone(objective.budgeting).map(|rule| Self {
            combine: objective.combine,
            missing: objective.missing,
            weights: weights.collect(),
            ..rule
        })
    }

    pub fn lanes(&self) -> usize {
        match self.combine {
            Combine::Pooled => 1,
            Combine::All | Combine::Any | Combine::Weighted => self.weights.len(),
        }
    }

    /// The lane of a probe's outcomes, given its position among those that count.
    pub fn lane_of(&self, probe: usize) -> usize {
        probe.min(self.lanes().saturating_sub(1))
    }

    /// One slice as an event: good, bad, in part each, or nothing at all if no outcome counted.
    pub fn judge(&self, lanes: &Lanes) -> Tally {
        self.ratio(lanes)
            .map_or_else(Tally::default, |ratio| self.tally(ratio))
    }

    /// What a slice is that no outcome counted in.
    pub fn missing(&self) -> Option<Tally> {
        match self.missing {
            Missing::Exclude => None,
            Missing::Bad => Some(self.tally(0.0)),
            Missing::Good => Some(self.tally(1.0)),
        }
    }

    /// Counts outcomes, each with its probe's position, in the order of time and in whole slices.
    pub fn count(&self, sli: Sli, events: impl Iterator<Item = (usize, Event)>) -> Tally {
        let (mut tally, mut running) = (Tally::default(), i64::MIN);
        let mut lanes = vec![(0, 0); self.lanes()];
        for (probe, event) in events {
            let slice = slice_of(event.at);
            if slice != running {
                tally.add(self.judge(&lanes));
                lanes.fill((0, 0));
                running = slice;
            }
            let (good, bad) = &mut lanes[self.lane_of(probe)];
            match sli.judge(event.verdict, event.latency) {
                Judgement::Good => *good += 1,
                Judgement::Bad => *bad += 1,
                Judgement::NotCounted => {}
            }
        }
        tally.add(self.judge(&lanes));
        tally
    }

    fn ratio(&self, lanes: &Lanes) -> Option<f64> {
        let share = |(good, bad): &(u32, u32)| {
            let all = good + bad;
            (all > 0).then(|| f64::from(*good) / f64::from(all))
        };
        let known = lanes.iter().filter_map(share);
        match self.combine {
            Combine::Pooled => lanes.first().and_then(share),
            Combine::All => known.reduce(f64::min),
            Combine::Any => known.reduce(f64::max),
            Combine::Weighted => {
                let (mut sum, mut weights) = (0.0, 0.0);
                for (lane, weight) in lanes.iter().zip(&self.weights) {
                    if let Some(share) = share(lane) {
                        sum += share * f64::from(*weight);
                        weights += f64::from(*weight);
                    }
                }
                (weights > 0.0).then(|| sum / weights)
            }
        }
    }

    /// A slice of a known ratio.
    fn tally(&self, ratio: f64) -> Tally {
        let parts = self.budgeting.parts();
        let good = match self.budgeting {
            Budgeting::Timeslices { slice_target } => parts * u32::from(ratio >= slice_target),
            Budgeting::Occurrences | Budgeting::RatioTimeslices => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a ratio from 0 to 1 of at most a million"
                )]
                let good = (ratio * f64::from(parts)).round() as u32;
                good
            }
        };
        Tally {
            good,
            bad: parts - good,
            covered_ms: clamp_ms(Budgeting::SLICE),
        }
    }
}

/// The number of the time slice that a moment falls in.
pub fn slice_of(at: Timestamp) -> i64 {
    at.0.div_euclid(millis(Budgeting::SLICE))
}

/// When a time slice begins.
pub fn slice_start(slice: i64) -> Timestamp {
    Timestamp(slice.saturating_mul(millis(Budgeting::SLICE)))
}
