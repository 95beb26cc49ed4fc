//! Whether a minute of real traffic reached a rate.

use super::tally::Tally;
use crate::units::Rate;
use std::fmt;

/// The rate that a service promises to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Throughput {
    pub at_least: Rate,
    pub when: When,
}

/// Which minutes count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum When {
    /// Those in which so much was asked for: what nobody asks for cannot be served, so a quiet night
    /// is no outage.
    #[default]
    Offered,
    /// All that were observed.
    Always,
}

impl Throughput {
    /// Whether the rate was reached, given what was served (`good`) and what failed (`bad`) in the
    /// covered time. `None` if the minute does not count, though it may have been observed.
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

/// As part of [`super::TallyKey`].
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
    fn a_quiet_minute_counts_only_if_asked() {
        assert_eq!(met(When::Offered, 6000, 0, 60_000), Some(true));
        assert_eq!(met(When::Offered, 5999, 0, 60_000), None);
        assert_eq!(met(When::Offered, 5999, 1, 60_000), Some(false));
        assert_eq!(met(When::Always, 5999, 0, 60_000), Some(false));
        assert_eq!(met(When::Always, 0, 0, 60_000), Some(false));
    }

    #[test]
    fn what_was_not_observed_is_not_held_against_the_service() {
        assert_eq!(met(When::Always, 0, 0, 0), None);
        assert_eq!(met(When::Always, 1000, 0, 10_000), Some(true));
    }
}
