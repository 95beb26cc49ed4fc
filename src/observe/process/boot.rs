//! When the host started, by each clock that a file may have been written by. The kernel computes the time of its
//! start from the clock of now, so that it moves with every step of the clock.

use crate::observe::lines::number;
use crate::observe::root::HostRoot;
use std::fs;
use std::time::UNIX_EPOCH;

/// Clocks are set by less than this without being wrong, and a file is written so long before its process starts at
/// most, in seconds.
const LATER: u64 = 60;

/// In seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct BootTimes {
    /// By the clock of now.
    now: Option<u64>,
    /// By the clock when slod looked first.
    first: Option<u64>,
    /// By the clock of then: `/proc` was mounted.
    then: Option<u64>,
    /// How long the host has been running.
    uptime: Option<u64>,
}

impl BootTimes {
    /// Reads them again. `stat` is the text of `/proc/stat`.
    pub(super) fn read(&mut self, root: &HostRoot, stat: &str) {
        let uptime = root.read("/proc/uptime").ok();
        self.uptime = uptime.and_then(|text| text.split('.').next()?.parse().ok());
        let mounted = fs::metadata(root.path("/proc")).and_then(|proc| proc.modified());
        let mounted = mounted
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        self.now = number(stat, "btime");
        self.first = self.first.or(self.now);
        self.then = mounted.map(|at| at.as_secs());
    }

    /// By the clock when slod looked first, so that it does not move.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Whether a process that started so many seconds after the host may be the one that a file of this time names.
    /// Otherwise that one has ended: the system has given its number to another one.
    pub(super) fn may_be_of(&self, started: u64, written: u64) -> bool {
        let is_before = |boot: u64| boot + started <= written + LATER;
        // No clock has shown more than what passed since its start.
        let has_shown = |boot: u64| written <= boot + self.uptime.unwrap_or(0) + LATER;
        let mut earlier = self.first.into_iter().chain(self.then);
        self.now.is_none_or(is_before) || earlier.any(|boot| has_shown(boot) && is_before(boot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const BOOT: u64 = 500_000 * HOUR;

    /// A host that has been running for a day; `steps` is how far its clock was set ahead since it started, and
    /// since slod did.
    fn boots(steps: [u64; 2]) -> BootTimes {
        BootTimes {
            now: Some(BOOT + steps[0]),
            first: Some(BOOT + steps[0] - steps[1]),
            then: Some(BOOT + 2),
            uptime: Some(24 * HOUR),
        }
    }

    #[test]
    fn a_step_of_the_clock_ends_no_process() {
        for steps in [
            [0, 0],
            [2 * HOUR, 0],
            [2 * HOUR, 2 * HOUR],
            [9000 * HOUR, 0],
        ] {
            let boots = boots(steps);
            // Both an hour after the host, by the clock of then; the next one by the clock of now.
            assert!(boots.may_be_of(HOUR, BOOT + HOUR), "{steps:?}");
            let now = BOOT + steps[0];
            assert!(boots.may_be_of(23 * HOUR, now + 23 * HOUR), "{steps:?}");
            // From before the host started.
            assert!(!boots.may_be_of(HOUR, BOOT - HOUR), "{steps:?}");
        }
        let set_back = BootTimes {
            now: Some(BOOT - 2 * HOUR),
            ..boots([0, 0])
        };
        assert!(set_back.may_be_of(HOUR, BOOT - HOUR), "by the new clock");
        assert!(set_back.may_be_of(HOUR, BOOT + HOUR), "by the old one");
        assert!(BootTimes::default().may_be_of(HOUR, 0), "nobody knows");
    }

    #[test]
    fn a_number_that_was_given_away_again_is_another_process() {
        let boots = boots([0, 0]);
        assert!(boots.may_be_of(HOUR, BOOT + HOUR - LATER));
        assert!(!boots.may_be_of(HOUR, BOOT + HOUR - LATER - 3));
        // The clock that showed 1970 says nothing of a file of last year.
        let mut boots = self::boots([BOOT, 0]);
        boots.then = Some(0);
        assert!(!boots.may_be_of(HOUR, BOOT - 9000 * HOUR));
        assert!(boots.may_be_of(HOUR, HOUR + 1));
    }
}
