//! All processes of the host at one moment.

use crate::observe::root::HostRoot;
use crate::observe::unreadable::Unreadable;
use procfs::net::{TcpNetEntries, TcpState};
use procfs::process::Stat;
use procfs::{FromRead, FromReadSI, ProcError, current_system_info};
use rustix::io::Errno;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The names of a process are read again after this time: it may have executed another program with
/// the same interpreter, or changed its command line.
const NAMES_MAX_AGE: Duration = Duration::from_secs(30);

/// The first process of every system and every container: if it is not visible, others are hidden
/// too.
pub(super) const INIT: i32 = 1;

/// A pid can be reused, but not together with the same start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ProcessId {
    pub(super) pid: i32,
    /// In kernel ticks since the host started.
    pub(super) started_ticks: u64,
}

impl ProcessId {
    /// In seconds since the host started.
    pub(super) fn started_seconds(self) -> u64 {
        self.started_ticks / procfs::ticks_per_second()
    }
}

#[derive(Debug)]
pub(super) struct ProcessEntry {
    pub(super) id: ProcessId,
    /// A thread that is still running. If the main thread has exited before the others, the kernel
    /// shows no memory, files or command line for it.
    pub(super) thread: i32,
    pub(super) parent: i32,
    /// Whether it did not exist at the last refresh.
    pub(super) is_new: bool,
    pub(super) cpu_ticks: u64,
    /// Of the children that it has reaped, and of theirs.
    pub(super) reaped_ticks: u64,
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
}

/// The names of a process. Read when it is first seen, again at the next refresh (a forked process
/// may not have executed its program yet), when its name changes, and every half minute.
#[derive(Debug)]
pub(super) struct ProcessNames {
    /// The kernel's name, truncated to 15 bytes.
    pub(super) comm: String,
    /// The last component of the program's path.
    pub(super) program: Option<String>,
    /// The whole command line, with arguments joined by spaces.
    pub(super) cmdline: String,
    settled: bool,
    read_at: Instant,
}

#[derive(Debug)]
pub(super) struct Table {
    /// The directory in which the kernel lists processes.
    proc: PathBuf,
    /// The directory in which it lists the host's sockets.
    net: PathBuf,
    listed: Vec<ProcessEntry>,
    by_pid: HashMap<i32, usize>,
    names: HashMap<ProcessId, ProcessNames>,
    /// Listening sockets by port; read on first use.
    listeners: OnceCell<Result<HashMap<u16, BTreeSet<u64>>, Unreadable>>,
    refreshed: bool,
    /// The name of slod itself in the kernel.
    own: String,
}

impl Table {
    pub(super) fn new(root: &HostRoot) -> Self {
        let own = fs::read_to_string("/proc/self/comm").unwrap_or_default();
        Self {
            own: own.trim_end().to_owned(),
            proc: root.path("/proc"),
            net: root.net(),
            listed: Vec::new(),
            by_pid: HashMap::new(),
            names: HashMap::new(),
            listeners: OnceCell::new(),
            refreshed: false,
        }
    }

    /// Reads the running processes. Fails if some are hidden, because a hidden process cannot be
    /// distinguished from one that has ended.
    pub(super) fn refresh(&mut self, now: Instant) -> Result<(), Unreadable> {
        let proc = self.proc.as_path();
        let entries = fs::read_dir(proc).map_err(|error| Unreadable::file(proc, error))?;
        self.listed.clear();
        self.by_pid.clear();
        self.listeners = OnceCell::new();
        let mut before = std::mem::take(&mut self.names);
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        for pid in pids {
            let Some(stat) = stat(proc, pid)? else {
                continue;
            };
            let Some(Running { thread, stat }) = running(proc, stat) else {
                continue;
            };
            let id = ProcessId {
                pid,
                started_ticks: stat.starttime,
            };
            let known = before.remove(&id);
            self.by_pid.insert(pid, self.listed.len());
            self.listed.push(ProcessEntry {
                id,
                thread,
                parent: stat.ppid,
                is_new: self.refreshed && known.is_none(),
                cpu_ticks: stat.utime.saturating_add(stat.stime),
                reaped_ticks: u64::try_from(stat.cutime.saturating_add(stat.cstime)).unwrap_or(0),
                resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
                threads: u64::try_from(stat.num_threads).unwrap_or(0),
            });
            let args = || args(proc, thread);
            self.names.insert(id, names(known, stat.comm, args, now));
        }
        if self.of_pid(INIT).is_none() {
            return Err(Unreadable::hidden_or_missing(self.listed.is_empty()));
        }
        self.refreshed = true;
        Ok(())
    }

    /// The directory of a process or thread.
    pub(super) fn folder(&self, thread: i32) -> PathBuf {
        self.proc.join(thread.to_string())
    }

    pub(super) fn at(&self, index: usize) -> &ProcessEntry {
        &self.listed[index]
    }

    pub(super) fn of_pid(&self, pid: i32) -> Option<usize> {
        self.by_pid.get(&pid).copied()
    }

    pub(super) fn of_id(&self, id: ProcessId) -> Option<usize> {
        self.of_pid(id.pid).filter(|at| self.listed[*at].id == id)
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = (usize, &ProcessEntry)> {
        self.listed.iter().enumerate()
    }

    pub(super) fn names(&self, listed: &ProcessEntry) -> Option<&ProcessNames> {
        self.names.get(&listed.id)
    }

    /// Whether a process is slod itself, or another of its commands: their command lines may contain
    /// the names of services and of their files.
    pub(super) fn is_own_program(&self, names: &ProcessNames) -> bool {
        names.comm == self.own
    }

    /// The sockets that listen on a port, over IPv4 and IPv6.
    pub(super) fn listening(&self, port: u16) -> Result<BTreeSet<u64>, Unreadable> {
        match self.listeners.get_or_init(|| listeners(&self.net)) {
            Ok(listeners) => Ok(listeners.get(&port).cloned().unwrap_or_default()),
            Err(error) => Err(error.clone()),
        }
    }

    /// The given processes with all of their descendants.
    pub(super) fn with_descendants(&self, found: &[usize]) -> BTreeSet<usize> {
        let mut all: BTreeSet<usize> = found.iter().copied().collect();
        if all.is_empty() {
            return all;
        }
        // Pids wrap around, so that a child may be listed before its parent: repeat until nothing
        // is added.
        loop {
            let before = all.len();
            for (at, listed) in self.listed() {
                let parent = self.of_pid(listed.parent);
                if parent.is_some_and(|parent| all.contains(&parent)) {
                    all.insert(at);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }
}

impl ProcessNames {
    pub(super) fn of(comm: String, args: &[String], settled: bool, read_at: Instant) -> Self {
        let program = args.first().map(Path::new).and_then(Path::file_name);
        Self {
            comm,
            program: program.map(|name| name.to_string_lossy().into_owned()),
            cmdline: args.join(" "),
            settled,
            read_at,
        }
    }
}

fn listeners(net: &Path) -> Result<HashMap<u16, BTreeSet<u64>>, Unreadable> {
    let mut listeners: HashMap<u16, BTreeSet<u64>> = HashMap::new();
    let sockets = |path: &Path| TcpNetEntries::from_file(path, current_system_info());
    let (v4, v6) = (net.join("tcp"), net.join("tcp6"));
    let in_v6 = match sockets(&v6) {
        // A kernel without IPv6.
        Err(ProcError::NotFound(_)) => Vec::new(),
        read => read.map_err(|error| Unreadable::proc(&v6, &error))?.0,
    };
    let in_v4 = sockets(&v4).map_err(|error| Unreadable::proc(&v4, &error))?;
    for entry in in_v4.0.into_iter().chain(in_v6) {
        if entry.state == TcpState::Listen {
            let port = entry.local_address.port();
            listeners.entry(port).or_default().insert(entry.inode);
        }
    }
    Ok(listeners)
}

/// Returns `None` for a process that has ended since it was listed.
fn stat(proc: &Path, pid: i32) -> Result<Option<Stat>, Unreadable> {
    let path = proc.join(pid.to_string()).join("stat");
    let line = if_running(&path, fs::read(&path))?;
    Ok(line.and_then(|line| parsed(&line).ok()))
}

/// Returns the content of a file of a process; `None` if the process has ended: before the file was
/// opened, or (`ESRCH`) before it was read.
fn if_running(path: &Path, read: io::Result<Vec<u8>>) -> Result<Option<Vec<u8>>, Unreadable> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Unreadable::Hidden),
        Err(error) => Err(Unreadable::file(path, error)),
    }
}

/// The parser panics if the program name is not surrounded by spaces.
fn parsed(line: &[u8]) -> Result<Stat, ProcError> {
    let line = line.trim_ascii();
    let begin = line.iter().position(|byte| *byte == b'(');
    let end = line.iter().rposition(|byte| *byte == b')');
    match (begin, end) {
        (Some(begin), Some(end))
            if begin < end
                && line[..begin].ends_with(b" ")
                && line[end + 1..].starts_with(b" ") =>
        {
            Stat::from_read(line)
        }
        _ => Err(ProcError::Incomplete(None)),
    }
}

struct Running {
    thread: i32,
    stat: Stat,
}

/// Returns the state of a running process. A zombie has ended and waits to be reaped, unless other
/// threads outlive its main thread.
fn running(proc: &Path, mut first: Stat) -> Option<Running> {
    if is_alive(&first) {
        return Some(Running {
            thread: first.pid,
            stat: first,
        });
    }
    let threads = fs::read_dir(proc.join(first.pid.to_string()).join("task")).ok()?;
    let mut others = threads.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let alive = |thread| stat(proc, thread).ok()?.filter(is_alive);
    let other = others.find_map(alive)?;
    first.rss = other.rss;
    first.num_threads -= 1;
    Some(Running {
        thread: other.pid,
        stat: first,
    })
}

fn is_alive(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X' | 'x')
}

fn names(
    known: Option<ProcessNames>,
    comm: String,
    args: impl Fn() -> Vec<String>,
    now: Instant,
) -> ProcessNames {
    let is_recent = |known: &ProcessNames| now.duration_since(known.read_at) < NAMES_MAX_AGE;
    match known {
        Some(known) if known.settled && known.comm == comm && is_recent(&known) => known,
        known => ProcessNames::of(comm, &args(), known.is_some(), now),
    }
}

/// Empty for kernel threads, and for processes that have ended.
fn args(proc: &Path, thread: i32) -> Vec<String> {
    let bytes = fs::read(proc.join(thread.to_string()).join("cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|arg| !arg.is_empty())
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect()
}

#[cfg(test)]
mod tests;
