//! The location of the host's `/proc` and `/sys`, and reading their files.

use super::unreadable::Unreadable;
use crate::config::Config;
use crate::yaml::read_regular;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of bytes read from a file. The longest one is the list of mounts.
const FILE_MAX: u64 = 4 << 20;

/// The mounts of pid 1, since a service may have its own mount namespace.
pub(super) const MOUNTS_OF_HOST: &str = "/proc/1/mountinfo";

const NET_OF_HOST: &str = "/proc/1/net";

/// The root directory of the host's files: `/`, except in a container that mounts them elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot(PathBuf);

impl HostRoot {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn of(config: &Config) -> Self {
        Self(config.observe.root.clone())
    }

    /// Whether it is `/`.
    pub(super) fn is_own(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The list of mounts whose mount points are paths of the host.
    pub(super) fn mounts(&self) -> &'static str {
        if self.is_own() {
            "/proc/self/mountinfo"
        } else {
            MOUNTS_OF_HOST
        }
    }

    /// The directory of the network namespace of the host's services. `/proc/net` is always that of
    /// the reader, which differs in a container.
    pub(super) fn net(&self) -> PathBuf {
        self.path(if self.is_own() {
            "/proc/net"
        } else {
            NET_OF_HOST
        })
    }

    /// The actual location of a path of the host.
    pub(super) fn path(&self, of_host: impl AsRef<Path>) -> PathBuf {
        let path = of_host.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn read(&self, of_host: impl AsRef<Path>) -> Result<String, Unreadable> {
        let path = self.path(of_host);
        read(&path).map_err(|error| Unreadable::file(&path, error))
    }
}

/// The whole text of a kernel file, with invalid UTF-8 replaced.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let bytes = read_regular(path, FILE_MAX)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
