//! Detects whether a file has changed since it was read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Modification time, size and inode of a file, which differ if its contents have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    changed: (i64, i64),
    len: u64,
    number: u64,
}

impl Stamp {
    /// The stamp of a regular file; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        about.is_file().then(|| Self {
            changed: (about.mtime(), about.mtime_nsec()),
            len: about.len(),
            number: about.ino(),
        })
    }
}
