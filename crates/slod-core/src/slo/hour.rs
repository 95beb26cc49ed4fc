//! Whether the stored counts of an hour suffice for an objective, without the individual outcomes.

use super::objective::BudgetingMethod;
use super::tally::Tally;

/// Time slices per hour.
const SLICES_PER_HOUR: u32 = 60;

/// The counts of an objective's probes in one hour.
#[derive(Clone, Debug, Default)]
pub struct HourCounts {
    /// One per probe that has outcomes in the hour.
    tallies: Vec<Tally>,
    /// Whether the counts of some probe are unusable.
    incomplete: bool,
}

impl HourCounts {
    /// Adds a probe with outcomes in the hour; `None` if its counts are unusable.
    pub fn add(&mut self, tally: Option<Tally>) {
        match tally {
            Some(tally) => self.tallies.push(tally),
            None => self.incomplete = true,
        }
    }

    pub fn clear(&mut self) {
        self.tallies.clear();
        self.incomplete = false;
    }

    /// The combined counts of all probes. `None` if they can only be computed from the outcomes, because
    /// time slices are judged across probes. The counts suffice for a single probe, and if all slices of
    /// all probes are good and one probe has all slices.
    pub fn together(&self, budgeting: BudgetingMethod) -> Option<Tally> {
        if self.incomplete {
            return None;
        }
        let mut sum = Tally::default();
        for tally in &self.tallies {
            sum.add(*tally);
        }
        if self.tallies.len() <= 1 || !budgeting.is_sliced() {
            return Some(sum);
        }
        let clean = self.tallies.iter().all(|tally| tally.bad == 0);
        let full = self
            .tallies
            .iter()
            .find(|tally| is_full(**tally, budgeting));
        let void = sum.void;
        full.filter(|_| clean).map(|full| Tally { void, ..*full })
    }

    /// Like [`HourCounts::together`], but only if nothing is bad and every event missing from the tally is
    /// void: then the order of the outcomes does not matter either. `missing` is whether slices without
    /// outcomes count.
    pub fn quiet(&self, budgeting: BudgetingMethod, missing: bool) -> Option<Tally> {
        let tally = self.together(budgeting).filter(|tally| tally.bad == 0)?;
        let void_unknown = tally.void > 0 || missing;
        let known = !budgeting.is_sliced() || !void_unknown || is_full(tally, budgeting);
        known.then_some(tally)
    }
}

/// Whether all slices of an hour are good.
fn is_full(tally: Tally, budgeting: BudgetingMethod) -> bool {
    tally.good == SLICES_PER_HOUR * budgeting.parts()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICED: BudgetingMethod = BudgetingMethod::Timeslices { slice_target: 0.5 };

    fn hour(good: u32, bad: u32, void: u32) -> Tally {
        Tally {
            good,
            bad,
            void,
            covered_ms: u64::from(good + bad) * 60_000,
        }
    }

    fn counts(tallies: &[Tally]) -> HourCounts {
        let mut counts = HourCounts::default();
        for tally in tallies {
            counts.add(Some(*tally));
        }
        counts
    }

    #[test]
    fn slices_of_several_probes_need_one_probe_with_all_slices() {
        let together = |tallies: &[Tally]| counts(tallies).together(SLICED);
        let full = hour(60, 0, 0);
        assert_eq!(together(&[full, hour(20, 0, 3)]), Some(hour(60, 0, 3)));
        assert_eq!(together(&[hour(40, 0, 0), hour(20, 0, 0)]), None);
        assert_eq!(together(&[full, hour(59, 1, 0)]), None);
        assert_eq!(together(&[hour(50, 3, 0)]), Some(hour(50, 3, 0)));
        assert_eq!(together(&[]), Some(Tally::default()));
    }

    #[test]
    fn occurrences_add_up() {
        let both = counts(&[hour(40, 1, 0), hour(20, 2, 0)]);
        assert_eq!(
            both.together(BudgetingMethod::Occurrences),
            Some(hour(60, 3, 0))
        );
        assert_eq!(both.quiet(BudgetingMethod::Occurrences, false), None);
    }

    #[test]
    fn unusable_counts_make_the_hour_unknown() {
        let mut counts = counts(&[hour(60, 0, 0)]);
        counts.add(None);
        assert_eq!(counts.together(SLICED), None);
        counts.clear();
        assert_eq!(counts.together(SLICED), Some(Tally::default()));
    }

    #[test]
    fn a_quiet_hour_of_slices_hides_no_void_or_missing_slice() {
        let quiet = |tally, missing| counts(&[tally]).quiet(SLICED, missing);
        assert_eq!(quiet(hour(50, 0, 0), false), Some(hour(50, 0, 0)));
        assert_eq!(quiet(hour(50, 0, 0), true), None);
        assert_eq!(quiet(hour(59, 0, 6), false), None);
        assert_eq!(quiet(hour(60, 0, 6), true), Some(hour(60, 0, 6)));
    }
}
