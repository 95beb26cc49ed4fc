//! Whether a minute of real traffic reached a rate.

use super::tally::Tally;
use crate::units::Rate;
use std::fmt;

/// The throughput that an objective requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Throughput {
    pub at_least: Rate,
    pub when: When,
}

/// Which minutes count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum When {
    /// Those in which at least the required rate was requested: a quiet night is not an outage.
    #[default]
    Offered,
    /// All observed ones.
    Always,
}

impl Throughput {
    /// Whether the rate was reached, given the successful (`good`) and failed (`bad`) requests in the
    /// covered time. `None` if the minute does not count, even if it was observed.
    pub fn is_met(&self, minute: &Tally) -> Option<bool> {
        let reaches = |events: u64| self.at_least.is_reached(events, minute.covered_ms);
        let served = u64::from(minute.good);
        if minute.covered_ms == 0 {
            None
        } else if reaches(served) {
            Some(true)
        } else {
            let counts = self.when == When::Always || reaches(served + u64::from(minute.bad));
            counts.then_some(false)
        }
    }
}

/// The representation in a [`super::TallyKey`].
impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            When::Offered => "offered",
            When::Always => "always",
        };
        write!(f, "throughput>={}:{when}", self.at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(when: When, served: u32, failed: u32, covered_ms: u64) -> Option<bool> {
        let at_least = Rate::parse("100/s").expect("a rate");
        Throughput { at_least, when }.is_met(&Tally {
            good: served,
            bad: failed,
            void: 0,
            covered_ms,
        })
    }

    #[test]
    fn a_quiet_minute_counts_only_with_always() {
        assert_eq!(met(When::Offered, 6000, 0, 60_000), Some(true));
        assert_eq!(met(When::Offered, 5999, 0, 60_000), None);
        assert_eq!(met(When::Offered, 5999, 1, 60_000), Some(false));
        assert_eq!(met(When::Always, 5999, 0, 60_000), Some(false));
        assert_eq!(met(When::Always, 0, 0, 60_000), Some(false));
    }

    #[test]
    fn unobserved_time_does_not_count_against_the_service() {
        assert_eq!(met(When::Always, 0, 0, 0), None);
        assert_eq!(met(When::Always, 1000, 0, 10_000), Some(true));
    }
}
