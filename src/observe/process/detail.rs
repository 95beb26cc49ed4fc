//! Details of a process that are expensive to read. For some, the kernel walks all of the process's
//! memory, and the process cannot map memory meanwhile; so the time spent on them is limited.

use super::table::{ProcessEntry, ProcessId, Table};
use crate::observe::lines::{after, kib, nth, number};
use crate::observe::root::read;
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A detail is read again after this time.
const MAX_AGE: Duration = Duration::from_mins(1);
/// Time spent reading details per sample; the rest follows in later samples.
const BUDGET: Duration = Duration::from_millis(5);
/// Inverse of the maximum share of a processor's time spent on reading details.
const SHARE: u32 = 2000;
/// Maximum time between two readings, even if reading is slow.
const PAUSE_MAX: Duration = Duration::from_mins(10);
/// Older details are treated as unknown.
const STALE: Duration = Duration::from_mins(15);

/// As of the last reading; `None` if not permitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    /// Resident memory, where memory shared by n processes counts as 1/n for each (PSS).
    pub(super) proportional_bytes: Option<u64>,
    /// The soft limit of open files.
    pub(super) fd_limit: Option<u64>,
    /// Of all threads, including those that have ended.
    pub(super) voluntary_switches: u64,
    pub(super) involuntary_switches: u64,
}

#[derive(Debug)]
struct Known {
    detail: Detail,
    /// Voluntary and involuntary switches of each thread when it was last seen.
    threads: HashMap<i32, [u64; 2]>,
    read_at: Instant,
}

/// The details of all members of groups.
#[derive(Debug, Default)]
pub(super) struct Details {
    known: HashMap<ProcessId, Known>,
    /// Nothing is read before this time.
    next: Option<Instant>,
}

impl Details {
    pub(super) fn of(&self, id: ProcessId, now: Instant) -> Option<Detail> {
        let known = self.known.get(&id);
        let known = known.filter(|known| now.duration_since(known.read_at) < STALE);
        known.map(|known| known.detail)
    }

    /// Reads the details of processes that were never read, then the oldest ones, as time permits.
    /// Forgets processes that are no longer listed.
    pub(super) fn refresh(&mut self, table: &Table, members: &[usize], now: Instant) {
        self.known.retain(|id, _| table.of_id(*id).is_some());
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let mut due: Vec<_> = members
            .iter()
            .map(|at| {
                let listed = table.at(*at);
                (
                    self.known.get(&listed.id).map(|known| known.read_at),
                    listed,
                )
            })
            .filter(|(read_at, _)| read_at.is_none_or(|at| now.duration_since(at) >= MAX_AGE))
            .collect();
        due.sort_by_key(|(read_at, _)| *read_at);
        // Only processor time counts, not the time that the thread waits for a processor.
        let started = thread_time();
        let spent = || thread_time().saturating_sub(started);
        for (_, listed) in due {
            if spent() >= BUDGET {
                break;
            }
            self.read(table, listed, now);
        }
        self.next = Some(now + pause(spent()));
    }

    fn read(&mut self, table: &Table, listed: &ProcessEntry, now: Instant) {
        let folder = table.folder(listed.thread);
        let known = self.known.entry(listed.id).or_insert_with(|| Known {
            detail: Detail::default(),
            threads: HashMap::new(),
            read_at: now,
        });
        known.read_at = now;
        let memory = read(&folder.join("smaps_rollup")).ok();
        known.detail.proportional_bytes = memory.and_then(|text| kib(&text, "Pss"));
        known.detail.fd_limit = fd_limit(&folder);
        known.count_switches(&switches(&table.folder(listed.id.pid)));
    }
}

/// How long to pause after reading took this much processor time.
fn pause(spent: Duration) -> Duration {
    spent.saturating_mul(SHARE).min(PAUSE_MAX)
}

/// The processor time used by this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

impl Known {
    /// Adds the switches of the current threads since they were last seen.
    fn count_switches(&mut self, now: &HashMap<i32, [u64; 2]>) {
        for (thread, [voluntary, involuntary]) in now {
            let before = self.threads.get(thread).copied().unwrap_or_default();
            // A reused thread id starts from 0.
            let is_same = *voluntary >= before[0] && *involuntary >= before[1];
            let before = if is_same { before } else { [0, 0] };
            self.detail.voluntary_switches += voluntary - before[0];
            self.detail.involuntary_switches += involuntary - before[1];
        }
        self.threads.clone_from(now);
    }
}

/// Parses `Max open files            1024                 524288               files`.
fn fd_limit(folder: &Path) -> Option<u64> {
    let limits = read(&folder.join("limits")).ok()?;
    match after(&limits, "Max open files")? {
        unlimited if unlimited.starts_with("unlimited") => None,
        limits => nth(limits, 0),
    }
}

fn switches(process: &Path) -> HashMap<i32, [u64; 2]> {
    let threads = fs::read_dir(process.join("task")).into_iter().flatten();
    threads
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let thread = entry.file_name().to_str()?.parse().ok()?;
            let status = read(&entry.path().join("status")).ok()?;
            let voluntary = number(&status, "voluntary_ctxt_switches")?;
            Some((
                thread,
                [voluntary, number(&status, "nonvoluntary_ctxt_switches")?],
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_of_ended_threads_are_kept() {
        let mut known = Known {
            detail: Detail::default(),
            threads: HashMap::new(),
            read_at: Instant::now(),
        };
        let mut count = |threads: &[(i32, [u64; 2])]| {
            known.count_switches(&threads.iter().copied().collect());
            (
                known.detail.voluntary_switches,
                known.detail.involuntary_switches,
            )
        };
        assert_eq!(count(&[(1, [10, 1]), (2, [5, 0])]), (15, 1));
        assert_eq!(count(&[(1, [12, 1])]), (17, 1), "one has ended");
        assert_eq!(count(&[(1, [12, 1]), (2, [3, 4])]), (20, 5), "a reused id");
        assert_eq!(count(&[]), (20, 5));
    }

    #[test]
    fn waiting_for_a_processor_is_not_a_cost_and_pauses_end() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(300));
        assert!(thread_time().saturating_sub(before) < Duration::from_millis(200));
        assert_eq!(pause(Duration::from_millis(5)), Duration::from_secs(10));
        assert_eq!(pause(Duration::from_secs(3)), PAUSE_MAX);
    }

    #[test]
    fn a_limit_is_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = |line: &str| {
            fs::write(folder.path().join("limits"), line).expect("written");
            fd_limit(folder.path())
        };
        assert_eq!(
            limit("Max open files            1024                 524288               files"),
            Some(1024)
        );
        assert_eq!(
            limit("Max open files            unlimited            unlimited            files"),
            None
        );
        assert_eq!(limit("Max open fil"), None);
    }
}
