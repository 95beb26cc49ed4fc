//! Whether this process may read and write a store, and who may if it may not.

use super::{StoreError, connect, leftover, schema};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Characters with a meaning in a path of a `file:` URI.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'%').add(b'?');

/// Returns an error unless there is a file that this process may read.
pub fn require_file(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(StoreError::Irregular),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing),
        Err(error) => return Err(refused("open the store", path)(error)),
    }
    access(path, Access::READ_OK).map_err(|error| refused("open the store", path)(error.into()))
}

/// Explains an error of an operation on a path: if permission is denied, by the owner of the file, or of the closest
/// directory above it that this process can see.
pub fn refused(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| {
        let user = geteuid().as_raw();
        let seen = path.ancestors().find_map(|place| {
            let is_here = place.as_os_str().is_empty();
            let place = if is_here { Path::new(".") } else { place };
            Some((place, fs::metadata(place).ok()?.uid()))
        });
        match seen {
            Some((place, owner))
                if source.kind() == io::ErrorKind::PermissionDenied && owner != user =>
            {
                let place = place.to_owned();
                StoreError::Denied {
                    doing,
                    place,
                    owner,
                    user,
                }
            }
            _ => StoreError::Io { doing, source },
        }
    }
}

/// Opens the store for reading, and returns its schema version.
pub fn connect_to_read(path: &Path) -> Result<(Connection, usize), StoreError> {
    require_file(path)?;
    leftover::reject(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let with_version = |conn| schema::check(&conn).map(|version| (conn, version));
    match connect(path, flags).and_then(with_version) {
        Err(StoreError::Sql { source, .. }) if needs_to_write(&source) => {
            if leftover::has_log(path) {
                return Err(StoreError::Unindexed);
            }
            connect(&as_it_is(path), flags | OpenFlags::SQLITE_OPEN_URI).and_then(with_version)
        }
        found => found,
    }
}

/// Whether reading failed because `SQLite` cannot create its files next to the store.
fn needs_to_write(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// A URI for reading a store in a directory that is read-only, at least for this process. Nobody writes to a store
/// without a log, so `SQLite` needs neither locks nor other files.
fn as_it_is(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    format!("file:{}?immutable=1", utf8_percent_encode(&path, ESCAPED)).into()
}
