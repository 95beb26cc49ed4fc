//! Errors of the store and their messages.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the store has schema version {found}, but this slod knows versions up to {known} \
         (it was written by a newer slod: run that version, or change store.path)"
    )]
    Newer { found: i64, known: usize },
    #[error("the file is not a slod store (change store.path)")]
    Foreign,
    #[error(
        "another slod is writing to this store, maybe under another name of the same file \
         (stop it, or use a different store.path)"
    )]
    InUse,
    #[error("it is a directory, a FIFO or a device, not a regular file (change store.path)")]
    Irregular,
    #[error(
        "the store is damaged: failed to {doing}: {source} \
         (`slod store recover --config ...` copies everything readable into a new store)"
    )]
    Damaged {
        doing: &'static str,
        source: rusqlite::Error,
    },
    #[error(
        "the store is damaged: {fault} (`slod store recover --config ...` copies everything readable \
         into a new store)"
    )]
    Invalid { fault: String },
    #[error(
        "SQLite finds no tables in the file: {reason} (the file was not changed; restore a backup, try \
         the sqlite3 shell's `.recover`, or move the file away to start with an empty store)"
    )]
    Unreadable { reason: String },
    #[error("the store does not exist yet (slod run creates it)")]
    Missing,
    #[error(
        "{} belongs to an earlier file, which this one has replaced, such as by a backup (move it away, or \
         start the daemon, which does so)",
        log.display()
    )]
    Replaced { log: PathBuf },
    #[error(
        "the store was deleted or replaced while slod was running (restore the file and restart slod)"
    )]
    Gone,
    #[error(
        "the store's file was emptied while slod was running, and its contents are lost (stop slod, restore a \
         backup, and start slod)"
    )]
    Emptied,
    #[error(
        "there are already {most} active corrections (revoke some, or define them in the config)"
    )]
    TooManyCorrections { most: i64 },
    #[error(
        "there are already {most} silences (remove some; expired silences are deleted after a week)"
    )]
    TooManySilences { most: usize },
    #[error(
        "failed to {doing}: {} belongs to user {owner}, but slod runs as user {user} (run it as that user, or \
         change the owner)",
        place.display()
    )]
    Denied {
        doing: &'static str,
        place: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error(
        "its write-ahead log must be read as well, which is impossible in a directory that this process cannot \
         write (run it as the user of the daemon, or copy both files to another directory)"
    )]
    Unindexed,
    #[error("failed to {doing}: {source}")]
    Io {
        doing: &'static str,
        source: io::Error,
    },
    #[error("failed to {doing}: {source}")]
    Sql {
        doing: &'static str,
        source: rusqlite::Error,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// Whether the same write may succeed later: the disk is full or fails, or another process holds
    /// the lock, such as a load run that ends.
    pub fn is_temporary(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DiskFull, SystemIoFailure};
        let Self::Sql { source, .. } = self else {
            return false;
        };
        let code = source.sqlite_error_code();
        matches!(code, Some(DatabaseBusy | DiskFull | SystemIoFailure))
    }

    pub(super) fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        move |source| match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged { doing, source },
            _ => Self::Sql { doing, source },
        }
    }
}
