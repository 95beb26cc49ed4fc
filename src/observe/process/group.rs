//! Sums over the processes of one group, which persist when a process ends. Pure.

use super::reading::{Io, Reading};
use super::table::ProcessId;
use crate::config::ProcessSpec;
use crate::observe::ProcessView;
use crate::observe::counters::{MemberCounters, OnDecrease, Totals};
use std::collections::HashMap;
use std::time::Duration;

/// The base of a share of processor time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// Since the last sample.
    pub(super) elapsed: Duration,
    pub(super) processors: f64,
}

/// Counters: ticks of processor time, bytes read and written, voluntary and involuntary switches,
/// ticks of reaped children.
const COUNTERS: usize = 6;
const CPU: usize = 0;
const READ: usize = 1;
const WRITTEN: usize = 2;
const VOLUNTARY: usize = 3;
const INVOLUNTARY: usize = 4;
const REAPED: usize = 5;

/// A member when it was last seen.
#[derive(Clone, Copy, Debug)]
struct Member {
    parent: i32,
    counters: MemberCounters<COUNTERS>,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    members: HashMap<ProcessId, Member>,
    /// Whether the group ever had a member.
    ran: bool,
    totals: Totals<COUNTERS>,
    /// Whether each counter was known for every member when there last was one.
    known: [bool; COUNTERS],
    /// What members that have ended had counted, by the nearest ancestor that is still a member. The
    /// kernel adds it to the parent that reaps the process.
    inherited: HashMap<i32, Inherited>,
    cpu_usage: Option<f64>,
    cpu_usage_max: Option<f64>,
    restarts: u64,
    now: Option<Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Inherited {
    ticks: u64,
    io: Io,
}

/// Sums over the current members.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    resident_bytes: u64,
    resident_max_bytes: u64,
    proportional_bytes: Option<u64>,
    anonymous_bytes: Option<u64>,
    threads: u64,
    open_fds: Option<u64>,
    /// The lowest limit.
    fd_limit: Option<u64>,
    /// The largest share of its limit that a process uses.
    fds_max: Option<f64>,
    /// Of the oldest process, in ticks since the host started.
    started_ticks: u64,
}

impl Group {
    /// Takes the current members. `since` is `None` at the first sample of the group, and if the
    /// last one was too recent for the kernel's ticks of 10 ms.
    pub(super) fn take(&mut self, readings: &[Reading], since: Option<Since>) {
        let has_survivor = readings
            .iter()
            .any(|reading| self.members.contains_key(&reading.id));
        // Old and new processes that overlap, as in a rolling update, are not a restart.
        if self.ran && !readings.is_empty() && !has_survivor {
            self.restarts += 1;
        }
        self.inherit(readings);
        let ticks = self.count(readings);
        let share = |ticks: u64, since: Since| {
            seconds(ticks) / since.elapsed.as_secs_f64() / since.processors
        };
        // Members that were not found in the last sample used some of this time before it.
        let is_recent = self.now.is_some() || readings.iter().all(|reading| reading.is_new);
        let since = since.filter(|_| is_recent && !readings.is_empty());
        self.cpu_usage = since.map(|since| share(ticks.iter().sum(), since));
        let most = ticks.iter().max().copied();
        self.cpu_usage_max = since.and_then(|since| Some(share(most?, since)));
        self.now = sums(readings);
    }

    /// Records what members that have ended had counted.
    fn inherit(&mut self, readings: &[Reading]) {
        let there: HashMap<i32, ProcessId> = readings
            .iter()
            .map(|reading| (reading.id.pid, reading.id))
            .collect();
        self.inherited
            .retain(|parent, _| there.contains_key(parent));
        let ended = |id: &ProcessId| there.get(&id.pid) != Some(id);
        let ended: HashMap<i32, &Member> = self
            .members
            .iter()
            .filter(|(id, _)| ended(id))
            .map(|(id, member)| (id.pid, member))
            .collect();
        for member in ended.values() {
            // Parents that have ended as well passed on what their children had counted.
            let mut ancestor = member.parent;
            for _ in 0..ended.len() {
                match ended.get(&ancestor) {
                    Some(parent) => ancestor = parent.parent,
                    None => break,
                }
            }
            if there.contains_key(&ancestor) {
                let last = |at| member.counters.last(at).unwrap_or(0);
                let inherited = self.inherited.entry(ancestor).or_default();
                inherited.ticks += last(CPU) + last(REAPED);
                inherited.io.read += last(READ);
                inherited.io.written += last(WRITTEN);
            }
        }
    }

    /// Adds each member's increases since it was last seen, and returns the ticks of each.
    fn count(&mut self, readings: &[Reading]) -> Vec<u64> {
        let mut ticks = Vec::with_capacity(readings.len());
        let mut members = HashMap::with_capacity(readings.len());
        for reading in readings {
            let (member, mut spent) = self.spent(reading);
            if let Some(inherited) = self.inherited.get_mut(&reading.id.pid) {
                take_off(&mut inherited.ticks, &mut spent[REAPED]);
                take_off(&mut inherited.io.read, &mut spent[READ]);
                take_off(&mut inherited.io.written, &mut spent[WRITTEN]);
            }
            // Children that started and ended between two samples were never members.
            let reaped = spent[REAPED].take().unwrap_or(0);
            spent[CPU] = spent[CPU].map(|ticks| ticks.saturating_add(reaped));
            self.totals.add(spent);
            ticks.push(spent[CPU].unwrap_or(0));
            members.insert(reading.id, member);
        }
        // The last members are remembered while there are none: new members are then a restart.
        if !readings.is_empty() {
            self.ran = true;
            self.members = members;
            let all = readings.iter().map(counters);
            self.known = all.fold([true; COUNTERS], |known, one| {
                std::array::from_fn(|at| known[at] && one[at].is_some())
            });
        }
        ticks
    }

    /// Returns a process's increases as a member. A process that ran before but is a member only
    /// now starts from its current values, as all do at the first sample: its history must not
    /// appear as a sudden load, and counters start at 0.
    fn spent(&self, reading: &Reading) -> (Member, [Option<u64>; COUNTERS]) {
        let known = self.members.get(&reading.id);
        let mut counters = match known {
            Some(member) => member.counters,
            None if reading.is_new => MemberCounters::NEW,
            None => MemberCounters::RUNNING,
        };
        let spent = counters.advance(self::counters(reading), OnDecrease::Hold);
        let parent = reading.parent;
        (Member { parent, counters }, spent)
    }

    /// `boot` is when the host started, in seconds since 1970.
    pub(super) fn view(&self, spec: &ProcessSpec, boot: Option<u64>) -> ProcessView {
        let now = self.now;
        let total = |at: usize| self.totals.get(at).filter(|_| self.known[at]);
        ProcessView {
            service: spec.service.clone(),
            name: spec.name.clone(),
            pids: self.pids(),
            count: now.map_or(0, |sums| sums.count),
            cpu_seconds: seconds(self.totals.get(CPU).unwrap_or(0)),
            cpu_usage: self.cpu_usage,
            cpu_usage_max: self.cpu_usage_max,
            resident_bytes: now.map(|sums| sums.resident_bytes),
            resident_max_bytes: now.map(|sums| sums.resident_max_bytes),
            proportional_bytes: now.and_then(|sums| sums.proportional_bytes),
            anonymous_bytes: now.and_then(|sums| sums.anonymous_bytes),
            threads: now.map(|sums| sums.threads),
            open_fds: now.and_then(|sums| sums.open_fds),
            fd_limit: now.and_then(|sums| sums.fd_limit),
            fds_max: now.and_then(|sums| sums.fds_max),
            read_bytes: total(READ),
            written_bytes: total(WRITTEN),
            voluntary_switches: total(VOLUNTARY),
            involuntary_switches: total(INVOLUNTARY),
            started_seconds: now
                .zip(boot)
                .map(|(sums, boot)| boot as f64 + seconds(sums.started_ticks)),
            restarts: self.restarts,
        }
    }

    fn pids(&self) -> Vec<i32> {
        let mut pids: Vec<_> = match self.now {
            Some(_) => self.members.keys().map(|id| id.pid).collect(),
            None => Vec::new(),
        };
        pids.sort_unstable();
        pids
    }
}

fn counters(reading: &Reading) -> [Option<u64>; COUNTERS] {
    [
        Some(reading.cpu_ticks),
        reading.io.map(|io| io.read),
        reading.io.map(|io| io.written),
        reading.detail.map(|detail| detail.voluntary_switches),
        reading.detail.map(|detail| detail.involuntary_switches),
        Some(reading.reaped_ticks),
    ]
}

/// Subtracts the inherited amount, since what was counted for a child must not be counted again for
/// its parent.
fn take_off(inherited: &mut u64, spent: &mut Option<u64>) {
    let Some(spent) = spent else { return };
    let both = (*inherited).min(*spent);
    *inherited -= both;
    *spent -= both;
}

fn sums(readings: &[Reading]) -> Option<Sums> {
    let limit = |reading: &Reading| reading.detail?.fd_limit;
    let share = |reading: &Reading| {
        let limit = limit(reading).filter(|limit| *limit > 0)?;
        Some(reading.open_fds? as f64 / limit as f64)
    };
    let details = || readings.iter().map(|reading| reading.detail);
    let resident = || readings.iter().map(|reading| reading.resident_bytes);
    let started = readings.iter().map(|reading| reading.id.started_ticks);
    Some(Sums {
        started_ticks: started.min()?,
        count: readings.len() as u64,
        resident_bytes: resident().sum(),
        resident_max_bytes: resident().max()?,
        proportional_bytes: details().map(|detail| detail?.proportional_bytes).sum(),
        anonymous_bytes: readings.iter().map(|reading| reading.anonymous_bytes).sum(),
        threads: readings.iter().map(|reading| reading.threads).sum(),
        open_fds: readings.iter().map(|reading| reading.open_fds).sum(),
        fd_limit: readings.iter().filter_map(limit).min(),
        fds_max: readings.iter().filter_map(share).max_by(f64::total_cmp),
    })
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[cfg(test)]
mod tests;
