//! Finds the processes of a group according to its config.

use super::boot::BootTimes;
use super::table::{INIT, ProcessEntry, ProcessId, ProcessNames, Table};
use crate::config::{FoundBy, Pattern};
use crate::observe::cgroup::Hierarchies;
use crate::observe::unreadable::Unreadable;
use crate::yaml::{open_regular, read_regular};
use procfs::ProcError;
use procfs::process::{FDTarget, Process};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Maximum number of control groups below the configured one that are searched.
const CGROUPS: usize = 1000;
/// Maximum size in bytes of a control group's member list.
const MEMBERS_MAX: u64 = 1 << 20;
/// The manager that opens the sockets of services (`systemd.socket`), and keeps them open as well.
const MANAGER: &str = "systemd";
/// The parent of all kernel threads.
const KTHREADD: i32 = 2;
/// Maximum length in bytes of a process name in the kernel.
const COMM: usize = 15;

#[derive(Debug)]
pub(super) enum Finder {
    Names {
        name: Option<String>,
        cmdline: Option<Pattern>,
    },
    PidFile(PathBuf),
    Port(Listener),
    Cgroup(PathBuf),
}

/// The process that listens on a port, other than the manager that opened its socket. Searching all
/// open files is expensive, so it is repeated only if the sockets or their owners changed.
#[derive(Debug)]
pub(super) struct Listener {
    port: u16,
    sockets: BTreeSet<u64>,
    owners: Vec<ProcessId>,
}

impl Finder {
    pub(super) fn new(found_by: &FoundBy) -> Self {
        match found_by.clone() {
            FoundBy::Match { name, cmdline } => Self::Names { name, cmdline },
            FoundBy::PidFile(path) => Self::PidFile(path),
            FoundBy::Port(port) => Self::Port(Listener {
                port,
                sockets: BTreeSet::new(),
                owners: Vec::new(),
            }),
            FoundBy::Cgroup(path) => Self::Cgroup(path),
        }
    }

    /// Indexes in the table.
    pub(super) fn find(
        &mut self,
        table: &Table,
        hierarchies: &Hierarchies,
        boots: &BootTimes,
    ) -> Result<Vec<usize>, Unreadable> {
        Ok(match self {
            Self::Names { name, cmdline } => {
                let alike = |listed: &ProcessEntry| {
                    table.names(listed).is_some_and(|names| {
                        let is_own = name.is_none() && table.is_own_program(names);
                        !is_own && names.like(name.as_deref(), cmdline.as_ref())
                    })
                };
                let found = table.listed().filter(|(_, listed)| alike(listed));
                found.map(|(at, _)| at).collect()
            }
            Self::PidFile(path) => {
                let Some(PidFile { pid, written }) = pid_in(path)? else {
                    return Ok(Vec::new());
                };
                if let Some(what) = other_than_service(table, pid) {
                    let path = path.clone();
                    return Err(Unreadable::NotService { path, pid, what });
                }
                let found = table.of_pid(pid).filter(|at| {
                    let started = table.at(*at).id.started_seconds();
                    written.is_none_or(|written| boots.may_be_of(started, written))
                });
                found.into_iter().collect()
            }
            Self::Port(listener) => listener.find(table)?,
            Self::Cgroup(path) => cgroup(&hierarchies.folder(path))?
                .into_iter()
                .filter_map(|pid| table.of_pid(pid))
                .collect(),
        })
    }
}

impl ProcessNames {
    /// Whether the name and the command line match, as far as configured. A kernel thread has no
    /// command line, so that no pattern matches it.
    fn like(&self, name: Option<&str>, cmdline: Option<&Pattern>) -> bool {
        let matches =
            |cmdline: &Pattern| !self.cmdline.is_empty() && cmdline.0.is_match(&self.cmdline);
        name.is_none_or(|name| self.is_called(name)) && cmdline.is_none_or(matches)
    }

    fn is_called(&self, name: &str) -> bool {
        let cut = name.len() > COMM && name.as_bytes()[..COMM] == *self.comm.as_bytes();
        self.comm == name || cut || self.program.as_deref() == Some(name)
    }
}

/// Why a process cannot belong to a service. Pid files of containers hold pids of the container's
/// namespace, which belong to other processes on the host: every process is a descendant of pid 1.
fn other_than_service(table: &Table, pid: i32) -> Option<&'static str> {
    if pid == INIT {
        return Some("the init process of the host");
    }
    let listed = table.at(table.of_pid(pid)?);
    let names = table.names(listed)?;
    let is_kernel = listed.resident_bytes == 0 && names.cmdline.is_empty();
    (is_kernel && listed.parent == KTHREADD).then_some("a kernel thread")
}

struct PidFile {
    pid: i32,
    /// In seconds since 1970.
    written: Option<u64>,
}

/// Returns `None` if the file does not exist or is empty, as for a stopped service.
fn pid_in(path: &Path) -> Result<Option<PidFile>, Unreadable> {
    let read = open_regular(path).and_then(|file| {
        let written = file.metadata()?.modified()?;
        let mut bytes = Vec::new();
        file.take(64).read_to_end(&mut bytes)?;
        Ok((bytes, written))
    });
    let Some((bytes, written)) = if_there(path, read)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let Some(word) = text
        .trim_start_matches('\u{feff}')
        .split_whitespace()
        .next()
    else {
        return Ok(None);
    };
    let number = word.parse();
    let pid = number.map_err(|_| Unreadable::file(path, "it does not start with a pid"))?;
    let since_1970 = written.duration_since(UNIX_EPOCH).ok();
    Ok(Some(PidFile {
        pid,
        written: since_1970.map(|time| time.as_secs()),
    }))
}

/// Returns the contents; `None` if the file does not exist.
fn if_there<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>, Unreadable> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unreadable::file(path, error)),
    }
}

impl Listener {
    fn find(&mut self, table: &Table) -> Result<Vec<usize>, Unreadable> {
        let sockets = table.listening(self.port)?;
        let owners: Vec<_> = self
            .owners
            .iter()
            .filter_map(|owner| table.of_id(*owner))
            .collect();
        let same = sockets == self.sockets && owners.len() == self.owners.len();
        if same && (sockets.is_empty() || !owners.is_empty()) {
            return Ok(owners);
        }
        let (mut found, mut hidden) = (Vec::new(), false);
        let is_service = |listed: &ProcessEntry| {
            table
                .names(listed)
                .is_none_or(|names| names.comm != MANAGER)
        };
        for (at, listed) in table.listed().filter(|(_, listed)| is_service(listed)) {
            match holds(table.folder(listed.thread), &sockets) {
                Some(true) => found.push(at),
                Some(false) => {}
                None => hidden = true,
            }
        }
        if found.is_empty() && hidden && !sockets.is_empty() {
            return Err(Unreadable::Owner(self.port));
        }
        self.owners = found.iter().map(|at| table.at(*at).id).collect();
        self.sockets = sockets;
        Ok(found)
    }
}

/// Whether a process holds one of the sockets; `None` without permission to inspect it.
fn holds(process: PathBuf, sockets: &BTreeSet<u64>) -> Option<bool> {
    if sockets.is_empty() {
        return Some(false);
    }
    let mut held = match Process::new_with_root(process).and_then(|process| process.fd()) {
        Ok(held) => held.flatten(),
        Err(ProcError::PermissionDenied(_)) => return None,
        // It has ended since it was listed.
        Err(_) => return Some(false),
    };
    let listens = |target| matches!(target, FDTarget::Socket(inode) if sockets.contains(&inode));
    Some(held.any(|fd| listens(fd.target)))
}

/// The processes of a control group and its descendants. A control group that does not exist
/// belongs to a stopped service.
fn cgroup(root: &Path) -> Result<Vec<i32>, Unreadable> {
    let mut pids = Vec::new();
    let mut folders = vec![root.to_owned()];
    for _ in 0..CGROUPS {
        let Some(folder) = folders.pop() else { break };
        let file = folder.join("cgroup.procs");
        let members = members(&file, read_regular(&file, MEMBERS_MAX), folder != root)?;
        let text = String::from_utf8_lossy(&members);
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(
            below
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    Ok(pids)
}

/// Returns the list of a control group's members. It is empty if the control group was removed
/// meanwhile. That of a threaded control group (`EOPNOTSUPP`), as libvirt creates them, cannot be
/// read; its processes are listed above it.
fn members(path: &Path, read: io::Result<Vec<u8>>, is_below: bool) -> Result<Vec<u8>, Unreadable> {
    match &read {
        Err(error) if is(error, Errno::NODEV) => Ok(Vec::new()),
        Err(error) if is(error, Errno::OPNOTSUPP) && is_below => Ok(Vec::new()),
        _ => Ok(if_there(path, read)?.unwrap_or_default()),
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;
    use std::time::Instant;

    fn names(comm: &str, args: &[&str]) -> ProcessNames {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        ProcessNames::of(comm.to_owned(), &args, true, Instant::now())
    }

    #[test]
    fn control_groups_without_a_list_of_their_own_have_no_further_members() {
        let path = Path::new("/sys/fs/cgroup/vm.scope/vcpu0/cgroup.procs");
        let listed = |errno: Errno, is_below| {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            members(path, Err(error), is_below)
        };
        for is_below in [false, true] {
            for removed in [Errno::NOENT, Errno::NODEV] {
                assert_eq!(listed(removed, is_below), Ok(Vec::new()), "{removed}");
            }
            assert!(listed(Errno::ACCESS, is_below).is_err());
        }
        assert_eq!(listed(Errno::OPNOTSUPP, true), Ok(Vec::new()));
        assert!(listed(Errno::OPNOTSUPP, false).is_err());
    }

    #[test]
    fn a_name_is_the_kernels_or_the_programs() {
        let long = names(
            "concierge-serve",
            &["/opt/bin/concierge-server", "--port", "1"],
        );
        assert!(long.is_called("concierge-server"), "cut by the kernel");
        assert!(long.is_called("concierge-serve"));
        assert!(!long.is_called("concierge"));
        let renamed = names("worker-3", &["nginx"]);
        assert!(renamed.is_called("nginx") && renamed.is_called("worker-3"));
        let kernel = names("kworker/0:1", &[]);
        assert!(kernel.is_called("kworker/0:1"));
    }

    #[test]
    fn name_and_command_line_must_both_match() {
        let python = names("python3", &["python3", "-m", "rag", "--workers", "2"]);
        let pattern = |text| Pattern(Regex::new(text).expect("valid"));
        assert!(python.like(Some("python3"), Some(&pattern("-m rag\\b"))));
        assert!(!python.like(Some("python3"), Some(&pattern("-m guardrails"))));
        assert!(!python.like(Some("ruby"), Some(&pattern("rag"))));
        let kernel = names("kworker/0:1", &[]);
        assert!(!kernel.like(None, Some(&pattern(".*"))), "no command line");
        assert!(python.like(None, Some(&pattern("workers 2$"))));
    }
}
