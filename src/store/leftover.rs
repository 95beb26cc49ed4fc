//! The write-ahead log of an earlier file, left next to the file that has replaced it.
//!
//! The log of a killed daemon stays next to its store. If a backup then takes the place of the store, `SQLite` would
//! apply the log to the backup and damage it, because only the name of a log ties it to a file.

use super::lock::{self, WriterLock};
use super::{StoreError, with_suffix};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The start of every `SQLite` file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header has the versions needed to write and to read the file: 2 in WAL mode, otherwise 1. A store is in WAL
/// mode before it has a log. A backup and a recovered store are not until they are opened for writing.
const VERSIONS: usize = 18;
const WITHOUT_LOG: [u8; 2] = [1, 1];

/// Renames the log next to the store if it belongs to another file. Nothing is deleted.
pub fn set_aside(path: &Path, lock: &WriterLock) -> Result<(), StoreError> {
    let Some(log) = log_of_another(path, lock.file()).map_err(StoreError::io("read the store"))?
    else {
        return Ok(());
    };
    let mut names = (1..).map(|number| with_suffix(&log, &format!(".old{number}")));
    let aside = names.find(|name| !name.exists()).unwrap_or_default();
    fs::rename(&log, &aside).map_err(StoreError::io("rename the earlier write-ahead log"))?;
    tracing::warn!(
        "{} has replaced an earlier store, such as by a backup; the write-ahead log of the earlier one is now {}",
        path.display(),
        aside.display()
    );
    Ok(())
}

/// Rejects a store whose log belongs to another file.
pub fn reject(path: &Path) -> Result<(), StoreError> {
    // A process that writes has already set such a log aside. If it is this process, opening and closing the file would
    // also release the locks of its connections.
    if !has_log(path) || lock::is_name_held(path) {
        return Ok(());
    }
    let found = File::open(path).and_then(|file| log_of_another(path, &file));
    match found.map_err(StoreError::io("read the store"))? {
        Some(log) => Err(StoreError::Replaced { log }),
        None => Ok(()),
    }
}

/// Whether there is a write-ahead log that is not empty.
pub fn has_log(path: &Path) -> bool {
    fs::metadata(log_of(path)).is_ok_and(|meta| meta.len() > 0)
}

/// `SQLite` creates the log next to the file itself, not next to a symbolic link.
fn log_of(path: &Path) -> PathBuf {
    let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    with_suffix(&file, "-wal")
}

fn log_of_another(path: &Path, file: &File) -> io::Result<Option<PathBuf>> {
    let mut header = [0; VERSIONS + WITHOUT_LOG.len()];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let is_without = header.starts_with(MAGIC) && header.ends_with(&WITHOUT_LOG);
    Ok((is_without && has_log(path)).then(|| log_of(path)))
}
