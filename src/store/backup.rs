//! A copy of the store, also while a daemon writes.

use super::{Store, StoreError, private};
use std::fs::File;
use std::path::Path;

impl Store {
    /// Copies everything that is committed into a new file for the owner only, and checks the
    /// copy. Returns its size in bytes.
    ///
    /// `VACUUM INTO` reads in one transaction: the copy is of one moment, a writer is not held up,
    /// and free pages are left out. A copy page by page would begin anew with every commit.
    pub fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        let created = private().create_new(true).open(to);
        let file = created.map_err(StoreError::io("create the copy"))?;
        let copied = self.copy_into(to, &file);
        if copied.is_err() {
            // Half a copy is worse than none. It was made a moment ago, so it is ours to delete.
            std::fs::remove_file(to).map_err(StoreError::io("delete the half copy"))?;
        }
        copied
    }

    fn copy_into(&self, to: &Path, file: &File) -> Result<u64, StoreError> {
        let name = to.to_str().ok_or_else(|| {
            StoreError::io("name the copy")(std::io::Error::other("its path is not UTF-8"))
        })?;
        let copied = self.conn.execute("VACUUM INTO ?1", [name]);
        copied.map_err(StoreError::sql("copy the store"))?;
        Self::open_read_only(to)?.quick_check()?;
        let synced = file.sync_all();
        synced.map_err(StoreError::io("write the copy to the disk"))?;
        let folder = to.parent().filter(|folder| *folder != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        let synced = folder.and_then(|folder| folder.sync_all());
        synced.map_err(StoreError::io("write the copy's folder to the disk"))?;
        let size = file.metadata().map(|meta| meta.len());
        size.map_err(StoreError::io("look at the copy"))
    }

    /// Whether `SQLite` finds the file's structure sound.
    fn quick_check(&self) -> Result<(), StoreError> {
        let told = self
            .conn
            .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match told.map_err(StoreError::sql("check the copy"))?.as_str() {
            "ok" => Ok(()),
            fault => {
                let source = std::io::Error::other(fault.to_owned());
                Err(StoreError::io("check the copy")(source))
            }
        }
    }
}
