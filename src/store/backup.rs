//! Consistent backups of the store while a daemon writes to it.
//!
//! Uses `VACUUM INTO` rather than the online backup API: it reads a single snapshot regardless of
//! concurrent commits, while the backup API restarts after every commit of another connection. It
//! also reads every row, so that corruption is detected instead of copied, and its output has no
//! free pages.

use super::access::connect_to_read;
use super::check::quick_check;
use super::{StoreError, connect, folder_of, schema};
use rusqlite::OpenFlags;
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// A backup that was written, checked and synced.
#[derive(Clone, Copy, Debug)]
pub struct Backup {
    pub size_bytes: u64,
    pub took: Duration,
}

/// Copies the store at `path` to `to`, which must not exist. The copy is a temporary file in the
/// same folder until it is verified, and is then renamed.
pub fn backup(path: &Path, to: &Path) -> Result<Backup, StoreError> {
    let started = Instant::now();
    if to.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let folder = folder_of(to);
    let copy = NamedTempFile::new_in(folder).map_err(StoreError::io("create the backup"))?;
    let size_bytes = fill(copy.as_file(), path, copy.path())?;
    copy.persist_noclobber(to)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => StoreError::io("rename the backup")(error.error),
        })?;
    sync_folder(folder)?;
    let took = started.elapsed();
    Ok(Backup { size_bytes, took })
}

/// Copies the store at `path` to a file without a name. It takes space next to the store, or in the folder of temporary
/// files if that is read-only, until it is closed.
pub fn nameless_backup(path: &Path) -> Result<File, StoreError> {
    let copy = NamedTempFile::new_in(folder_of(path)).or_else(|_| NamedTempFile::new());
    let copy = copy.map_err(StoreError::io("create the backup"))?;
    fill(copy.as_file(), path, copy.path())?;
    let mut file = copy.into_file();
    file.rewind().map_err(StoreError::io("read the backup"))?;
    Ok(file)
}

/// Copies the store to an empty file with owner-only permissions, since `VACUUM INTO` accepts empty files only; verifies
/// and syncs the copy, and returns its size.
fn fill(file: &File, from: &Path, to: &Path) -> Result<u64, StoreError> {
    copy_into(from, to)?;
    verify(to)?;
    file.sync_all().map_err(StoreError::io("sync the backup"))?;
    let meta = file.metadata().map_err(StoreError::io("read the backup"))?;
    Ok(meta.len())
}

fn exists() -> StoreError {
    let error = io::Error::new(io::ErrorKind::AlreadyExists, "it already exists");
    StoreError::io("write the backup")(error)
}

fn copy_into(from: &Path, to: &Path) -> Result<(), StoreError> {
    let (conn, version) = connect_to_read(from)?;
    if version == 0 {
        return Err(StoreError::Missing);
    }
    let name = to.to_str().ok_or_else(|| {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8");
        StoreError::io("write the backup")(error)
    })?;
    conn.execute("VACUUM INTO ?1", [name])
        .map_err(StoreError::sql("copy the store"))?;
    Ok(())
}

/// Checks that the copy opens, passes a quick check, and is a store.
fn verify(copy: &Path) -> Result<(), StoreError> {
    let conn = connect(
        copy,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let faults = quick_check(&conn).map_err(StoreError::sql("check the backup"))?;
    if schema::check(&conn)? == 0 || !faults.is_empty() {
        let error = io::Error::other(faults.join("; "));
        return Err(StoreError::io("check the backup")(error));
    }
    Ok(())
}

/// Syncs a folder, so that a new name in it survives a power failure.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("sync the folder"))
}
