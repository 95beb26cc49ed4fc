//! Who belongs to a group, by what the config says.

use super::table::{Listed, Looks, ProcessId, Table};
use crate::config::{FoundBy, Pattern};
use procfs::process::{FDTarget, Process};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Control groups below the named one that are looked into at most.
const CGROUPS: usize = 1000;
/// The kernel keeps so many bytes of a name.
const COMM: usize = 15;

#[derive(Debug)]
pub(super) enum Finder {
    Looks {
        name: Option<String>,
        cmdline: Option<Pattern>,
    },
    PidFile(PathBuf),
    Port(Listener),
    Cgroup(PathBuf),
}

/// Who listens on a port. Looking through all open files is dear, so it is done again only if
/// the sockets or their owners changed.
#[derive(Debug)]
pub(super) struct Listener {
    port: u16,
    sockets: BTreeSet<u64>,
    owners: Vec<ProcessId>,
}

impl Finder {
    pub(super) fn new(found_by: &FoundBy) -> Self {
        match found_by.clone() {
            FoundBy::Looks { name, cmdline } => Self::Looks { name, cmdline },
            FoundBy::PidFile(path) => Self::PidFile(path),
            FoundBy::Port(port) => Self::Port(Listener {
                port,
                sockets: BTreeSet::new(),
                owners: Vec::new(),
            }),
            FoundBy::Cgroup(path) => Self::Cgroup(path),
        }
    }

    /// Their places in the table.
    pub(super) fn find(&mut self, table: &Table) -> Vec<usize> {
        match self {
            Self::Looks { name, cmdline } => {
                let alike = |listed: &Listed| {
                    table
                        .looks(listed)
                        .is_some_and(|looks| looks.like(name.as_deref(), cmdline.as_ref()))
                };
                let found = table.listed().filter(|(_, listed)| alike(listed));
                found.map(|(at, _)| at).collect()
            }
            Self::PidFile(path) => {
                let found = pid_in(path).and_then(|pid| table.of_pid(pid));
                found.into_iter().collect()
            }
            Self::Port(listener) => listener.find(table),
            Self::Cgroup(path) => cgroup(&Path::new("/sys/fs/cgroup").join(path))
                .into_iter()
                .filter_map(|pid| table.of_pid(pid))
                .collect(),
        }
    }
}

impl Looks {
    /// Whether both the name and the command line are as wanted, where something is wanted.
    fn like(&self, name: Option<&str>, cmdline: Option<&Pattern>) -> bool {
        name.is_none_or(|name| self.is_called(name))
            && cmdline.is_none_or(|cmdline| cmdline.0.is_match(&self.cmdline))
    }

    fn is_called(&self, name: &str) -> bool {
        let cut = name.len() > COMM && name.as_bytes()[..COMM] == *self.comm.as_bytes();
        self.comm == name || cut || self.program.as_deref() == Some(name)
    }
}

fn pid_in(path: &Path) -> Option<i32> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(64)
        .read_to_string(&mut text)
        .ok()?;
    text.split_whitespace().next()?.parse().ok()
}

impl Listener {
    fn find(&mut self, table: &Table) -> Vec<usize> {
        let sockets = table.listening(self.port);
        let owners: Vec<_> = self
            .owners
            .iter()
            .filter_map(|owner| table.of_id(*owner))
            .collect();
        let same = sockets == self.sockets && owners.len() == self.owners.len();
        if same && (sockets.is_empty() || !owners.is_empty()) {
            return owners;
        }
        let found: Vec<_> = table
            .listed()
            .filter(|(_, listed)| holds(listed.id.pid, &sockets))
            .map(|(at, _)| at)
            .collect();
        self.owners = found.iter().map(|at| table.at(*at).id).collect();
        self.sockets = sockets;
        found
    }
}

/// Whether a process holds one of the sockets; not, if it does not let itself be looked into.
fn holds(pid: i32, sockets: &BTreeSet<u64>) -> bool {
    let Ok(held) = Process::new(pid).and_then(|process| process.fd()) else {
        return false;
    };
    !sockets.is_empty()
        && held
            .flatten()
            .any(|fd| matches!(fd.target, FDTarget::Socket(inode) if sockets.contains(&inode)))
}

/// The processes of a control group and of those below it.
fn cgroup(root: &Path) -> Vec<i32> {
    let mut pids = Vec::new();
    let mut folders = vec![root.to_owned()];
    for _ in 0..CGROUPS {
        let Some(folder) = folders.pop() else { break };
        let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(
            below
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn looks(comm: &str, args: &[&str]) -> Looks {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Looks::of(comm.to_owned(), &args, true)
    }

    #[test]
    fn a_name_is_the_kernels_or_the_programs() {
        let long = looks(
            "concierge-serve",
            &["/opt/bin/concierge-server", "--port", "1"],
        );
        assert!(long.is_called("concierge-server"), "cut by the kernel");
        assert!(long.is_called("concierge-serve"));
        assert!(!long.is_called("concierge"));
        let renamed = looks("worker-3", &["nginx"]);
        assert!(renamed.is_called("nginx") && renamed.is_called("worker-3"));
        let kernel = looks("kworker/0:1", &[]);
        assert!(kernel.is_called("kworker/0:1"));
    }

    #[test]
    fn name_and_command_line_must_both_fit() {
        let python = looks("python3", &["python3", "-m", "rag", "--workers", "2"]);
        let pattern = |text| Pattern(Regex::new(text).expect("valid"));
        assert!(python.like(Some("python3"), Some(&pattern("-m rag\\b"))));
        assert!(!python.like(Some("python3"), Some(&pattern("-m guardrails"))));
        assert!(!python.like(Some("ruby"), Some(&pattern("rag"))));
        assert!(python.like(None, Some(&pattern("workers 2$"))));
    }
}
