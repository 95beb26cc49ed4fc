//! Every outcome, kept: `SQLite` in WAL mode, one writer, any number of readers.
//!
//! Outcomes are appended as they come (`raw`). Shortly after an hour is over, each
//! probe's outcomes of that hour become one block (`compact`, `block`, `header`): about a byte per outcome,
//! with the hour's exact counts beside it, so that a start reads counts only. The order within
//! blocks is range-coded against those counts (`counts`, `column`).
//!
//! What a block keeps of an outcome: tick, interval, verdict, protocol code, the message as far as
//! it fits, the latency within 1 % and every other measurement within 6.3 % (`measured`), all of
//! them on the right side of every threshold. Addresses are for the live view and are not stored;
//! certificate dates live until the hour is compacted.

mod absence;
mod ahead;
mod alerts;
mod audit;
mod backup;
mod beats;
mod block;
mod check;
mod column;
mod compact;
mod corrections;
mod counts;
mod error;
mod expiry;
mod fine;
mod header;
mod held;
mod history;
mod lock;
mod markers;
mod measured;
mod outbox;
mod outline;
mod precision;
mod raw;
mod reader;
mod recover;
mod runs;
mod scales;
mod schema;
mod series;
mod silences;
mod summary;
mod texts;
mod worker;
mod writer;

pub use ahead::Ahead;
pub use alerts::AlertCursor;
pub use audit::{AuditEntry, StoredAuditEntry};
pub use backup::{Backup, backup};
pub use beats::PendingBeat;
pub use check::{Checked, check};
pub use compact::CountingPlan;
pub use error::StoreError;
pub use held::Stage;
pub use markers::{Marker, MarkerCursor};
pub use outbox::{Batch, Ended, Heard, NewDelivery, OUTBOX_MAX, Pending, Sent, Taking};
pub use outline::HourOutline;
pub use recover::{Progress, Recovered, recover};
pub use runs::{KeptSummary, OpenRuns, RunPart, RunState, StoredRun};
pub use series::{SERIES_MAX, SeriesId, SeriesInfo, Tick};
pub use silences::SILENCES_KEPT;
pub use summary::HourSummary;
pub use writer::{Durability, StoreHandle, StoreStats, Writer};

use crate::outcome::Record;
use absence::Returning;
use lock::WriterLock;
use raw::Names;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use summary::CountingBasis;

/// How long a statement waits for another process's lock; the writer tries again after it anyway.
const BUSY: Duration = Duration::from_millis(500);
/// Likewise for a run, which is written once: on a slow disk a daemon holds the lock most of the time.
const BUSY_WITH_RUN: Duration = Duration::from_mins(1);

/// An open store: reads, and writes if it was opened for that.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    path: PathBuf,
    /// Device and number of the file: what is written after somebody deleted it would be lost.
    file: (u64, u64),
    /// Whether the file was found empty. What is in it afterwards is not what this connection knows of it.
    emptied: Cell<bool>,
    names: Names,
    /// Series by id, once the writer has samples.
    series: Option<series::Names>,
    /// See [`Store::configured`].
    returning: Returning,
    bases: RefCell<HashMap<i64, Arc<CountingBasis>>>,
    /// Blocks and headers that made no sense and were left out.
    unreadable: Cell<u64>,
    /// Held while this store may write; the last field, so that it is released last.
    _lock: Option<WriterLock>,
}

/// A transaction that writes. One that only reads at first would fail, and not wait, if another process
/// wrote meanwhile, such as a load run that ends.
fn writing(conn: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(conn, TransactionBehavior::Immediate)
}

impl Store {
    /// Opens for writing: creates folder and file (for the owner only) where they are missing,
    /// and brings an older file up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if path.exists() && !path.is_file() {
            return Err(StoreError::Irregular);
        }
        let lock = WriterLock::take(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = connect(path, flags)?;
        schema::prepare(&mut conn)?;
        schema::require_tables(&conn)?;
        Self::new(conn, path, Some(lock))
    }

    /// Opens for reading only, also while a daemon writes. Outcomes show as they are committed;
    /// probes that are new since are known after opening again, which takes about a millisecond.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open_to_check(path)?;
        schema::require_tables(&store.conn)?;
        Ok(store)
    }

    /// Likewise, whatever tables it has.
    fn open_to_check(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing);
        }
        if !path.is_file() {
            return Err(StoreError::Irregular);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(path, flags)?;
        if schema::check(&conn)? == 0 {
            return Err(StoreError::Missing);
        }
        Self::new(conn, path, None)
    }

    /// Opens for keeping, marking and deleting runs only, also while a daemon writes everything else.
    /// Never keeps a daemon from starting: a store that is there needs no writer's lock for this.
    pub fn open_for_runs(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            drop(Self::open(path)?);
        }
        if let Some(store) = Self::open_beside(path)? {
            return Ok(store);
        }
        // An older version: it becomes a current one, unless a daemon writes to it.
        Self::open(path)
    }

    /// Whether a daemon writes to the store in this file.
    pub fn has_writer(path: &Path) -> bool {
        path.is_file() && lock::is_held(path)
    }

    /// Opens for writing without the lock; `None` if the store would have to be migrated first.
    fn open_beside(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Irregular);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(path, flags)?;
        let wait = conn.busy_timeout(BUSY_WITH_RUN);
        wait.map_err(StoreError::sql("open the store"))?;
        if !schema::is_current(&conn)? {
            return Ok(None);
        }
        Self::new(conn, path, None).map(Some)
    }

    fn new(conn: Connection, path: &Path, lock: Option<WriterLock>) -> Result<Self, StoreError> {
        let names = Names::load(&conn).map_err(StoreError::sql("read the store"))?;
        Ok(Self {
            conn,
            file: identity(&fs::metadata(path).map_err(StoreError::io("look at the store"))?),
            path: path.to_owned(),
            emptied: Cell::new(false),
            names,
            series: None,
            returning: Returning::new(),
            bases: RefCell::default(),
            unreadable: Cell::new(0),
            _lock: lock,
        })
    }

    /// Commits records in one transaction: all or none. A tick that is there already stays.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let returning = self.returning.clone();
        self.keep(|tx, names| {
            raw::insert(tx, names, records)?;
            absence::end(tx, names, &returning, &records.iter())
        })?;
        self.are_back(&records.iter());
        Ok(())
    }

    /// Commits outcomes at whatever stage they are, likewise.
    pub fn commit(&mut self, outcomes: &[(Stage, Record)]) -> Result<(), StoreError> {
        let (returning, records) = (
            self.returning.clone(),
            outcomes.iter().map(|(_, record)| record),
        );
        self.keep(|tx, names| {
            let known = outcomes.iter().filter(|(stage, _)| *stage != Stage::Held);
            raw::insert(tx, names, known.map(|(_, record)| record))?;
            for (stage, record) in outcomes {
                match stage {
                    Stage::Known => {}
                    Stage::Held => held::hold(tx, names, record)?,
                    Stage::Judged => held::let_go(tx, names, record)?,
                }
            }
            absence::end(tx, names, &returning, &records)
        })?;
        self.are_back(&records);
        Ok(())
    }

    /// What was committed ends absences once.
    fn are_back<'a>(&mut self, records: &(impl Iterator<Item = &'a Record> + Clone)) {
        self.returning.retain(|key, from| {
            !records
                .clone()
                .any(|record| absence::is_back(record, key, *from))
        });
    }

    fn keep(
        &mut self,
        write: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.still_there()?;
        let result = self.try_keep(write);
        if result.is_err() {
            self.forget_rolled_back();
        }
        result.map_err(StoreError::sql("commit outcomes"))
    }

    /// A file that was deleted, replaced or emptied takes nothing more: it would be lost.
    fn still_there(&self) -> Result<(), StoreError> {
        let meta = fs::metadata(&self.path);
        let Some(meta) = meta.ok().filter(|meta| identity(meta) == self.file) else {
            return Err(StoreError::Gone);
        };
        if meta.len() == 0 {
            self.emptied.set(true);
        }
        if self.emptied.get() {
            return Err(StoreError::Emptied);
        }
        Ok(())
    }

    fn try_keep(
        &mut self,
        write: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let tx = writing(&self.conn)?;
        write(&tx, &mut self.names)?;
        tx.commit()
    }

    /// Ids given in a transaction that was rolled back do not exist. Should even reading fail now,
    /// no id is known, and the next append looks each up by inserting it: that fails as well, and
    /// comes here again.
    fn forget_rolled_back(&mut self) {
        self.names = Names::load(&self.conn).unwrap_or_default();
        self.bases.borrow_mut().clear();
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk, including the write-ahead log.
    pub fn size_bytes(&self) -> u64 {
        let wal = with_suffix(&self.path, "-wal");
        let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        size(&self.path) + size(&wal)
    }

    /// Another reader of the same file, for another thread.
    pub fn reader(&self) -> Result<Self, StoreError> {
        Self::open_read_only(&self.path)
    }

    /// Counts what another reader found unreadable.
    pub fn add_unreadable(&self, blocks: u64) {
        self.unreadable.set(self.unreadable.get() + blocks);
    }

    /// Blocks and headers that made no sense so far and were left out of what was read.
    pub fn unreadable_blocks(&self) -> u64 {
        self.unreadable.get()
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let opened = Connection::open_with_flags(path, flags);
    let conn = opened.map_err(StoreError::sql("open the store"))?;
    let set = conn.busy_timeout(BUSY);
    set.map_err(StoreError::sql("open the store"))?;
    // Otherwise SQLite compiles a statement anew for each value that is bound to it.
    let set = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    set.map_err(StoreError::sql("open the store"))?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_first_and_writes_then_has_the_store_from_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let store = Store::open(&path).expect("a store");
        let other = Connection::open(&path).expect("opens");
        other.busy_timeout(Duration::ZERO).expect("set");
        let tx = writing(&store.conn).expect("begins");
        assert!(other.execute_batch("BEGIN IMMEDIATE").is_err());
        tx.commit().expect("ends");
        other.execute_batch("BEGIN IMMEDIATE").expect("its turn");
    }
}
