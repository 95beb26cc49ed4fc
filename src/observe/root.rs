//! Where the host's `/proc` and `/sys` are, and how their files are read.

use super::unreadable::Unreadable;
use crate::config::Config;
use crate::yaml::read_regular;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that are read of one file at most. The longest is the list of mounts.
const FILE_MAX: u64 = 4 << 20;

/// As the first process of the system sees them: a service may have a view of its own.
pub(super) const MOUNTS_OF_HOST: &str = "/proc/1/mountinfo";

const NET_OF_HOST: &str = "/proc/1/net";

/// The directory that the host's files are below: `/`, except in a container that has them elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot(PathBuf);

impl HostRoot {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn of(config: &Config) -> Self {
        Self(config.observe.root.clone())
    }

    /// Whether files are where every program sees them.
    pub(super) fn is_own(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The list of mounts whose places are those of the host's paths.
    pub(super) fn mounts(&self) -> &'static str {
        if self.is_own() {
            "/proc/self/mountinfo"
        } else {
            MOUNTS_OF_HOST
        }
    }

    /// The folder of the network namespace that the host's services are in. `/proc/net` is always that of
    /// the reader, which in a container is another one.
    pub(super) fn net(&self) -> PathBuf {
        self.path(if self.is_own() {
            "/proc/net"
        } else {
            NET_OF_HOST
        })
    }

    /// Where a path of the host is.
    pub(super) fn path(&self, of_host: impl AsRef<Path>) -> PathBuf {
        let path = of_host.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn read(&self, of_host: impl AsRef<Path>) -> Result<String, Unreadable> {
        let path = self.path(of_host);
        read(&path).map_err(|error| Unreadable::file(&path, error))
    }
}

/// The whole text of a file of the kernel. What is not UTF-8 is replaced.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let bytes = read_regular(path, FILE_MAX)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
