//! Why part of the system could not be read, and what would make it readable.

use procfs::ProcError;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A value that could not be read. It is unknown, which is different from 0 and from absent.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    #[error("{path} cannot be read: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("/proc contains no processes: mount it, as with `mount -t proc proc /proc`")]
    NotMounted,
    #[error(
        "processes of other users are hidden: /proc is mounted with `hidepid`, or systemd's `ProtectProc` is set; add slod's user to the group of the mount option `gid`, give it CAP_SYS_PTRACE, or set `observe.processes` to false"
    )]
    Hidden,
    #[error(
        "port {0} is open, but the process that listens on it cannot be found: the open files of other users' processes are hidden; give slod CAP_SYS_PTRACE, or use `match`, `pid_file` or `cgroup`"
    )]
    Owner(u16),
    #[error(
        "{path} cannot be read: {reason}; pressure stall information requires a kernel that was built with CONFIG_PSI and started with `psi=1`; otherwise, set `observe.pressure` to false"
    )]
    Pressure { path: PathBuf, reason: String },
    #[error(
        "{path} contains pid {pid}, which is {what}: if a container wrote the file, the pid is only valid inside the container; use `cgroup`, `port` or `match`"
    )]
    NotService {
        path: PathBuf,
        pid: i32,
        what: &'static str,
    },
    #[error(
        "the file system at {0} does not respond; its space is unknown until it does. To exclude it, add it to `observe.filesystem_exclude`"
    )]
    Unanswered(String),
    #[error(
        "no control groups are mounted below {0}: mount /sys/fs/cgroup there read-only (`-v /sys/fs/cgroup:/sys/fs/cgroup:ro` in a container), or set `observe.containers` to false"
    )]
    NoControlGroups(PathBuf),
    #[error(
        "the control group {0} is not visible to slod: start slod's container with `--cgroupns=host` and `-v /sys/fs/cgroup:/sys/fs/cgroup:ro`, or set `observe.containers` to false"
    )]
    OutsideControlGroup(String),
}

impl Unreadable {
    pub(super) fn file(path: &Path, reason: impl Display) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn proc(path: &Path, error: &ProcError) -> Self {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        match error {
            ProcError::PermissionDenied(_) => Self::file(path, denied),
            ProcError::Io(error, _) => Self::file(path, error),
            other => Self::file(path, other),
        }
    }

    pub(super) fn hidden_or_missing(nobody: bool) -> Self {
        if nobody {
            Self::NotMounted
        } else {
            Self::Hidden
        }
    }
}
