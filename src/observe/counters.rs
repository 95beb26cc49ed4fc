//! Counters of the members of a group, with totals that persist when a member ends. Pure.

/// How to interpret a counter value that decreased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDecrease {
    /// The counter was reset and has counted from 0 since.
    Reset,
    /// Nothing was counted: the kernel never resets the counters of a process.
    Hold,
}

/// The last known values of one member.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberCounters<const N: usize>([Option<u64>; N]);

impl<const N: usize> MemberCounters<N> {
    /// A member that was running before: its first values are not counted.
    pub(super) const RUNNING: Self = Self([None; N]);
    /// A new member: its first values are counted.
    pub(super) const NEW: Self = Self([Some(0); N]);

    /// The last known value of one counter.
    pub(super) const fn last(&self, at: usize) -> Option<u64> {
        self.0[at]
    }

    /// Takes the current values and returns the increase of each since the last known one; `None`
    /// for values that could not be read, which continue from their last known value.
    pub(super) fn advance(
        &mut self,
        now: [Option<u64>; N],
        on_decrease: OnDecrease,
    ) -> [Option<u64>; N] {
        let increases = std::array::from_fn(|at| {
            let now = now[at]?;
            let last = self.0[at].unwrap_or(now);
            Some(now.checked_sub(last).unwrap_or(match on_decrease {
                OnDecrease::Reset => now,
                OnDecrease::Hold => 0,
            }))
        });
        for (last, now) in self.0.iter_mut().zip(now) {
            *last = now.or(*last);
        }
        increases
    }
}

/// The summed increases of all current and former members; `None` for values that were never read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals<const N: usize>([Option<u64>; N]);

impl<const N: usize> Default for Totals<N> {
    fn default() -> Self {
        Self([None; N])
    }
}

impl<const N: usize> Totals<N> {
    pub(super) fn add(&mut self, increases: [Option<u64>; N]) {
        for (total, increase) in self.0.iter_mut().zip(increases) {
            let both = [*total, increase].into_iter().flatten();
            *total = both.reduce(u64::saturating_add);
        }
    }

    pub(super) const fn get(&self, at: usize) -> Option<u64> {
        self.0[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_values_of_a_new_member_count() {
        let first = |mut member: MemberCounters<1>| member.advance([Some(7)], OnDecrease::Reset);
        assert_eq!(first(MemberCounters::NEW), [Some(7)]);
        assert_eq!(first(MemberCounters::RUNNING), [Some(0)]);
    }

    #[test]
    fn an_unread_value_continues_from_the_last_known_one() {
        let mut member = MemberCounters::<1>::RUNNING;
        let increases =
            [Some(5), None, Some(9)].map(|now| member.advance([now], OnDecrease::Hold)[0]);
        assert_eq!(increases, [Some(0), None, Some(4)]);
        assert_eq!(member.last(0), Some(9));
    }

    #[test]
    fn a_fall_is_a_reset_or_nothing() {
        let fall = |at_fall| {
            let mut member = MemberCounters::<1>::NEW;
            member.advance([Some(10)], at_fall);
            member.advance([Some(3)], at_fall)
        };
        assert_eq!(fall(OnDecrease::Reset), [Some(3)]);
        assert_eq!(fall(OnDecrease::Hold), [Some(0)]);
    }

    #[test]
    fn totals_include_everything_ever_read() {
        let mut totals = Totals::<2>::default();
        totals.add([Some(1), None]);
        totals.add([None, None]);
        totals.add([Some(u64::MAX), None]);
        assert_eq!((totals.get(0), totals.get(1)), (Some(u64::MAX), None));
    }
}
