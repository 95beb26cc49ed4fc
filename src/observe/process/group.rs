//! Sums over the processes of one group, which live on when a process ends. Data in, data out.

use super::table::ProcessId;
use crate::config::ProcessSpec;
use crate::observe::ProcessView;
use std::collections::HashMap;
use std::time::Duration;

/// What one process showed at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) id: ProcessId,
    /// Whether it started since the last sample of the host.
    pub(super) is_new: bool,
    /// Processor time in user and kernel since its start, in the kernel's ticks.
    pub(super) cpu_ticks: u64,
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_fds: Option<u64>,
}

/// What a share of processor time is a share of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// Since the last sample.
    pub(super) elapsed: Duration,
    pub(super) processors: f64,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    /// Processor time of each member when it was last seen.
    members: HashMap<ProcessId, u64>,
    /// Whether a sample was taken before.
    sampled: bool,
    /// Whether there ever was a member.
    ran: bool,
    cpu_ticks: u64,
    cpu_usage: Option<f64>,
    restarts: u64,
    now: Option<Sums>,
}

/// Of the members there are.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    resident_bytes: u64,
    threads: u64,
    open_fds: Option<u64>,
}

impl Group {
    /// Takes the members of one moment. `since` is `None` at the first sample of the host, and so
    /// soon after the last one that the kernel's ticks of 10 ms say nothing.
    pub(super) fn take(&mut self, readings: &[Reading], since: Option<Since>) {
        let spent: u64 = readings.iter().map(|reading| self.spent(reading)).sum();
        let survivor = readings
            .iter()
            .any(|reading| self.members.contains_key(&reading.id));
        // An overlap of old and new, as in a rolling update, is no restart.
        if self.ran && !readings.is_empty() && !survivor {
            self.restarts += 1;
        }
        self.cpu_ticks += spent;
        self.cpu_usage = since
            .filter(|_| self.sampled && !readings.is_empty())
            .map(|since| seconds(spent) / since.elapsed.as_secs_f64() / since.processors);
        self.now = sums(readings);
        // The last members are remembered while there are none: who comes next is a restart.
        if !readings.is_empty() {
            self.ran = true;
            self.members = readings
                .iter()
                .map(|reading| (reading.id, reading.cpu_ticks))
                .collect();
        }
        self.sampled = true;
    }

    /// Ticks that a process spent as a member. One that ran before, but is a member only now,
    /// starts from here: its past is no sudden load.
    fn spent(&self, reading: &Reading) -> u64 {
        match self.members.get(&reading.id) {
            Some(before) => reading.cpu_ticks.saturating_sub(*before),
            None if reading.is_new || !self.sampled => reading.cpu_ticks,
            None => 0,
        }
    }

    pub(super) fn view(&self, spec: &ProcessSpec) -> ProcessView {
        ProcessView {
            service: spec.service.clone(),
            name: spec.name.clone(),
            count: self.now.map_or(0, |sums| sums.count),
            cpu_seconds: seconds(self.cpu_ticks),
            cpu_usage: self.cpu_usage,
            resident_bytes: self.now.map(|sums| sums.resident_bytes),
            threads: self.now.map(|sums| sums.threads),
            open_fds: self.now.and_then(|sums| sums.open_fds),
            restarts: self.restarts,
        }
    }
}

fn sums(readings: &[Reading]) -> Option<Sums> {
    (!readings.is_empty()).then(|| Sums {
        count: readings.len() as u64,
        resident_bytes: readings.iter().map(|reading| reading.resident_bytes).sum(),
        threads: readings.iter().map(|reading| reading.threads).sum(),
        open_fds: readings.iter().map(|reading| reading.open_fds).sum(),
    })
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Option<Since> = Some(Since {
        elapsed: Duration::from_secs(10),
        processors: 4.0,
    });

    fn reading(pid: i32, started_ticks: u64, cpu_seconds: u64) -> Reading {
        Reading {
            id: ProcessId { pid, started_ticks },
            is_new: false,
            cpu_ticks: cpu_seconds * procfs::ticks_per_second(),
            resident_bytes: 1000,
            threads: 3,
            open_fds: Some(7),
        }
    }

    fn new(pid: i32, started_ticks: u64, cpu_seconds: u64) -> Reading {
        Reading {
            is_new: true,
            ..reading(pid, started_ticks, cpu_seconds)
        }
    }

    fn reported(group: &Group) -> (u64, f64, Option<f64>, u64) {
        let spec = ProcessSpec {
            service: "s".into(),
            name: "p".into(),
            found_by: crate::config::FoundBy::Port(1),
        };
        let view = group.view(&spec);
        (view.count, view.cpu_seconds, view.cpu_usage, view.restarts)
    }

    #[test]
    fn time_is_summed_over_members_and_survives_them() {
        let mut group = Group::default();
        group.take(&[reading(1, 5, 100), reading(2, 6, 50)], None);
        assert_eq!(
            reported(&group),
            (2, 150.0, None, 0),
            "one reading is no usage"
        );
        group.take(&[reading(1, 5, 120), reading(2, 6, 50)], EVERY);
        assert_eq!(
            reported(&group),
            (2, 170.0, Some(0.5), 0),
            "20 s of 4 x 10 s"
        );
        group.take(&[reading(1, 5, 121)], EVERY);
        assert_eq!(reported(&group), (1, 171.0, Some(0.025), 0));
        group.take(&[], EVERY);
        assert_eq!(reported(&group), (0, 171.0, None, 0), "nobody runs");
    }

    #[test]
    fn a_restart_is_when_nobody_is_left_of_those_before() {
        let mut group = Group::default();
        group.take(&[], None);
        group.take(&[new(1, 5, 1)], EVERY);
        assert_eq!(reported(&group).3, 0, "the first start");
        group.take(&[reading(1, 5, 1), new(2, 9, 1)], EVERY);
        group.take(&[reading(2, 9, 1)], EVERY);
        assert_eq!(reported(&group).3, 0, "a rolling update");
        // The same number is another process if it started at another time.
        group.take(&[new(2, 12, 1)], EVERY);
        assert_eq!(reported(&group), (1, 3.0, Some(0.025), 1));
        group.take(&[], EVERY);
        group.take(&[], EVERY);
        group.take(&[new(3, 20, 2)], EVERY);
        assert_eq!(reported(&group), (1, 5.0, Some(0.05), 2));
    }

    #[test]
    fn the_past_of_a_late_member_is_no_sudden_load() {
        let mut group = Group::default();
        group.take(&[reading(1, 5, 10)], None);
        group.take(&[reading(1, 5, 10), reading(2, 3, 5000)], EVERY);
        assert_eq!(reported(&group), (2, 10.0, Some(0.0), 0));
        group.take(&[reading(1, 5, 10), reading(2, 3, 5004)], EVERY);
        assert_eq!(reported(&group), (2, 14.0, Some(0.1), 0));
    }

    #[test]
    fn what_one_member_hides_is_unknown_for_all() {
        let mut group = Group::default();
        let hidden = Reading {
            open_fds: None,
            ..reading(2, 6, 1)
        };
        group.take(&[reading(1, 5, 1), hidden], None);
        let sums = group.now.expect("members");
        assert_eq!((sums.open_fds, sums.threads), (None, 6));
        group.take(&[reading(1, 5, 1)], EVERY);
        assert_eq!(group.now.expect("a member").open_fds, Some(7));
    }
}
