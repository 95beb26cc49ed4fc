//! Whether a file is still the one that was read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Time, length and number of a file: another stamp is another content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    changed: (i64, i64),
    len: u64,
    number: u64,
}

impl Stamp {
    /// `None` where there is no file to read.
    pub fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        about.is_file().then(|| Self {
            changed: (about.mtime(), about.mtime_nsec()),
            len: about.len(),
            number: about.ino(),
        })
    }
}
