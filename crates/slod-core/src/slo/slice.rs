//! Time slices: how the outcomes of a slice are judged.

use super::objective::{BudgetingMethod, Combine, NoDataPolicy, Objective, Sli};
use super::tally::{Tally, whole_ms};
use super::throughput::Throughput;
use crate::outcome::{Timestamp, millis};
use std::sync::Arc;

/// The counts of each column within one slice. A column is a probe, or all probes if outcomes are pooled.
pub type Columns = [Tally];

/// How time slices are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceRule {
    budgeting: BudgetingMethod,
    combine: Combine,
    missing: NoDataPolicy,
    /// One per probe.
    weights: Arc<[u32]>,
    /// Set if slices are judged by their request rate.
    throughput: Option<Throughput>,
}

impl SliceRule {
    /// The rule for the outcomes of a single probe; `None` if the method does not use slices.
    pub fn alone(budgeting: BudgetingMethod) -> Option<Self> {
        budgeting.is_sliced().then(|| Self {
            budgeting,
            combine: Combine::Pooled,
            missing: NoDataPolicy::Exclude,
            weights: [1].into(),
            throughput: None,
        })
    }

    /// The rule for an objective whose probes have these weights.
    pub fn of(objective: &Objective, weights: impl Iterator<Item = u32>) -> Option<Self> {
        Self::alone(objective.budgeting).map(|rule| Self {
            combine: objective.combine,
            missing: objective.missing,
            weights: weights.collect(),
            throughput: match objective.sli {
                Sli::Throughput(throughput) => Some(throughput),
                _ => None,
            },
            ..rule
        })
    }

    /// The number of columns; at least one.
    pub fn columns(&self) -> usize {
        match self.combine {
            Combine::Pooled => 1,
            Combine::All | Combine::Any | Combine::Weighted => self.weights.len().max(1),
        }
    }

    /// The column of a probe, given its position among the contributing probes.
    pub fn column_of(&self, probe: usize) -> usize {
        probe.min(self.columns().saturating_sub(1))
    }

    /// Judges a slice as one event: good, bad, or partly each. If it was observed but contains nothing that
    /// counts, as a minute without requests, it is neither. If it was not observed, the tally is empty.
    pub fn judge(&self, columns: &Columns) -> Tally {
        match self.ratio(columns) {
            Some(ratio) => self.tally(ratio),
            None if columns.iter().any(Tally::is_observed) => Tally {
                covered_ms: whole_ms(BudgetingMethod::SLICE),
                ..Tally::default()
            },
            None => Tally::default(),
        }
    }

    /// The tally of an unobserved slice; `None` if it does not count.
    pub fn missing(&self) -> Option<Tally> {
        match self.missing {
            NoDataPolicy::Exclude => None,
            NoDataPolicy::Bad => Some(self.tally(0.0)),
            NoDataPolicy::Good => Some(self.tally(1.0)),
        }
    }

    /// Counts tallies, given with the position of the probe and the time, in order of time. They must cover
    /// whole slices.
    pub fn count(&self, tallies: impl Iterator<Item = (usize, Timestamp, Tally)>) -> Tally {
        let (mut sum, mut running) = (Tally::default(), i64::MIN);
        let mut columns = vec![Tally::default(); self.columns()];
        for (probe, at, tally) in tallies {
            let slice = slice_of(at);
            if slice != running {
                sum.add(self.judge(&columns));
                columns.fill(Tally::default());
                running = slice;
            }
            sum.void = sum.void.saturating_add(tally.void);
            columns[self.column_of(probe)].add(tally);
        }
        sum.add(self.judge(&columns));
        sum
    }

    fn ratio(&self, columns: &Columns) -> Option<f64> {
        if let Some(throughput) = self.throughput {
            let met = columns.first().and_then(|all| throughput.is_met(all));
            return met.map(|met| f64::from(u8::from(met)));
        }
        let share = |column: &Tally| {
            let (good, all) = (
                f64::from(column.good),
                f64::from(column.good) + f64::from(column.bad),
            );
            (all > 0.0).then(|| good / all)
        };
        let known = columns.iter().filter_map(share);
        match self.combine {
            Combine::Pooled => columns.first().and_then(share),
            Combine::All => known.reduce(f64::min),
            Combine::Any => known.reduce(f64::max),
            Combine::Weighted => {
                let (mut sum, mut weights) = (0.0, 0.0);
                for (column, weight) in columns.iter().zip(&*self.weights) {
                    if let Some(share) = share(column) {
                        sum += share * f64::from(*weight);
                        weights += f64::from(*weight);
                    }
                }
                (weights > 0.0).then(|| sum / weights)
            }
        }
    }

    /// The tally of a slice with this ratio.
    fn tally(&self, ratio: f64) -> Tally {
        let parts = self.budgeting.parts();
        let good = match self.budgeting {
            BudgetingMethod::Timeslices { slice_target } => {
                parts * u32::from(ratio >= slice_target)
            }
            BudgetingMethod::Occurrences | BudgetingMethod::RatioTimeslices => {
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
            void: 0,
            covered_ms: whole_ms(BudgetingMethod::SLICE),
        }
    }
}

/// The number of the time slice that contains a moment.
pub fn slice_of(at: Timestamp) -> i64 {
    at.0.div_euclid(millis(BudgetingMethod::SLICE))
}

/// The start of a time slice.
pub fn slice_start(slice: i64) -> Timestamp {
    Timestamp(slice.saturating_mul(millis(BudgetingMethod::SLICE)))
}

/// The first start of a time slice at or after a moment.
pub fn next_slice_start(at: Timestamp) -> Timestamp {
    slice_start(slice_of(Timestamp(at.0.saturating_sub(1))) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(budgeting: BudgetingMethod, combine: Combine, weights: &[u32]) -> SliceRule {
        SliceRule {
            budgeting,
            combine,
            missing: NoDataPolicy::Bad,
            weights: weights.into(),
            throughput: None,
        }
    }

    fn counts(rule: &SliceRule, columns: &[(u32, u32)]) -> (u32, u32) {
        let column = |(good, bad): &(u32, u32)| Tally {
            good: *good,
            bad: *bad,
            ..Tally::default()
        };
        let tally = rule.judge(&columns.iter().map(column).collect::<Vec<_>>());
        (tally.good, tally.bad)
    }

    const SLICES: BudgetingMethod = BudgetingMethod::Timeslices { slice_target: 0.9 };
    const RATIO: BudgetingMethod = BudgetingMethod::RatioTimeslices;
    /// One probe that fails half the time, one without failures, and one without outcomes.
    const COLUMNS: [(u32, u32); 3] = [(3, 3), (1, 0), (0, 0)];

    #[test]
    fn the_worst_the_best_and_the_mean_probe() {
        let reported = |combine| counts(&rule(RATIO, combine, &[3, 1, 5]), &COLUMNS);
        assert_eq!(reported(Combine::All), (500_000, 500_000));
        assert_eq!(reported(Combine::Any), (1_000_000, 0));
        assert_eq!(reported(Combine::Weighted), (625_000, 375_000));
        let pooled = rule(RATIO, Combine::Pooled, &[1, 1, 1]);
        assert_eq!(pooled.columns(), 1);
        assert_eq!(counts(&pooled, &[(4, 3)]), (571_429, 428_571));
    }

    #[test]
    fn a_slice_is_good_or_bad_as_a_whole_unless_its_ratio_counts() {
        let reported = |combine| counts(&rule(SLICES, combine, &[3, 1, 5]), &COLUMNS);
        assert_eq!(reported(Combine::All), (0, 1));
        assert_eq!(reported(Combine::Any), (1, 0));
        assert_eq!(reported(Combine::Weighted), (0, 1));
        // Nine of ten is the slice target.
        assert_eq!(
            counts(&rule(SLICES, Combine::Pooled, &[1]), &[(9, 1)]),
            (1, 0)
        );
        assert_eq!(
            counts(&rule(SLICES, Combine::Pooled, &[1]), &[(8, 1)]),
            (0, 1)
        );
    }

    #[test]
    fn a_slice_without_outcomes_is_empty_by_itself() {
        let rule = rule(SLICES, Combine::All, &[1, 1]);
        assert_eq!(rule.judge(&[Tally::default(); 2]), Tally::default());
        assert_eq!(
            rule.missing().map(|missing| (missing.good, missing.bad)),
            Some((0, 1))
        );
    }
}
