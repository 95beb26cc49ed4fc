//! The timetable of incidents while the demo is running. Pure.

use std::time::Duration;

/// The current trouble of a simulated service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Every response takes this much longer.
    Slow(Duration),
    /// Every response is a 503.
    Failing,
}

/// The services have incidents in turn, each in a round of its own, in seconds.
const ROUND: u64 = 90;
/// When in its round an incident starts, and how long it lasts, in seconds: at least two probes.
const BEGIN: u64 = 15;
const LENGTH: u64 = 11;

/// The trouble of service number `index` of `count`, `since` its first probe: each service fails in
/// its first incident, is slow in the next, and so on.
pub fn trouble(index: u64, count: u64, since: Duration) -> Trouble {
    let seconds = since.as_secs();
    let (round, within) = (seconds / ROUND, seconds % ROUND);
    if round % count != index || !(BEGIN..BEGIN + LENGTH).contains(&within) {
        Trouble::None
    } else if (round / count).is_multiple_of(2) {
        Trouble::Failing
    } else {
        Trouble::Slow(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_fail_in_turn_and_recover() {
        let at = |index, second| trouble(index, 3, Duration::from_secs(second));
        assert_eq!(at(0, 14), Trouble::None);
        assert_eq!(at(0, 15), Trouble::Failing);
        assert_eq!(at(1, 15), Trouble::None);
        assert_eq!(at(0, 26), Trouble::None);
        assert_eq!(at(1, 90 + 15), Trouble::Failing);
        assert!(matches!(at(0, 270 + 15), Trouble::Slow(_)));
        let troubled =
            (0..540).filter(|second| (0..3).any(|index| at(index, *second) != Trouble::None));
        assert_eq!(troubled.count(), 6 * 11, "never two at once");
    }
}
