//! When the host started, by each clock that a file may have been written under. The kernel
//! computes its start time from the current clock, so that it moves whenever the clock is set.

use crate::observe::lines::number;
use crate::observe::root::HostRoot;
use std::fs;
use std::time::UNIX_EPOCH;

/// Tolerance in seconds: for small clock adjustments, and for a file that is written before its
/// process starts.
const LATER: u64 = 60;

/// In seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct BootTimes {
    /// By the current clock.
    now: Option<u64>,
    /// By the clock when slod first read it.
    first: Option<u64>,
    /// By the clock at boot, when `/proc` was mounted.
    then: Option<u64>,
    /// How long the host has been running.
    uptime: Option<u64>,
}

impl BootTimes {
    /// Reads the times again. `stat` is the text of `/proc/stat`.
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

    /// By the clock when slod first read it, so that it does not move.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Whether a process that started `started` seconds after the host may be the one that a file
    /// written at `written` names. If not, that process has ended, and the system has reused its
    /// pid.
    pub(super) fn may_be_of(&self, started: u64, written: u64) -> bool {
        let is_before = |boot: u64| boot + started <= written + LATER;
        // No clock has advanced by more than the time since it was set.
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

    /// A host that has been running for a day; `steps` is how far its clock was set ahead since it
    /// started, and since slod started.
    fn boots(steps: [u64; 2]) -> BootTimes {
        BootTimes {
            now: Some(BOOT + steps[0]),
            first: Some(BOOT + steps[0] - steps[1]),
            then: Some(BOOT + 2),
            uptime: Some(24 * HOUR),
        }
    }

    #[test]
    fn a_clock_step_does_not_end_a_process() {
        for steps in [
            [0, 0],
            [2 * HOUR, 0],
            [2 * HOUR, 2 * HOUR],
            [9000 * HOUR, 0],
        ] {
            let boots = boots(steps);
            // An hour after the host started, by the clock at that time; the next one by the
            // current clock.
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
        assert!(BootTimes::default().may_be_of(HOUR, 0), "unknown");
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let boots = boots([0, 0]);
        assert!(boots.may_be_of(HOUR, BOOT + HOUR - LATER));
        assert!(!boots.may_be_of(HOUR, BOOT + HOUR - LATER - 3));
        // A clock that showed 1970 says nothing about a file from last year.
        let mut boots = self::boots([BOOT, 0]);
        boots.then = Some(0);
        assert!(!boots.may_be_of(HOUR, BOOT - 9000 * HOUR));
        assert!(boots.may_be_of(HOUR, HOUR + 1));
    }
}
