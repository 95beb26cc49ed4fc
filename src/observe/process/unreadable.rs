//! Why it is not known who runs, for people.

use procfs::ProcError;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What could not be read. Then nobody knows who runs, which is not the same as nobody running.
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
        "port {0} is open, but the process behind it cannot be found: the files of other users' processes are hidden; give slod CAP_SYS_PTRACE, or use `match`, `pid_file` or `cgroup`"
    )]
    Owner(u16),
}

impl Unreadable {
    pub(super) fn file(path: &Path, reason: impl Display) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn proc(path: &str, error: &ProcError) -> Self {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        match error {
            ProcError::PermissionDenied(_) => Self::file(Path::new(path), denied),
            ProcError::Io(error, _) => Self::file(Path::new(path), error),
            other => Self::file(Path::new(path), other),
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
