//! All processes of the host at one moment.

use procfs::net::{TcpState, tcp, tcp6};
use procfs::process::{Process, Stat};
use procfs::{FromRead, ProcResult};
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// A number is given away again; together with the start it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ProcessId {
    pub(super) pid: i32,
    /// In the kernel's ticks since the host started.
    pub(super) started_ticks: u64,
}

#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: ProcessId,
    pub(super) parent: i32,
    /// Whether it was not there at the last refresh.
    pub(super) is_new: bool,
    pub(super) cpu_ticks: u64,
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
}

/// What a process is called. Read when it is first seen, once more at the next refresh (it may
/// have been a copy of its parent that had not become itself yet), and when its name changes.
#[derive(Debug)]
pub(super) struct Looks {
    /// As the kernel knows it, cut after 15 bytes.
    pub(super) comm: String,
    /// The last part of the program's path.
    pub(super) program: Option<String>,
    /// The whole command line, its parts joined by spaces.
    pub(super) cmdline: String,
    settled: bool,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    listed: Vec<Listed>,
    by_pid: HashMap<i32, usize>,
    looks: HashMap<ProcessId, Looks>,
    /// Sockets that listen, by port; read when they are first asked for.
    listeners: OnceCell<HashMap<u16, BTreeSet<u64>>>,
    refreshed: bool,
}

impl Table {
    /// Reads who runs now.
    pub(super) fn refresh(&mut self) -> ProcResult<()> {
        let entries = fs::read_dir("/proc")?;
        self.listed.clear();
        self.by_pid.clear();
        self.listeners = OnceCell::new();
        let mut before = std::mem::take(&mut self.looks);
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        for pid in pids {
            // It may have ended since it was listed.
            let Ok(stat) = Stat::from_file(file_of(pid, "stat")) else {
                continue;
            };
            let id = ProcessId {
                pid,
                started_ticks: stat.starttime,
            };
            let known = before.remove(&id);
            self.by_pid.insert(pid, self.listed.len());
            self.listed.push(Listed {
                id,
                parent: stat.ppid,
                is_new: self.refreshed && known.is_none(),
                cpu_ticks: stat.utime + stat.stime,
                resident_bytes: stat.rss * procfs::page_size(),
                threads: u64::try_from(stat.num_threads).unwrap_or(0),
            });
            self.looks.insert(id, looks(known, pid, stat.comm));
        }
        self.refreshed = true;
        Ok(())
    }

    pub(super) fn at(&self, index: usize) -> &Listed {
        &self.listed[index]
    }

    pub(super) fn of_pid(&self, pid: i32) -> Option<usize> {
        self.by_pid.get(&pid).copied()
    }

    pub(super) fn of_id(&self, id: ProcessId) -> Option<usize> {
        self.of_pid(id.pid).filter(|at| self.listed[*at].id == id)
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = (usize, &Listed)> {
        self.listed.iter().enumerate()
    }

    pub(super) fn looks(&self, listed: &Listed) -> Option<&Looks> {
        self.looks.get(&listed.id)
    }

    /// The sockets that listen on a port, of both families.
    pub(super) fn listening(&self, port: u16) -> BTreeSet<u64> {
        let listeners = self.listeners.get_or_init(listeners);
        listeners.get(&port).cloned().unwrap_or_default()
    }

    /// The given processes, their children, and so on.
    pub(super) fn with_descendants(&self, found: &[usize]) -> BTreeSet<usize> {
        let mut all: BTreeSet<usize> = found.iter().copied().collect();
        if all.is_empty() {
            return all;
        }
        // Numbers wrap around, so a child may be listed before its parent: until nothing is added.
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

impl Looks {
    pub(super) fn of(comm: String, args: &[String], settled: bool) -> Self {
        let program = args.first().map(Path::new).and_then(Path::file_name);
        Self {
            comm,
            program: program.map(|name| name.to_string_lossy().into_owned()),
            cmdline: args.join(" "),
            settled,
        }
    }
}

fn listeners() -> HashMap<u16, BTreeSet<u64>> {
    let mut listeners: HashMap<u16, BTreeSet<u64>> = HashMap::new();
    let entries = tcp().unwrap_or_default().into_iter();
    for entry in entries.chain(tcp6().unwrap_or_default()) {
        if entry.state == TcpState::Listen {
            let port = entry.local_address.port();
            listeners.entry(port).or_default().insert(entry.inode);
        }
    }
    listeners
}

fn looks(known: Option<Looks>, pid: i32, comm: String) -> Looks {
    match known {
        Some(known) if known.settled && known.comm == comm => known,
        known => Looks::of(comm, &args(pid), known.is_some()),
    }
}

/// Empty for the kernel's own threads, and for what has ended.
fn args(pid: i32) -> Vec<String> {
    let bytes = fs::read(file_of(pid, "cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|arg| !arg.is_empty())
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect()
}

/// How many files, sockets and pipes a process holds; `None` without the permission to look.
pub(super) fn open_fds(pid: i32) -> Option<u64> {
    let held = Process::new(pid).ok()?.fd_count().ok()?;
    u64::try_from(held).ok()
}

fn file_of(pid: i32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}
