//! The temporary folder of a recovery.

use crate::store::{StoreError, with_suffix};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A folder next to the store that is deleted on drop. Its name is fixed, so that the next recovery
/// deletes what a killed one left behind. The writer's lock prevents concurrent use.
#[derive(Debug)]
pub struct Workspace(PathBuf);

impl Workspace {
    pub fn create(store: &Path) -> Result<Self, StoreError> {
        let folder = with_suffix(store, ".recovering");
        let create = || {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            DirBuilder::new().mode(0o700).create(&folder)
        };
        create().map_err(StoreError::io("create the folder of the new store"))?;
        Ok(Self(folder))
    }

    /// Creates an empty file with owner-only permissions, and returns it with its path.
    pub fn new_store(&self) -> Result<(File, PathBuf), StoreError> {
        let path = self.0.join("new.db");
        let mut options = File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path);
        Ok((file.map_err(StoreError::io("create the new store"))?, path))
    }

    /// Copies the damaged store with its write-ahead log.
    pub fn copy_of(&self, store: &Path) -> Result<PathBuf, StoreError> {
        let copy = self.0.join("damaged.db");
        let copy_all = || {
            fs::copy(store, &copy)?;
            let log = with_suffix(store, "-wal");
            if log.exists() {
                fs::copy(log, with_suffix(&copy, "-wal"))?;
            }
            Ok(())
        };
        copy_all().map_err(StoreError::io("copy the damaged store"))?;
        Ok(copy)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // The next recovery deletes it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
