//! Trouble on a timetable. Pure.

use std::time::Duration;

/// What is wrong with a simulated service at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Every answer takes this much longer.
    Slow(Duration),
    /// Every answer is a 503.
    Failing,
}

/// How long a round of the timetable takes.
const ROUND: u64 = 90;
/// Each service has its incident at another part of the round.
const APART: u64 = 30;
/// When in its part an incident begins, and how long it takes.
const BEGIN: u64 = 15;
const LENGTH: u64 = 6;

/// The trouble of service number `index` at `since` its start: failing in one round, slow in the next.
pub fn trouble(index: u64, since: Duration) -> Trouble {
    let seconds = since.as_secs();
    let (round, within) = (seconds / ROUND, seconds % ROUND);
    let begin = index * APART % ROUND + BEGIN;
    if !(begin..begin + LENGTH).contains(&within) {
        return Trouble::None;
    }
    if round.is_multiple_of(2) {
        Trouble::Failing
    } else {
        Trouble::Slow(Duration::from_millis(600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_fail_one_after_the_other_and_recover() {
        let at = |index, second| trouble(index, Duration::from_secs(second));
        assert_eq!(at(0, 14), Trouble::None);
        assert_eq!(at(0, 15), Trouble::Failing);
        assert_eq!(at(1, 15), Trouble::None);
        assert_eq!(at(0, 21), Trouble::None);
        assert!(matches!(at(0, 90 + 15), Trouble::Slow(_)));
        for second in 0..1000 {
            let troubled = (0..3)
                .filter(|index| at(*index, second) != Trouble::None)
                .count();
            assert!(troubled <= 1, "two at once in second {second}");
        }
    }
}
